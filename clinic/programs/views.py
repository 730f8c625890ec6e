"""Pages for whoever designs programs, at central.

Lives here: `rules`, which lists for each program what of its rules is off, and why. Not here: compiling
(`rules.py`). Read next: `templates/programs/rules.html`.
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.programs.selectors import current_versions, rule_book_of
from clinic.programs.wording import fault_words
from registry.answers import answering
from registry.staff.policy import check_see_central
from registry.staff.selectors import authority_in


@require_safe
@login_required
def rules(request: HttpRequest) -> HttpResponse:
    """Every program's newest version: how many rules work, and which are off."""
    with answering():
        check_see_central(authority_in(request))
    told = []
    for version in current_versions():
        book = rule_book_of(version.pk)
        told.append(
            {
                "name": version.program.name,
                "number": version.number,
                "working": len(book.rules),
                "off": [
                    {"id": fault.rule, "name": fault.name, "reason": fault_words(fault)}
                    for fault in book.faults
                ],
            }
        )
    return render(request, "programs/rules.html", {"programs": told})
