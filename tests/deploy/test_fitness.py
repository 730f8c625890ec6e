"""`check_node` and the page *This laptop*: what is wrong is named, and nothing else is.

Not here: whether the whole chain holds (`tests/sync/test_verify_log.py`), the demo's own answer
(`tests/system/test_serve.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as ours
from django.core.management import call_command
from django.db import connection, connections
from django.db.utils import load_backend
from django.utils import timezone
from pytest_django import Settings

from deploy.certificates import issue, make_ca
from deploy.fitness import company
from deploy.fitness.looking import is_fit, look
from registry.staff.models import StaffMember
from sync.ledger.replicas import self_replica
from sync.node import Node
from sync.vault.broker import start_broker
from sync.vault.datakey import UNSAFE_PASSPHRASE, WRAPPED
from sync.vault.durable import write_private
from sync.vault.keys import PEPPER
from sync.vault.running import claim
from tests.registry.conftest import (
    Cast,
    browser,
    carla,
    cast,
    cheap_argon2,
    give_numbers,
    make_patient,
    node,
    rosa,
)

__all__ = ["carla", "cast", "cheap_argon2", "node", "rosa"]
FREE = 0.4


@pytest.fixture
def laptop(cast: Cast, node: Node, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Node]:
    """One that is fit: certificates, a known replica, numbers, room on its disk."""
    settings.POSTA_DATA = node.data_dir
    settings.POSTA_SECOND_FACTOR = "required"
    monkeypatch.delenv("POSTA_TEST_DATA_KEY", raising=False)
    free_space(monkeypatch, FREE)
    at(node, 0)
    node.path("keys").mkdir(parents=True, mode=0o700, exist_ok=True)
    issue(make_ca(node.path("ca")).parent, node.path("keys"))
    make_patient(cast.author(cast.rosa))
    mine = self_replica()
    node.marks.begin(mine.uuid)  # the cast's node began without marks
    node.marks.raise_to(head_seq=mine.head_seq, clock_floor=mine.last_stamp)
    yield node
    node.marks.close()


def free_space(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    usage = SimpleNamespace(total=10**12, free=int(share * 10**12))
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)


def states() -> dict[str, str]:
    return {one.name: one.state.value for one in look()}


def test_a_node_that_is_fit_says_so_line_by_line(laptop: Node) -> None:
    give_numbers(laptop, 1000)
    out = StringIO()
    call_command("check_node", "--json", stdout=out)  # ends with 0
    told = json.loads(out.getvalue())
    assert told["fit"] is True
    found = {one["name"]: one["state"] for one in told["checks"]}
    assert {name for name, state in found.items() if state == "ok"} >= {
        *("disk", "clock", "certificates", "keys", "passphrase", "database", "log", "configuration"),
        *("backlog", "numbers", "recovery"),
    }
    # no central, no tablet, no process: a warning each, with what to do
    assert found["link"] == found["tablets"] == found["broker"] == found["worker"] == "warning"
    assert all(one["todo"] for one in told["checks"] if one["state"] != "ok")
    assert set(found.values()) == {"ok", "warning"}


def test_what_is_wrong_with_the_machine_is_named(laptop: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A3, E2: the disk at 15 % and at 5 %, a clock behind; a certificate a month before its end (I5)."""
    for share, state in ((0.14, "warning"), (0.04, "broken")):
        free_space(monkeypatch, share)
        assert states()["disk"] == state
    free_space(monkeypatch, FREE)

    keys = laptop.path("keys")
    (keys / "tls.key").chmod(0o644)
    assert states()["keys"] == "broken"
    (keys / "tls.key").chmod(0o600)
    write_private(keys / PEPPER, bytes(32))
    write_private(keys / WRAPPED, b"")
    (found,) = [one for one in look() if one.name == "keys"]
    assert (found.state, str(found.sentence)) == ("broken", "pepper lies on the disk in clear.")
    (keys / WRAPPED).unlink()
    (keys / UNSAFE_PASSPHRASE).write_text("demo")
    (keys / UNSAFE_PASSPHRASE).chmod(0o600)
    assert states()["passphrase"] == "broken"
    (keys / UNSAFE_PASSPHRASE).unlink()

    for days, state in ((0, "ok"), (370, "warning"), (400, "broken")):
        at(laptop, days)
        assert states()["certificates"] == state
    at(laptop, -5)
    assert states()["clock"] == "broken"
    assert not is_fit(look())


def at(node: Node, days: int) -> None:
    """Counted from the real day: the certificate was made on it."""
    moment = int((timezone.now() + timedelta(days=days)).timestamp() * 1000)
    node.wall = lambda: moment


def test_a_log_that_was_changed_is_found(laptop: Node) -> None:
    assert states()["log"] == "ok"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_change SET digest = body")
    assert states()["log"] == "broken"
    laptop.marks.raise_to(head_seq=10_000)
    (log,) = [one for one in look() if one.name == "log"]
    assert "older" in str(log.sentence)


def test_a_database_that_does_not_open_is_a_line(laptop: Node, tmp_path: Path) -> None:
    """A4: the rest is told all the same, and it ends with 1."""
    (tmp_path / "posta.db").write_bytes(os.urandom(8192))
    home = connections["default"]
    connections["default"] = load_backend(ours.EMBEDDED["ENGINE"]).DatabaseWrapper(
        home.settings_dict | {"NAME": str(tmp_path / "posta.db")}, "default"
    )
    out = StringIO()
    try:
        with pytest.raises(SystemExit) as ended:
            call_command("check_node", "--json", stdout=out)
    finally:
        connections["default"] = home
    assert ended.value.code == 1
    found: dict[str, Any] = {one["name"]: one for one in json.loads(out.getvalue())["checks"]}
    assert found["database"]["state"] == "broken"
    assert found["disk"]["state"] == "ok"
    assert "log" not in found


def test_processes_are_asked(laptop: Node, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "PATIENCE_S", 0.2)
    broker = start_broker(laptop.data_dir)
    try:
        settings.POSTA_BROKER = broker.url
        with claim(laptop.data_dir):
            assert company.broker_look().state == "ok"
            assert company.worker_look().state == "warning"
            settings.POSTA_BROKER = f"unix://{laptop.path('nobody.sock')}"
            assert company.broker_look().state == "broken"
    finally:
        broker.stop()


def test_the_coordinator_sees_the_same(laptop: Node, cast: Cast, carla: StaffMember) -> None:
    page = browser(carla).get("/laptop/")
    assert page.status_code == 200
    assert "Fit to open the day" in page.content.decode()
    assert page.context["found"][0].state.value == "warning"
    (laptop.path("keys") / "tls.key").chmod(0o644)
    assert "Not fit to open the day" in browser(carla).get("/laptop/").content.decode()
    assert browser(cast.rosa).get("/laptop/").status_code == 403
    laptop.role = "central"
    assert browser(carla).get("/laptop/").status_code == 404
