"""The script that makes a clinic server of a laptop, as far as it can be tried without one.

Each test says what it takes for granted: there is no Wi-Fi card, and systemd, NetworkManager and apt are
stand-ins that only note what they were asked. What nobody can try here stands in
`docs/runbooks/install-a-laptop.md`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

LAPTOP = ROOT / "deploy" / "laptop"
INSTALL = LAPTOP / "install.sh"
SCRIPTS = [INSTALL, LAPTOP / "ask-passphrase.sh", LAPTOP / "posta.sh"]
pytestmark = pytest.mark.once

# In a mount namespace of its own everything that the script writes to is a copy or empty.
SANDBOX = """
set -eu
cp -a /etc "$1/etc"
for part in /opt /run /usr/local /var/lib; do mkdir -p "$1$part"; mount --bind "$1$part" "$part"; done
mount --bind "$1/etc" /etc
mkdir -p /run/systemd/system
printf 'ID=debian\\nVERSION_ID="12"\\n' >/etc/os-release
PATH="$2:$PATH"
export PATH
"$3" --ssid "Posta Bocas" --country PA --time-zone America/Panama >"$1/first"
sed -n 's/^psk=//p' /etc/NetworkManager/system-connections/posta-hotspot.nmconnection >"$1/psk"
echo POSTA_IDLE_MINUTES=10 >>/etc/posta/posta.env
"$3" --ssid "Posta Bocas" --country PA --time-zone America/Panama >"$1/second"
sed -n 's/^psk=//p' /etc/NetworkManager/system-connections/posta-hotspot.nmconnection >>"$1/psk"
grep -c POSTA_IDLE_MINUTES /etc/posta/posta.env >"$1/kept"
stat -c '%a %U %n' /var/lib/posta /var/lib/posta/keys /etc/posta/posta.env \\
    /etc/NetworkManager/system-connections/posta-hotspot.nmconnection /run/posta >"$1/modes"
"""
# Two networks joined by a cable that stands for the Wi-Fi: the laptop's, with the firewall, and a tablet's.
FROM_A_TABLET = """
set -eu
unshare -n sleep 60 & tablet=$!
sleep 0.5
ip link set lo up
ip link add wlan9 type veth peer name radio
ip link set radio netns $tablet
ip addr add 10.42.0.1/24 dev wlan9
ip link set wlan9 up
nsenter -t $tablet -n sh -c 'ip addr add 10.42.0.9/24 dev radio; ip link set radio up'
nft --file "$1"
"$2" -c "$3" & servers=$!
sleep 1.5
nsenter -t $tablet -n "$2" -c "$4"
kill $servers $tablet
"""
SERVE = """
import socket, time
kept = [socket.create_server(("0.0.0.0", port)) for port in (443, 22, 8000, 6379)]
time.sleep(40)
"""
KNOCK = """
import socket
for port in (443, 22, 8000, 6379):
    try:
        socket.create_connection(("10.42.0.1", port), 1.5).close()
        print(port)
    except OSError:
        pass
"""
IN_MEMORY = """
mount --bind "$1/run" /run
mount --bind "$1/bin" /usr/local/bin
sh "$1/ask"
stat -c '%a %U' /run/posta/passphrase >"$1/left"
cat /run/posta/passphrase >>"$1/left"
"""
NOTES = '#!/bin/sh\necho "$(basename "$0") $*" >>"$NOTED"\n'
STANDS_IN = "apt-get systemctl nmcli iw rsync nft systemd-analyze update-ca-certificates".split()
MAKES_VENV = """#!/bin/sh
mkdir -p "$3/bin"
for name in python pip; do printf '#!/bin/sh\\n' >"$3/bin/$name"; chmod +x "$3/bin/$name"; done
"""


def install(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(INSTALL), *map(str, arguments)],
        env=os.environ | more,
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files as they would be installed."""
    directory = tmp_path_factory.mktemp("rendered")
    assert install("--render", directory, "--wifi", "wlan9").returncode == 0
    return directory


def test_the_scripts_are_sound() -> None:
    """By the shell itself; by shellcheck where it is installed."""
    for script in SCRIPTS:
        subprocess.run(["sh", "-n", script], check=True)
        assert os.access(INSTALL, os.X_OK)
    if linter := shutil.which("shellcheck"):
        done = subprocess.run([linter, "-s", "sh", *SCRIPTS], text=True, capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")


def test_a_dry_run_prints_every_step_and_changes_nothing(tmp_path: Path) -> None:
    """As anybody, on any machine: whatever it would call is a stand-in that would be noted."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in (*STANDS_IN, "install", "useradd", "python3"):
        (tools / name).write_text(NOTES)
        (tools / name).chmod(0o755)
    done = install(
        "--dry-run", PATH=f"{tools}:{os.environ['PATH']}", NOTED=str(tmp_path / "noted"), TMPDIR=str(tmp_path)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "noted").exists()
    steps = re.findall(r"^== (.+)$", done.stdout, re.MULTILINE)
    assert len(steps) >= 9
    would = [line for line in done.stdout.splitlines() if line.startswith("   ")]
    assert [line for line in would if not line.startswith(("   would ", "   note: "))] == []
    assert "posta.service" in done.stdout and "Not tested by this script" in done.stdout


@pytest.mark.parametrize(
    "words", [("--ssid", "a|b"), ("--time-zone", "x'y"), ("--wifi", "a b"), ("--certificate", "x"), ("--no",)]
)
def test_what_would_break_a_file_is_refused(words: tuple[str, ...]) -> None:
    done = install("--dry-run", *words)
    assert done.returncode == 1
    assert done.stderr.startswith("install.sh: ")
    assert done.stdout == ""


def test_nothing_is_left_to_fill_in(rendered: Path) -> None:
    left = [(file.name, re.findall(r"@[A-Z]+@", file.read_text())) for file in rendered.iterdir()]
    assert [one for one in left if one[1]] == []
    templates = {file.name for file in LAPTOP.iterdir()} - {INSTALL.name}
    assert templates == {file.name for file in rendered.iterdir()}


def test_systemd_reads_the_units(rendered: Path) -> None:
    """What they start is not on this machine; nothing else may be wrong with them."""
    analyze = shutil.which("systemd-analyze")
    units = sorted(one for one in rendered.iterdir() if one.suffix in (".service", ".path"))
    assert len(units) == 5
    if analyze is None:
        assert all(one.read_text().startswith("[Unit]\nDescription=") for one in units)
        return
    done = subprocess.run([analyze, "verify", *units], text=True, capture_output=True, check=False)
    wrong = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert wrong == []


def test_the_unit_keeps_the_key_in_memory(rendered: Path) -> None:
    lines = (rendered / "posta.service").read_text().splitlines()
    for line in (
        "MemorySwapMax=0",
        "LimitCORE=0",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "KillMode=mixed",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
    ):
        assert line in lines
    assert "hibernate.target" in INSTALL.read_text()
    left_by_the_console = (rendered / "ask-passphrase.sh").read_text()
    assert ">/run/posta/passphrase" in left_by_the_console  # /run is memory


def test_only_the_pages_and_what_finds_them_answer(rendered: Path) -> None:
    """Read by `nft` itself in a network of its own, where that may be."""
    rules = (rendered / "nftables.conf").read_text()
    accepted = [line.strip() for line in rules.splitlines() if line.strip().startswith('iifname "wlan9"')]
    assert [re.sub(r' comment ".*"', "", line) for line in accepted] == [
        'iifname "wlan9" tcp dport 443 accept',
        'iifname "wlan9" udp dport { 53, 67, 5353 } accept',
        'iifname "wlan9" tcp dport 53 accept',
    ]
    assert rules.count("policy drop;") == 2
    if os.geteuid() == 0 and shutil.which("nft"):
        subprocess.run(["unshare", "-n", "nft", "--check", "--file", rendered / "nftables.conf"], check=True)


def test_a_tablet_reaches_the_pages_and_nothing_else(rendered: Path) -> None:
    """The real rules between two real networks."""
    if os.geteuid() != 0 or not (shutil.which("nft") and shutil.which("nsenter")):
        pytest.skip("only root with nft has networks of its own here")
    words = [str(rendered / "nftables.conf"), sys.executable, SERVE, KNOCK]
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", FROM_A_TABLET, "sh", *words],
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.stdout.split(), done.returncode) == (["443"], 0), done.stderr


def test_what_the_laptop_is_told_is_what_the_settings_take(
    rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deploy import environment

    said = dict(
        line.split("=", 1)
        for line in (rendered / "posta.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    assert environment.role(said) == "clinic"
    assert environment.port(said, "clinic") == 443
    assert (environment.tablets(said), environment.second_factor(said)) == ("enrolled", "required")
    assert environment.hsts(said)
    asked = environment.power_off(said)
    path_unit = (rendered / "posta-power-off.path").read_text()
    assert f"PathExists={asked}" in path_unit.splitlines()


def test_the_console_asks_until_it_fits(rendered: Path, tmp_path: Path) -> None:
    """And leaves the passphrase in memory, for the service's user alone."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("only root has mount namespaces here")
    for name in ("run/posta", "bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin" / "posta").write_text('#!/bin/sh\nread said\n[ "$said" = "right words" ]\n')
    (tmp_path / "bin" / "posta").chmod(0o755)
    script = (rendered / "ask-passphrase.sh").read_text().replace("sleep 2", ":")
    (tmp_path / "ask").write_text(script.replace("chown posta:", "chown nobody:"))
    asked = subprocess.run(
        ["unshare", "-m", "sh", "-c", IN_MEMORY, "sh", str(tmp_path)],
        input="wrong words\nright words\n",
        text=True,
        capture_output=True,
        check=True,
    )
    assert asked.stdout.count("Passphrase of this laptop") == 2
    assert "right" not in asked.stdout + asked.stderr
    assert (tmp_path / "left").read_text().split() == ["600", "nobody", "right", "words"]


def test_run_twice_it_changes_nothing_the_second_time(tmp_path: Path) -> None:
    """The whole script, in a mount namespace: the user, modes and files are real, the services stand-ins."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("only root has mount namespaces here")
    tools, root = tmp_path / "tools", tmp_path / "root"
    root.mkdir()
    tools.mkdir()
    for name in (*STANDS_IN, "python3"):
        (tools / name).write_text(MAKES_VENV if name == "python3" else NOTES)
        (tools / name).chmod(0o755)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", SANDBOX, "sh", str(root), str(tools), str(INSTALL)],
        env=os.environ | {"NOTED": str(tmp_path / "noted")},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (root / "first").read_text(), (root / "second").read_text()
    assert first.count("   written: ") == 15
    assert "   written: " not in second
    assert second.count("   as it should be: ") == 14
    keys = (root / "psk").read_text().split()
    assert len(keys) == 2 and keys[0] == keys[1] and len(keys[0]) == 16
    assert (root / "kept").read_text().strip() == "1"
    modes = {line.split()[2]: line.split()[:2] for line in (root / "modes").read_text().splitlines()}
    assert modes["/var/lib/posta"] == modes["/var/lib/posta/keys"] == modes["/run/posta"] == ["700", "posta"]
    assert modes["/etc/posta/posta.env"] == ["640", "root"]
    assert [mode for name, mode in modes.items() if name.endswith(".nmconnection")] == [["600", "root"]]
    noted = (tmp_path / "noted").read_text()
    assert "systemctl enable posta.service" in noted and "nmcli connection up posta-hotspot" in noted
