"""What the demo is made of: made-up people, valid answers, its own directory, a checker that can fail.

Not here: real processes (`tests/system/test_demo.py`).
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.core.management import call_command

import manage
from clinic.forms.values import FILES, clean
from clinic.programs.definition import resolve
from clinic.programs.document import ValueType
from clinic.programs.examples import example
from deploy.demo import histories
from deploy.demo.answers import answers_for
from deploy.demo.check import Account
from deploy.demo.evening import expect_no_link, look, sync_until_safe
from deploy.demo.guide import guide
from deploy.demo.layout import Ground, check_ours, ground_at, holder_of, locked, start_over
from deploy.demo.names import COMMUNITIES
from deploy.demo.people import plan
from deploy.demo.programme import STAFF, VILLAGES
from deploy.demo.seeding import deeds_of
from deploy.demo.stories import STORIES
from deploy.demo.tablet import Spoiled, Tablet
from registry.people.policy import clean_name, clean_pair, clean_phone
from sync.problems import Problem

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
PLACE = "0a1b2c3d-0000-7000-8000-00000000005a"


# --- people ------------------------------------------------------------------------------------------------


def test_the_same_people_every_time_and_everybody_comes() -> None:
    one, again = (plan(300, NOW, len(VILLAGES)) for _time in range(2))
    assert one == again
    visits = Counter(coming.who.number for coming in one.comings)
    assert set(visits) == set(range(300))
    assert (min(visits.values()), max(visits.values())) == (1, 6)
    assert {who.language for who in one.people} == {"es", "fr", "hi", "ar"}
    newest = {
        coming.who.number for coming in one.comings if coming.at > one.sent_until and coming.ordinal == 0
    }
    assert newest == set(range(280, 300))


def test_everybody_can_be_registered_as_they_are() -> None:
    for who in plan(300, NOW, len(VILLAGES)).people:
        name = f"{who.given_name} {who.family_name}"
        assert clean_name(name, "given_name") == name
        assert clean_phone(who.phone) == who.phone
        assert [clean_pair(*pair) for pair in who.papers] == list(who.papers)
        assert who.born < NOW.date()


def test_a_history_is_played_in_the_order_of_time_and_is_past() -> None:
    made = plan(60, NOW, len(VILLAGES))
    deeds = deeds_of(made)
    assert [deed.at for deed in deeds] == sorted(deed.at for deed in deeds)
    assert deeds[-1].at <= NOW
    assert sum(deed.name == "register" for deed in deeds) == 60
    first: dict[int, str] = {}
    for deed in deeds:
        first.setdefault(deed.coming.who.number, deed.name)
    assert set(first.values()) == {"register"}
    assert {deed.coming.until for deed in deeds} >= {"home", "triage", "pharmacy"}


STAGES = {stage.code: stage for stage in resolve(example("outpatient")).stages}


@pytest.mark.parametrize("code", STAGES)
def test_what_is_written_down_is_a_complete_and_valid_stage(code: str) -> None:
    wording: Callable[..., histories.Answers] = getattr(histories, code)
    stage = STAGES[code]
    by_code = {element.code: element for element in stage.elements}
    for coming in plan(200, NOW, len(VILLAGES)).comings:
        answers = wording(random.Random(1), coming)
        assert {element.code for element in stage.elements if element.compulsory} <= set(answers)
        for name, answer in answers.items():
            assert valid(by_code[name], answer, coming.at.date()) is not None


def test_every_reason_has_words_in_every_community() -> None:
    spoken = {one.language for one in COMMUNITIES}
    for story in STORIES:
        assert set(story.words) == spoken
        assert all(words.complaint and words.diagnosis and words.plan for words in story.words.values())


def valid(element: Any, answer: Any, today: date) -> Any:
    codes = [option.code for option in element.options]
    return clean(element.value_type, answer, today=today, codes=codes, allow_future=element.allow_future_date)


def test_every_kind_of_field_gets_a_valid_answer() -> None:
    (stage,) = resolve(example("field_kinds")).stages
    kinds = {element.value_type for element in stage.elements}
    assert kinds == set(ValueType)
    for seed in range(20):
        answers = answers_for(stage, random.Random(seed), NOW.date(), PLACE)
        answered = [element for element in stage.elements if element.uid in answers]
        assert {element.value_type for element in answered} == kinds - FILES
        for element in answered:
            assert valid(element, answers[element.uid], NOW.date()) is not None


# --- the directory -----------------------------------------------------------------------------------------


def ground(directory: Path) -> Ground:
    directory.mkdir(exist_ok=True)
    return ground_at(directory, central_port=9100, clinic_ports=(8100,))


def test_a_demo_remembers_when_it_began_and_its_ports(tmp_path: Path) -> None:
    made = ground(tmp_path / "demo")
    again = ground_at(tmp_path / "demo", central_port=None, clinic_ports=(8200,))
    assert (again.began, again.central, again.clinics[0].port) == (made.began, made.central, 8200)
    assert made.ca.exists()
    joined = again.clinics[0].directory / "keys"
    joined.mkdir(parents=True)
    (joined / "central.json").write_text("{}")
    with pytest.raises(Problem) as refused:
        ground_at(tmp_path / "demo", central_port=9300, clinic_ports=(None,))
    assert refused.value.code == "other-port"


def test_nothing_of_another_node_gets_into_a_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "POSTA_KEY_FD", "POSTA_TEST_DATA_KEY", "POSTA_BROKER_SOCKET"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("POSTA_HOSTS", "tablet.local")
    inside = ground(tmp_path).clinics[0].environment()
    ours = {name: value for name, value in inside.items() if name.startswith(("POSTA_", "DATABASE", "REDIS"))}
    assert ours == {
        "POSTA_ROLE": "clinic",
        "POSTA_DATA": str(tmp_path / "clinic-1"),
        "POSTA_PORT": "8100",
        "POSTA_HOSTS": "tablet.local",
        "POSTA_SECOND_FACTOR": "offered",
    }


def test_starting_over_deletes_the_demo_and_nothing_else(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    made = ground(directory)
    made.central.directory.mkdir()
    (tmp_path / "letter").write_text("kept")
    with locked(directory):
        start_over(directory)
        assert [path.name for path in directory.iterdir()] == ["demo.lock"]
    (directory / "letter").write_text("kept")
    for refuse in (check_ours, start_over):
        with pytest.raises(Problem) as refused:
            refuse(directory)
        assert refused.value.code == "not-a-demo"
    assert (directory / "letter").exists()
    assert (tmp_path / "letter").exists()


def test_one_demo_at_a_time_in_a_directory(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    with locked(tmp_path):
        assert holder_of(tmp_path) is not None
        with pytest.raises(Problem) as refused, locked(tmp_path):
            pass
        assert refused.value.code == "demo-runs"
    assert holder_of(tmp_path) is None


def test_a_full_disk_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=30 << 20))
    with pytest.raises(SystemExit) as ended:
        call_command("demo", "--directory", str(tmp_path / "demo"))
    assert ended.value.code == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "30 MB left" in sentence
    assert not (tmp_path / "demo").exists()


def test_an_old_python_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert manage.main() == 1
    assert capsys.readouterr().err == "posta: Posta needs Python 3.11 or newer; this is 3.9.\n"


def test_the_guide_fits_a_screen_and_names_everybody(tmp_path: Path) -> None:
    lines = guide(ground(tmp_path), 300)
    assert len(lines) <= 30
    text = "\n".join(lines)
    for one in STAFF:
        assert len(one.password) >= 12
        assert f"{one.username} " in text
        assert one.password in text
    for part in ("https://localhost:8100/", "https://localhost:9100/", "ca.pem", "--fresh"):
        assert part in text


# --- a checker that can fail -------------------------------------------------------------------------------

SAFE = {
    "head_seq": 9, "acked_seq": 9, "unsent": 0, "quarantined": 0, "held": 0, "up_to_date": True,
    "digests": "equal", "link": {"state": "up"}, "last_attempt": {"at": "2", "outcome": "done"},
}  # fmt: skip
WAITING = SAFE | {
    "acked_seq": 4, "unsent": 5, "up_to_date": False, "last_attempt": {"at": "1", "outcome": "failed"},
}  # fmt: skip


class Desk:
    """A coordinator's tablet that answers from a list; the last answer stays."""

    node = SimpleNamespace(name="clinic")

    def __init__(self, *statuses: dict[str, Any]) -> None:
        self.statuses, self.asked = list(statuses), 0

    def get(self, path: str) -> dict[str, Any]:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def post(self, path: str) -> dict[str, bool]:
        self.asked += 1
        return {"started": True}


def tablet(*statuses: dict[str, Any]) -> Any:
    return cast("Tablet", Desk(*statuses))


@pytest.mark.parametrize(
    "lie",
    [WAITING | {"up_to_date": True}, SAFE | {"held": 1}, SAFE | {"quarantined": 1}, SAFE | {"acked_seq": 8}],
)
def test_a_status_that_claims_too_much_spoils_the_day(lie: dict[str, Any]) -> None:
    with pytest.raises(Spoiled):
        look(tablet(lie))


def test_an_evening_asks_again_until_everything_is_safe() -> None:
    second = WAITING | {"last_attempt": {"at": "2", "outcome": "done"}, "unsent": 1, "acked_seq": 8}
    third = SAFE | {"last_attempt": {"at": "3", "outcome": "done"}}
    desk = tablet(WAITING, WAITING, second, second, third)
    assert sync_until_safe(desk) == third
    assert desk.asked == 2


def test_unequal_digests_spoil_the_evening() -> None:
    with pytest.raises(Spoiled, match="differ"):
        sync_until_safe(tablet(WAITING, SAFE | {"digests": "differ"}))


def test_without_central_a_run_must_break_off() -> None:
    broken_off = WAITING | {"link": {"state": "down"}, "last_attempt": {"at": "2", "outcome": "failed"}}
    assert expect_no_link(tablet(WAITING, broken_off)) == 5
    went_well = broken_off | {"last_attempt": {"at": "2", "outcome": "done"}}
    for wrong in (went_well, broken_off | {"link": {"state": "up"}}):
        with pytest.raises(Spoiled):
            expect_no_link(tablet(WAITING, wrong))


GOOD = Account(6, 7, 19, 91, 91, 2, 0, 0, digests_equal=True, seconds=30.0)


@pytest.mark.parametrize(
    "wrong",
    [{"digests_equal": False}, {"unsent": 1}, {"conflicts": 1}, {"receipts_verified": 90}, {"uploaded": 90}],
)
def test_a_day_holds_only_if_all_of_it_does(wrong: dict[str, Any]) -> None:
    assert GOOD.holds
    assert not replace(GOOD, **wrong).holds
    told = "people visits events uploaded receipts_verified clinics unsent conflicts digests_equal seconds"
    assert list(GOOD.plain()) == told.split()


def test_times_of_a_day_are_not_in_the_future() -> None:
    for coming in plan(40, NOW, len(VILLAGES)).comings:
        assert coming.at <= NOW - timedelta(minutes=9)
