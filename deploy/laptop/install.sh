#!/bin/sh
# Turns a Debian 12 laptop into a clinic server. Run it again after an upgrade, or to put something right:
# what is as it should be stays. It makes no passphrase and signs no certificate: it says who does that next.
#
#   install.sh --dry-run                        every step, nothing changed, no root needed
#   install.sh --render DIR                     only write the files it would install, to look at them
#   install.sh [--ssid NAME] [--wifi wlan0] [--country PA] [--time-zone America/Panama] [--wheels DIR]
#   install.sh --certificate FILE --ca FILE     once the CA has signed this laptop's request
#
# docs/runbooks/install-a-laptop.md says what must be tried on the laptop itself.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)

data=/var/lib/posta
app=/opt/posta/app
venv=/opt/posta/venv
account=posta
packages="python3 python3-venv rsync kbd iw nftables network-manager dnsmasq-base avahi-daemon chrony ca-certificates"

dry='' render='' ssid=Posta wifi='' country='' zone='' wheels='' certificate='' ca='' key=''

say() { printf '%s\n' "$*"; }
step() { say "== $*"; }
fail() { say "install.sh: $*" >&2; exit 1; }
usage() { sed -n '2,/^set -eu/{/^set -eu/d;s/^# \{0,1\}//;p;}' "$0"; }
needs() { [ $# -gt 1 ] || fail "$1 needs a value"; }

while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry=yes ;;
    --help | -h) usage; exit 0 ;;
    --render) needs "$@"; render=$2; shift ;;
    --ssid) needs "$@"; ssid=$2; shift ;;
    --wifi) needs "$@"; wifi=$2; shift ;;
    --country) needs "$@"; country=$2; shift ;;
    --time-zone) needs "$@"; zone=$2; shift ;;
    --wheels) needs "$@"; wheels=$2; shift ;;
    --certificate) needs "$@"; certificate=$2; shift ;;
    --ca) needs "$@"; ca=$2; shift ;;
    *) fail "unknown option $1; try --help" ;;
    esac
    shift
done

# What goes into files is checked here: no quote, no line, no expression gets through.
# shellcheck disable=SC2254  # the third is a pattern
only() { case $2 in *[!$3]*) fail "$1 may not be '$2'" ;; esac; }
only --ssid "$ssid" 'A-Za-z0-9 ._-'
only --wifi "$wifi" 'A-Za-z0-9_.-'
only --country "$country" 'A-Z'
only --time-zone "$zone" 'A-Za-z0-9_/+-'
[ -n "$certificate" ] && [ -z "$ca" ] && fail "--certificate needs --ca, the authority's own certificate"

first_wifi() {
    for path in /sys/class/net/*/wireless; do
        [ -e "$path" ] && basename "$(dirname "$path")" && return
    done
    echo wlan0
}
[ -n "$wifi" ] || wifi=$(first_wifi)
[ -n "$zone" ] || zone=$(cat /etc/timezone 2>/dev/null || echo UTC)

# --- doing, or saying what would be done -------------------------------------------------------------------

run() {
    if [ -n "$dry" ]; then
        say "   would run: $*"
    else
        say "   $*"
        "$@"
    fi
}

filled() { # template → stdout
    sed -e "s|@DATA@|$data|g" -e "s|@APP@|$app|g" -e "s|@VENV@|$venv|g" -e "s|@ACCOUNT@|$account|g" \
        -e "s|@WIFI@|$wifi|g" -e "s|@SSID@|$ssid|g" -e "s|@ZONE@|$zone|g" -e "s|@KEY@|$key|g" \
        -e "s|@COUNTRY@|$country|g" "$here/$1"
}

put() { # template target mode owner
    if [ -n "$dry" ]; then
        say "   would write: $2 (mode $3, $4)"
        return
    fi
    fresh=$(mktemp)
    filled "$1" >"$fresh"
    if [ -f "$2" ] && cmp -s "$fresh" "$2"; then
        say "   as it should be: $2"
    else
        install -D -m "$3" -o "${4%%:*}" -g "${4##*:}" "$fresh" "$2"
        say "   written: $2"
    fi
    rm -f "$fresh"
}

put_once() { # as put, but what somebody edited stays
    if [ -z "$dry" ] && [ -f "$2" ]; then
        say "   yours, left alone: $2"
    else
        put "$@"
    fi
}

files() { # template|target|mode|owner
    cat <<FILES
posta.service|/etc/systemd/system/posta.service|0644|root:root
posta-unlock.service|/etc/systemd/system/posta-unlock.service|0644|root:root
posta-firewall.service|/etc/systemd/system/posta-firewall.service|0644|root:root
posta-power-off.path|/etc/systemd/system/posta-power-off.path|0644|root:root
posta-power-off.service|/etc/systemd/system/posta-power-off.service|0644|root:root
tmpfiles.conf|/etc/tmpfiles.d/posta.conf|0644|root:root
nftables.conf|/etc/posta/nftables.conf|0644|root:root
dnsmasq.conf|/etc/NetworkManager/dnsmasq-shared.d/posta.conf|0644|root:root
avahi-daemon.conf|/etc/avahi/avahi-daemon.conf|0644|root:root
chrony.conf|/etc/chrony/conf.d/posta.conf|0644|root:root
ask-passphrase.sh|/opt/posta/bin/ask-passphrase|0755|root:root
posta.sh|/usr/local/bin/posta|0755|root:root
FILES
}

if [ -n "$render" ]; then
    key=not-a-real-key
    mkdir -p "$render"
    for name in posta.env hotspot.nmconnection regulatory.conf $(files | cut -d'|' -f1); do
        filled "$name" >"$render/$name"
    done
    say "written to $render"
    exit 0
fi

# --- the machine -------------------------------------------------------------------------------------------

step "Look at the machine"
# shellcheck source=/dev/null
release=$(. /etc/os-release 2>/dev/null && echo "${ID:-}${VERSION_ID:-}") || release=''
if [ "$release" != debian12 ]; then
    [ -n "$dry" ] || fail "this is made for Debian 12, and the machine has ${release:-something else}"
    say "   note: this machine has ${release:-something else}, not Debian 12"
fi
if [ -z "$dry" ]; then
    [ "$(id -u)" = 0 ] || fail "run it as root: sudo $0"
    [ -d /run/systemd/system ] || fail "systemd does not run here"
fi
[ -e "/sys/class/net/$wifi" ] || say "   note: there is no Wi-Fi card $wifi here; name it with --wifi"

step "Packages"
run apt-get update -qq
# shellcheck disable=SC2086  # a list of names
run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages

step "User and directories"
if ! getent passwd "$account" >/dev/null; then
    run useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin "$account"
fi
run install -d -m 0700 -o "$account" -g "$account" "$data" "$data/keys"
run install -d -m 0755 -o root -g root /opt/posta /opt/posta/bin "$app"
run install -d -m 0750 -o root -g "$account" /etc/posta

step "Program"
run rsync -a --delete --chown=root:root --exclude=.git --exclude=.venv --exclude=/data --exclude=__pycache__ \
    "$checkout/" "$app/"
[ -x "$venv/bin/python" ] || run python3 -m venv "$venv"
pip() {
    if [ -n "$wheels" ]; then
        run env PIP_NO_INDEX=1 PIP_FIND_LINKS="$wheels" "$venv/bin/pip" install --quiet --no-input "$@"
    else
        run "$venv/bin/pip" install --quiet --no-input --disable-pip-version-check "$@"
    fi
}
# The very files that the tests ran with, the tools of the tests among them: what is known by its hash needs no trust.
pip --require-hashes -r "$app/deploy/workshop/locked.txt"
run env -C "$app" "$venv/bin/python" -m deploy.catalogues compile
run "$venv/bin/python" -m compileall -q "$app/clinic" "$app/deploy" "$app/registry" "$app/sync"

step "Nothing of memory on the disk"
# The data key lives in memory. The unit may not swap; a hibernated laptop would write all of it down.
run systemctl mask hibernate.target hybrid-sleep.target suspend-then-hibernate.target

step "Files"
put_once posta.env /etc/posta/posta.env 0640 "root:$account"
files | while IFS='|' read -r template target mode owner; do put "$template" "$target" "$mode" "$owner"; done
run systemd-tmpfiles --create /etc/tmpfiles.d/posta.conf

step "Wi-Fi, name and firewall"
hotspot=/etc/NetworkManager/system-connections/posta-hotspot.nmconnection
if [ -f "$hotspot" ] && [ -r "$hotspot" ]; then
    key=$(sed -n 's/^psk=//p' "$hotspot")
fi
[ -n "$key" ] || [ -n "$dry" ] || key=$(LC_ALL=C tr -dc 'a-km-np-z2-9' </dev/urandom | head -c 16)
put hotspot.nmconnection "$hotspot" 0600 root:root
if [ -n "$country" ]; then
    put regulatory.conf /etc/modprobe.d/posta.conf 0644 root:root
    run iw reg set "$country"
fi
run systemctl daemon-reload
run systemctl enable --now posta-firewall.service posta-power-off.path avahi-daemon.service chrony.service
run systemctl restart posta-firewall.service avahi-daemon.service chrony.service
run nmcli connection reload
run nmcli connection up posta-hotspot || say "   note: the hotspot did not come up; look at: nmcli device"

# --- keys, by people ---------------------------------------------------------------------------------------

step "Certificate"
if [ -n "$certificate" ]; then
    run install -m 0644 "$certificate" /run/posta/tls.pem
    run install -m 0644 "$ca" /run/posta/ca.pem
    run /usr/local/bin/posta certificate install --certificate /run/posta/tls.pem --ca /run/posta/ca.pem
    run install -m 0644 "$ca" /usr/local/share/ca-certificates/posta.crt
    run update-ca-certificates
elif [ ! -f "$data/keys/tls.pem" ]; then
    run /usr/local/bin/posta certificate ask
fi

step "Start with the machine"
run systemctl enable posta.service
if [ -n "$dry" ]; then
    say "   would restart posta.service if it runs"
elif systemctl --quiet is-active posta.service; then
    say "   posta runs; restart it when nobody works: systemctl restart posta"
fi

step "Look at what was made"
run nft --check --file /etc/posta/nftables.conf
run systemd-analyze verify /etc/systemd/system/posta.service /etc/systemd/system/posta-power-off.path

say
say "Next, by people:"
done_already() { [ -z "$dry" ] && [ -f "$data/keys/$1" ]; }
if ! done_already tls.pem; then
    say " - carry $data/keys/tls.csr to where the CA's key is, then: install.sh --certificate FILE --ca FILE"
fi
if ! done_already datakey.wrapped; then
    say " - the coordinator chooses the passphrase: sudo posta unlock --create --check"
fi
say " - start it: sudo systemctl start posta   (it asks on console 8)"
say " - join central: sudo posta unlock --run join https://central.example CODE"
say " - Wi-Fi for the poster: $ssid, key: sudo sed -n s/^psk=//p $hotspot"
say
say "Not tested by this script: that tablets find $ssid and https://clinic.local, that the console asks after a"
say "restart, that a page switches the laptop off, that the clock follows a server, that a second laptop near by"
say "does not disturb the Wi-Fi. Try each: docs/runbooks/install-a-laptop.md."
