"""How much a prescription comes to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.pharmacy.doses import A_DAY, Frequency, quantity_for


@pytest.mark.parametrize(
    ("dose", "frequency", "days", "unit", "pack", "quantity"),
    [
        ("1", Frequency.THREE_TIMES, 5, "tablet", 100, 15),
        ("0.5", Frequency.TWICE, 3, "tablet", 100, 3),
        ("0.5", Frequency.DAILY, 3, "tablet", 100, 2),
        ("2", Frequency.AT_NIGHT, 30, "capsule", 30, 60),
        ("2", Frequency.ONCE, 5, "tablet", 1, 2),
        ("1", Frequency.WEEKLY, 30, "tablet", 4, 5),
        ("5", Frequency.THREE_TIMES, 5, "ml", 60, 120),
        ("5", Frequency.THREE_TIMES, 5, "ml", 1, 75),
        ("1", Frequency.AS_NEEDED, 5, "tablet", 100, None),
        (None, Frequency.DAILY, 5, "tube", 1, None),
        ("0", Frequency.DAILY, 5, "tablet", 1, None),
    ],
)
def test_a_course_is_dose_times_times_days(
    dose: str | None, frequency: str, days: int, unit: str, pack: int, quantity: int | None
) -> None:
    told = None if dose is None else Decimal(dose)
    assert quantity_for(told, frequency, days, unit, pack) == quantity


@given(
    st.decimals("0.25", "20", places=2),
    st.sampled_from(sorted(A_DAY)),
    st.integers(1, 365),
    st.sampled_from(["tablet", "ml"]),
    st.integers(1, 500),
)
def test_nobody_runs_out_early_and_little_is_left_over(
    dose: Decimal, frequency: Frequency, days: int, unit: str, pack: int
) -> None:
    needed = dose * A_DAY[frequency] * days
    quantity = quantity_for(dose, frequency, days, unit, pack)
    assert quantity is not None
    assert needed <= quantity < needed + (pack if unit == "ml" else 1)
