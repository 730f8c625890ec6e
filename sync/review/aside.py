"""Saves that are set aside or held, as people and programs read them.

Lives here: `asides_shown` (with the content from this database's log). Not here: conflicts
(`selectors.py`), what is done about a save (`services.py`), why central set it aside (`sync/checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from sync.checks import scope_in
from sync.core.merge import GONE
from sync.core.protocol import Change, MalformedBatch, from_canonical
from sync.elsewhere import ELSEWHERE
from sync.ended import ENDED, ended_since
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Replica
from sync.ledger.selectors import instant
from sync.review.models import Aside
from sync.review.selectors import names_of
from sync.review.wording import table_label, wire_in_words
from sync.tables import all_tables, table_named

WAITS_FOR: Final[Mapping[str, Any]] = {
    "incomplete": gettext_lazy("the rest of this save"),
    "missing-record": gettext_lazy("the record itself"),
    "missing-parent": gettext_lazy("what it belongs to"),
    "after-aside": gettext_lazy("an earlier change that is set aside"),
    "unseen-past": gettext_lazy("what another clinic has not sent yet"),
}
IN_WORDS: Final[Mapping[str, Any]] = {
    ENDED: gettext_lazy("Written after this person's work had ended."),
    ELSEWHERE: gettext_lazy("This person does not work at this clinic. Ask them before you use it."),
}


@dataclass(frozen=True, slots=True)
class AsideShown:
    """One save that is not in the rows. `behind` counts the saves held because of this one. `ended` is when
    its author's work ended, where that is why.
    """

    id: int
    state: str
    code: str
    sentence: str
    what: str
    waits_for: str
    save: UUID
    scope: UUID | None
    by: str
    author: UUID | None
    at: datetime
    since: datetime
    device: str
    node_name: str
    values: list[tuple[str, str]]
    behind: int
    amend_url: str | None = None
    person: Any = None
    ended: datetime | None = None

    @property
    def words(self) -> str:
        """Why it is set aside, in the language of whoever reads."""
        return str(IN_WORDS.get(self.code, self.sentence))

    @property
    def is_after_end(self) -> bool:
        """Whether nothing is wrong with it but who wrote it when."""
        return self.code == ENDED

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "state": self.state,
            "code": self.code,
            "sentence": self.sentence,
            "what": self.what,
            "save": self.save,
            "scope": self.scope,
            "by": {"id": self.author, "name": self.by},
            "at": self.at,
            "since": self.since,
            "ended": self.ended,
            "device": self.device,
            "node": self.node_name,
            "values": [{"label": label, "text": text} for label, text in self.values],
            "behind": self.behind,
        }


def asides_shown(
    asides: Iterable[Aside] | None = None, people: Mapping[UUID, Any] | None = None
) -> list[AsideShown]:
    """These saves (all of them without an argument), oldest first. `people`: scope key → the person a
    page prints.
    """
    rows = list(Aside.objects.order_by("since", "pk") if asides is None else asides)
    replicas = {replica.uuid: replica for replica in Replica.objects.all()}
    contents = [(aside, changes_in(aside, replicas)) for aside in rows]
    names = names_of(change.author for _aside, changes in contents for change in changes)
    after_end = [changes[0].author for aside, changes in contents if aside.code == ENDED and changes]
    ends = ended_since(after_end)
    return [_shown(aside, changes, names, replicas, people or {}, ends) for aside, changes in contents]


def changes_in(aside: Aside, replicas: Mapping[UUID, Replica] | None = None) -> list[Change]:
    """The changes of a save that is set aside, from this database's log."""
    known = replicas if replicas is not None else {one.uuid: one for one in Replica.objects.all()}
    replica = known.get(aside.replica_uuid)
    rows = ChangeRow.objects.filter(replica=replica, seq__gte=aside.seq_from, seq__lte=aside.seq_to)
    changes = []
    for body in rows.order_by("seq").values_list("body", flat=True):
        try:
            changes.append(from_canonical(bytes(body)))
        except MalformedBatch:  # pruned: the save is known by its dots alone
            continue
    return changes


def same_author(aside: Aside) -> list[Aside]:
    """What the author of a save wrote after their work had ended and nobody has decided on, in its order."""
    replicas = {replica.uuid: replica for replica in Replica.objects.all()}
    first = next(iter(changes_in(aside, replicas)), None)
    if first is None:
        return []
    rows = Aside.objects.filter(code=ENDED, state=Aside.State.QUARANTINED)
    return [
        row
        for row in rows.order_by("replica_uuid", "seq_from")
        if any(change.author == first.author for change in changes_in(row, replicas))
    ]


def scope_of(changes: Iterable[Change]) -> UUID | None:
    """The scope key that a save belongs to: what it creates says so, otherwise the record that it changes."""
    for change in changes:
        table = table_named(change.table)
        if table is None or table.scope_attname is None:
            continue
        if change.creates and (key := scope_in(change)) is not None:
            return key
        rows = table.model.objects.filter(pk=change.record_id)
        found: UUID | None = rows.values_list(table.scope_attname, flat=True).first()
        if found is not None:
            return found
    return None


def scopes_of(asides: Iterable[Aside]) -> dict[int, UUID | None]:
    """Aside id → scope key: what decides who may see it."""
    replicas = {replica.uuid: replica for replica in Replica.objects.all()}
    return {aside.pk: scope_of(changes_in(aside, replicas)) for aside in asides}


def subjects_here(keys: Iterable[UUID]) -> set[UUID]:
    """Which of these scope keys belong to a record that this database holds; a save set aside may be its
    first.
    """
    wanted, found = set(keys), set[UUID]()
    for table in all_tables():
        if table.scope_attname == "id":
            found |= set(table.model.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    return found


def behind(aside: Aside, changes: Iterable[Change]) -> int:
    """How many held saves wait for the records of this one."""
    keys = {f"record:{change.record_id}" for change in changes}
    return Aside.objects.filter(state=Aside.State.HELD, waits_for__in=keys).exclude(pk=aside.pk).count()


def _shown(
    aside: Aside,
    changes: list[Change],
    names: Mapping[UUID, str],
    replicas: Mapping[UUID, Replica],
    people: Mapping[UUID, Any],
    ends: Mapping[UUID, int],
) -> AsideShown:
    first = changes[0] if changes else None
    author = first.author if first else None
    since = datetime.fromtimestamp(aside.since / 1000, tz=UTC)
    scope = scope_of(changes)
    replica = replicas.get(aside.replica_uuid)
    end = ends.get(author) if author and aside.code == ENDED else None
    return AsideShown(
        id=aside.pk,
        state=str(aside.state),
        code=aside.code,
        sentence=aside.sentence,
        what=_what(changes),
        waits_for=str(WAITS_FOR.get(aside.code, aside.sentence)),
        save=aside.save_id,
        scope=scope,
        by=names.get(author, _("somebody")) if author else _("somebody"),
        author=author,
        at=instant(first.stamp, first.clock_offset_ms) if first else since,
        since=since,
        device=first.device if first else "",
        node_name=replica.node_name if replica else "",
        values=[line for change in changes for line in _values(change)],
        behind=behind(aside, changes),
        person=people.get(scope) if scope else None,
        ended=datetime.fromtimestamp(end / 1000, tz=UTC) if end is not None else None,
    )


def _what(changes: list[Change]) -> str:
    if not changes:
        return _("A save whose content is not kept here")
    label = table_label(changes[0].table)
    if len(changes) > 1:
        return ngettext("%(what)s and %(n)d more", "%(what)s and %(n)d more", len(changes) - 1) % {
            "what": label,
            "n": len(changes) - 1,
        }
    if changes[0].creates:
        return _("New: %(what)s") % {"what": label}
    return _("Change: %(what)s") % {"what": label}


def _values(change: Change) -> list[tuple[str, str]]:
    table = table_named(change.table)
    if table is None:
        return [(name, str(value)) for name, value in sorted(change.fields.items())]
    row = table.model.objects.filter(pk=change.record_id).first()
    shown = {name: value for name, value in change.fields.items() if name != GONE or value is True}
    return [wire_in_words(table, row, name, value) for name, value in sorted(shown.items())]
