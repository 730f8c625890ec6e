#!/bin/sh
# The browser tests need a Chromium: finds one, installs Debian's where it may, otherwise says so and fails.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'posta: installing chromium' >&2
    apt-get update -qq
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; then
        exit 0
    fi
fi
echo 'posta: the tests in tests/browser cannot run without Chromium; install the package chromium and run make test again' >&2
exit 1
