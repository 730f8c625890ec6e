"""Pages of reports, their files, and a person's measurements.

Lives here: the requests. Not here: what they print (`shapes.py`, `patient.py`), the files (`files.py`).
Read next: `tests/clinic/reports/test_pages.py`.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from clinic.reports.asked import Asked, asked_anyway, asked_in
from clinic.reports.files import file_name, register_rows, sent, table_rows
from clinic.reports.patient import charts_of
from clinic.reports.register import every_line, register
from clinic.reports.shapes import REPORTS, frame
from clinic.visits.shapes import alerts_of
from registry.people.opening import listed
from registry.people.selectors import person
from registry.people.views import shown_patient
from registry.staff.selectors import authority_in


def _asked(request: HttpRequest) -> Asked:
    """What the address asks about. Days that make no sense are said, and today is shown instead."""
    asked, wrong = asked_anyway(request.GET, authority_in(request))
    if wrong:
        messages.warning(request, _("%(wrong)s You see today.") % {"wrong": wrong})
    return asked


@require_safe
@login_required
def daily_register(request: HttpRequest) -> HttpResponse:
    """The register, a page at a time."""
    who, asked = authority_in(request), _asked(request)
    try:
        number = int(request.GET.get("page", "1"))
    except ValueError:
        number = 1
    context = frame("register", asked, who) | {"page": register(asked, who, number)}
    return render(request, "reports/register.html", context)


@require_safe
@login_required
def report(request: HttpRequest, which: str) -> HttpResponse:
    """One of the other reports: charts to look at, tables to copy."""
    make = REPORTS.get(which)
    if make is None:
        raise Http404
    asked = _asked(request)
    tables, charts, more = make(asked, False)
    context = frame(which, asked, authority_in(request)) | more
    return render(request, "reports/report.html", context | {"tables": tables, "charts": charts})


@require_safe
@login_required
def report_file(request: HttpRequest, which: str) -> StreamingHttpResponse:
    """The same as a file."""
    who = authority_in(request)
    asked = asked_in(request.GET, who)
    if which == "register":
        listed(request, file_name(which, asked))
        return sent(register_rows(every_line(asked, who)), file_name(which, asked))
    make = REPORTS.get(which)
    if make is None:
        raise Http404
    tables = make(asked, True)[0]
    return sent(table_rows(tables), file_name(which, asked))


@require_safe
@login_required
def measurements(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Everything that was measured of one person, one thing at a time."""
    patient = shown_patient(request, patient_id)
    context = {
        "person": person(patient),
        "alerts": alerts_of(patient),
        "charts": charts_of(patient, request.GET.get("of", "")),
    }
    return render(request, "reports/measurements.html", context)
