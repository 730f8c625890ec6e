"""What a person decides: which of two values is right, whether a save that was set aside may go on.

Lives here: `resolve` (a decision is an ordinary change that saw every side), `release` and `reject`
(central), and `settle_all`, either of them for everything that one person wrote after their work had ended.
Not here: who may decide (the room that knows staff, through `sync/asking.py`), what is shown
to them (`selectors.py`, `aside.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from sync.checks import scope_in
from sync.core.merge import GONE, Value, shown
from sync.core.protocol import Change
from sync.elsewhere import ELSEWHERE
from sync.ended import ENDED
from sync.feed.subscriptions import follow
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.recording import Author, Save, recording
from sync.ledger.repeats import keep_answer, save_id_used, told_before
from sync.ledger.replicas import central_uuid, forget_replicas
from sync.models import EnrolledNode
from sync.node import current_node
from sync.problems import Problem
from sync.records import SyncedModel, scope_key
from sync.release import judge_again
from sync.release import release as release_waiting
from sync.review.aside import changes_in, same_author, scope_of
from sync.review.models import Aside, Conflict, Decision
from sync.review.selectors import lines_of
from sync.rowstate import state_of_row
from sync.tables import Column, Table, table_named

LONGEST_NOTE: Final = 500
REJECTED: Final = "_rejected"
ACCEPTED: Final = "_accepted"
MOST_AT_ONCE: Final = 100
RELEASED: Final = "released"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose: one of the values by its key (`version`), or another value."""

    version: str | None = None
    value: Any = None


def choice_of(choose: Any) -> Choice:
    """A program's `choose`: {"version": key}, {"value": anything}, or either of them bare."""
    if isinstance(choose, dict):
        if set(choose) == {"version"}:
            return Choice(version=str(choose["version"]))
        if set(choose) == {"value"}:
            return Choice(value=choose["value"])
        raise _bad_choice(_("Choose a version or a value."))
    return Choice(version=choose, value=choose) if isinstance(choose, str) else Choice(value=choose)


def resolve(
    *,
    by: Author,
    conflict: Conflict,
    choose: Choice,
    note: str = "",
    seen: str | None = None,
    save_id: UUID | None = None,
) -> str:
    """Settle a conflict: a change that saw every value there is and sets the chosen one. Answers
    applied, merged or conflicted.

    With `seen`, the version token of what the person looked at, a value that came since is not
    overruled: the conflict stays open. The note, if there is one, travels as a record of its own in the
    same save.
    """
    table, text = _table_of(conflict), _checked_note(note)
    asked = about("resolve", conflict.pk)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            told = told_before(save_id, asked, by.staff_id)
            if told is None:
                raise save_id_used()
            return told.word
        row = table.model.objects.select_for_update().filter(pk=conflict.record_id).first()
        if row is None:
            raise _gone(conflict)
        outcome = _decide(save, table, row, conflict, choose, seen)
        if text:
            save.add(
                Decision,
                table=conflict.table,
                record_id=conflict.record_id,
                field=conflict.field,
                note=text,
                scope=scope_key(row),
            )
        keep_answer(save_id, asked, by.staff_id, outcome)
    return outcome


def about(act: str, item: int | None) -> str:
    """What a decision was about, for `sync/ledger/repeats.py`: what it settled is gone afterwards."""
    return f"{act} {item}"


def _decide(
    save: Save, table: Table, row: SyncedModel, conflict: Conflict, choose: Choice, seen: str | None
) -> str:
    value = _chosen(table, row, conflict.field, choose)
    if conflict.field == GONE:
        return save.remove(row, seen=seen) if value is True else save.bring_back(row, seen=seen)
    return save.edit(row, {conflict.field: value}, seen=seen)


def _chosen(table: Table, row: SyncedModel, field: str, choose: Choice) -> Any:
    """The value as a column holds it."""
    for line in lines_of(table, row, field):
        if choose.version == line.key:
            return line.value if field == GONE else table.python(field, line.value)
    if choose.value is None:
        raise _bad_choice(_("This is not one of the values."))
    if field == GONE:
        if isinstance(choose.value, bool):
            return choose.value
        raise _bad_choice(_("Choose one of the two."))
    return _typed(table, field, choose.value)


def _typed(table: Table, field: str, value: Any) -> Any:
    """What a form or a program wrote, as the column's own kind of value. What cannot be kept is refused
    by `recording`.
    """
    column = table.column_of(field)
    if column is None:
        raise _bad_choice(_("This version does not know this field; choose one of the values."))
    described = table.model._meta.get_field(column.name)
    if column.keyed or not isinstance(described, models.Field):
        return value
    try:
        return described.to_python(value)
    except ValidationError as error:
        raise _bad_choice(" ".join(error.messages)) from None


def _bad_choice(sentence: object) -> Problem:
    return Problem("bad-choice", _("Choose one of the values."), fields={"choose": sentence})


def _gone(conflict: Conflict) -> Problem:
    return Problem(
        "no-longer-contested",
        _("This question is settled already."),
        status=409,
        extra={"record": str(conflict.record_id)},
    )


def _table_of(conflict: Conflict) -> Table:
    table = table_named(conflict.table)
    if table is None:
        raise _gone(conflict)
    return table


def _checked_note(note: str) -> str:
    text = note.strip()
    if len(text) > LONGEST_NOTE:
        raise Problem("note-too-long", _("The note is too long."), fields={"note": _("At most 500 letters.")})
    return text


# --- central ---------------------------------------------------------------------------------------------


def release(*, by: Author, aside: Aside, note: str = "", save_id: UUID | None = None) -> bool:
    """Judge a save again: after its cause was mended it goes on, and with it what waited behind. True if
    it did.

    To believe in an author is a decision, and kept as one; who wrote it stays who wrote it.
    """
    _check_central()
    text = _checked_note(note)
    if aside.code in {ENDED, ELSEWHERE}:
        _accept(by, aside, text, save_id)
    asked = about("release", aside.pk)
    with _settling(aside) as there:
        if (told := told_before(save_id, asked, by.staff_id)) is not None:
            return told.word == RELEASED
        standing = _still_aside(there)
        records = judge_again(standing)
        why = {} if records else {"code": standing.code, "sentence": standing.sentence}
        keep_answer(save_id, asked, by.staff_id, RELEASED if records else "aside", **why)
    release_waiting({f"record:{record_id}" for record_id in records})
    log.info("save %s judged again by %s: %s", aside.save_id, by.staff_id, "released" if records else "aside")
    return bool(records)


def _accept(by: Author, aside: Aside, note: str, save_id: UUID | None) -> None:
    """With the decision, in one transaction: whatever cuts in behind it, nobody is asked twice."""
    with recording(by=by, save_id=save_id) as save:
        standing = Aside.objects.select_for_update().filter(pk=aside.pk, accepted=False).first()
        if save.repeated:
            _check_same(save, aside, ACCEPTED)
        elif standing is not None:
            _explain(save, changes_in(standing), note, ACCEPTED)
            standing.accepted = True
            standing.save(update_fields=["accepted"])


def reject(*, by: Author, aside: Aside, note: str = "", save_id: UUID | None = None) -> None:
    """Do not use a save: central re-states what it shows, as somebody who saw the rejected change; a
    record that the save made becomes a tombstone. Nothing is erased, and what waited behind goes on.

    Whoever wrote it asks why, unless their work had ended.
    """
    _check_central()
    if aside.code == "incomplete":
        raise Problem(
            "incomplete",
            _("The rest of this save has not arrived yet."),
            detail=_("A save stands or falls as a whole. Decide when it is here."),
            status=409,
        )
    text, changes = _checked_note(note), changes_in(aside)
    if not text and aside.code != ENDED:
        raise Problem("note-missing", _("Say why, for those who wrote it."), fields={"note": _("Missing.")})
    asked = about("reject", aside.pk)
    with recording(by=by, save_id=save_id) as save:
        if save.repeated:
            _check_same(save, aside, REJECTED)
        else:
            for change in changes:
                _restate(save, change)
            _explain(save, changes, text, REJECTED)
    with _settling(aside) as there:
        if told_before(save_id, asked, by.staff_id) is not None:
            return
        standing = _still_aside(there)
        keep_answer(save_id, asked, by.staff_id, "rejected")
        replica = Replica.objects.get(uuid=standing.replica_uuid)
        rows = ChangeRow.objects.filter(replica=replica, seq__gte=standing.seq_from, seq__lte=standing.seq_to)
        rows.update(state=ChangeRow.State.APPLIED)
        standing.delete()
    release_waiting({f"record:{change.record_id}" for change in changes})
    log.info("save %s rejected by %s", aside.save_id, by.staff_id)


def settle_all(
    *, by: Author, like: Aside, use: bool, note: str, may_see: Callable[[Sequence[Aside]], Collection[int]]
) -> int:
    """Decide alike on everything that the author of a save wrote after their work had ended, in its order, as
    far as whoever decides may see it; and on what turns up behind it. Answers how many saves: at most a
    hundred at once.
    """
    done, failed = 0, set[int]()
    while done < MOST_AT_ONCE:
        rows = [row for row in same_author(like) if row.pk not in failed]
        visible = may_see(rows)
        chosen = [row for row in rows if row.pk in visible][: MOST_AT_ONCE - done]
        if not chosen:
            break
        for row in chosen:
            try:
                release(by=by, aside=row, note=note) if use else reject(by=by, aside=row, note=note)
                done += 1
            except Problem as problem:
                failed.add(row.pk)
                log.warning("save %s stays aside: %s", row.save_id, problem.code)
    return done


def _check_central() -> None:
    if not current_node().is_central:
        raise Problem(
            "only-central",
            _("The programme office decides this."),
            detail=_("The save is safe here and at central. Ask the programme office."),
            status=409,
        )


@contextmanager
def _settling(aside: Aside) -> Iterator[Aside | None]:
    """The save, if it still is set aside, locked together with its replica, in one transaction."""
    try:
        with transaction.atomic():
            Replica.objects.select_for_update().get(uuid=aside.replica_uuid)
            yield Aside.objects.select_for_update().filter(pk=aside.pk).first()
    except BaseException:
        forget_replicas()
        raise


def _still_aside(standing: Aside | None) -> Aside:
    if standing is None:
        raise Problem("no-longer-aside", _("This save is settled already."), status=409)
    return standing


def _check_same(save: Save, aside: Aside, what: str) -> None:
    """A repeat whose save id stands for another decision must not settle this one."""
    written = ChangeRow.objects.filter(save_id=save.save_id, replica__is_self=True).values("record_id")
    records = {change.record_id for change in changes_in(aside)}
    if not Decision.objects.filter(pk__in=written, field=what, record_id__in=records).exists():
        raise save_id_used()


def _restate(save: Save, change: Change) -> None:
    table = table_named(change.table)
    if table is None:
        raise Problem(
            "unknown-table",
            _("This version does not know what this save is about."),
            detail=_("Update central first. The save is safe."),
            status=409,
        )
    row = table.model.objects.select_for_update().filter(pk=change.record_id).first()
    fields = _tombstone(table, change) if row is None else _present(table, row, change)
    # The past of an amendment is the original's and the original itself: what neither saw stays open.
    save._record(table, change.record_id, fields, change.past.including(change.dot))
    if row is None and (key := scope_in(change)) == change.record_id and key is not None:
        replica = Replica.objects.filter(uuid=change.replica).first()
        known = replica.node_uuid if replica else None
        node = EnrolledNode.objects.filter(uuid=known).first() if known else None
        follow(node, [key])


def _present(table: Table, row: SyncedModel, change: Change) -> dict[str, Value]:
    """The fields that the change set, as they are shown here without it."""
    state, columns = (
        state_of_row(table, row),
        {c.name: getattr(row, c.attname) for c in table.columns.values()},
    )
    fields: dict[str, Value] = {}
    for name in change.fields:
        heads = state.get(name)
        column = table.column_of(name)
        if heads:
            rule = "latest" if name == GONE else table.rule(name, columns)
            fields[name] = shown(heads, rule, central_uuid()).value
        elif name == GONE:
            fields[name] = False
        elif column is not None:
            fields[name] = None if column.keyed else column.default_wire
    return fields


def _tombstone(table: Table, change: Change) -> dict[str, Value]:
    """A record that exists nowhere but at its clinic: what of it can be kept, and that it is not to be
    used.
    """
    fields: dict[str, Value] = {}
    for name, value in change.fields.items():
        try:
            if name != GONE:
                table.python(name, value)
                fields[name] = value
        except ValueError:
            continue
    for name, column in table.columns.items():
        if column.default_wire is None and not column.keyed and name not in fields:
            _require_nothing(column)
    return fields | {GONE: True}


def _require_nothing(column: Column) -> None:
    try:
        column.codec.python(None)
    except ValueError:
        raise Problem(
            "cannot-reject",
            _("This record is too broken to be marked as removed."),
            detail=_("The save stays set aside; nothing is lost."),
            status=409,
        ) from None


def _explain(save: Save, changes: Sequence[Change], note: str, what: str) -> None:
    if changes:
        first = changes[0]
        save.add(
            Decision,
            table=first.table,
            record_id=first.record_id,
            field=what,
            note=note,
            scope=scope_of(changes),
        )
