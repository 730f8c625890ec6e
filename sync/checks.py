"""What central checks of a save before it believes it.

Lives here: `Sight` (what a batch may refer to, looked up in bulk), `judge` (one save → fine, held or
quarantined, with a stable code and a sentence) and `as_told` (what the clinic hears of it). A record that the
clinic does not follow is to it as one that does not exist: it hears the same, and only central knows why.
Not here: authentication and the chain (`sync/intake.py`), the merge (`sync/apply.py`), when somebody's work
had ended (`sync/ended.py`), who could not have been there (`sync/elsewhere.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import UUID

from sync.codecs import CodecError
from sync.core.merge import GONE, Value
from sync.core.protocol import Change
from sync.elsewhere import ELSEWHERE, never_there, written_elsewhere
from sync.elsewhere import SENTENCE as NOT_THEIR_CLINIC
from sync.ended import ENDED, SENTENCE, end_of, ended_since, written_before
from sync.feed.models import Subscription
from sync.ledger.models import Replica
from sync.models import EnrolledNode
from sync.problems import Problem
from sync.records import LONGEST_DEVICE
from sync.tables import Table, beside_id, reference_ids, table_named

Word = Literal["fine", "held", "quarantined"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of a save. `waits_for` names what would release a held one; `told` is the code that
    its clinic hears instead (`as_told`).
    """

    word: Word
    code: str = ""
    sentence: str = ""
    waits_for: str = ""
    told: str = ""


FINE = Verdict("fine")
FOREIGN: Final = "out-of-scope"
NOT_HERE: Final = {
    "missing-record": "The record itself has not arrived yet.",
    "missing-parent": "What this belongs to has not arrived yet.",
    "broken-save": "The parts of this save do not fit together.",
}


def as_told(word: str, code: str, sentence: str, told: str) -> tuple[str, str, str]:
    """(word, code, sentence) as the clinic hears them. Of a record that it does not follow it hears what it
    would hear of one that does not exist.
    """
    if not told:
        return word, code, sentence
    return "quarantined" if told == "broken-save" else "held", told, NOT_HERE[told]


@dataclass(slots=True)
class Sight:
    """What this batch may refer to: rows here (with their scope), heads of replicas, what the node follows,
    what is set aside. `foreign` are rows that are here and that the node does not follow. `ended` tells whose
    work has ended and when, `strangers` who never had a way in there; `received` when central got a change,
    where that was before this batch; `behind_ms` how far the laptop's clock was behind when it came.
    """

    node: EnrolledNode | None
    replica: UUID
    rows: dict[UUID, UUID | None] = field(default_factory=dict)
    heads: dict[UUID, int] = field(default_factory=dict)
    followed: set[UUID] = field(default_factory=set)
    aside: set[UUID] = field(default_factory=set)
    foreign: set[UUID] = field(default_factory=set)
    ended: Mapping[UUID, int] = field(default_factory=dict)
    strangers: Set[UUID] = frozenset()
    received: Mapping[int, int] = field(default_factory=dict)
    behind_ms: int = 0

    @property
    def sees_everything(self) -> bool:
        return self.node is None or self.node.mode == EnrolledNode.Mode.EVERYTHING


def look(changes: Sequence[Change], node: EnrolledNode | None, replica: UUID, aside: set[UUID]) -> Sight:
    """Look up, in a few queries, everything that `judge` will ask about these changes."""
    sight = Sight(node, replica, aside=aside)
    wanted: dict[str, set[UUID]] = {}
    for change in changes:
        table = table_named(change.table)
        if table is None:
            continue
        # An id follows from its save: whoever knows a save's id could "create" what it has made.
        if not change.creates or not sight.sees_everything:
            wanted.setdefault(table.name, set()).add(change.record_id)
        for parent, record_id in _references(table, change, sight):
            wanted.setdefault(parent, set()).add(record_id)
    for name, ids in wanted.items():
        sight.rows.update(_rows_here(name, ids))
    sight.heads = dict(Replica.objects.values_list("uuid", "head_seq"))
    sight.ended = ended_since(change.author for change in changes)
    if node is not None:
        sight.strangers = never_there(node, changes)
    if not sight.sees_everything and node is not None:
        keys = {key for key in sight.rows.values() if key} | set(_scope_values(changes))
        followed = Subscription.objects.filter(node_uuid=node.uuid, scope__in=keys)
        sight.followed = set(followed.values_list("scope", flat=True))
        _hide_foreign(sight, wanted)
    return sight


def _hide_foreign(sight: Sight, wanted: dict[str, set[UUID]]) -> None:
    """Rows that the node does not follow are not there for it."""
    for name, ids in wanted.items():
        table = table_named(name)
        if table is not None and table.scope_attname is not None:
            sight.foreign |= {pk for pk in ids & sight.rows.keys() if sight.rows[pk] not in sight.followed}
    for pk in sight.foreign:
        del sight.rows[pk]


def _references(table: Table, change: Change, sight: Sight) -> list[tuple[str, UUID]]:
    """What a change hangs on. A clinic that follows some patients may speak of no others' records either."""
    named = list(reference_ids(table, change.fields))
    spoken_of = None if sight.sees_everything else beside_id(table, change.fields)
    return named if spoken_of is None else [*named, spoken_of]


def _rows_here(name: str, ids: set[UUID]) -> dict[UUID, UUID | None]:
    table = table_named(name)
    if table is None:
        return {}
    rows = table.model.objects.filter(pk__in=ids)
    if table.scope_attname is None:
        return dict.fromkeys(rows.values_list("pk", flat=True))
    return dict(rows.values_list("pk", table.scope_attname))


def _scope_values(changes: Iterable[Change]) -> Iterable[UUID]:
    for change in changes:
        key = scope_in(change)
        if key is not None:
            yield key


def scope_in(change: Change) -> UUID | None:
    """The scope key that a creating change claims by its own fields; None where it claims none."""
    table = table_named(change.table)
    if table is None or table.scope_attname is None:
        return None
    if table.scope_attname == "id":
        return change.record_id
    for column in table.columns.values():
        if column.attname == table.scope_attname:
            value = change.fields.get(column.name)
            return UUID(bytes=value) if isinstance(value, bytes) and len(value) == 16 else None
    return None


def judge(save: Sequence[Change], sight: Sight) -> Verdict:
    """One whole save, its changes in order. A save stands or falls together: the first verdict that is not
    fine is the answer.
    """
    made = {change.record_id for change in save if change.creates}
    for place, change in enumerate(save):
        verdict = _judge_change(change, sight, made, place, save)
        if verdict is not FINE:
            return verdict
    return _judge_author(save, sight)


def _judge_author(save: Sequence[Change], sight: Sight) -> Verdict:
    """Last of all: what waits for something else, such as an earlier save of the same person, does so first.
    So saves of one record are decided in their order, as the merge needs it.
    """
    end = end_of(save, sight.ended)
    if end is None or written_before(save, end, sight.received.get(save[0].seq), sight.behind_ms):
        strange = written_elsewhere(save, sight.strangers)
        return Verdict("quarantined", ELSEWHERE, NOT_THEIR_CLINIC) if strange else FINE
    return Verdict("quarantined", ENDED, SENTENCE)


def _judge_change(
    change: Change, sight: Sight, made: set[UUID], place: int, save: Sequence[Change]
) -> Verdict:
    table = table_named(change.table)
    if table is None:
        return Verdict(
            "quarantined", "unknown-table", f"Central does not know the list {change.table[:40]!r}."
        )
    if (
        change.ordinal != place
        or change.save_id != save[0].save_id
        or change.last != (place == len(save) - 1)
    ):
        return Verdict("quarantined", "broken-save", "The parts of this save do not fit together.")
    if len(change.device) > LONGEST_DEVICE:
        return Verdict("quarantined", "too-long", f"A device's name has at most {LONGEST_DEVICE} letters.")
    if table.sync.append_only and not change.creates:
        return Verdict("quarantined", "append-only", "This list is only ever added to.")
    if table.sync.owner == "central" and sight.node is not None:
        return Verdict("quarantined", "owned-by-central", "Only central can change this list.")
    for verdict in (
        _judge_fields(table, change),
        _judge_references(table, change, sight, made),
        _judge_past(change, sight),
        _judge_scope(table, change, sight, made),
        _judge_place(table, change, sight),
    ):
        if verdict is not FINE:
            return verdict
    return FINE


def _judge_fields(table: Table, change: Change) -> Verdict:
    creating = change.creates
    if creating and not change.past.is_empty:
        return Verdict("quarantined", "broken-save", "A new record cannot have a past.")
    fields = change.fields
    try:
        for name, value in fields.items():
            if name == GONE:
                if not isinstance(value, bool):
                    raise CodecError("wrong-type", "A tombstone is yes or no.")
                continue
            if not creating and table.sync.rules.get(name) == "fixed":
                return Verdict("quarantined", "fixed-field", f"{name} was set once and does not change.")
            table.python(name, value)
        if creating:
            _require(table, fields)
        if table.sync.check is not None:
            table.sync.check(fields)
    except CodecError as error:
        return Verdict("quarantined", error.code, str(error))
    except Problem as problem:
        return Verdict("quarantined", problem.code, problem.title)
    return FINE


def _require(table: Table, fields: dict[str, Value]) -> None:
    for name, column in table.columns.items():
        if column.default_wire is None and not column.keyed and name not in fields:
            column.codec.python(None)


def _judge_references(table: Table, change: Change, sight: Sight, made: set[UUID]) -> Verdict:
    record_id = change.record_id
    if record_id in sight.aside:
        return _waiting("after-aside", record_id, "An earlier change to this record is set aside.")
    if change.creates and record_id in sight.foreign:
        return _foreign("broken-save")
    if not change.creates and record_id not in sight.rows:
        return _not_here("missing-record", record_id, sight)
    for _parent, reference in _references(table, change, sight):
        if reference in sight.aside:
            return _waiting("after-aside", reference, "What this belongs to is set aside.")
        if reference not in sight.rows and reference not in made:
            return _not_here("missing-parent", reference, sight)
    return FINE


def _not_here(code: str, record_id: UUID, sight: Sight) -> Verdict:
    return _foreign(code) if record_id in sight.foreign else _waiting(code, record_id, NOT_HERE[code])


def _foreign(told: str) -> Verdict:
    return Verdict("quarantined", FOREIGN, "This clinic does not follow this record.", told=told)


def _waiting(code: str, record_id: UUID, sentence: str) -> Verdict:
    return Verdict("held", code, sentence, f"record:{record_id}")


def _judge_past(change: Change, sight: Sight) -> Verdict:
    dots = [*change.past.highest.items(), *((dot.replica, dot.seq) for dot in change.past.also)]
    for replica, seq in dots:
        top = change.seq - 1 if replica == change.replica else sight.heads.get(replica, 0)
        if seq > top:
            return Verdict(
                "held",
                "unseen-past",
                "It builds on something that central has not seen.",
                f"replica:{replica}",
            )
    return FINE


def _judge_scope(table: Table, change: Change, sight: Sight, made: set[UUID]) -> Verdict:
    if sight.sees_everything or table.scope_attname is None:
        return FINE
    key = scope_in(change) if change.creates else sight.rows.get(change.record_id)
    if key is not None and (key in made or key in sight.followed):
        return FINE
    return Verdict("quarantined", FOREIGN, "This clinic does not follow this record.")


def _judge_place(table: Table, change: Change, sight: Sight) -> Verdict:
    """What belongs to a place and to no patient is written where that place is served."""
    if table.sync.place is None or sight.node is None or not sight.node.facilities or not change.creates:
        return FINE
    value = change.fields.get(table.sync.place)
    served = {UUID(str(one)).bytes for one in sight.node.facilities}
    if isinstance(value, bytes) and value not in served:
        return Verdict("quarantined", FOREIGN, "This clinic does not serve this place.")
    return FINE


def remember(save: Sequence[Change], sight: Sight) -> None:
    """After a save was found fine: what it made may be referred to by the next ones."""
    for change in save:
        if change.creates:
            sight.rows[change.record_id] = scope_in(change)
            if (key := scope_in(change)) == change.record_id and key is not None:
                sight.followed.add(key)
