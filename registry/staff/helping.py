"""How the office helps somebody who cannot get in: a code by telephone, and a lost telephone.

Lives here: the two deeds of a colleague's page at central, and the page that shows a code. Whoever asks is
known by their voice or called back; no page can do that. Not here: what a code is (`breakglass.py`), the
colleague's page (`office.py`).
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from registry.staff.breakglass import in_groups, make_code, nodes_of
from registry.staff.office import changer, colleague, member_named, member_page
from registry.staff.office_forms import QuestionForm, add_problem
from registry.staff.selectors import author_of
from registry.staff.services import forget_second_step
from sync.asking import save_id_of
from sync.problems import Problem


@require_POST
@login_required
def telephone_code(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """The code that answers what somebody reads from their log-in page."""
    who = changer(request)
    shown = member_named(who, staff_id)
    nodes = nodes_of(shown)
    form = QuestionForm(request.POST, nodes=nodes, auto_id="id_code_%s")
    if form.is_valid():
        node = next(one for one in nodes if str(one.uuid) == form.cleaned_data["node"])
        said = form.cleaned_data["question"]
        try:
            code = make_code(by=author_of(request), staff=shown, node=node, question=said)
        except Problem as problem:
            add_problem(form, problem)
        else:
            context = {"member": shown, "clinic": node.name, "code": in_groups(code)}
            return render(request, "staff/telephone_code.html", context)
    return member_page(request, who, shown, question_form=form)


@require_POST
@login_required
def second_step(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """Telephone and recovery codes are lost: the second step goes, here and at every clinic."""
    shown = colleague(request, staff_id)
    forget_second_step(by=author_of(request), staff=shown, save_id=save_id_of(request))
    messages.success(
        request, _("The second step is taken away here. Clinics learn of it at their next sync.")
    )
    return redirect("staff-member", shown.pk)
