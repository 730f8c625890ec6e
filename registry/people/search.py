"""Finding a person from whatever somebody types, says or scans.

Lives here: `search` (a name in any spelling, a phone, a number or provisional code, `system|value`) and
`likely_duplicates` (before a registration; it warns and never blocks). Two steps: tokens choose a few hundred
people, then they are ranked. Not here: what is stored for it (`tokens.py`), what alike means (`ranking.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import Case, IntegerField, Sum, Value, When
from django.utils.translation import gettext_lazy as _

from registry.numbers.codes import NumberCheck, check_number
from registry.people.family import children_of
from registry.people.models import Patient, PersonToken
from registry.people.policy import NUMBER_SYSTEM, PROVISIONAL_SYSTEM
from registry.people.ranking import ENOUGH, likeness, words
from registry.people.selectors import reachable_patients, visible_patients
from registry.people.spelling import digits_of, phonetics_of, trigrams_of, words_of
from registry.people.tokens import PHONE_DIGITS, PHONE_END, bare, identifier_tokens, phone_tokens
from registry.staff.policy import Authority
from sync.node import current_node

CANDIDATES: Final = 200
PAGE: Final = 20
LIKELY: Final = 5
LONGEST_QUERY: Final = 200

REASONS: Final = {
    "number": _("Same number"),
    "provisional-code": _("Same provisional code"),
    "identifier": _("Same card or number"),
    "phone": _("Same phone"),
    "same-name": _("Same name"),
    "begins-with": _("Name begins so"),
    "sounds-alike": _("Name sounds alike"),
    "similar-name": _("Similar name"),
    "swapped-names": _("Names swapped"),
    "same-birth-date": _("Same birth date"),
    "same-birth-year": _("Same birth year"),
    "same-sex": _("Same sex"),
    "same-village": _("Same village"),
    "same-mother": _("Same mother"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """One person who may be meant. `reasons` are codes; `REASONS` has their words. `outside`: they belong to
    another place, and are not named before a reason was given.
    """

    patient: Patient
    score: float
    reasons: tuple[str, ...]
    outside: bool = False

    @property
    def reason_words(self) -> list[str]:
        return [str(REASONS[reason]) for reason in self.reasons]


@dataclass(frozen=True, slots=True)
class Answer:
    """The people found, best first. `number` says what the typed text was, when it looks like a number of
    ours.
    """

    found: list[Found]
    more: bool
    number: NumberCheck | None = None


@dataclass(frozen=True, slots=True)
class _Query:
    text: str
    number: NumberCheck
    exact: dict[str, str] = field(default_factory=dict)
    end_of_phone: str = ""

    @property
    def words(self) -> list[str]:
        return words_of(self.text)


def search(text: str, *, who: Authority | None = None, limit: int = PAGE) -> Answer:
    """The people a text may mean, best first, each with its reasons. `who` asks; None is the node itself."""
    query = _read(text[:LONGEST_QUERY])
    candidates = _candidates(query)
    inside = list(visible_patients(who).filter(pk__in=list(candidates)))
    elsewhere = _elsewhere(who, candidates, inside)
    found = [*_rank(query, inside, candidates), *_as_outside(_rank(query, elsewhere, candidates))]
    ranked = sorted(found, key=lambda one: (-one.score, one.patient.pk))
    number = None if query.number.kind == "other" else query.number
    return Answer(ranked[:limit], len(ranked) > limit, number)


_CARRIED: Final = frozenset({"number", "provisional-code", "identifier"})


def _elsewhere(
    who: Authority | None, candidates: dict[UUID, set[str]], inside: Iterable[Patient]
) -> list[Patient]:
    """Those of other places: on a laptop however they were found, at central only by a number they carry."""
    rest = candidates.keys() - {patient.pk for patient in inside}
    if current_node().is_central:
        rest = {key for key in rest if candidates[key] & _CARRIED}
    if who is None or who.everywhere or not rest:
        return []
    return list(reachable_patients(who).filter(pk__in=rest))


def _as_outside(found: Iterable[Found]) -> list[Found]:
    return [replace(one, outside=True) for one in found]


def _read(text: str) -> _Query:
    number = check_number(text)
    exact: dict[str, str] = {}
    if number.ok:
        system, reason = (
            (NUMBER_SYSTEM, "number") if number.kind == "number" else (PROVISIONAL_SYSTEM, "provisional-code")
        )
        exact[identifier_tokens(system, number.value)[0]] = reason
    end_of_phone = ""
    system, bar, value = text.partition("|")
    if bar and bare(value):
        exact[identifier_tokens(system.strip().lower(), value)[0]] = "identifier"
    elif len(bare(text)) >= PHONE_END and any(character.isdigit() for character in text):
        exact[f"i:{bare(text)}"] = "identifier"
        digits = digits_of(text)
        if len(digits) >= PHONE_DIGITS:
            exact[f"p:{digits[-PHONE_DIGITS:]}"] = "phone"
        elif len(digits) >= PHONE_END:
            exact[f"q:{digits[-PHONE_END:]}"] = "phone"
            end_of_phone = digits
    return _Query(text, number, exact, end_of_phone)


def _candidates(query: _Query) -> dict[UUID, set[str]]:
    """Patient ids worth a look, with the exact reasons each already has."""
    found: dict[UUID, set[str]] = {}
    exact = PersonToken.objects.filter(token__in=list(query.exact)).values_list("token", "patient_id")
    for token, patient_id in exact[: CANDIDATES * 4]:
        found.setdefault(patient_id, set()).add(query.exact[token])
    for patient_id in _named_alike(query.text):
        found.setdefault(patient_id, set())
    return found


def _named_alike(text: str) -> list[UUID]:
    names = [f"n:{word}" for word in words_of(text) if not word.isdecimal()]
    sounds = [f"s:{sound}" for sound in phonetics_of(text)]
    if not names:
        return []
    threes = [f"t:{three}" for three in trigrams_of(words_of(text))]
    weight = Case(
        When(token__in=names, then=Value(12)),
        When(token__in=sounds, then=Value(6)),
        default=Value(1),
        output_field=IntegerField(),
    )
    rows = (
        PersonToken.objects.filter(token__in=[*names, *sounds, *threes])
        .values("patient_id")
        .annotate(weight=Sum(weight))
        .order_by("-weight", "patient_id")
    )
    return [row["patient_id"] for row in rows[:CANDIDATES]]


def _rank(query: _Query, patients: Iterable[Patient], candidates: dict[UUID, set[str]]) -> Iterable[Found]:
    typed = words(query.text)
    for patient in patients:
        exact = candidates[patient.pk]
        if query.end_of_phone not in digits_of(patient.phone):
            exact = exact - {"phone"}
        alike = likeness(typed, words(patient.given_name), words(patient.family_name))
        if exact:
            yield Found(patient, 2.0 + alike.score, tuple(sorted(exact)))
        elif alike.score >= ENOUGH:
            yield Found(patient, alike.score, alike.reasons)


def likely_duplicates(
    *,
    given_name: str,
    family_name: str,
    sex: str = "unknown",
    birth_date: date | None = None,
    phone: str = "",
    village_id: UUID | None = None,
    identifiers: Sequence[tuple[str, str]] = (),
    mother: UUID | None = None,
    who: Authority | None = None,
) -> list[Found]:
    """People who may be the one about to be registered, best first, with what speaks for it. Of a mother's
    child she is not one, and her other children are.
    """
    name = f"{given_name} {family_name}"
    exact = {token: "phone" for token in phone_tokens(phone) if token.startswith("p:")}
    exact |= {
        identifier_tokens(system, value)[0]: "identifier" for system, value in identifiers if bare(value)
    }
    query = _Query(name, NumberCheck("other", name, ok=False), exact)
    candidates = _candidates(query)
    if mother is not None:
        candidates.pop(mother, None)
        for child in children_of(mother):
            candidates.setdefault(child, set()).add("same-mother")
    typed = words(name)
    found: list[Found] = []
    inside = list(visible_patients(who).filter(pk__in=list(candidates)))
    elsewhere = _elsewhere(who, candidates, inside)
    for patient in [*inside, *elsewhere]:
        alike = likeness(typed, words(patient.given_name), words(patient.family_name))
        same = candidates[patient.pk] | _same(patient, sex, birth_date, village_id)
        score = _suspicion(alike.score, same, _years_apart(patient.birth_date, birth_date))
        if score >= 1.0:
            reasons = (*alike.reasons, *sorted(same))
            found.append(Found(patient, score, reasons, outside=patient in elsewhere))
    return sorted(found, key=lambda one: (-one.score, one.patient.pk))[:LIKELY]


def _same(patient: Patient, sex: str, birth_date: date | None, village_id: UUID | None) -> set[str]:
    same: set[str] = set()
    if birth_date is not None and patient.birth_date == birth_date and not patient.birth_date_estimated:
        same.add("same-birth-date")
    elif birth_date is not None and patient.birth_date and patient.birth_date.year == birth_date.year:
        same.add("same-birth-year")
    if sex == patient.sex != "unknown":
        same.add("same-sex")
    if village_id is not None and patient.village_id == village_id:
        same.add("same-village")
    return same


def _years_apart(known: date | None, said: date | None) -> int | None:
    return None if known is None or said is None else abs(known.year - said.year)


_WEIGHTS: Final = {
    "identifier": 1.0,
    "phone": 0.5,
    "same-birth-date": 0.4,
    "same-birth-year": 0.25,
    "same-sex": 0.05,
    "same-village": 0.15,
    "same-mother": 0.3,
}


def _suspicion(name: float, same: set[str], years_apart: int | None) -> float:
    """At 1 and above it is worth asking. A name alone is not enough where the ages cannot be the same
    person's.
    """
    score = name + sum(_WEIGHTS[reason] for reason in same)
    if years_apart is not None and years_apart > 5 and "identifier" not in same:
        score -= 0.4
    return score
