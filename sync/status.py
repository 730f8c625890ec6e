"""What is safe, what waits, what needs a person: true at the instant it is read, never remembered.

Lives here: `status()` (the answer of `sync_status --json` and of `GET sync/`), the `Status` behind it
with real datetimes, and `provide`, by which rooms above add what sync may not know (numbers left,
backups). Not here: the groups and the run that a page shows (`sync/progress.py`).

All numbers that could contradict each other come from one SELECT: a single statement sees one snapshot
on either engine and at any isolation level, and it takes no lock. A transaction would not do better: on
PostgreSQL each of its statements sees a newer state, and on the embedded engine it would wait for the
writer's turn while a nurse saves. What follows is a function of those numbers over rows that never
change again: the log between `acked` and `head`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Count, IntegerField, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from sync.feed.models import Cursor
from sync.files.upkeep import files_waiting
from sync.ledger.models import Change, Replica
from sync.models import LinkState, SyncRun
from sync.node import current_node
from sync.records import GROUPS
from sync.review.models import Aside, Conflict
from sync.tables import table_named
from sync.vault.keys import pinned

BACKUPS_UNKNOWN: Final[Mapping[str, Any]] = {"newest_verified_at": None, "count": 0}
UNKNOWN_GROUP: Final = "unknown"
CUT_SHORT: Final = "The laptop stopped in the middle; nothing was lost."

Provider = Callable[[], Any]
_providers: dict[str, Provider] = {}


def provide(name: str, tell: Provider) -> None:
    """A room above tells a part of the status: `numbers_left` (a count), `backups` (newest_verified_at,
    count) or `revocations` (standing: none, kept or damaged; serial).
    """
    _providers[name] = tell


@dataclass(frozen=True, slots=True)
class Link:
    """What the last probe found."""

    state: str
    since: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last run that ended, however it ended."""

    at: datetime
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tail:
    """The part of an own replica's log that no verified receipt covers; empty where all of it is received."""

    number: int
    acked_seq: int
    head_seq: int

    def __len__(self) -> int:
        return self.head_seq - self.acked_seq


@dataclass(frozen=True, slots=True)
class Status:
    """The state of this node's agreement with central. `unsent` counts changes, `quarantined` and `held`
    count saves: a person decides on a save. `tails` belong to this database's replica and, after a
    restore, to those before it.
    """

    role: str
    node: str
    replica: str
    link: Link
    head_seq: int
    acked_seq: int
    unsent: int
    unsent_by_group: dict[str, int]
    quarantined: int
    held: int
    conflicts: int
    last_good_sync: datetime | None
    last_attempt: Attempt | None
    downloaded: dict[str, dict[str, Any]]
    numbers_left: int | None
    clock_offset_s: float | None
    backups: dict[str, Any]
    digests: str = ""
    files_waiting: int = 0
    files_refused: int = 0
    revocations: dict[str, Any] = field(default_factory=dict)
    tails: tuple[Tail, ...] = field(default=(), repr=False)

    @property
    def up_to_date(self) -> bool:
        """Never with anything unsent or set aside, nor after a failed attempt or unequal digests. A photo is
        unsent until its bytes are at central.
        """
        if self.unsent or self.quarantined or self.held or self.files_waiting or self.files_refused:
            return False
        if self.role == "central":
            return True
        ended_well = self.last_attempt is not None and self.last_attempt.outcome == SyncRun.Outcome.DONE
        return ended_well and self.digests != "differ"

    def plain(self) -> dict[str, Any]:
        """As JSON: times are ISO text in UTC."""
        told = asdict(self)
        del told["tails"]
        worded: dict[str, Any] = _worded(told)
        return worded | {"up_to_date": self.up_to_date}


def status() -> dict[str, Any]:
    """The status as programs read it."""
    return read_status().plain()


def read_status(*, by_group: bool = True) -> Status:
    """The status now. Whoever asks often can do without the groups: they are counted change by change."""
    node = current_node()
    replicas = _snapshot()
    mine = next(row for row in replicas if row["is_self"])
    tails = () if node.is_central else tuple(_tail(row) for row in replicas)
    attempt = SyncRun.objects.filter(pk=mine["attempt"]).first()
    files = files_waiting()
    return Status(
        role=node.role,
        node=node_name(),
        replica=str(mine["uuid"]),
        link=_link(),
        head_seq=mine["head_seq"],
        acked_seq=mine["head_seq"] if node.is_central else mine["acked_seq"],
        unsent=sum(map(len, tails)),
        unsent_by_group=_by_group(tails) if by_group else {},
        quarantined=mine["quarantined"],
        held=mine["held"],
        conflicts=mine["conflicts"],
        last_good_sync=moment(mine["good"]),
        last_attempt=None if attempt is None else _attempt(attempt),
        downloaded={
            row.table: {"position": row.position, "at": moment(row.moved_at)}
            for row in Cursor.objects.order_by("table")
        },
        numbers_left=_told("numbers_left", None),
        clock_offset_s=_clock_offset(mine["clock_offset_ms"]),
        backups=dict(_told("backups", BACKUPS_UNKNOWN)),
        digests="" if attempt is None else attempt.digests,
        files_waiting=files.to_send,
        files_refused=files.refused,
        revocations=dict(_told("revocations", {})),
        tails=tails,
    )


def _snapshot() -> list[dict[str, Any]]:
    """This database's replica (with the counts beside it) and those it followed, in one statement."""
    ended = SyncRun.objects.exclude(SyncRun.on_its_way(current_node().wall())).order_by("-pk")
    good = SyncRun.objects.filter(outcome=SyncRun.Outcome.DONE).order_by("-pk")
    own = Q(is_self=True)
    if not current_node().is_central:  # whose log has no other replicas than its own, past and present
        own |= Q(head_seq__gt=0)
    rows = Replica.objects.filter(own)
    found: list[Any] = list(
        rows.order_by("number").values(
            "number",
            "uuid",
            "is_self",
            "head_seq",
            "acked_seq",
            "clock_offset_ms",
            quarantined=_count(Aside.objects.filter(state=Aside.State.QUARANTINED)),
            held=_count(Aside.objects.filter(state=Aside.State.HELD)),
            conflicts=_count(Conflict.objects.all()),
            attempt=Subquery(ended.values("pk")[:1]),
            good=Subquery(good.values("finished_at")[:1]),
        )
    )
    return found


def _count(rows: QuerySet[Any]) -> Coalesce:
    one_group = rows.order_by().annotate(all=Value(1)).values("all").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(one_group, output_field=IntegerField()), 0)


def _tail(row: Mapping[str, Any]) -> Tail:
    return Tail(row["number"], row["acked_seq"], row["head_seq"])


def _by_group(tails: tuple[Tail, ...]) -> dict[str, int]:
    counts = dict.fromkeys(GROUPS, 0)
    for tail in tails:
        if len(tail):
            for group, number in changes_by_group(tail.number, tail.acked_seq, tail.head_seq).items():
                counts[group] = counts.get(group, 0) + number
    return counts


def changes_by_group(number: int, after: int, upto: int) -> dict[str, int]:
    """How many changes of a replica in (after, upto] belong to each upload group."""
    rows = Change.objects.filter(replica_id=number, seq__gt=after, seq__lte=upto)
    counts: dict[str, int] = {}
    for name, found in rows.order_by().values_list("table").annotate(n=Count("pk")):
        group = group_of(name)
        counts[group] = counts.get(group, 0) + found
    return counts


def group_of(table_name: str) -> str:
    """The upload group of a table; a table that only another version of the program knows has a group of
    its own.
    """
    table = table_named(table_name)
    return UNKNOWN_GROUP if table is None else table.sync.group


def _link() -> Link:
    if current_node().is_central:
        return Link(LinkState.State.UP.value, None, "")
    row = LinkState.objects.filter(pk=1).first()
    if row is None:
        return Link(LinkState.State.UNKNOWN.value, None, "")
    return Link(str(row.state), moment(row.since), row.reason)


def _attempt(row: SyncRun) -> Attempt:
    """A run that still says `running` is one whose lease ran out: it died."""
    if row.outcome == SyncRun.Outcome.RUNNING:
        return Attempt(_instant(row.lease_until), SyncRun.Outcome.FAILED.value, CUT_SHORT)
    return Attempt(_instant(row.finished_at or row.started_at), str(row.outcome), row.reason)


def _clock_offset(offset_ms: int) -> float | None:
    """Unknown until central has told its time; the token that it gives with it is kept outside the
    database.
    """
    node = current_node()
    if node.is_central:
        return 0.0
    return round(offset_ms / 1000, 1) if node.marks.read().token else None


def _told(name: str, otherwise: Any) -> Any:
    tell = _providers.get(name)
    return otherwise if tell is None else tell()


def node_name() -> str:
    """What this node is called: a clinic by the name that central enrolled it under."""
    pinned()  # the first look at what was pinned names the node
    node = current_node()
    return node.name or ("central" if node.is_central else "")


def moment(ms: int | None) -> datetime | None:
    """A time of the database; 0 and None are never."""
    return _instant(ms) if ms else None


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def _worded(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _worded(inner) for name, inner in value.items()}
    return value
