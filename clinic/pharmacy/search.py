"""Finding a medicine by whatever somebody types.

Lives here: `search_medicines`: by name, code or ATC code, with accents and small misspellings forgiven; and
`usual_medicines`, what this place prescribes most. The list has hundreds of rows, so it is read whole and
ranked in memory, alike on both engines. Not here: people (`registry/people/search.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Count, Max
from rapidfuzz import fuzz

from clinic.pharmacy.cautions import folded
from clinic.pharmacy.models import Medicine, PrescriptionLine
from registry.places.models import Facility
from sync.node import current_node

CLOSE_ENOUGH: Final = 80
SHORTEST_GUESS: Final = 4
MOST_FOUND: Final = 30
LATELY: Final = timedelta(days=90)
USUAL: Final = 12


def medicines_in_use() -> list[Medicine]:
    """What may be prescribed and received, by name."""
    return list(Medicine.objects.living().filter(active=True))


def search_medicines(q: str) -> list[Medicine]:
    """The medicines that somebody may mean, the likeliest first."""
    wanted = folded(q)
    if not wanted:
        return []
    ranked = [(score, medicine) for medicine in medicines_in_use() if (score := _score(medicine, wanted))]
    ranked.sort(key=lambda one: -one[0])  # stable: alike ones stay by name
    return [medicine for _score, medicine in ranked[:MOST_FOUND]]


def _score(medicine: Medicine, wanted: str) -> float:
    """0 for no match; else higher is likelier."""
    name = folded(f"{medicine.name} {medicine.strength}")
    if medicine.code.casefold() == wanted:
        return 400
    if name.startswith(wanted):
        return 300
    if all(any(word.startswith(part) for word in name.split()) for part in wanted.split()):
        return 200
    if wanted in name or medicine.atc.casefold().startswith(wanted):
        return 150
    first = wanted.split()[0]
    begun = [word[: len(first) + more] for word in folded(medicine.name).split() for more in (0, 1)]
    close = max((fuzz.ratio(part, first) for part in begun), default=0)
    return close if close >= CLOSE_ENOUGH and len(first) >= SHORTEST_GUESS else 0


def usual_medicines(facility: Facility) -> list[Medicine]:
    """What was prescribed most here lately, then the list from its beginning."""
    since = current_node().now() - LATELY
    lines = PrescriptionLine.objects.living().filter(prescription__facility=facility, at__gte=since)
    counted = lines.order_by().values("medicine_id").annotate(n=Count("id"), last=Max("at"))
    ids = list(counted.order_by("-n", "-last").values_list("medicine_id", flat=True)[:USUAL])
    known = {medicine.pk: medicine for medicine in medicines_in_use()}
    usual = [known[pk] for pk in ids if pk in known]
    return usual + [one for one in known.values() if one not in usual][: USUAL - len(usual)]
