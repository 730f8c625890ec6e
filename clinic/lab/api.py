"""The laboratory for programs.

Lives here: the calls under `lab/`. A write takes `Idempotency-Key` (the save id). Not here: shapes
(`serializers.py`), rules (`policy.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.lab import serializers as shapes
from clinic.lab.models import LabResult
from clinic.lab.policy import check_order, check_report, check_see_bench
from clinic.lab.selectors import ToldOrder, bench, order_of
from clinic.lab.selectors import told as told_of
from clinic.lab.services import acknowledge, cancel_order, correct_result, order_tests, report_result
from clinic.visits.api import place_named, said_in, unknown, who_asks, writer
from clinic.visits.models import Visit
from registry.answers import answering
from registry.people.api import KEY_HEADER, save_id_of, visible_patient
from registry.people.opening import opened
from registry.staff.selectors import author_of
from sync.problems import Problem


def order_answer(told: ToldOrder) -> dict[str, Any]:
    """An order as the API tells it."""
    order = told.order
    return {
        "id": order.pk,
        "patient": order.patient_id,
        "visit": order.visit_id,
        "facility": order.facility_id,
        "test": order.test.code,
        "name": told.name,
        "state": told.state.value,
        "urgent": order.urgent,
        "note": order.note,
        "ordered_at": order.ordered_at,
        "ordered_by": writer(order.made_by) if order.made_by else None,
        "results": [
            {
                "id": result.row.pk,
                "value": result.row.value,
                "text": result.text,
                "unit": result.unit,
                "flag": result.flag,
                "reference": result.row.reference,
                "comment": result.row.comment,
                "reported_at": result.row.reported_at,
                "version": result.row.version,
            }
            for result in told.results
        ],
    }


def _shown(request: Request, order_id: UUID) -> ToldOrder:
    told = order_of(order_id)
    if told is None:
        raise Problem("not-found", _("There is no such record here."), status=404)
    visible_patient(request, told.order.patient_id)
    return told


class Orders(APIView):
    """`lab/orders/`."""

    @extend_schema(operation_id="lab_bench", responses=shapes.LabOrderSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What waits in the laboratory where the person works."""
        facility = place_named(request, None)
        with answering():
            check_see_bench(who_asks(request), [facility.pk])
        waiting = [order_answer(told) for told in bench(facility)]
        return Response(shapes.LabOrderSerializer(waiting, many=True).data)

    @extend_schema(
        operation_id="order_tests",
        parameters=[KEY_HEADER],
        request=shapes.OrderTestsSerializer,
        responses={201: shapes.LabOrderSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        said = said_in(shapes.OrderTestsSerializer(data=request.data))
        facility = place_named(request, said.get("facility"))
        with answering():
            check_order(who_asks(request), [facility.pk])
        patient = opened(request._request, said["patient"])
        if patient is None:
            raise unknown("patient")
        visit = None
        if said.get("visit") is not None:
            visit = Visit.objects.living().filter(pk=said["visit"], patient=patient).first()
            if visit is None:
                raise unknown("visit")
        made = order_tests(
            by=author_of(request._request),
            patient=patient,
            facility=facility,
            tests=said["tests"],
            visit=visit,
            urgent=said.get("urgent", False),
            note=said.get("note", ""),
            save_id=save_id_of(request),
        )
        answer = [order_answer(told) for told in told_of(made)]
        return Response(shapes.LabOrderSerializer(answer, many=True).data, status=201)


class Step(APIView):
    """`lab/orders/{id}/cancel/` and `…/seen/`."""

    deed = ""

    @extend_schema(parameters=[KEY_HEADER], request=None, responses=shapes.LabOrderSerializer)
    def post(self, request: Request, order_id: UUID) -> Response:
        told = _shown(request, order_id)
        do = cancel_order if self.deed == "cancel" else acknowledge
        do(by=author_of(request._request), order=told.order, save_id=save_id_of(request))
        return Response(shapes.LabOrderSerializer(order_answer(_shown(request, order_id))).data)


class Result(APIView):
    """`lab/orders/{id}/result/`."""

    @extend_schema(
        operation_id="report_result",
        parameters=[KEY_HEADER],
        request=shapes.ReportSerializer,
        responses={201: shapes.LabOrderSerializer},
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        told = _shown(request, order_id)
        with answering():
            check_report(who_asks(request), [told.order.facility_id])
        said = said_in(shapes.ReportSerializer(data=request.data))
        report_result(
            by=author_of(request._request),
            order=told.order,
            value=said["value"],
            comment=said.get("comment", ""),
            save_id=save_id_of(request),
        )
        return Response(shapes.LabOrderSerializer(order_answer(_shown(request, order_id))).data, status=201)


class OneResult(APIView):
    """`lab/results/{id}/`."""

    @extend_schema(
        operation_id="correct_result",
        parameters=[KEY_HEADER],
        request=shapes.CorrectResultSerializer,
        responses=shapes.CorrectedResultSerializer,
    )
    def patch(self, request: Request, result_id: UUID) -> Response:
        row: LabResult | None = LabResult.objects.living().filter(pk=result_id).first()
        if row is None:
            raise Problem("not-found", _("There is no such record here."), status=404)
        _shown(request, row.order_id)
        said = said_in(shapes.CorrectResultSerializer(data=request.data))
        outcome = correct_result(
            by=author_of(request._request),
            result=row,
            value=said["value"],
            comment=said.get("comment", row.comment),
            seen=said["version"],
            save_id=save_id_of(request),
        )
        answer = order_answer(_shown(request, row.order_id)) | {"outcome": outcome}
        return Response(shapes.CorrectedResultSerializer(answer).data)
