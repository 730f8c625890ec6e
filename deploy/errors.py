"""What is answered where no view did: pages to people, problem documents to programs.

Lives here: Django's handlers, named in `deploy/urls.py`. Not here: refusals (`sync/problems.py`,
`deploy/middleware.py`).
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults

from deploy.middleware import FOR_PROGRAMS
from sync.problems import PROBLEM_JSON, Problem


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django itself could not read."""
    if not _asked_by_program(request):
        return defaults.bad_request(request, exception)
    return _told(Problem("bad-request", _("This request cannot be read."), status=400))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No pattern fits the address."""
    if not _asked_by_program(request):
        return defaults.page_not_found(request, exception)
    return _told(Problem("not-found", _("There is no such address here."), status=404))


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours."""
    if not _asked_by_program(request):
        return defaults.server_error(request)
    return _told(Problem("fault", _("This did not work. What was saved before is safe."), status=500))


def _asked_by_program(request: HttpRequest) -> bool:
    return request.path.startswith(FOR_PROGRAMS)


def _told(problem: Problem) -> HttpResponse:
    return JsonResponse(problem.document(), status=problem.status, content_type=PROBLEM_JSON)
