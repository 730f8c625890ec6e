"""Every address refuses whom its rule refuses: nobody, every role, and whoever works at another place.

A new address without a line in `address_rules.py` fails the first test. Not here: single pages' rights in
detail (each room's tests), unknown tablets (`tests/registry/tablets`).
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import ndiff
from itertools import product
from typing import Any

import pytest
from django.test import Client

from registry.staff.policy import Role
from sync.vault.keys import Pinned
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node
from tests.clinic.visits.day import Day
from tests.deploy.address_rules import ANYBODY, RULES, WITH_LOG_IN, Rule
from tests.deploy.crawl import OF_PATIENT, TO_DECIDE, Plain, Town, addresses, build, parts_of, plain

__all__ = ["cast", "cheap_argon2", "day", "node"]
REFUSED = frozenset({401, 403, 404, 405})
NODES = ("clinic", "central")
METHODS = ("get", "post")


@pytest.fixture
def town(day: Day) -> Town:
    return build(day)


def at(town: Town, role: str) -> None:
    """The same records at central, or on a laptop that serves both places."""
    town.node.role = role  # type: ignore[assignment]
    town.node.kept.pop("pinned", None)
    if role == "clinic":
        places = [str(town.day.cast.bocas.pk), str(town.day.cast.darien.pk)]
        some = str(town.patient.pk)
        town.node.kept["pinned"] = Pinned("https://x.test", some, "Bocas", places, some, some, "", "")


def ask(client: Client, method: str, address: str) -> Any:
    client.raise_request_exception = False
    if method == "get":
        return client.get(address)
    if address.startswith("/api/"):
        return client.post(address, {}, content_type="application/json")
    return client.post(address, {})


def ruled() -> Iterator[tuple[str, Rule]]:
    seen: set[str] = set()
    for route, _pattern in addresses():
        if route in RULES and route not in seen:
            seen.add(route)
            yield route, RULES[route]


def test_every_address_has_a_rule() -> None:
    routes = {route for route, _pattern in addresses()}
    assert routes - RULES.keys() == set(), "say in tests/deploy/address_rules.py who may open these"
    assert RULES.keys() - routes == set(), "these addresses are gone"


@pytest.mark.parametrize("role", NODES)
def test_nobody_gets_in_without_a_log_in(town: Town, role: str) -> None:
    at(town, role)
    let_in = []
    for route, rule in ruled():
        if rule.who == ANYBODY:
            continue
        for method in METHODS:
            answer = ask(Client(), method, town.address(route))
            to_log_in = answer.status_code == 302 and "/account/" in answer.headers["Location"]
            if answer.status_code not in REFUSED and not to_log_in:
                let_in.append((method, route, answer.status_code))
    assert let_in == []


@pytest.mark.parametrize("role", NODES)
def test_a_log_in_without_a_role_opens_nothing(town: Town, role: str) -> None:
    at(town, role)
    let_in = [
        (method, route, answer.status_code)
        for route, rule in ruled()
        if rule.who not in (ANYBODY, WITH_LOG_IN)
        for method in METHODS
        if (answer := ask(town.nobody, method, town.address(route))).status_code not in REFUSED
    ]
    assert let_in == []


@pytest.mark.parametrize("node_role", NODES)
def test_each_role_opens_what_its_rule_says_and_nothing_else(town: Town, node_role: str) -> None:
    at(town, node_role)
    let_in, shut_out = [], []
    for (route, rule), role in product(ruled(), Role):
        if rule.who in (ANYBODY, WITH_LOG_IN):
            continue
        read = ask(town.here[role], "get", town.address(route)).status_code
        if not rule.reads(role) and not 400 <= read < 500:
            let_in.append((role.value, "get", route, read))
        if rule.reads(role) and rule.on(node_role) and read in (401, 403):
            shut_out.append((role.value, "get", route, read))
        if not rule.writes(role):
            wrote = ask(town.here[role], "post", town.address(route)).status_code
            if not 400 <= wrote < 500:  # an empty form may be refused before its sender is
                let_in.append((role.value, "post", route, wrote))
    assert (let_in, shut_out) == ([], [])


def _difference(one: Plain, other: Plain) -> list[str]:
    """What tells two answers apart, line by line."""
    lines = [
        [str(status), *body.decode(errors="replace").splitlines(), str(heads)]
        for status, body, heads in (one, other)
    ]
    return [line for line in ndiff(lines[0], lines[1]) if line[0] in "+-"]


@pytest.mark.parametrize("role", NODES)
def test_a_foreign_record_and_none_are_answered_alike(town: Town, role: str) -> None:
    at(town, role)
    told_apart, let_in = [], []
    for route, rule in ruled():
        if rule.who in (ANYBODY, WITH_LOG_IN) or not set(parts_of(route)) & (OF_PATIENT.keys() | TO_DECIDE):
            continue
        for method in METHODS:
            theirs = plain(ask(town.stranger, method, town.address(route)))
            none = plain(ask(town.stranger, method, town.address(route, missing=True)))
            if theirs != none:
                told_apart.append((method, route, _difference(theirs, none)))
            if theirs[0] not in REFUSED | {400}:
                let_in.append((method, route, theirs[0]))
    assert let_in == []
    assert told_apart == []


@pytest.mark.parametrize("role", NODES)
def test_no_list_names_another_places_patient(town: Town, role: str) -> None:
    at(town, role)
    named = []
    for route, _rule in ruled():
        if parts_of(route):
            continue
        answer = ask(town.stranger, "get", town.address(route) + "?q=" + town.patient.family_name)
        if "event-stream" in answer.headers.get("Content-Type", ""):
            continue  # tells what the board tells, for ever
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        hidden = [town.patient.given_name]
        if role == "central":
            hidden.append(str(town.patient.pk))
        named += [(route, word) for word in hidden if word.encode() in body]
    assert named == []
