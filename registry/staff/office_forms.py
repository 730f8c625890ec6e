"""The forms of the office: a new member of staff, a role, a password.

Not here: what is right (`services.py`, which refuses with the field's name), the pages (`office.py`).
"""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from registry.places.models import Facility
from registry.staff.models import StaffRole
from sync.problems import Problem

EVERYWHERE = "everywhere"


def _places() -> list[tuple[object, object]]:
    named: list[tuple[object, object]] = [(one.pk, one.name) for one in Facility.objects.living()]
    return [*named, (EVERYWHERE, _("All places"))]


class RoleForm(forms.Form):
    """A role at a place."""

    role = forms.ChoiceField(label=_("Role"), choices=StaffRole.Kind.choices)
    facility = forms.ChoiceField(label=_("Place"), choices=_places)

    def grant(self) -> tuple[str, Facility | None]:
        """The role, and the place or None for all of them."""
        said = self.cleaned_data
        if said["facility"] == EVERYWHERE:
            return said["role"], None
        return said["role"], Facility.objects.get(pk=UUID(said["facility"]))


class PasswordForm(forms.Form):
    """A new password. It is told to the person, and not shown again."""

    password = forms.CharField(
        label=_("New password"),
        help_text=_("12 letters at least. Tell it to the person; it is not shown again."),
        max_length=500,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class NewMemberForm(PasswordForm, RoleForm):
    """Somebody who begins here."""

    full_name = forms.CharField(label=_("Name"), max_length=120)
    username = forms.CharField(
        label=_("User name"),
        max_length=40,
        help_text=_("Letters, digits, dots and hyphens."),
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
    )
    language = forms.ChoiceField(label=_("Language"), choices=lambda: list(settings.LANGUAGES))

    field_order = ("full_name", "username", "role", "facility", "language", "password")


def add_problem(form: forms.Form, problem: Problem) -> None:
    """What a service refused, beside its field."""
    beside = {name: sentence for name, sentence in problem.fields.items() if name in form.fields}
    for name in beside:
        form.add_error(name, problem.title if problem.code == "username-taken" else beside[name])
    if not beside:
        form.add_error(None, problem.title)
