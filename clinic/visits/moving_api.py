"""A visit's way through the stations, for programs.

Lives here: the calls `visits/{id}/send|claim|release|skip|leave|return|priority|close/`. Each adds one step
and takes `Idempotency-Key`; a claim that comes too late is refused with `already-claimed` and says by whom.
Not here: visits themselves and what is recorded on them (`api.py`), the steps (`moving.py`).
Read next: `tests/clinic/visits/test_moving.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinic.visits import moving
from clinic.visits import serializers as shapes
from clinic.visits.api import said_in, visible_row, visit_shape
from clinic.visits.models import Visit
from clinic.visits.policy import Standing
from registry.people.api import KEY_HEADER, save_id_of
from registry.staff.selectors import author_of

Step = Callable[..., Standing]


def _move(name: str, step: Step, body: type[shapes.StepSerializer] = shapes.StepSerializer) -> type[APIView]:
    """A call that adds one kind of step; what the service needs besides is in the body."""

    class Move(APIView):
        @extend_schema(
            operation_id=f"{name}_visit",
            description=step.__doc__,
            parameters=[KEY_HEADER],
            request=body,
            responses=shapes.VisitSerializer,
        )
        def post(self, request: Request, visit_id: UUID) -> Response:
            visit, said = visible_row(request, Visit, visit_id), said_in(body(data=request.data))
            said.pop("version", None)  # a step is added and contradicts none
            now = step(by=author_of(request._request), visit=visit, save_id=save_id_of(request), **said)
            return Response(shapes.VisitSerializer(visit_shape(visit, now)).data)

    return Move


SendVisit = _move("send", moving.send_visit, shapes.SendSerializer)
ClaimVisit = _move("claim", moving.claim_visit)
ReleaseVisit = _move("release", moving.release_visit, shapes.ReleaseVisitSerializer)
SkipVisit = _move("skip", moving.skip_visit)
LeaveVisit = _move("leave", moving.leave_visit)
ReturnVisit = _move("return", moving.return_visit)
PrioritiseVisit = _move("prioritise", moving.prioritise_visit, shapes.PrioritySerializer)
CloseVisit = _move("close", moving.close_visit)
