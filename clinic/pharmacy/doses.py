"""How much a prescription comes to.

Lives here, pure: how often (`Frequency`), the unit that is counted (`Unit`), and `quantity_for`: dose ×
times × days in whole units. Not here: the words for them (`wording.py`), who may prescribe (`policy.py`).
Read next: `cautions.py`.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Final


class Frequency(StrEnum):
    """How often a dose is taken."""

    DAILY = "daily"
    TWICE = "twice"
    THREE_TIMES = "three-times"
    FOUR_TIMES = "four-times"
    AT_NIGHT = "at-night"
    WEEKLY = "weekly"
    ONCE = "once"
    AS_NEEDED = "as-needed"


class Unit(StrEnum):
    """What is counted: the smallest thing that is handed out. Stock is whole numbers of it."""

    TABLET = "tablet"
    CAPSULE = "capsule"
    SACHET = "sachet"
    ML = "ml"
    BOTTLE = "bottle"
    TUBE = "tube"
    VIAL = "vial"
    AMPOULE = "ampoule"
    SUPPOSITORY = "suppository"
    INHALER = "inhaler"
    PIECE = "piece"


A_DAY: Final[dict[Frequency, int]] = {
    Frequency.DAILY: 1,
    Frequency.TWICE: 2,
    Frequency.THREE_TIMES: 3,
    Frequency.FOUR_TIMES: 4,
    Frequency.AT_NIGHT: 1,
}
DAYS_OF_A_WEEK: Final = 7
LONGEST_DAYS: Final = 365
LARGEST_DOSE: Final = Decimal(999)
MOST_UNITS: Final = 100_000
# A bottle that was opened is nobody else's: what is measured out is handed out in whole packs.
IN_WHOLE_PACKS: Final = frozenset({Unit.ML})


def doses_in(frequency: str, days: int) -> int | None:
    """How many doses that is; None where nobody can know beforehand."""
    if frequency == Frequency.ONCE:
        return 1
    if frequency == Frequency.WEEKLY:
        return -(-days // DAYS_OF_A_WEEK)
    a_day = A_DAY.get(Frequency(frequency))
    return None if a_day is None else a_day * days


def quantity_for(dose: Decimal | None, frequency: str, days: int, unit: str, pack_size: int) -> int | None:
    """Whole units for the whole course; None where somebody must say (as needed, or no dose)."""
    doses = doses_in(frequency, days)
    if dose is None or doses is None or dose <= 0 or doses <= 0:
        return None
    units = int((dose * doses).to_integral_value(rounding=ROUND_CEILING))
    if unit in IN_WHOLE_PACKS and pack_size > 1:
        return -(-units // pack_size) * pack_size
    return units
