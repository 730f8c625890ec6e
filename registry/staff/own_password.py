"""Changing one's own password: at central, and as slowly guessed as at the log-in.

Lives here: allauth's page with two changes. A clinic has copies of passwords only, so there is no such page;
and the present password is asked for through the log-in's own door, which counts before it looks. Not here:
what a new password must be (`adapter.py`, `services.py`), how long one waits (`limits.py`), giving somebody
else a new one (`office.py`).
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm
from allauth.account.views import PasswordChangeView
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from sync.node import current_node
from sync.problems import Problem


class OwnPasswordForm(ChangePasswordForm):  # type: ignore[misc]
    """The present password, and the new one twice."""

    def clean_oldpassword(self) -> str:
        typed = str(self.cleaned_data["oldpassword"])
        if not get_adapter().reauthenticate(self.user, typed):
            raise get_adapter().validation_error("enter_current_password")
        return typed


@method_decorator(login_required, name="dispatch")
class OwnPassword(PasswordChangeView):  # type: ignore[misc]
    """The page, where passwords are kept."""

    form_class = OwnPasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not current_node().is_central:
            raise Problem(
                "only-central", _("Passwords are changed at central. Ask the programme office."), status=404
            )
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer
