"""The forms of the office: a new member of staff, a role, a password, a number read over the telephone.

Not here: what is right (`services.py`, which refuses with the field's name), the pages (`office.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from registry.places.models import Facility
from registry.staff.models import StaffRole
from registry.staff.policy import MAY_BE_PROVISIONAL
from sync.models import EnrolledNode
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


class UsernameForm(forms.Form):
    """The name that somebody logs in with."""

    username = forms.CharField(
        label=_("User name"),
        max_length=40,
        help_text=_("Letters, digits, dots and hyphens."),
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
    )


class NewMemberForm(PasswordForm, RoleForm, UsernameForm):
    """Somebody who begins here."""

    full_name = forms.CharField(label=_("Name"), max_length=120)
    language = forms.ChoiceField(label=_("Language"), choices=lambda: list(settings.LANGUAGES))

    field_order = ("full_name", "username", "role", "facility", "language", "password")


class NewcomerForm(PasswordForm, UsernameForm):
    """Somebody whom a coordinator lets in at a place of this laptop."""

    full_name = forms.CharField(label=_("Name"), max_length=120)
    role = forms.ChoiceField(
        label=_("Role"),
        choices=[(value, word) for value, word in StaffRole.Kind.choices if value in MAY_BE_PROVISIONAL],
    )
    facility = forms.ChoiceField(label=_("Place"))
    language = forms.ChoiceField(label=_("Language"), choices=lambda: list(settings.LANGUAGES))

    field_order = ("full_name", "username", "role", "facility", "language", "password")

    def __init__(self, *args: Any, places: Sequence[Facility], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["facility"].choices = [(str(one.pk), one.name) for one in places]  # type: ignore[attr-defined]  # of a ChoiceField
        self.fields["password"].label = _("Password")
        self.fields["password"].help_text = _("12 letters at least. Let the new colleague type it.")


class QuestionForm(forms.Form):
    """What somebody reads over the telephone from the log-in page of their clinic's laptop."""

    node = forms.ChoiceField(label=_("Clinic"))
    question = forms.CharField(
        label=_("Number on their screen"),
        help_text=_("Eight digits. They read it to you."),
        max_length=40,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )

    def __init__(self, *args: Any, nodes: Sequence[EnrolledNode], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["node"].choices = [(str(one.uuid), one.name) for one in nodes]  # type: ignore[attr-defined]  # of a ChoiceField


def add_problem(form: forms.Form, problem: Problem) -> None:
    """What a service refused, beside its field."""
    beside = {name: sentence for name, sentence in problem.fields.items() if name in form.fields}
    for name in beside:
        form.add_error(name, problem.title if problem.code == "username-taken" else beside[name])
    if not beside:
        form.add_error(None, problem.title)
