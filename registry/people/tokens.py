"""What is kept so that a person can be found.

Lives here: which tokens a patient has, and keeping them right in the transaction that wrote the patient or an
identifier, whether it was saved here or came from elsewhere. A token is a letter for its kind and a text:
`n:` a folded word of a name, `s:` its sound, `t:` three letters, `p:` the last seven digits of a phone (`q:`
the last four), `i:` an identifier, as `system|value` and as bare value. Equality is all the engine has to do,
so both engines find the same. Not here: comparing (`spelling.py`), asking (`search.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection

from registry.people.models import Identifier, Patient, PersonToken
from registry.people.spelling import digits_of, fold, phonetics_of, trigrams_of, words_of

CHUNK: Final = 400
PHONE_DIGITS: Final = 7
PHONE_END: Final = 4
_SEVERAL = re.compile(r"[/,;]")
_NOT_ALNUM = re.compile(r"[\W_]+")
Pair = tuple[str, UUID]
Item = TypeVar("Item")


def name_tokens(text: str) -> list[str]:
    """Everything about a name that finds it."""
    words = words_of(text)
    found = [f"n:{word}" for word in words]
    found += [f"s:{sound}" for sound in phonetics_of(text)]
    return found + [f"t:{three}" for three in trigrams_of(words)]


def phone_tokens(phone: str) -> list[str]:
    """The ends of every number in a phone field: people leave out the country, or say the last four
    digits.
    """
    found: list[str] = []
    for part in _SEVERAL.split(phone):
        digits = digits_of(part)
        if len(digits) >= PHONE_END:
            found += [f"p:{digits[-PHONE_DIGITS:]}", f"q:{digits[-PHONE_END:]}"]
    return found


def bare(value: str) -> str:
    """An identifier without case, spaces and punctuation, as somebody types it from a card."""
    return _NOT_ALNUM.sub("", fold(value))[:100]


def identifier_tokens(system: str, value: str) -> list[str]:
    """An identifier by its system and value, and by its value alone."""
    plain = bare(value)
    return [f"i:{system}|{plain}"[:120], f"i:{plain}"] if plain else []


def _of_patient(row: Patient) -> set[str]:
    if row.gone:
        return set()
    return {*name_tokens(f"{row.given_name} {row.family_name}"), *phone_tokens(row.phone)}


def follow_patients(rows: Sequence[Patient]) -> None:
    """The names and phones of these patients, as the rows have them now."""
    for some in _chunks(rows):
        wanted = {(token, row.pk) for row in some for token in _of_patient(row)}
        _replace([row.pk for row in some], wanted, identifiers=False)


def follow_identifiers(patient_ids: Iterable[UUID]) -> None:
    """The identifiers of these patients, as their rows have them now."""
    for some in _chunks(sorted(set(patient_ids))):
        rows = Identifier.objects.living().filter(patient_id__in=some)
        wanted = {
            (token, row.patient_id)
            for row in rows.only("patient_id", "system", "value")
            for token in identifier_tokens(row.system, row.value)
        }
        _replace(some, wanted, identifiers=True)


def rebuild_all() -> int:
    """Every token from the rows: after a change of the rules in this file. Answers how many patients there
    are.
    """
    seen = 0
    for some in _chunks(Patient.objects.order_by("pk").iterator(chunk_size=CHUNK)):
        follow_patients(some)
        follow_identifiers(row.pk for row in some)
        seen += len(some)
    return seen


def _replace(patient_ids: Sequence[UUID], wanted: set[Pair], *, identifiers: bool) -> None:
    rows = PersonToken.objects.filter(patient_id__in=patient_ids).values_list("token", "patient_id")
    present = {pair for pair in rows if pair[0].startswith("i:") is identifiers}
    _write(_REMOVE, present - wanted)
    _write(_ADD, wanted - present)


# Thousands of tiny rows: each engine gets them the way it takes several times as many as model instances.
_REMOVE: Final = {
    "sqlite": "DELETE FROM {table} WHERE token = %s AND patient_id = %s",
    "postgresql": "DELETE FROM {table} AS kept USING {pairs} AS old(token, patient_id)"
    " WHERE kept.token = old.token AND kept.patient_id = old.patient_id",
}
_ADD: Final = {
    "sqlite": "INSERT INTO {table} (token, patient_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
    "postgresql": "INSERT INTO {table} (token, patient_id) SELECT * FROM {pairs} ON CONFLICT DO NOTHING",
}


def _write(statements: dict[str, str], pairs: set[Pair]) -> None:
    if not pairs:
        return
    column = PersonToken._meta.get_field("patient_id")
    keys = {patient_id: column.get_db_prep_value(patient_id, connection) for _token, patient_id in pairs}
    rows = sorted((token, keys[patient_id]) for token, patient_id in pairs)
    statement = statements[connection.vendor].format(
        table=connection.ops.quote_name(PersonToken._meta.db_table), pairs="unnest(%s::text[], %s::uuid[])"
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(statement, [[token for token, _key in rows], [key for _token, key in rows]])
        else:
            cursor.executemany(statement, rows)


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    source = iter(items)
    while some := list(islice(source, CHUNK)):
        yield some
