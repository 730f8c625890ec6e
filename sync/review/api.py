"""Review for programs: `conflicts/` and `quarantine/`.

Lives here: the calls and the shapes of their bodies. A repeated save id is looked up before what it settled,
which is gone by then. Not here: what is shown (`selectors.py`, `aside.py`), what a decision does
(`services.py`).
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sync.asking import door, save_id_of
from sync.ledger.models import Answer
from sync.ledger.repeats import told_before
from sync.review.aside import asides_shown
from sync.review.models import Aside, Conflict
from sync.review.selectors import conflict_shown, conflicts_shown
from sync.review.services import LONGEST_NOTE, RELEASED, about, choice_of, reject, release, resolve
from sync.review.views import visible, visible_asides

LIST = {200: {"type": "array", "items": {"type": "object", "additionalProperties": {}}}}


class ResolveSerializer(serializers.Serializer[Any]):
    """`choose`: {"version": …} names one of the values, {"value": …} writes another; a bare one may be
    either.
    """

    choose = serializers.JSONField()
    note = serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True, default="")
    version = serializers.CharField(
        required=False, help_text="The record's version that the person looked at."
    )


class ResolvedSerializer(serializers.Serializer[Any]):
    """What became of a decision."""

    outcome = serializers.ChoiceField(choices=["applied", "merged", "conflicted"])
    conflict = serializers.JSONField(
        allow_null=True, help_text="What is still open, where the outcome is conflicted."
    )


class RejectSerializer(serializers.Serializer[Any]):
    """Why a save is not to be used. Only work after its author's end may be rejected without a word."""

    note = serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True, default="")


class ReleaseSerializer(serializers.Serializer[Any]):
    """What to keep with the decision on work after its author's end; otherwise nothing is kept."""

    note = serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True, default="")


class ReleasedSerializer(serializers.Serializer[Any]):
    """Whether a save went on."""

    released = serializers.BooleanField()
    code = serializers.CharField(help_text="Why it is still set aside.", allow_blank=True)
    sentence = serializers.CharField(allow_blank=True)


class Conflicts(APIView):
    """`conflicts/`."""

    @extend_schema(operation_id="list_conflicts", responses=LIST)
    def get(self, request: Request) -> Response:
        door().check(request._request, "see")
        rows = list(Conflict.objects.order_by("since", "pk"))
        may_see, _people = visible(request._request, {one.pk: one.scope for one in rows})
        return Response([one.plain() for one in conflicts_shown(one for one in rows if one.pk in may_see)])


class ResolveConflict(APIView):
    """`conflicts/{id}/resolve/`."""

    @extend_schema(operation_id="resolve_conflict", request=ResolveSerializer, responses=ResolvedSerializer)
    def post(self, request: Request, conflict_id: int) -> Response:
        door().check(request._request, "resolve")
        said = ResolveSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        told = _told(request, "resolve", conflict_id)
        row = _visible_conflict(request, conflict_id)
        if told is not None:
            outcome = told.word
        elif row is None:
            raise NotFound
        else:
            outcome = resolve(
                by=door().author(request._request),
                conflict=row,
                choose=choice_of(said.validated_data["choose"]),
                note=said.validated_data["note"],
                seen=said.validated_data.get("version"),
                save_id=save_id_of(request._request),
            )
            row = _visible_conflict(request, conflict_id)
        left = None if row is None else conflict_shown(row)
        return Response({"outcome": outcome, "conflict": None if left is None else left.plain()})


def _told(request: Request, act: str, item: int) -> Answer | None:
    """What the same decision of the same person was answered before."""
    by = door().author(request._request).staff_id
    return told_before(save_id_of(request._request), about(act, item), by)


def _visible_conflict(request: Request, conflict_id: int) -> Conflict | None:
    row = Conflict.objects.filter(pk=conflict_id).first()
    return row if row is not None and row.pk in visible(request._request, {row.pk: row.scope})[0] else None


class Quarantine(APIView):
    """`quarantine/`: saves set aside and held."""

    @extend_schema(operation_id="list_quarantine", responses=LIST)
    def get(self, request: Request) -> Response:
        door().check(request._request, "see")
        rows = list(Aside.objects.order_by("since", "pk"))
        may_see, _people = visible_asides(request._request, rows)
        return Response([one.plain() for one in asides_shown(one for one in rows if one.pk in may_see)])


def _visible_aside(request: Request, aside_id: int) -> Aside:
    aside = Aside.objects.filter(pk=aside_id).first()
    if aside is None or aside.pk not in visible_asides(request._request, [aside])[0]:
        raise NotFound
    return aside


class ReleaseAside(APIView):
    """`quarantine/{id}/release/`."""

    @extend_schema(operation_id="release_save", request=ReleaseSerializer, responses=ReleasedSerializer)
    def post(self, request: Request, aside_id: int) -> Response:
        door().check(request._request, "resolve")
        said = ReleaseSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        told = _told(request, "release", aside_id)
        if told is not None:
            released = told.word == RELEASED
            return Response({"released": released, "code": told.code, "sentence": told.sentence})
        aside = _visible_aside(request, aside_id)
        released = release(
            by=door().author(request._request),
            aside=aside,
            note=said.validated_data["note"],
            save_id=save_id_of(request._request),
        )
        left = Aside.objects.filter(pk=aside.pk).first()
        why = {"code": left.code, "sentence": left.sentence} if left else {"code": "", "sentence": ""}
        return Response({"released": released, **why})


class RejectAside(APIView):
    """`quarantine/{id}/reject/`."""

    @extend_schema(operation_id="reject_save", request=RejectSerializer, responses={204: None})
    def post(self, request: Request, aside_id: int) -> Response:
        door().check(request._request, "resolve")
        said = RejectSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        if _told(request, "reject", aside_id) is None:
            reject(
                by=door().author(request._request),
                aside=_visible_aside(request, aside_id),
                note=said.validated_data["note"],
                save_id=save_id_of(request._request),
            )
        return Response(status=204)
