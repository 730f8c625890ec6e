"""The live feed of pages: `board/live/`.

Lives here: the call. Its address ends in `/live/`, so it comes through ASGI (`deploy/asgi.py`): rights are
asked in a thread, and from then on the stream costs a place in the hub and no thread. Not here: the same for
programs (`api.py`), what it says (`frames.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from clinic.board.shown import asked_for
from clinic.live.admission import hub, key_of, listening, topic_for, wish_in
from clinic.live.frames import Wish, frames, html_of
from clinic.live.hub import HubFull
from clinic.visits.live_parts import may_hear
from clinic.visits.selectors import facility_of
from registry.places.models import Facility
from registry.staff.policy import Authority
from registry.staff.selectors import authority_in


@require_safe
def board_live(request: HttpRequest) -> HttpResponseBase:
    """Everything that changes on the pages of one tablet. Nobody is sent to the log-in page here: the page
    that listens says so itself.
    """
    account = listening(request)
    if account is None:
        return HttpResponse(status=401)
    who = authority_in(request)
    facility = facility_of(who)
    wish = _heard_by(who, facility, wish_in(request, html_of))
    if not wish.parts:
        return HttpResponse(status=400)
    topic = topic_for(request, facility, wish.parts)
    answer = streamed(topic, key_of(request, account), wish)
    let_thread_go()
    return answer


def _heard_by(who: Authority, facility: Facility | None, wish: Wish) -> Wish:
    """Without the parts that whoever asks may not be told of."""
    kept = [
        (part, had) for part, had in zip(wish.parts, wish.have, strict=True) if may_hear(who, facility, part)
    ]
    return replace(wish, parts=tuple(part for part, _had in kept), have=tuple(had for _part, had in kept))


def streamed(topic: UUID | None, key: tuple[str, str, str], wish: Wish) -> StreamingHttpResponse:
    """The stream; it joins the hub when the server begins to send it."""
    answer = StreamingHttpResponse(_stream(topic, key, wish), content_type="text/event-stream")
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _stream(topic: UUID | None, key: tuple[str, str, str], wish: Wish) -> AsyncIterator[bytes]:
    feed = hub()
    try:
        listener = feed.join(topic, key, asked_for(wish.parts))
    except HubFull:
        yield b"retry: 10000\n\nevent: closed\ndata: full\n\n"
        return
    async for frame in frames(feed, listener, wish):
        yield frame


def let_thread_go() -> None:
    """The thread that answered ends with this request; its database connection must not outlive it."""
    if not connection.in_atomic_block:
        connection.close()
