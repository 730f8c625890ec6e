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
PERSON_PREFIX: Final = "values"
"""What the names of questions about the person begin with, on the page of an enrollment."""


@require_safe
@login_required
def options(request: HttpRequest, version_id: UUID, key: str) -> HttpResponse:
    """The first answers that begin with, or have in them, every word that was typed."""
    try:
        program = definition_of(version_id)
    except ProgramVersion.DoesNotExist:
        raise Http404 from None
    attribute = program.attribute(key) if "person" in request.GET else None
    element = attribute.element if attribute else program.element(key)
    if element is None:
        raise Http404
    typed = request.GET.get(key) or request.GET.get(f"{PERSON_PREFIX}-{key}") or ""
    labels = matching(element.options, typed[:200], get_language(), most=MOST)
    return render(request, "forms/_options.html", {"labels": labels})
