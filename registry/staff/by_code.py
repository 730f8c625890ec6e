"""The log-in page for somebody whose days without internet are over: what to read to the office, and the
code that it answers.

Lives here: what a log-in does whose password is right and has expired, and what its page shows. A wrong code
is a guess and is slowed like one. Not here: questions and codes (`breakglass.py`), the page
(`templates/account/login.html`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry.staff import limits
from registry.staff.backends import CachedBackend, plain_username
from registry.staff.breakglass import in_groups, plain_digits, question_for, take_code
from registry.staff.models import Account
from registry.staff.selectors import staff_names
from registry.staff.waiting import wait_error
from sync.node import current_node

FIELD: Final = "office_code"
_BROWSER: Final = "a code by telephone"
_KEPT: Final = "_posta_call"


class CodeForm(forms.Form):
    """What the office said."""

    office_code = forms.CharField(
        label=gettext_lazy("The office's code"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody tells the office."""

    name: str
    clinic: str
    number: str
    form: CodeForm


def let_in_by_code(request: HttpRequest, credentials: dict[str, Any]) -> Account:
    """The password was right and its days are over: with the office's code it opens for one more."""
    name = plain_username(str(credentials.get("username") or ""))
    account = Account.objects.filter(username=name[:40], is_active=True).first()
    number = question_for(account.staff_id) if account is not None else ""
    ended = _("Your log-in without internet has ended. Connect the laptop to the internet and sync.")
    if account is None or not number:
        raise ValidationError(ended)
    said = plain_digits(request.POST.get(FIELD, ""))
    if said and _is_right(account, said):
        account.backend = f"{CachedBackend.__module__}.{CachedBackend.__qualname__}"
        return account
    name_shown = staff_names([account.staff_id]).get(account.staff_id, account.username)
    call = Call(name_shown, current_node().name, in_groups(number), CodeForm())
    setattr(request, _KEPT, call)
    raise ValidationError(_("This code is not right. Have it read again.") if said else ended)


def _is_right(account: Account, said: str) -> bool:
    try:
        attempt = limits.begin(account.username, device="", browser=_BROWSER)
    except limits.TooManyGuesses as many:
        raise wait_error(many) from None
    if not take_code(account.staff_id, said):
        return False
    limits.succeeded(attempt)
    return True


def call_of(request: HttpRequest) -> Call | None:
    """What this answer's page asks somebody to read to the office."""
    found = getattr(request, _KEPT, None)
    return found if isinstance(found, Call) else None
