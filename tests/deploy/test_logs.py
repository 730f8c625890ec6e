"""Logs hold ids, never names or tokens: what real requests and tasks leave in them, as production writes it.

A careless handler writes the same records beside ours: it shows that there was something to hold back. Not
here: logs of real processes over a day (`tests/browser/test_nothing_left.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from celery import Celery
from django.conf import settings
from django.db import IntegrityError
from django.test import Client

from deploy.logs import Line
from sync import saves
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node
from tests.clinic.visits.day import Day

__all__ = ["cast", "cheap_argon2", "day", "node"]
pytestmark = pytest.mark.once

NAME, PHONE, TOKEN, TYPED = "Quetzalñahua Ixtlil", "61230987654", "tokencanario7716", "zacatl-ocelotl-7"
LOG_IN = "/account/login/"


@dataclass(frozen=True, slots=True)
class Logs:
    """What our handler wrote, and what a careless one would have."""

    ours: StringIO
    careless: StringIO


@pytest.fixture
def logs() -> Iterator[Logs]:
    written = Logs(StringIO(), StringIO())
    console = logging.getLogger("django").handlers[0]
    assert isinstance(console, logging.StreamHandler)
    assert console in logging.getLogger().handlers
    before = console.setStream(written.ours)
    careless = logging.StreamHandler(written.careless)
    loggers = [logging.getLogger(), logging.getLogger("django")]
    for logger in loggers:
        logger.addHandler(careless)
    yield written
    for logger in loggers:
        logger.removeHandler(careless)
    console.setStream(before)


def told_in(text: str) -> set[str]:
    """Which of the words stand there, in whatever spelling."""
    words = {"name": NAME, "phone": PHONE, "token": TOKEN, "typed": TYPED}
    spelt = {name: {word, quote(word), ascii(word)[1:-1]} for name, word in words.items()}
    spelt["name"] |= {part for part in NAME.split() for part in (part, quote(part), ascii(part)[1:-1])}
    return {name for name, forms in spelt.items() if any(form in text for form in forms)}


def quoting_what_it_was_given(*args: Any, **said: Any) -> NoReturn:
    """As databases and libraries do."""
    try:
        raise KeyError(PHONE)
    except KeyError as error:
        raise IntegrityError(f"DETAIL: Key (given_name, token)=({NAME}, {TOKEN}) exists.") from error


def refusals(day: Day, patient: UUID) -> list[int]:
    """What goes wrong every day."""
    web, api, stranger = day.browser(), day.api(), Client()
    forged = Client(enforce_csrf_checks=True)
    person = {"given_name": NAME, "phone": PHONE, "sex": "female", "wrong": TOKEN}
    bearer = {"authorization": f"Bearer {TOKEN}"}
    answers = [
        api.post("/api/v1/patients/", person, format="json"),
        api.patch(f"/api/v1/patients/{patient}/", {"version": NAME, "phone": PHONE * 9}, format="json"),
        web.get(f"/patients/{quote(NAME)}/"),
        web.get(f"/guide/pictures/{quote(NAME)}"),
        web.get("/find/", {"q": NAME}),
        stranger.get("/api/v1/patients/", {"q": PHONE}, headers=bearer),
        stranger.post(LOG_IN, {"login": NAME, "password": TYPED}),
        stranger.post(f"/sync/v1/{TOKEN}", NAME.encode(), content_type="application/octet-stream"),
        forged.post(
            LOG_IN,
            {"login": NAME, "password": TYPED},
            secure=True,
            headers={"referer": f"https://elsewhere.example/{quote(NAME)}?q={PHONE}"},
        ),
    ]
    return [answer.status_code for answer in answers]


def test_logs_hold_ids_and_never_what_people_typed(
    day: Day, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, save_id = day.patient().pk, uuid4()
    assert refusals(day, patient) == [400, 400, 404, 404, 200, 401, 200, 404, 403]
    api = day.api()
    api.raise_request_exception = False
    monkeypatch.setattr("registry.people.api._shown", quoting_what_it_was_given)
    assert api.get(f"/api/v1/patients/{patient}/", {"q": NAME}).status_code == 500
    monkeypatch.setattr(saves, "_settle", quoting_what_it_was_given)
    part: Any = saves.Part([SimpleNamespace(save_id=save_id)])  # type: ignore[list-item]  # all that is asked of it
    saves.apply_alone(SimpleNamespace(), part)  # type: ignore[arg-type]
    task = Celery("of a test", set_as_current=False).task(quoting_what_it_was_given, name="of-a-test")
    task.apply(args=[NAME], kwargs={"token": TOKEN})
    logging.getLogger("httpx").warning("HTTP Request: GET %s", f"https://central.example/x/{TOKEN}?q={PHONE}")

    assert told_in(logs.careless.getvalue()) == {"name", "phone", "token"}
    ours = logs.ours.getvalue()
    assert told_in(ours) == set(), [line for line in ours.splitlines() if told_in(line)]
    assert f"Bad Request: /api/v1/patients/{patient}/" in ours
    assert f"Internal Server Error: /api/v1/patients/{patient}/" in ours
    assert f"save {save_id} cannot be stored" in ours
    assert "of-a-test[" in ours
    assert ours.count("builtins.KeyError, from") == ours.count("django.db.utils.IntegrityError, from") == 3
    assert f"{__file__}:" in ours


def test_everything_is_written_by_our_formatter() -> None:
    """No handler past it, and nobody who would write every request or statement down."""
    handlers: Any = settings.LOGGING["handlers"]
    assert {one["formatter"] for one in handlers.values()} == {"line"}
    ours = [one for one in logging.getLogger("django").handlers if isinstance(one.formatter, Line)]
    assert len(ours) == 1
    for talkative in ("django.db.backends", "httpx", "httpcore", "celery", "redis"):
        assert logging.getLogger(talkative).getEffectiveLevel() >= logging.INFO
    assert not logging.getLogger("django.db.backends").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
