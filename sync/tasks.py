"""When runs are made: on link-up, on *Sync now*, soon after a save, every quarter of an hour while it is up.

Lives here: the Celery tasks (arguments are words and ids, never content), whether a probe or a run is
due, and `ask_for_run` for pages and programs. Whether a run is on its way is told by `SyncRun`'s lease,
not by the broker: a task that comes twice or late does no harm. Not here: the run itself
(`sync/run.py`), the Celery application and its beat (`deploy/celery.py` reads `SCHEDULE`).
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final

from celery import shared_task
from django.conf import settings
from django.db import connections
from django.db.models import F
from kombu.exceptions import OperationalError

from sync.conversation import probe
from sync.feed.anchors import forget_anchors
from sync.files.upkeep import files_are_due, sweep_files
from sync.ledger.models import Replica
from sync.models import LinkState, SyncRun
from sync.node import current_node
from sync.problems import Problem
from sync.run import Busy, lease_holder, make_run
from sync.vault.keys import pinned
from sync.vault.rota import failed_just_now, is_due, make_round

PROBE_EVERY_S: Final = 15.0
PROBE_WHILE_UP_MS: Final = 60_000
RUN_EVERY_MS: Final = 15 * 60_000
FILES_EVERY_MS: Final = 2 * 60_000
KEEP_RUNS_MS: Final = 30 * 86_400_000
KEEP_RUNS: Final = 2_000
SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "probe the link": {
        "task": "sync.probe",
        "schedule": PROBE_EVERY_S,
        "options": {"expires": PROBE_EVERY_S},
    },
    "prune old runs": {"task": "sync.prune", "schedule": 3600.0},
    "make a backup": {"task": "sync.backup", "schedule": 60.0, "options": {"expires": 60.0}},
    "sweep files": {"task": "sync.sweep", "schedule": 86_400.0},
}
log = logging.getLogger(__name__)


@shared_task(name="sync.probe")
def probe_link() -> str:
    """The beat's task: look for the link when it is due, and make a run when it came up or a quarter of
    an hour has passed.
    """
    if not may_sync() or lease_holder() is not None:
        return ""
    before = LinkState.objects.filter(pk=1).values_list("state", flat=True).first()
    now_state = probe() if link_is_due() else before or ""
    if now_state == LinkState.State.UP and (why := _why_run(before != LinkState.State.UP)):
        ask_for_run(why)
    return str(now_state)


def _why_run(came_up: bool) -> str:
    """What speaks for a run while the link is up; '' if nothing does. What was saved waits for the next look
    of the beat: so a hundred saves make one run, and none of them a task.
    """
    if came_up:
        return "link-up"
    if run_is_due():
        return "schedule"
    if files_wait_and_may_go():
        return "files"
    return "saved" if something_is_unsent() and last_run_was_good() else ""


@shared_task(name="sync.now")
def sync_now(trigger: str = "asked") -> str:
    """One run; if another is on its way, that one does the same."""
    if not may_sync():
        return ""
    try:
        return str(make_run(trigger).outcome)
    except Busy:
        return "busy"


@shared_task(name="sync.prune")
def prune() -> int:
    """Old runs go; the last good one and the newest stay, for the status speaks of them. At central, anchors
    that no clinic will name again.
    """
    if current_node().is_central:
        return forget_anchors()
    ended = SyncRun.objects.exclude(outcome=SyncRun.Outcome.RUNNING)
    good = ended.filter(outcome=SyncRun.Outcome.DONE).order_by("-pk").values_list("pk", flat=True).first()
    newest = list(ended.order_by("-pk").values_list("pk", flat=True)[:KEEP_RUNS])
    if not newest:
        return 0
    old = ended.filter(started_at__lt=current_node().wall() - KEEP_RUNS_MS) | ended.filter(pk__lt=newest[-1])
    gone, _each = old.exclude(pk__in=[pk for pk in (good, newest[0]) if pk is not None]).delete()
    return int(gone)


@shared_task(name="sync.sweep")
def sweep() -> int:
    """Files that nobody names, parts that nobody went on with."""
    return sweep_files()


@shared_task(name="sync.backup")
def back_up() -> str:
    """A backup when it is due. What fails is noted beside the backups, told on pages, and tried again."""
    if not is_due() or failed_just_now():
        return ""
    try:
        return make_round(anew=False).name
    except (OSError, Problem) as error:
        log.warning("no backup: %s", error)
        return "failed"


def may_sync() -> bool:
    """Only a clinic that has joined syncs by itself."""
    return not current_node().is_central and pinned() is not None


def link_is_due() -> bool:
    """While the link is down, at the time that the back-off chose; while it is up, once a minute."""
    link = LinkState.objects.filter(pk=1).first()
    if link is None:
        return True
    pause = PROBE_WHILE_UP_MS if link.state == LinkState.State.UP else 0
    now = current_node().wall()
    clock_went_back = link.next_try > now + RUN_EVERY_MS
    return clock_went_back or link.next_try + pause <= now


def run_is_due() -> bool:
    """Whether a quarter of an hour has passed since the last run began."""
    last = SyncRun.objects.order_by("-pk").values_list("started_at", flat=True).first()
    now = current_node().wall()
    return last is None or not 0 <= now - last < RUN_EVERY_MS


def files_wait_and_may_go() -> bool:
    """Photos get some seconds of a run: the rest goes on after a pause in which nobody notices them."""
    last = SyncRun.objects.order_by("-pk").values_list("started_at", flat=True).first()
    return current_node().wall() - (last or 0) >= FILES_EVERY_MS and last_run_was_good() and files_are_due()


def something_is_unsent() -> bool:
    """Whether this laptop has written what central has not receipted."""
    return Replica.objects.filter(is_self=True, head_seq__gt=F("acked_seq")).exists()


def last_run_was_good() -> bool:
    """After one that broke off, the back-off of the link and the quarter of an hour decide."""
    last = SyncRun.objects.order_by("-pk").values_list("outcome", flat=True).first()
    return last == SyncRun.Outcome.DONE


def ask_for_run(trigger: str) -> None:
    """Have a run made soon, by a worker where there is one, otherwise in a thread of this process."""
    if getattr(settings, "POSTA_BROKER", None):
        try:
            sync_now.delay(trigger)
            return
        except OperationalError:
            log.warning("the broker does not answer; the run is made here")
    threading.Thread(
        target=copy_context().run, args=(_in_thread, trigger), name="sync-run", daemon=True
    ).start()


def _in_thread(trigger: str) -> None:
    try:
        sync_now(trigger)
    except Exception:
        log.exception("a run ended unexpectedly")
    finally:
        with suppress(Exception):
            connections.close_all()
