"""Who asks in these tests: a desk that says yes or no, and somebody logged in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from django.http import HttpRequest
from django.test import Client
from rest_framework.test import APIClient

from registry.people.models import Patient
from registry.staff import selectors
from registry.staff.models import Account
from registry.staff.policy import Authority, Role
from sync import asking
from sync.ledger.recording import Author
from sync.problems import Problem

ROSA = UUID("0a1b2c3d-0000-7000-8000-00000000005a")


@dataclass
class Desk:
    """`acts` are allowed, patients in `hidden` are nobody's business."""

    acts: set[str] = field(default_factory=lambda: {"see", "sync", "resolve", "enrol"})
    hidden: set[UUID] = field(default_factory=set)

    def author(self, request: HttpRequest) -> Author:
        return Author(ROSA, "tablet-3")

    def check(self, request: HttpRequest, act: str) -> None:
        if act not in self.acts:
            raise Problem("not-allowed", "Your role does not allow this.", status=403)

    def subjects(self, request: HttpRequest, keys: Collection[UUID]) -> Mapping[UUID, Any]:
        rows = Patient.objects.filter(pk__in=set(keys) - self.hidden)
        return {row.pk: {"id": row.pk, "name": row.name} for row in rows}


@contextmanager
def staffed(desk: Desk | None = None) -> Iterator[Desk]:
    """Somebody is at the desk, and has a role."""
    sitting = desk or Desk()
    before = asking.install(sitting)
    some = Authority(ROSA, True, frozenset({(Role.COORDINATOR, None)}))
    try:
        with patch.object(selectors, "authority_of", lambda _staff_id: some):
            yield sitting
    finally:
        asking.install(before)


def _account() -> Account:
    return Account.objects.get_or_create(username="rosa", defaults={"staff_id": ROSA, "stamp": uuid4().hex})[
        0
    ]


def browser() -> Client:
    """A tablet on which Rosa is logged in."""
    client = Client()
    client.force_login(_account(), backend="registry.staff.backends.CachedBackend")
    return client


def program() -> APIClient:
    """A program that speaks for Rosa."""
    client = APIClient()
    client.force_authenticate(_account())
    return client
