"""The stock for programs.

Lives here: the calls under `stock/`. A write takes `Idempotency-Key` (the save id). Not here: handing out
(`api.py`), shapes (`serializers.py`), what is written (`stockkeeping.py`).
Read next: `tests/clinic/pharmacy/test_api.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.pharmacy import policy
from clinic.pharmacy import serializers as shapes
from clinic.pharmacy.api import medicine_named
from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.models import StockMovement
from clinic.pharmacy.policy import clean_lot_number
from clinic.pharmacy.stock import SHOWN, Held, movements_of, stock_of
from clinic.pharmacy.stockkeeping import Counted, adjust, count, receive
from clinic.visits.api import place_named, said_in, unknown, who_asks, writer
from registry.answers import answering
from registry.people.api import KEY_HEADER, save_id_of
from registry.places.models import Facility
from registry.places.selectors import facility_named
from registry.staff.selectors import author_of


def held_shape(held: Held) -> dict[str, Any]:
    """One medicine at a place as the API tells it."""
    return {
        "medicine": held.medicine,
        "balance": held.total,
        "usable": held.usable,
        "low": held.is_low,
        "needs_count": held.needs_count,
        "expires_soon": held.expires_soon,
        "lots": [
            {
                "lot_number": lot.name.number,
                "expires_on": lot.name.expires_on,
                "balance": lot.balance,
                "expired": lot.has_expired(held.on),
                "expires_soon": lot.expires_soon(held.on),
            }
            for lot in held.lots
        ],
    }


def movement_shape(row: StockMovement) -> dict[str, Any]:
    """A movement as the API tells it."""
    return {
        "id": row.pk,
        "facility": row.facility_id,
        "medicine": row.medicine_id,
        "lot_number": row.lot_number,
        "expires_on": row.expires_on,
        "kind": row.kind,
        "quantity": row.quantity,
        "counted": row.counted,
        "reason": row.reason,
        "note": row.note,
        "counterpart": row.counterpart_id,
        "at": row.at,
        "by": writer(row.by),
    }


def _told(rows: Sequence[StockMovement], status: int = 200) -> Response:
    answer = shapes.MovementSerializer([movement_shape(row) for row in rows], many=True)
    return Response(answer.data, status=status)


def _place(text: str | None, field: str) -> Facility | None:
    if not text:
        return None
    found = facility_named(text)
    if found is None:
        raise unknown(field)
    return found


def _lot(said: dict[str, Any]) -> LotName:
    with answering():
        number = clean_lot_number(said.pop("lot_number", ""))
    return LotName(number, said.pop("expires_on", None))


class Stock(APIView):
    """`stock/`."""

    @extend_schema(
        operation_id="stock", parameters=[shapes.StockQuerySerializer], responses=shapes.StockSerializer
    )
    def get(self, request: Request) -> Response:
        asked = said_in(shapes.StockQuerySerializer(data=request.query_params.dict()))
        facility = place_named(request, asked.get("facility"))
        with answering():
            policy.check_see_stock(who_asks(request), [facility.pk])
        keep = SHOWN.get(asked.get("only", ""))
        found = stock_of(facility, asked.get("q", ""))
        rows = [held_shape(held) for held in found if keep is None or keep(held)]
        return Response(shapes.StockSerializer({"facility": facility.pk, "stock": rows}).data)


class Receipts(APIView):
    """`stock/receipts/`."""

    @extend_schema(
        operation_id="receive_stock",
        parameters=[KEY_HEADER],
        request=shapes.ReceiptSerializer,
        responses={201: shapes.MovementSerializer},
    )
    def post(self, request: Request) -> Response:
        said = said_in(shapes.ReceiptSerializer(data=request.data))
        made = receive(
            by=author_of(request._request),
            facility=place_named(request, said.pop("facility", None)),
            medicine=medicine_named(said.pop("medicine")),
            origin=_place(said.pop("origin", None), "origin"),
            save_id=save_id_of(request),
            **said,
        )
        return Response(shapes.MovementSerializer(movement_shape(made)).data, status=201)


class Adjustments(APIView):
    """`stock/adjustments/`."""

    @extend_schema(
        operation_id="adjust_stock",
        parameters=[KEY_HEADER],
        request=shapes.AdjustmentSerializer,
        responses={201: shapes.MovementSerializer},
    )
    def post(self, request: Request) -> Response:
        said = said_in(shapes.AdjustmentSerializer(data=request.data))
        made = adjust(
            by=author_of(request._request),
            facility=place_named(request, said.pop("facility", None)),
            medicine=medicine_named(said.pop("medicine")),
            to=_place(said.pop("to", None), "to"),
            lot=_lot(said),
            save_id=save_id_of(request),
            **said,
        )
        return Response(shapes.MovementSerializer(movement_shape(made)).data, status=201)


class Counts(APIView):
    """`stock/counts/`."""

    @extend_schema(
        operation_id="count_stock",
        parameters=[KEY_HEADER],
        request=shapes.CountSerializer,
        responses={201: shapes.MovementSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        """Write what is on the shelf. A lot that moved since `shown` is refused with 409 `stock-moved`."""
        said = said_in(shapes.CountSerializer(data=request.data))
        counted = [
            Counted(
                medicine_named(one["medicine"], f"counts.{place}.medicine"),
                _lot(one),
                one["counted"],
                one.get("shown"),
            )
            for place, one in enumerate(said["counts"])
        ]
        made = count(
            by=author_of(request._request),
            facility=place_named(request, said.get("facility")),
            counted=counted,
            save_id=save_id_of(request),
        )
        return _told(made, 201)


class Movements(APIView):
    """`stock/movements/`."""

    @extend_schema(
        operation_id="stock_movements",
        parameters=[shapes.MovementQuerySerializer],
        responses=shapes.MovementSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        asked = said_in(shapes.MovementQuerySerializer(data=request.query_params.dict()))
        facility = place_named(request, asked.get("facility"))
        with answering():
            policy.check_see_stock(who_asks(request), [facility.pk])
        return _told(movements_of(facility, medicine_named(asked["medicine"])))
