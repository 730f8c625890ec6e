"""The evening of a demo day: central comes back, and everything gets there.

Lives here: `sync_until_safe` (asks for runs and watches the status, which may never claim more than is true)
and `expect_no_link`. Not here: the day (`day.py`), digests (`check.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from deploy.demo.day import must
from deploy.demo.tablet import Spoiled, Tablet

SAFE_WITHIN_S: Final = 120.0
LOOK_EVERY_S: Final = 0.25
Status = dict[str, Any]


def look(coordinator: Tablet) -> Status:
    """The status now. It must add up, and must not say "up to date" a moment too early."""
    status: Status = coordinator.get("sync/")
    open_ends = status["unsent"] or status["quarantined"] or status["held"]
    must(status["acked_seq"] + status["unsent"] == status["head_seq"], "The status does not add up.")
    must(not (status["up_to_date"] and open_ends), "The status claims “up to date” with changes unsent.")
    return status


def expect_no_link(coordinator: Tablet) -> int:
    """With central away a run breaks off, says so, and loses nothing. Answers how much waits."""
    before = _ask_for_a_run(coordinator)
    must(before["unsent"], "A whole day has left nothing to send.")
    for status in _looks(coordinator):
        must(not status["up_to_date"], "The status claims “up to date” without central.")
        if _attempted_since(status, before):
            break
    must(status["last_attempt"]["outcome"] == "failed", "A run without central did not break off.")
    must(status["unsent"] >= before["unsent"], "A run without central has shortened the outbox.")
    must(status["link"]["state"] != "up", "The link is said to be up, but central is away.")
    return int(status["unsent"])


def sync_until_safe(coordinator: Tablet) -> Status:
    """Run after run until nothing is unsent and the last run ended well; answers the status then."""
    before = _ask_for_a_run(coordinator)
    for status in _looks(coordinator):
        if not _attempted_since(status, before):
            continue
        if status["up_to_date"]:
            must(status["digests"] != "differ", "The clinic and central differ.")
            return status
        before = _ask_for_a_run(coordinator)
    raise AssertionError("the looks end with an exception")


def _ask_for_a_run(coordinator: Tablet) -> Status:
    """A run that begins now: one that is on its way already may have looked before the news came. Answers the
    status before it.
    """
    deadline = time.monotonic() + SAFE_WITHIN_S
    while True:
        before = look(coordinator)
        if coordinator.post("sync/now/")["started"]:
            return before
        must(time.monotonic() < deadline, "A run did not end.")
        time.sleep(LOOK_EVERY_S)


def _attempted_since(status: Status, before: Status) -> bool:
    return bool(status["last_attempt"]) and status["last_attempt"] != before["last_attempt"]


def _looks(coordinator: Tablet) -> Iterator[Status]:
    deadline = time.monotonic() + SAFE_WITHIN_S
    while time.monotonic() < deadline:
        yield look(coordinator)
        time.sleep(LOOK_EVERY_S)
    status = look(coordinator)
    raise Spoiled(f"{coordinator.node.name} did not get everything to central: {status['last_attempt']}")
