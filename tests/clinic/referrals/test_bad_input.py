"""Wrong answers in a letter: each a sentence beside its field, and nothing that was typed is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from clinic.referrals.models import Referral, ReferralStep
from clinic.referrals.services import refer
from clinic.visits.models import Visit
from registry.staff.models import StaffMember
from tests.clinic.lab.test_bad_input import LONG, beside
from tests.clinic.referrals.test_pages import dario
from tests.clinic.visits.day import Day

__all__ = ["dario"]
TURNED = "City \u202elatipsoh"
LETTER = {"to_facility": "elsewhere", "to_place": "City hospital", "reason": "Fracture", "summary": "Much"}


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("reason", LONG, "too long for a letter"),
        ("summary", LONG, "too long for a letter"),
        ("summary", "a\0b", "cannot be kept"),
        ("to_place", "x" * 200, "too long for a letter"),
        ("to_place", TURNED, "A hidden sign turns this name round."),
    ],
)
def test_a_letter_that_cannot_be_written_comes_back(
    day: Day, visit: Visit, field: str, typed: str, sentence: str
) -> None:
    answer = day.browser(day.cast.ana).post(reverse("refer", args=[visit.pk]), LETTER | {field: typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in beside(page, field)
    for other in {*LETTER} - {field, "to_facility"}:
        assert LETTER[other] in page
    assert ("City latipsoh" if typed == TURNED else typed.strip()) in page
    assert not Referral.objects.exists()


def test_the_place_is_kept_as_it_was_shown_the_second_time(day: Day, visit: Visit) -> None:
    client, url = day.browser(day.cast.ana), reverse("refer", args=[visit.pk])
    client.post(url, LETTER | {"to_place": TURNED})
    assert client.post(url, LETTER | {"to_place": "City latipsoh"}).status_code == 302
    assert Referral.objects.get().to_place == "City latipsoh"


@pytest.mark.parametrize(
    ("note", "sentence"), [(LONG, "too long for a letter"), ("  ", "Write what was done."), ("a\0b", "kept")]
)
def test_an_answer_that_cannot_be_sent_comes_back(
    day: Day, visit: Visit, dario: StaffMember, note: str, sentence: str
) -> None:
    said: dict[str, Any] = {"by": day.ana, "patient": visit.patient, "reason": "Fracture"}
    row = refer(**said, facility=day.cast.bocas, to_facility=day.cast.darien)
    there = day.browser(dario)
    answer = there.post(reverse("referral-answer", args=[row.pk]), {"note": note})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in beside(page, "note")
    assert note.strip() in page
    assert not ReferralStep.objects.exists()
