"""What the sync page and the badge of every page show, made from the status.

Lives here: the verdict, each upload group's sent / waiting / needs you, the run on its way, the newest
receipts, the badge. Not here: the numbers themselves (`sync/status.py`), the pages (`sync/views.py`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sync.core.protocol import BadReceipt, open_receipt
from sync.files.upkeep import files_waiting
from sync.ledger.models import Change, Receipt
from sync.ledger.selectors import instant
from sync.models import LinkState, SyncRun
from sync.node import current_node
from sync.nodes import silent_nodes
from sync.records import GROUPS
from sync.review.models import Aside
from sync.run import lease_holder
from sync.status import Status, Tail, changes_by_group, group_of, moment, read_status
from sync.vault.keys import receipt_keys

RECEIPTS_SHOWN: Final = 10
FILES: Final = "attachments"
ASIDES_AT_ONCE: Final = 100

GROUP_LABELS: Final[dict[str, Any]] = {
    "registration": gettext_lazy("Registration"),
    "identifiers": gettext_lazy("Identifiers"),
    "enrollments": gettext_lazy("Enrolments"),
    "visits": gettext_lazy("Visits"),
    "observations": gettext_lazy("Observations and diagnoses"),
    "prescriptions": gettext_lazy("Prescriptions and dispensing"),
    "insurance": gettext_lazy("Insurance and claims"),
    "stock": gettext_lazy("Stock"),
    "attachments": gettext_lazy("Photos and files"),
    "access": gettext_lazy("Who opened which record"),
}
STEPS: Final[dict[str, Any]] = {
    "hello": gettext_lazy("Greeting central"),
    "signoffs": gettext_lazy("Asking about staff"),
    "recovery": gettext_lazy("Leaving a recovery key"),
    "removals": gettext_lazy("Letting go of what has moved"),
    "exchange": gettext_lazy("Sending and fetching"),
    "numbers": gettext_lazy("Fetching registration numbers"),
    "digests": gettext_lazy("Comparing with central"),
    "files": gettext_lazy("Sending photos and files"),
}
OUTCOMES: Final[dict[str, Any]] = {
    "applied": gettext_lazy("kept"),
    "merged": gettext_lazy("merged"),
    "conflicted": gettext_lazy("to decide"),
    "held": gettext_lazy("held"),
    "quarantined": gettext_lazy("set aside"),
    "repeat": gettext_lazy("known already"),
}
ENDINGS: Final[dict[str, Any]] = {
    SyncRun.Outcome.DONE.value: gettext_lazy("complete"),
    SyncRun.Outcome.FAILED.value: gettext_lazy("broken off"),
}
LINK_WORDS: Final = {
    LinkState.State.NOT_REAL.value: "portal",
    LinkState.State.REFUSED.value: "fenced",
    LinkState.State.UNKNOWN.value: "never",
}


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """One upload group in changes; the three add up to all that this laptop ever wrote in it."""

    name: str
    label: str
    sent: int
    waiting: int
    needs_you: int


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The run on its way. `total` counts what it set out to send, or what it has fetched so far where it
    sends nothing.
    """

    step: str
    done: int
    total: int
    minutes_left: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ReceiptShown:
    """A receipt as people read it."""

    first: int
    last: int
    at: datetime
    total: int
    outcomes: list[tuple[str, int]]


def verdict_of(found: Status) -> str:
    """One word for the whole: "done" only if there is nothing left to do for anybody."""
    if found.link.state == LinkState.State.REFUSED or found.digests == "differ":
        return "danger"
    if found.quarantined or found.conflicts or found.files_refused:
        return "needs-you"
    return "done" if found.up_to_date else "waiting"


def page_context() -> dict[str, Any]:
    """What `sync/status.html` and its fragment are rendered with."""
    found = read_status()
    groups = groups_of(found)
    total = sum(group.sent + group.waiting + group.needs_you for group in groups)
    return {
        "verdict": verdict_of(found),
        "status": _shown(found),
        "records": {"total": total, "at_central": sum(group.sent for group in groups)},
        "groups": groups,
        "run": run_shown(),
        "receipts": newest_receipts(),
    }


def _shown(found: Status) -> dict[str, Any]:
    told = asdict(found) | {"link": _link_shown(found)}
    if found.last_attempt is not None:
        told["last_attempt"]["outcome"] = str(
            ENDINGS.get(found.last_attempt.outcome, found.last_attempt.outcome)
        )
    return told


def _link_shown(found: Status) -> dict[str, Any]:
    state = LINK_WORDS.get(found.link.state, found.link.state)
    return {"state": state, "since": found.link.since, "reason": found.link.reason}


def badge() -> dict[str, Any]:
    """The line on every page."""
    found = read_status(by_group=False)
    told = {
        "unsent": found.unsent,
        "needs_you": found.quarantined + found.conflicts,
        "kept_on_tablet": 0,
        "link": _link_shown(found),
        "role": found.role,
    }
    return told | {"silent": silent_nodes().count()} if found.role == "central" else told


def groups_of(found: Status) -> list[GroupProgress]:
    """Sent, waiting, needs you: held saves wait, quarantined ones need a person, both have reached
    central.
    """
    sent, waiting, needs = _sent(found.tails), dict(found.unsent_by_group), _aside(found.tails)
    for group, number in needs["held"].items():
        waiting[group] = waiting.get(group, 0) + number
    _count_files(sent, waiting, needs["quarantined"])
    return [
        GroupProgress(
            name=group,
            label=str(GROUP_LABELS.get(group, group)),
            sent=max(
                sent.get(group, 0) - needs["held"].get(group, 0) - needs["quarantined"].get(group, 0), 0
            ),
            waiting=waiting.get(group, 0),
            needs_you=needs["quarantined"].get(group, 0),
        )
        for group in (*GROUPS, *sorted(set(waiting) - set(GROUPS)))
    ]


def _count_files(sent: dict[str, int], waiting: dict[str, int], needs: dict[str, int]) -> None:
    """A file whose record is at central and whose bytes are not is not sent yet."""
    files = files_waiting()
    behind = files.to_send - files.unsent
    waiting[FILES] = waiting.get(FILES, 0) + behind
    needs[FILES] = needs.get(FILES, 0) + files.refused
    sent[FILES] = max(sent.get(FILES, 0) - behind, 0)  # the caller takes off what needs somebody


def _sent(tails: tuple[Tail, ...]) -> dict[str, int]:
    """Changes with a receipt. The log up to `acked` never changes again, so only what was added is
    counted anew.
    """
    kept: dict[int, tuple[int, dict[str, int]]] = current_node().kept.setdefault("sent_by_group", {})
    totals: dict[str, int] = {}
    for tail in tails:
        upto, counts = kept.get(tail.number, (0, {}))
        if upto > tail.acked_seq:  # another database under the same process: count from the start
            upto, counts = 0, {}
        if upto < tail.acked_seq:
            more = changes_by_group(tail.number, upto, tail.acked_seq)
            counts = {group: counts.get(group, 0) + more.get(group, 0) for group in {*counts, *more}}
            kept[tail.number] = (tail.acked_seq, counts)
        for group, number in counts.items():
            totals[group] = totals.get(group, 0) + number
    return totals


def _aside(tails: tuple[Tail, ...]) -> dict[str, dict[str, int]]:
    """By state and group: how many of our changes central keeps aside."""
    counts: dict[str, dict[str, int]] = {state: {} for state in Aside.State.values}
    if not tails:
        return counts
    for state in counts:
        asides = list(Aside.objects.filter(state=state).order_by("pk"))
        for start in range(0, len(asides), ASIDES_AT_ONCE):
            covered = Q()
            for one in asides[start : start + ASIDES_AT_ONCE]:
                covered |= Q(replica__uuid=one.replica_uuid, seq__gte=one.seq_from, seq__lte=one.seq_to)
            for name in Change.objects.filter(covered).values_list("table", flat=True):
                counts[state][group_of(name)] = counts[state].get(group_of(name), 0) + 1
    return counts


def run_shown() -> RunProgress | None:
    """The run that holds the lease, if there is one."""
    row = lease_holder()
    if row is None:
        return None
    sending = row.to_send > 0
    done, total = (row.sent, row.to_send) if sending else (row.fetched, row.fetched)
    return RunProgress(
        step=str(STEPS.get(row.step, row.step)),
        done=done,
        total=total,
        minutes_left=_minutes_left(row) if sending else None,
        since=moment(row.started_at),
    )


def _minutes_left(row: SyncRun) -> int | None:
    """At the pace so far; unknown before anything was sent."""
    if not row.sent:
        return None
    spent = max(current_node().wall() - row.started_at, 0)
    left = spent * max(row.to_send - row.sent, 0) / row.sent
    return int(left / 60_000 + 0.999)


def newest_receipts() -> list[ReceiptShown]:
    """The last receipts of this database's changes, newest first."""
    rows = Receipt.objects.filter(replica__is_self=True).order_by("-seq_to")[:RECEIPTS_SHOWN]
    return [_receipt(row) for row in rows]


def _receipt(row: Receipt) -> ReceiptShown:
    total = row.seq_to - row.seq_from + 1
    return ReceiptShown(row.seq_from, row.seq_to, instant(row.received), total, _outcomes(row))


def _outcomes(row: Receipt) -> list[tuple[str, int]]:
    """Counted by word. A receipt that does not verify any more (the key was changed) says nothing."""
    try:
        receipt = open_receipt(bytes(row.envelope), receipt_keys())
    except BadReceipt:
        return [(_("not verified"), row.seq_to - row.seq_from + 1)]
    counts: dict[str, int] = {}
    for word, number in receipt.outcomes:
        counts[str(OUTCOMES.get(word, word))] = counts.get(str(OUTCOMES.get(word, word)), 0) + number
    return list(counts.items())
