"""What pages are told of while they are open: that a patient's record changed; lists that renew themselves.

Lives here: `patient_digests` (everything that is written of a patient, whichever room keeps it: a synced
model of patients is in it by being one), the lists that rooms offer to the live feed (`offer_list`, from
`AppConfig.ready`), and what a page needs to be told (`patient_note`, `list_digest`). Not here: who is told
when (`clinic/live`), the queues (`clinic/board/shown.py`).
Read next: `tests/clinic/live/test_followed.py`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db import connection
from django.http import HttpRequest
from django.utils.translation import override

from clinic.visits.selectors import facility_of
from registry.people.models import Patient
from registry.people.selectors import belongs_to, visible_patients
from registry.places.models import Facility
from registry.staff.policy import Authority
from registry.staff.selectors import authority_in
from sync.tables import Table, all_tables

ONE_LANGUAGE: Final = "en"
ListContext: TypeAlias = "Callable[[Facility], Mapping[str, Any]]"


@dataclass(frozen=True, slots=True)
class LiveList:
    """A list of one facility. `context` reads it, for nobody in particular, in the language of the moment;
    `may` says who sees it there.
    """

    template: str
    context: ListContext
    may: Callable[[Authority, Collection[UUID]], bool]


_lists: dict[str, LiveList] = {}


def offer_list(name: str, one: LiveList) -> None:
    """From now on pages may show `list:<name>`, and are told when it looks different."""
    _lists[name] = one


def live_list(name: str) -> LiveList | None:
    return _lists.get(name)


def list_digest(name: str, facility: Facility) -> str:
    """Changes exactly when the list looks different; the same in every language."""
    with override(ONE_LANGUAGE):
        return digest_of(_lists[name].context(facility))


def may_hear(who: Authority, facility: Facility | None, part: str) -> bool:
    """Whether somebody at a facility may be told of a part: of a list as on its page, of their patients."""
    kind, _colon, key = part.partition(":")
    if kind == "patient":
        return visible_patients(who).filter(pk=key).exists()
    one = _lists.get(key) if kind == "list" else None
    return kind != "list" or (one is not None and facility is not None and one.may(who, [facility.pk]))


def digest_of(said: object) -> str:
    return hashlib.blake2b(repr(said).encode(), digest_size=6).hexdigest()


def patient_digests(patient_ids: Collection[UUID]) -> dict[UUID, str]:
    """For each patient what their records look like: different as soon as anybody writes one. Two questions,
    however many patients and rooms.
    """
    said: dict[UUID, list[str]] = defaultdict(list)
    asked = list(patient_ids)
    for question in (_WRITTEN, _CHANGED) if asked else ():
        with connection.cursor() as cursor:
            cursor.execute(_over_all_tables(question, len(asked)), [_kept_as(pk) for pk in asked])
            for patient_id, *facts in cursor.fetchall():
                said[UUID(str(patient_id))].append(repr([_plain(one) for one in facts]))
    return {pk: digest_of(sorted(said[pk])) for pk in asked}


_WRITTEN: Final = (
    "SELECT t.{whose}, '{name}', count(*), max(t.made_stamp), sum(t.made_seq) FROM {table} t"
    " WHERE t.{whose} IN (SELECT id FROM asked) AND NOT t.gone GROUP BY t.{whose}"
)
"""How many rows a table has of each, and which: a row more, or a row less, is seen here."""
_CHANGED: Final = (
    "SELECT t.{whose}, '{name}', t.id, t.versions FROM {table} t"
    " WHERE t.{whose} IN (SELECT id FROM asked) AND t.versions IS NOT NULL"
)
"""The few rows that were written over, as they stand."""


@lru_cache(maxsize=256)
def _over_all_tables(question: str, patients: int) -> str:
    """The question over every table of patients, put together once: it is asked with every save. Nothing in
    it comes from outside.
    """
    tables = [table for table in all_tables() if _is_of_patients(table)]
    parts = (
        question.format(whose=table.scope_attname, name=table.name, table=table.model._meta.db_table)
        for table in tables
    )
    values = ", ".join(["(%s)"] * patients)
    return f"WITH asked(id) AS (VALUES {values}) " + " UNION ALL ".join(parts)


def _is_of_patients(table: Table) -> bool:
    return table.model is Patient or table.scope_attname == "patient_id"


def _kept_as(patient_id: UUID) -> Any:
    """An id as this engine keeps it."""
    return Patient._meta.pk.get_db_prep_value(patient_id, connection)


def _plain(fact: object) -> object:
    return bytes(fact) if isinstance(fact, (bytes, memoryview)) else str(fact)


def patient_note(request: HttpRequest, patient: Patient) -> dict[str, Any] | None:
    """For a page about a patient: where it is told that something new was written, which
    `visits/_patient_live.html` prints. Only a place of care has a feed, and only of its own.
    """
    who = authority_in(request)
    if facility_of(who) is None or not belongs_to(who, patient):
        return None
    return {"id": patient.pk, "digest": patient_digests([patient.pk])[patient.pk]}
