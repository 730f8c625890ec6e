"""What the set-up installs is locked, is what `pyproject.toml` asks for, and is audited.

Not here: what the list of known vulnerabilities says today (`make lint` asks it).
"""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.workshop import audit
from deploy.workshop.requirements import LOCK, requirements

pytestmark = pytest.mark.once

OLD, NEW = "django==5.2.0", "redis==8.1.0"
FINDING = {
    "id": "PYSEC-2026-1",
    "schema_version": "1.0.0",
    "summary": "Anybody gets in.",
    "affected": [
        {
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.2.1"}]}],
        }
    ],
}


def locked() -> dict[str, Requirement]:
    """Every line of the lock by the package's name; each is one version and known files."""
    lines = re.sub(r"\\\n", " ", LOCK.read_text()).splitlines()
    found: dict[str, Requirement] = {}
    for line in lines:
        if line.startswith("#"):
            continue
        named, *hashes = line.split("--hash=")
        assert hashes, line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes)
        one = Requirement(named)
        assert re.fullmatch(r"==[^*,]+", str(one.specifier)), line
        found[canonicalize_name(one.name)] = one
    return found


def test_the_lock_fulfils_what_is_asked_for_and_is_what_is_installed() -> None:
    lock = locked()
    for asked in map(Requirement, requirements()):
        pinned = str(lock[canonicalize_name(asked.name)].specifier).removeprefix("==")
        assert asked.specifier.contains(pinned), f"{asked}: {pinned} is locked"
    here = [one for one in lock.values() if one.marker is None or one.marker.evaluate()]
    other = {one.name: installed(one.name) for one in here if not one.specifier.contains(installed(one.name))}
    assert other == {}, "make setup"


def test_the_lock_names_no_place_to_fetch_from() -> None:
    assert not re.search(r"https?://|^-|file:", LOCK.read_text(), re.MULTILINE)


# --- the audit -------------------------------------------------------------------------------------------


@contextmanager
def a_list(known: dict[str, Any]) -> Iterator[str]:
    """A list of vulnerabilities: package → what is known of it."""

    class List(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name for it
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            vulns = known.get(asked["package"]["name"])
            body = json.dumps({"vulns": [vulns]} if vulns else {}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), List)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def small_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    lock = tmp_path / "lock.txt"
    lock.write_text("".join(f"{one} --hash=sha256:{'0' * 64}\n" for one in (OLD, NEW)))
    return lock


def test_a_known_vulnerability_fails_the_audit(small_lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_list({"django": FINDING}) as address:
        assert audit.main([str(small_lock), address]) == 1
    assert "django 5.2.0: PYSEC-2026-1, mended in 5.2.1" in capsys.readouterr().err


def test_without_a_finding_it_passes(small_lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_list({}) as address:
        assert audit.main([str(small_lock), address]) == 0
    assert "nothing that is installed is known to be vulnerable" in capsys.readouterr().err


def test_a_list_that_does_not_answer_is_said_and_fails_nothing(
    small_lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_list({}) as gone:
        pass
    assert audit.main([str(small_lock), gone]) == 0
    assert "NOT audited" in capsys.readouterr().err


def test_a_lock_that_cannot_be_read_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "lock.txt"
    broken.write_text("django >= banana\n")
    assert audit.main([str(broken), "http://127.0.0.1:9/"]) == 1
    assert "could not be made" in capsys.readouterr().err
