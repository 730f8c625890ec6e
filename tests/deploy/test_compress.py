"""Words travel compressed, live words at once, and what nodes sign stays as it was signed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Final

import pytest
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from deploy.middleware import Compress

ASKS: Final = {"accept-encoding": "gzip"}
LONG: Final = "The patient goes home. " * 40


def _through(response: HttpResponse | StreamingHttpResponse, path: str = "/queue/") -> str:
    request = RequestFactory().get(path, headers=ASKS)
    answer = Compress(lambda _request: response).process_response(request, response)
    return str(answer.headers.get("Content-Encoding", ""))


@pytest.mark.django_db
def test_a_page_is_told_compressed_to_who_can_read_it(client: Client) -> None:
    address = reverse("account_login")
    packed, plain = client.get(address, headers=ASKS, secure=True), client.get(address, secure=True)
    assert packed["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert b"</html>" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 2
    assert "Accept-Encoding" in plain["Vary"]


@pytest.mark.django_db
@pytest.mark.parametrize("file", ["css/base.css", "js/live.js", "django_htmx/htmx-2.min.js"])
def test_static_files_too(client: Client, file: str) -> None:
    answer = client.get(f"/static/{file}", headers=ASKS, secure=True)
    assert answer["Content-Encoding"] == "gzip"
    told = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    plain = client.get(f"/static/{file}", secure=True)
    assert gzip.decompress(told) == b"".join(plain.streaming_content)  # type: ignore[attr-defined]


def test_words_are_compressed_and_nothing_else() -> None:
    assert _through(HttpResponse(LONG)) == "gzip"
    assert _through(JsonResponse({"text": LONG})) == "gzip"
    assert _through(HttpResponse(LONG, content_type="image/webp")) == ""
    assert _through(HttpResponse("short")) == ""
    assert _through(HttpResponse(LONG, status=206)) == ""


def test_live_words_do_not_wait_for_the_next_ones() -> None:
    def words() -> Iterator[bytes]:
        yield LONG.encode()

    assert _through(StreamingHttpResponse(words(), content_type="text/event-stream")) == ""


def test_what_nodes_tell_each_other_stays_as_it_was_signed() -> None:
    problem = JsonResponse({"title": LONG}, content_type="application/problem+json")
    assert _through(problem, "/sync/v1/hello") == ""
    assert _through(problem, "/api/v1/visits/") == "gzip"
