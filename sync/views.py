"""The pages about sync: the status, *Sync now*, and at central the clinics.

Lives here: the status page with its two fragments, and central's list of nodes with the form that makes
a joining code. Not here: what they show (`sync/progress.py`, `sync/nodes.py`), review
(`sync/review/views.py`), programs (`sync/api.py`).
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from sync.asking import may, page
from sync.enrolment import facilities, offer, offered
from sync.models import EnrolledNode
from sync.node import current_node
from sync.nodes import CONSEQUENCES, nodes_shown
from sync.problems import Problem
from sync.progress import badge, page_context
from sync.run import lease_holder
from sync.status import moment
from sync.tasks import ask_for_run, may_sync


@require_GET
@page("see")
def status_page(request: HttpRequest) -> HttpResponse:
    """What is safe, what waits, what needs a person."""
    return render(request, "sync/status.html", _status(request))


@require_GET
@page("see")
def progress(request: HttpRequest) -> HttpResponse:
    """The part of the status page that renews itself."""
    return render(request, "sync/_progress.html", _status(request))


def _status(request: HttpRequest) -> dict[str, Any]:
    """What the page shows, and whether the asker may start a run."""
    return {**page_context(), "may_sync": may(request, "sync")}


@require_GET
@page("see")
def status_badge(request: HttpRequest) -> HttpResponse:
    """The line on every page."""
    return render(request, "sync/_badge.html", {"status": badge()})


@require_POST
@page("sync")
def now(request: HttpRequest) -> HttpResponse:
    """Have a run made; the page shows it as it goes."""
    if not may_sync():
        raise Problem("not-joined", _("This laptop has not joined a central server yet."), status=409)
    if lease_holder() is None:
        ask_for_run("asked")
        messages.info(request, _("On its way. You can go on working."))
    return redirect("sync-status")


class NodeForm(forms.Form):
    """A clinic laptop to be."""

    name = forms.CharField(label=gettext_lazy("Name of the laptop"), max_length=80)
    facilities = forms.MultipleChoiceField(
        label=gettext_lazy("Works at"),
        choices=lambda: [(key, name) for key, _code, name in facilities()],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose where it works.")},
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("Which patients may this laptop hold?"),
        choices=CONSEQUENCES.items,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose which patients it may hold.")},
    )


@require_GET
@page("enrol")
def central_nodes(request: HttpRequest) -> HttpResponse:
    """Every clinic, as central knows it."""
    return _nodes_page(request, NodeForm())


@require_POST
@page("enrol")
def central_enroll(request: HttpRequest) -> HttpResponse:
    """Make a joining code. It is shown in this answer and nowhere else, so there is no redirect."""
    form = NodeForm(request.POST)
    if not form.is_valid():
        return _nodes_page(request, form)
    said = form.cleaned_data
    try:
        code = offer(**{key: said[key] for key in ("name", "facilities", "mode")})
    except Problem as problem:
        form.add_error("name" if "name" in problem.fields else None, problem.title)
        return _nodes_page(request, form)
    node = offered(said["name"])
    enrolled = {"name": node.name, "code": code, "valid_until": moment(node.code_expires)}
    return _nodes_page(request, NodeForm(), enrolled)


def _nodes_page(request: HttpRequest, form: NodeForm, enrolled: dict[str, Any] | None = None) -> HttpResponse:
    if not current_node().is_central:
        raise Problem("only-central", _("These pages are for the programme office."), status=404)
    context = {
        "nodes": nodes_shown(EnrolledNode.objects.order_by("name")),
        "form": form,
        "enrolled": enrolled,
    }
    return render(request, "central/nodes.html", context, status=400 if form.errors else 200)
