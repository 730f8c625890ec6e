"""The page at central that gives out a laptop's recovery key.

Lives here: the form (which key, why, and that the caller is known) and the one answer in which the key is
shown. It is for the programme office, whose log-in has two steps, and asks for the password once more. It
stands here and not in `sync`, because sync knows neither log-ins nor passwords. Not here: what is kept and
noted (`sync/recovery.py`), what the laptop does with the key (`manage.py unlock --recovery-key`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from registry.staff.selectors import staff_names
from sync.asking import door, page
from sync.models import EnrolledNode, RecoveryKey
from sync.node import current_node
from sync.node_pages import ReasonForm
from sync.problems import Problem
from sync.recovery import give_out, held_for
from sync.status import moment


class GiveOutForm(ReasonForm):
    """Which of the keys, why, and that somebody was called back."""

    field_order = ("key_id", "reason", "sure")
    key_id = forms.ChoiceField(
        label=gettext_lazy("Which id does the laptop show?"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose the id that the laptop shows.")},
    )
    sure = forms.BooleanField(
        label=gettext_lazy("I called back on a number that we know"),
        error_messages={"required": gettext_lazy("Call back first. A thief may ask, too.")},
    )

    def __init__(self, posted: Any, held: list[RecoveryKey]) -> None:
        super().__init__(posted)
        choices = self.fields["key_id"]
        if isinstance(choices, forms.ChoiceField):
            choices.choices = [(one.key_id, one.key_id) for one in held]


@require_http_methods(["GET", "HEAD", "POST"])
@page("enrol")
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no types
def central_recovery(request: HttpRequest, node_id: UUID) -> HttpResponse:
    """The form; and after it the key, in this answer and nowhere else, so there is no redirect."""
    node = EnrolledNode.objects.filter(pk=node_id).first() if current_node().is_central else None
    if node is None:
        raise Problem("not-found", _("There is no such clinic here."), status=404)
    held = held_for(node)
    form = GiveOutForm(request.POST if request.method == "POST" else None, held)
    if request.method == "POST" and form.is_valid():
        return _given(request, node, form.cleaned_data)
    return _recovery_page(request, node, {"held": _shown(held), "form": form}, bool(form.errors))


@sensitive_variables()
def _given(request: HttpRequest, node: EnrolledNode, said: dict[str, Any]) -> HttpResponse:
    key = give_out(node, said["key_id"], why=said["reason"], by=door().author(request).staff_id)
    return _recovery_page(request, node, {"key": key, "key_id": said["key_id"]}, wrong=False)


def _recovery_page(
    request: HttpRequest, node: EnrolledNode, context: dict[str, Any], wrong: bool
) -> HttpResponse:
    about = {"id": node.pk, "name": node.name, "revoked": node.revoked_at is not None}
    return render(request, "central/recovery.html", {"node": about} | context, status=400 if wrong else 200)


def _shown(held: list[RecoveryKey]) -> list[dict[str, Any]]:
    names = staff_names(one.given_by for one in held)
    return [
        {
            "key_id": one.key_id,
            "received_at": moment(one.received_at),
            "given_at": moment(one.given_at),
            "given_by": names.get(one.given_by, "") if one.given_by else "",
            "given_why": one.given_why,
        }
        for one in held
    ]


urlpatterns = [
    path("central/nodes/<uuid:node_id>/recovery/", central_recovery, name="central-recovery"),
]
