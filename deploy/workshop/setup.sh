#!/bin/sh
# Makes .venv with everything Posta needs, from whatever parts of Python this machine has.
# A second run does nothing unless the dependencies (or the Python) changed.
set -eu
cd "$(dirname "$0")/../.."

say() { printf 'posta: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install() {
    say "installing $*"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
find_python() {
    for python in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$python" >/dev/null && new_enough "$python"; then
            command -v "$python"
            return
        fi
    done
    return 1
}

python=$(find_python) || {
    found=$(python3 --version 2>/dev/null || echo 'no Python')
    may_install && apt_install python3 python3-venv
    python=$(find_python) || fail "Posta needs Python 3.11 or newer and this machine has $found; install a newer one and name it: make setup PYTHON=/path/to/python3.11"
}

digest=$("$python" deploy/workshop/requirements.py)
if [ -x .venv/bin/python ] && [ "$(cat .venv/posta-digest 2>/dev/null)" = "$digest" ]; then
    exit 0
fi

make_venv() {
    rm -rf .venv
    "$python" -m venv "$@" .venv
}
has() { "$python" -c "import $1" 2>/dev/null; }
venv_package() {
    case $python in
    /usr/bin/python3) echo python3-venv ;;
    *) "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])' ;;
    esac
}

say "making .venv with $("$python" --version)"
pip=".venv/bin/python -m pip"
if has ensurepip && has venv; then
    make_venv
elif has venv && "$python" -m pip --python "$python" --version >/dev/null 2>&1; then
    make_venv --without-pip
    pip="$python -m pip --python .venv/bin/python"
elif may_install && apt_install "$(venv_package)"; then
    make_venv
else
    fail "Python's venv is missing; install the package $(venv_package) and run make setup again"
fi

install() { $pip install --quiet --disable-pip-version-check --no-input "$@"; }
install --require-hashes -r deploy/workshop/locked.txt
echo "$digest" >.venv/posta-digest
say "ready"
