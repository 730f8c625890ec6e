"""One clinic's page at central: what was noted of it, and how its key is revoked.

Lives here: the page, the form that revokes (a reason, and a tick that says it is meant), and what a note
means in words. Not here: the list of clinics and the joining code (`sync/views.py`), the act
(`sync/standing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from sync.asking import door, page
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.nodes import nodes_shown
from sync.problems import Problem
from sync.standing import LONGEST_REASON, SHORTEST_REASON, revoke
from sync.status import moment
from sync.vault.keys import key_id_of

SHOWN: Final = 30
NOTED: Final[Mapping[str, Any]] = {
    "parallel-use": gettext_lazy("Two may be using this laptop's key. Was it copied?"),
    "out-of-scope": gettext_lazy("It wrote about people it does not follow."),
    "foreign-replica": gettext_lazy("It spoke in another clinic's name."),
    "unknown-file": gettext_lazy("It asked for a file that is not its own."),
    "wrong-content": gettext_lazy("It sent a file that is not what it says."),
    "bad-signature": gettext_lazy("Somebody without its key used its name."),
    "revoked-node": gettext_lazy("It asked again after it was revoked."),
    "log-ins-guessed": gettext_lazy("Too many wrong passwords came from it in one day."),
    "fork": gettext_lazy("Two copies of it wrote different data."),
    "fenced": gettext_lazy("An old copy of it asked again."),
    "stale-token": gettext_lazy("A copy of it asked after another had."),
    "second-replica": gettext_lazy("A second copy of it appeared."),
    "rolled-back": gettext_lazy("It is older than what it had sent."),
    "key-offered": gettext_lazy("It offered a new key."),
    "key-rotated": gettext_lazy("It uses a new key. The old one is dead."),
    "node-revoked": gettext_lazy("Its key was revoked."),
    "recovery-given": gettext_lazy("Its recovery key was given out."),
    "node-readmitted": gettext_lazy("Somebody here let it in again."),
}


class ReasonForm(forms.Form):
    """Why something is done to a clinic that colleagues will ask about."""

    reason = forms.CharField(
        label=gettext_lazy("Why?"),
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        error_messages={"required": gettext_lazy("Say why, for colleagues.")},
    )


class RevokeForm(ReasonForm):
    """Why, and that it is meant."""

    sure = forms.BooleanField(
        label=gettext_lazy("Yes, this laptop must not sync any more"),
        error_messages={"required": gettext_lazy("Tick this if you mean it.")},
    )


@dataclass(frozen=True, slots=True)
class Noted:
    """One thing that was noted of a clinic. `details` are for whoever looks into it."""

    at: datetime | None
    word: str
    details: str


@require_GET
@page("enrol")
def central_node(request: HttpRequest, node_id: UUID) -> HttpResponse:
    """One clinic, as central knows it."""
    return _node_page(request, _node(node_id), RevokeForm())


@require_POST
@page("enrol")
def central_revoke(request: HttpRequest, node_id: UUID) -> HttpResponse:
    """From its next request on the laptop is refused."""
    node, form = _node(node_id), RevokeForm(request.POST)
    if not form.is_valid():
        return _node_page(request, node, form)
    revoke(node.name, why=form.cleaned_data["reason"], by=door().author(request).staff_id)
    messages.success(request, _("%(name)s may no longer sync.") % {"name": node.name})
    return redirect("central-node", node_id=node.pk)


def _node(node_id: UUID) -> EnrolledNode:
    node = EnrolledNode.objects.filter(pk=node_id).first() if current_node().is_central else None
    if node is None:
        raise Problem("not-found", _("There is no such clinic here."), status=404)
    return node


def _node_page(request: HttpRequest, node: EnrolledNode, form: RevokeForm) -> HttpResponse:
    context = {
        "node": nodes_shown([node])[0],
        "key_id": key_id_of(bytes(node.public_key)) if node.public_key else "",
        "joined_at": moment(node.joined_at),
        "revoked_at": moment(node.revoked_at),
        "revoked_why": node.revoked_why,
        "noted": noted_of(node),
        "form": form,
    }
    return render(request, "central/node.html", context, status=400 if form.errors else 200)


def noted_of(node: EnrolledNode) -> list[Noted]:
    """What was noted of a clinic, newest first."""
    events = SecurityEvent.objects.filter(node_uuid=node.uuid).order_by("-pk")[:SHOWN]
    return [
        Noted(moment(event.at), str(NOTED.get(event.code, event.sentence)), event.sentence)
        for event in events
    ]
