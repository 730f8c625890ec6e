"""Sync for programs: the status, a run now, and its progress as server-sent events.

Lives here: the calls under `sync/`. Not here: the numbers (`sync/status.py`), review
(`sync/review/api.py`), what nodes say to each other (`sync/node_views.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sync.asking import door
from sync.commanding import as_json_text
from sync.problems import Problem
from sync.progress import run_shown
from sync.run import lease_holder
from sync.status import status
from sync.tasks import ask_for_run, may_sync

EVERY_S: Final = 1.0
BEATS: Final = 600  # then the reader's own reconnection begins anew


class SyncStatus(APIView):
    """`sync/`."""

    @extend_schema(operation_id="sync_status", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        door().check(request._request, "see")
        return Response(status())


class SyncNow(APIView):
    """`sync/now/`."""

    @extend_schema(operation_id="sync_now", request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        door().check(request._request, "sync")
        if not may_sync():
            raise Problem("not-joined", _("This laptop has not joined a central server yet."), status=409)
        running = lease_holder() is not None
        if not running:
            ask_for_run("api")
        return Response({"started": not running, "live": "/api/v1/sync/live/"}, status=202)


class SyncLive(APIView):
    """`sync/live/`."""

    @extend_schema(operation_id="sync_live", responses={(200, "text/event-stream"): str})
    def get(self, request: Request) -> HttpResponseBase:
        door().check(request._request, "see")
        answer = StreamingHttpResponse(events(), content_type="text/event-stream")
        answer["X-Accel-Buffering"] = "no"
        return answer


async def events(beats: int = BEATS, every: float = EVERY_S) -> AsyncIterator[bytes]:
    """What a reader needs to see, whenever it has changed; a comment otherwise, so that a dead reader is
    noticed.
    """
    before = ""
    for _beat in range(beats):
        told = await sync_to_async(_told)()
        yield (f"event: sync\ndata: {told}\n\n" if told != before else ": \n\n").encode()
        before = told
        await asyncio.sleep(every)


def _told() -> str:
    run = run_shown()
    told: dict[str, Any] = {"status": status(), "run": None if run is None else asdict(run)}
    return as_json_text(told)
