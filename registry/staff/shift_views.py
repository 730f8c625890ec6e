"""Changing shift on a shared tablet: who is here, the PIN, the password for what a PIN does not open.

Lives here: *Switch person* (tiles, then the number pad), choosing a PIN, `full_login`, and the page's word
that somebody is there. Leaving by *Switch person* keeps the shift: its PIN opens it again. Not here: the
log-in with the password (`views.py`), what ends a shift (`shifts.py`).
Read next: `watch.py`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from registry.staff.devices import device_of
from registry.staff.full_login import needs_full_login
from registry.staff.languages import language_of, speak
from registry.staff.models import Account
from registry.staff.pins import DIGITS, choose_pin, clean_pin, has_pin, log_in_by_pin, tries_left
from registry.staff.second_factor import CodeAgainForm, has_it
from registry.staff.selectors import account_of, people_on_duty, staff_names
from registry.staff.sessions import note_sign_in
from registry.staff.shifts import (
    begin_shift,
    browser_of,
    give_browser,
    leave_open,
    live_shift,
    shifts_here,
    way_back,
)
from sync.node import current_node
from sync.problems import Problem


def _ours(request: HttpRequest, address: str) -> str:
    """An address of this laptop, else the start page."""
    safe = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if address and safe else "/"


class PinForm(forms.Form):
    """Six digits, from the pad or the keyboard."""

    pin = forms.CharField(
        label=gettext_lazy("Shift PIN"),
        max_length=DIGITS,
        widget=forms.PasswordInput(
            attrs={"inputmode": "numeric", "autocomplete": "off", "data-pin": "", "dir": "ltr"}
        ),
    )


class NewPinForm(PinForm):
    """A PIN, twice."""

    again = forms.CharField(
        label=gettext_lazy("The same again"),
        max_length=DIGITS,
        widget=forms.PasswordInput(attrs={"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )

    def clean(self) -> dict[str, Any] | None:
        said = super().clean()
        if said and said.get("again") and said.get("pin") != said["again"]:
            self.add_error("again", _("The two are not the same."))
        return said


class PasswordForm(forms.Form):
    """The password of whoever is logged in, and their second step where they have one."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label=gettext_lazy("Code from your app"),
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "dir": "ltr"}),
    )

    def __init__(self, *args: Any, account: Account, **more: Any) -> None:
        super().__init__(*args, **more)
        if not has_it(account):
            del self.fields["code"]


@require_http_methods(["GET", "HEAD", "POST"])
def switch(request: HttpRequest) -> HttpResponse:
    """Who is here? POST leaves the tablet to somebody else; the shift goes on."""
    if request.method == "POST":
        back_to = request.POST.get("back_to", "")
        leave_open(request, back_to if _ours(request, back_to) == back_to else "")
        if request.headers.get("Sec-Fetch-Mode") in ("cors", "same-origin"):
            return HttpResponse(status=204)  # the page locked itself, and goes on by itself
        return redirect("switch")
    if account_of(request) is not None:
        return redirect("home")
    if current_node().is_central:
        return redirect("account_login")
    shifts = shifts_here(browser_of(request))
    people = [one | {"pin": has_pin(shifts.get(UUID(one["id"])))} for one in people_on_duty()]
    here = [one for one in people if UUID(str(one["id"])) in shifts]
    others = [one for one in people if UUID(str(one["id"])) not in shifts]
    return render(request, "staff/switch.html", {"here": here, "others": others})


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("pin")
def switch_person(request: HttpRequest, staff_id: UUID) -> HttpResponse:
    """The number pad of one person. Without a PIN here it is the log-in page."""
    browser = browser_of(request)
    account = Account.objects.filter(staff_id=staff_id, is_active=True).first()
    if account is None:
        return redirect("switch")
    form = PinForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        came = _opened(request, account, form)
        if came is not None:
            return came
    if not has_pin(live_shift(staff_id, browser)):
        why = {"pin": "over"} if form.is_bound else {}
        return redirect(f"{reverse('account_login')}?{urlencode({'who': account.username} | why)}")
    context = {"form": form, "name": staff_names([staff_id]).get(staff_id, account.username)}
    context |= {"username": account.username, "staff_id": staff_id}
    return render(request, "staff/switch_person.html", context)


def _opened(request: HttpRequest, account: Account, form: PinForm) -> HttpResponse | None:
    """Where the person goes whose PIN was right."""
    try:
        pin = clean_pin(form.cleaned_data["pin"])
    except Problem as problem:
        form.add_error("pin", problem.title)
        return None
    entered = log_in_by_pin(request, account.staff_id, pin)
    if entered is None:
        left = tries_left(account.staff_id, browser_of(request))
        wrong = _("This is not the PIN. Tries left: %(left)d.") % {"left": left}
        form.add_error("pin", wrong)
        return None
    response = redirect(_ours(request, way_back(request, entered)))
    speak(response, language_of(entered))
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@needs_full_login
@sensitive_post_parameters("pin", "again")
def my_pin(request: HttpRequest) -> HttpResponse:
    """Choose the PIN of this shift."""
    account = _account(request)
    if current_node().is_central:
        raise Problem("only-clinics", _("Shift PINs are for the tablets of a clinic."), status=404)
    form = NewPinForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            choose_pin(request, account, form.cleaned_data["pin"])
        except Problem as problem:
            form.add_error("pin" if "pin" in problem.fields else None, problem.title)
        else:
            messages.success(request, _("Your shift PIN holds on this tablet until you log out."))
            return redirect("home")
    shift = live_shift(account.staff_id, browser_of(request))
    context = {"form": form, "shift": shift, "has_pin": has_pin(shift)}
    return render(request, "staff/my_pin.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@sensitive_post_parameters("password")
def full_login(request: HttpRequest) -> HttpResponse:
    """The password, of somebody who came in by PIN; then the page that wanted it."""
    account, back = _account(request), _ours(request, request.GET.get("next", ""))
    form = PasswordForm(request.POST if request.method == "POST" else None, account=account)
    found = _who_knows(request, account, form) if form.is_bound and form.is_valid() else None
    if found is not None:
        login(request, found, backend=found.backend)
        UserSession.objects.create_from_request(request)
        begin_shift(request, found)
        record_authentication(request, found, method="password", reauthenticated=True)
        if not (current_node().is_central or found.seen_by_central):
            note_sign_in(found.staff_id, device_of(request))
        response = redirect(back)
        give_browser(request, response)
        return response
    context = {"form": form, "name": staff_names([account.staff_id]).get(account.staff_id, account.username)}
    return render(request, "staff/full_login.html", context, status=400 if form.errors else 200)


def _who_knows(request: HttpRequest, account: Account, form: PasswordForm) -> Account | None:
    """The account, if the password is theirs."""
    said = {"username": account.username, "password": form.cleaned_data["password"]}
    try:
        found = get_adapter().authenticate(request, **said)
    except ValidationError as error:
        form.add_error(None, error)
        return None
    if not isinstance(found, Account) or found.pk != account.pk:
        form.add_error("password", _("This is not your password."))
        return None
    if "code" in form.fields:
        step = CodeAgainForm(user=account, data={"code": form.cleaned_data["code"]})
        if not step.is_valid():
            form.add_error("code", step.errors["code"].as_data())
            return None
    return found


def _account(request: HttpRequest) -> Account:
    account = account_of(request)
    if account is None:
        raise PermissionDenied
    return account


@require_POST
def touched(request: HttpRequest) -> HttpResponse:
    """Somebody taps or types on a page that asks the laptop for nothing else. `Watch` has noted it."""
    return HttpResponse(status=204 if account_of(request) is not None else 401)
