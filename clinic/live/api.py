"""The live feed for programs: `GET board/live/`.

Lives here: the day board as server-sent events. The first event holds every station, later ones those that
changed; `Last-Event-ID` resumes. Not here: the board once (`clinic/board/api.py`), the feed of pages
(`views.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http.response import HttpResponseBase
from django.utils.translation import override
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from clinic.board.api import BoardQuerySerializer, BoardSerializer, board_shape
from clinic.board.shown import Picture
from clinic.live.admission import key_of, listening, topic_for, wish_in
from clinic.live.frames import Wish, known_digests
from clinic.live.views import let_thread_go, streamed
from clinic.visits.api import place_named, said_in
from clinic.visits.policy import Station
from sync.commanding import as_json_text

PARTS = tuple(f"station:{station.value}" for station in Station)


class BoardLive(APIView):
    """`board/live/`."""

    @extend_schema(
        operation_id="board_live",
        parameters=[BoardQuerySerializer],
        responses={(200, "text/event-stream"): BoardSerializer},
    )
    def get(self, request: Request) -> HttpResponseBase:
        asked = BoardQuerySerializer(data=request.query_params.dict())
        facility = place_named(request, said_in(asked).get("facility"))
        topic = topic_for(request._request, facility, PARTS)
        plain = wish_in(request._request, stations_of)
        have = known_digests(request.headers.get("Last-Event-ID", ""), PARTS)
        wish = Wish(PARTS, plain.language, have, stations_of)
        token = request.auth if isinstance(request.auth, bytes) else None
        key = key_of(request._request, listening(request), token)
        answer = streamed(topic, key, wish)
        let_thread_go()
        return answer


def stations_of(picture: Picture, parts: Sequence[str], language: str) -> str:
    """The stations that changed, as `GET board/` tells them."""
    wanted = {part.partition(":")[2] for part in parts}
    with override(language):
        told: dict[str, Any] = dict(board_shape([one for one in picture.queues if one.id in wanted]))
        return as_json_text(told)
