"""The door of one record, the reasons, and what an address is a look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from registry.access.policy import (
    LONGEST_NOTE,
    SHIFT,
    Answer,
    Reason,
    What,
    can_read_log,
    clean_reason,
    log_of,
    log_of_all,
    may_open,
    what_of,
)
from registry.refusals import Refused
from registry.staff.policy import Authority, Role

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LATELY = NOW - timedelta(hours=1)
LONG_AGO = NOW - SHIFT - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("belongs", "met_at", "opened_at", "answer"),
    [
        (True, None, None, Answer.OPEN),
        (False, None, None, Answer.NOBODY),
        (False, LATELY, None, Answer.ASK),
        (False, LONG_AGO, None, Answer.NOBODY),
        (False, LATELY, LATELY, Answer.OPEN),
        (False, LONG_AGO, LATELY, Answer.OPEN),
        (False, LONG_AGO, LONG_AGO, Answer.NOBODY),
        (False, LATELY, LONG_AGO, Answer.ASK),
    ],
)
def test_who_does_not_belong_is_asked_for_and_only_for_a_shift(
    belongs: bool, met_at: datetime | None, opened_at: datetime | None, answer: Answer
) -> None:
    assert may_open(belongs=belongs, met_at=met_at, opened_at=opened_at, now=NOW) is answer


def test_a_clock_put_back_lengthens_nothing() -> None:
    before = NOW - timedelta(days=30)
    assert may_open(belongs=False, met_at=NOW, opened_at=NOW, now=before) is Answer.NOBODY


def test_a_reason_is_one_of_a_few_and_another_one_needs_words() -> None:
    assert clean_reason("emergency", "") == (Reason.EMERGENCY, "")
    assert clean_reason("other", "  a\nletter\x00 came ") == (Reason.OTHER, "a letter came")
    for code, note, field in [
        ("", "", "reason"),
        ("curious", "", "reason"),
        ("other", " \n", "note"),
        ("moved", "x" * (LONGEST_NOTE + 1), "note"),
    ]:
        with pytest.raises(Refused) as refused:
            clean_reason(code, note)
        assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    ("route", "what"),
    [
        ("patients/<uuid:patient_id>/", What.RECORD),
        ("patients/<uuid:patient_id>/history/", What.HISTORY),
        ("api/v1/patients/<uuid:patient_id>/history/", What.HISTORY),
        ("patients/<uuid:patient_id>/card/", What.PRINT),
        ("dispensings/<uuid:dispensing_id>/labels/", What.PRINT),
        ("referrals/<uuid:referral_id>/letter/", What.PRINT),
        ("api/v1/attachments/<uuid:file_id>/content/", What.FILE),
        ("attachments/<uuid:file_id>/small/", None),
        ("", What.RECORD),
    ],
)
def test_an_address_says_what_was_looked_at(route: str, what: What | None) -> None:
    assert what_of(route) is what


def test_coordinators_read_their_places_and_the_office_reads_all() -> None:
    here, there = uuid4(), uuid4()
    coordinator = Authority(uuid4(), True, frozenset({(Role.COORDINATOR, here), (Role.TRIAGE, there)}))
    office = Authority(uuid4(), True, frozenset({(Role.CENTRAL_ADMIN, None)}))
    nurse = Authority(uuid4(), True, frozenset({(Role.TRIAGE, here)}))
    left = Authority(uuid4(), False, frozenset({(Role.CENTRAL_ADMIN, None)}))
    assert (log_of(coordinator), log_of_all(coordinator)) == (frozenset({here}), False)
    assert log_of_all(office)
    assert [can_read_log(one) for one in (coordinator, office, nurse, left)] == [True, True, False, False]
    assert (log_of(left), log_of_all(left)) == (frozenset(), False)
