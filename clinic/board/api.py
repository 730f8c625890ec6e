"""The day board for programs.

Lives here: `GET board/`, every station of a facility with its queue. Not here: moving patients
(`clinic/visits/api.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.board.queues import StationQueue, board
from clinic.visits.api import place_named, said_in, who_asks
from clinic.visits.policy import Priority, VisitState
from clinic.visits.selectors import Entry
from clinic.visits.serializers import FACILITY_HELP
from registry.answers import answering
from registry.people.serializers import WriterSerializer
from registry.staff.policy import check_see_patients
from sync.node import current_node


class BoardPersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    age_text = serializers.CharField()
    sex_text = serializers.CharField()
    number = serializers.CharField(allow_null=True)
    provisional_code = serializers.CharField(allow_null=True)


class BoardEntrySerializer(serializers.Serializer[Any]):
    """One patient in a queue."""

    visit = serializers.UUIDField()
    patient = BoardPersonSerializer()
    category = serializers.CharField()
    state = serializers.ChoiceField(choices=[VisitState.WAITING.value, VisitState.WITH_SOMEONE.value])
    arrived_at = serializers.DateTimeField()
    waiting_seconds = serializers.IntegerField(min_value=0)
    claimed_by = WriterSerializer(allow_null=True)
    waits_for = WriterSerializer(allow_null=True, help_text="The colleague they were handed over to.")
    priority = serializers.ChoiceField(choices=[one.value for one in Priority])
    skips = serializers.IntegerField(help_text="How often they were called and not there.")


class BoardStationSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    waiting = serializers.IntegerField()
    queue = BoardEntrySerializer(many=True)


class BoardQuerySerializer(serializers.Serializer[Any]):
    facility = serializers.CharField(max_length=60, required=False, help_text=FACILITY_HELP)


class BoardSerializer(serializers.Serializer[Any]):
    """A facility's stations in the order of the day, each queue longest wait first."""

    facility = serializers.UUIDField()
    at = serializers.DateTimeField()
    stations = BoardStationSerializer(many=True)


class Board(APIView):
    """`board/`."""

    @extend_schema(
        operation_id="board",
        parameters=[BoardQuerySerializer],
        responses=BoardSerializer,
    )
    def get(self, request: Request) -> Response:
        asked = BoardQuerySerializer(data=request.query_params.dict())
        facility = place_named(request, said_in(asked).get("facility"))
        with answering():
            check_see_patients(who_asks(request), [facility.pk])
        answer = {"facility": facility.pk, "at": current_node().now()} | board_shape(board(facility))
        return Response(BoardSerializer(answer).data)


def board_shape(queues: Iterable[StationQueue]) -> dict[str, Any]:
    """Stations as the API tells them."""
    stations = [_station(one) for one in queues]
    return {"stations": BoardStationSerializer(stations, many=True).data}


def _station(one: StationQueue) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "waiting": one.waiting, "queue": [_entry(e) for e in one.entries]}


def _entry(entry: Entry) -> dict[str, Any]:
    now = entry.standing
    waited = current_node().now() - now.arrived_at
    return {
        "visit": entry.visit.pk,
        "patient": entry.person,
        "category": entry.visit.category,
        "state": now.state.value,
        "arrived_at": now.arrived_at,
        "waiting_seconds": max(int(waited.total_seconds()), 0),
        "claimed_by": {"id": now.claimed_by, "name": entry.claimed_by or ""} if now.claimed_by else None,
        "waits_for": {"id": now.waits_for, "name": entry.name_of(now.waits_for)} if now.waits_for else None,
        "priority": now.priority,
        "skips": now.skips,
    }
