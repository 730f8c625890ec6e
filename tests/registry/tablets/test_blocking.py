"""Reports of what browsers refused: counted, within limits, and without anything about anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from registry.tablets.blocking import MOST_A_MINUTE, MOST_ROWS, note_blocked
from registry.tablets.models import Blocked
from sync.node import Node
from tests.registry.tablets.device import on_wifi

pytestmark = pytest.mark.django_db
PATIENT = "01963c7e-0000-7000-8000-00000000abcd"


def report(**changes: Any) -> bytes:
    said = {
        "document-uri": f"https://clinic.local:8000/patients/{PATIENT}/?q=Santos",
        "referrer": "https://clinic.local:8000/find/?q=Santos",
        "effective-directive": "script-src-elem",
        "violated-directive": "script-src-elem",
        "original-policy": "default-src 'none'",
        "blocked-uri": "https://evil.example/steal.js?name=Santos",
        "source-file": "https://clinic.local:8000/static/js/live.js",
        "script-sample": "alert('Santos')",
        "status-code": 200,
    }
    return json.dumps({"csp-report": said | changes}).encode()


def send(body: bytes, client: Client | None = None) -> int:
    return (
        (client or Client())
        .post(reverse("blocked-report"), body, content_type="application/csp-report", secure=True)
        .status_code
    )


def test_a_report_is_kept_without_patients_addresses_and_samples(node: Node) -> None:
    """H12: what the browser refused is told to those who look after the node."""
    assert send(report()) == 204
    kept = Blocked.objects.values("rule", "what", "page", "script", "count").get()
    assert kept == {
        "rule": "script-src-elem",
        "what": "https://evil.example",
        "page": "patient",
        "script": "/static/js/live.js",
        "count": 1,
    }
    assert "Santos" not in str(Blocked.objects.values())
    assert PATIENT not in str(Blocked.objects.values())


def test_the_same_again_is_counted(node: Node) -> None:
    for _ in range(3):
        send(report())
    send(report(**{"blocked-uri": "inline"}))
    assert sorted(Blocked.objects.values_list("what", "count")) == [
        ("https://evil.example", 3),
        ("inline", 1),
    ]


def test_a_stranger_may_report_too(node: Node) -> None:
    node.role = "clinic"
    assert send(report(), on_wifi()) == 204
    assert Blocked.objects.count() == 1


def test_their_number_has_limits(node: Node) -> None:
    for number in range(MOST_ROWS + 5):
        cache.clear()
        assert note_blocked(report(**{"blocked-uri": f"https://n{number}.example/"}))
    assert Blocked.objects.count() == MOST_ROWS
    assert not Blocked.objects.filter(what="https://n0.example").exists()
    cache.clear()
    taken = [note_blocked(report()) for _ in range(MOST_A_MINUTE + 3)]
    assert taken.count(True) == MOST_A_MINUTE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"csp-report": {}}',
        report(**{"effective-directive": "<b>"}),
        report() + b" " * 20_000,
    ],
)
def test_what_is_no_report_leaves_nothing(node: Node, body: bytes) -> None:
    assert send(body) == 204
    assert not Blocked.objects.exists()


@pytest.mark.parametrize(
    ("field", "said", "kept"),
    [
        ("blocked-uri", "https://[broken", ""),
        ("blocked-uri", "data:text/html,Santos", "data"),
        ("blocked-uri", "trusted-types-sink", "trusted-types-sink"),
        ("document-uri", "https://clinic.local/nowhere/", ""),
        ("document-uri", "about:blank", ""),
        ("source-file", "https://clinic.local/patients/Santos", ""),
        ("source-file", "chrome-extension", ""),
    ],
)
def test_only_what_is_ours_is_named(node: Node, field: str, said: str, kept: str) -> None:
    assert note_blocked(report(**{field: said}))
    name = {"blocked-uri": "what", "document-uri": "page", "source-file": "script"}[field]
    assert getattr(Blocked.objects.get(), name) == kept
