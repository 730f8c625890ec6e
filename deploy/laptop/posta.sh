#!/bin/sh
# A command of this laptop's Posta, as its own user: `sudo posta check_node`.
# What needs the database while it is locked: `sudo posta unlock --run sync_status`.
set -eu
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@"
set -a
# shellcheck source=/dev/null
. /etc/posta/posta.env
set +a
cd @APP@
exec runuser -u @ACCOUNT@ -- @VENV@/bin/python @APP@/manage.py "$@"
