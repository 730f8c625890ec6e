"""A long list of answers, searched on the laptop.

Lives here: `options`, the few answers of a question that a text may mean. A list of 1,200 on every page would
be a slow page. Not here: the control (`controls.py::SearchControl`).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from clinic.forms.controls import matching
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of

MOST: Final = 30


@require_safe
@login_required
def options(request: HttpRequest, version_id: UUID, key: str) -> HttpResponse:
    """The first answers that begin with, or have in them, every word that was typed."""
    try:
        element = definition_of(version_id).element(key)
    except ProgramVersion.DoesNotExist:
        element = None
    if element is None:
        raise Http404
    labels = matching(element.options, request.GET.get(key, "")[:200], get_language(), most=MOST)
    return render(request, "forms/_options.html", {"labels": labels})
