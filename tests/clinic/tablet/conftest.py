"""The same clinic day as the visits' tests, and a tablet that seals."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from clinic.tablet.sealing import PURPOSE, SUITE, present_key
from registry.staff.devices import COOKIE
from registry.staff.models import StaffMember
from registry.staff.shifts import COOKIE as BROWSER
from sync.core.protocol import new_save_id
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node, visit
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import stage_form
from tests.registry.conftest import browser

__all__ = ["cast", "cheap_argon2", "day", "node", "visit"]


@dataclass
class Tablet:
    """A browser that keeps what it is told, as static/tablet/outbox.js does."""

    day: Day
    client: Client
    author: UUID
    device: str
    author_pass: str = ""
    pages: dict[str, Any] = field(default_factory=dict)

    def typed(self, address: str, fields: QueryDict, **changes: Any) -> dict[str, Any]:
        said = {
            "id": str(uuid4()),
            "number": 1,
            "address": address,
            "title": "Triage",
            "fields": fields.urlencode(),
        }
        return said | {"pass": self.author_pass} | changes

    def seal(self, typed: dict[str, Any], kind: str = "save", **facts: Any) -> dict[str, Any]:
        key = present_key()
        save_id = QueryDict(typed["fields"]).get("save_id")
        made = {
            "kind": kind,
            "id": save_id if kind == "save" and save_id else typed["id"],
            "author": str(self.author),
            "tablet": self.device,
            "at": int(self.day.now.timestamp() * 1000),
            "key": key.key_id,
        } | facts
        parts = (PURPOSE, *(str(made[name]) for name in ("kind", "id", "author", "tablet", "at", "key")))
        public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), bytes(key.public))
        sealed = SUITE.encrypt(json.dumps(typed).encode() + b"  ", public, info="\n".join(parts).encode())
        return made | {"sealed": b64encode(sealed).decode()}

    def send(self, *items: dict[str, Any], client: Client | None = None) -> list[str]:
        """The states of the answers."""
        answer = (client or self.client).post(
            reverse("tablet-outbox"), json.dumps(items), content_type="application/json", secure=True
        )
        assert answer.status_code == 200
        return [one["state"] for one in answer.json()["answers"]]

    def lent_to(self, client: Client) -> Client:
        """Somebody else holds this very browser: its own cookies are there, the log-in is not."""
        for name in (COOKIE, BROWSER):
            client.cookies[name] = self.client.cookies[name].value
        return client

    def triage(self, visit: Any, **values: str) -> tuple[str, QueryDict]:
        """The form of triage as it is on the screen, filled in."""
        action, form = stage_form(self.client, visit, "opd_stage_triage")
        return action, form.post(**values)


def hand(day: Day, member: StaffMember, device: str = "tablet-7") -> Tablet:
    """A tablet where somebody is logged in and has opened a page."""
    client = browser(member)
    client.cookies[COOKIE] = device
    client.cookies[BROWSER] = secrets.token_urlsafe(32)  # what a log-in with the password leaves
    client.get(reverse("me"), secure=True)
    return Tablet(day, client, member.pk, device, client.session["author_pass"])


@pytest.fixture
def tablet(day: Day) -> Tablet:
    """Tina's."""
    return hand(day, day.tina)


def a_save_id(day: Day) -> str:
    return str(new_save_id(day.node.wall(), day.node.rng))
