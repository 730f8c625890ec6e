#!/bin/sh
# Asks for the passphrase on a console of its own until it fits, and leaves it in memory for the service that
# starts next. Nothing is shown, logged, or given as an argument.
set -eu
umask 077
before=$(fgconsole 2>/dev/null || echo 1)
back() {
    stty echo 2>/dev/null || :
    chvt "$before" 2>/dev/null || :
}
trap back EXIT
chvt 8 2>/dev/null || :

while :; do
    printf '\n\n  Posta\n\n  Passphrase of this laptop: '
    stty -echo 2>/dev/null || :
    IFS= read -r passphrase || exit 1
    stty echo 2>/dev/null || :
    if printf '%s\n' "$passphrase" | /usr/local/bin/posta unlock --check --stdin >/dev/null 2>&1; then
        break
    fi
    printf '\n  It does not open this laptop. Is Caps Lock on?\n'
    printf '  Forgotten? On another console: sudo posta unlock --recovery-key --check\n'
    sleep 2
done

printf '%s\n' "$passphrase" >/run/posta/passphrase
chown @ACCOUNT@: /run/posta/passphrase
printf '\n  It fits. The clinic starts.\n'
