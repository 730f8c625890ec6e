"""Is anything that the set-up installs known to be vulnerable? pip-audit asks the list at osv.dev.

Lives here: the audit of `locked.txt`, which `make lint` runs. A finding fails it. A list that cannot be
reached is said and fails nothing: many workshops are offline. Not here: the versions (`locked.txt`).

    audit.py                 the lock
    audit.py LOCK [ADDRESS]  another lock, another list
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

LOCK: Final = Path(__file__).resolve().parent / "locked.txt"
LIST: Final = "https://api.osv.dev/v1/query"
PATIENCE_S: Final = 10
ACCEPTED: Final[dict[str, str]] = {}
"""Findings that we live with: id → why it does not concern us, and until when."""
UNREACHABLE: Final = (
    "ConnectionError",
    "Could not connect",
    "ConnectTimeout",
    "ReadTimeout",
    "ProxyError",
    "SSLError",
    "ServiceError",
    "JSONDecodeError",
)


def ask(lock: Path, address: str) -> subprocess.CompletedProcess[str]:
    """One audit, in a process of its own. It resolves nothing: the lock is complete."""
    what = ["--requirement", str(lock), "--disable-pip"]
    where = ["--vulnerability-service", "osv", "--osv-url", address, "--timeout", str(PATIENCE_S)]
    how = ["--format", "json", "--progress-spinner", "off"]
    ignored = [f"--ignore-vuln={one}" for one in ACCEPTED]
    return subprocess.run(
        [sys.executable, "-m", "pip_audit", *what, *where, *how, *ignored],
        text=True,
        capture_output=True,
        check=False,
    )


def found(told: str) -> list[str]:
    """One line for each package with what is known of it."""
    try:
        packages: list[dict[str, Any]] = json.loads(told)["dependencies"]
    except (ValueError, KeyError):
        return []
    return [
        f"{one['name']} {one['version']}: {known['id']}, mended in "
        + (", ".join(known["fix_versions"]) or "no version yet")
        for one in packages
        for known in one.get("vulns", [])
    ]


def verdict(done: subprocess.CompletedProcess[str]) -> tuple[int, list[str]]:
    """The exit code and what is said."""
    if findings := found(done.stdout):
        return 1, ["posta: known vulnerabilities in what is installed", *(f"  {one}" for one in findings)]
    if done.returncode == 0:
        return 0, ["posta: nothing that is installed is known to be vulnerable"]
    if any(word in done.stderr for word in UNREACHABLE):
        return 0, ["posta: NOT audited: the list of known vulnerabilities cannot be reached from here"]
    return 1, ["posta: the audit could not be made", done.stderr.strip()]


def main(arguments: list[str]) -> int:
    lock = Path(arguments[0]) if arguments else LOCK
    code, lines = verdict(ask(lock, arguments[1] if len(arguments) > 1 else LIST))
    sys.stderr.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
