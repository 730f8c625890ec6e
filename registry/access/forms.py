"""The two forms of the access log: a reason, and what to look for in the log.

Not here: what a reason is (`policy.py`), reading (`selectors.py`).
"""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from registry.access.models import Reason
from registry.access.policy import LONGEST_NOTE
from registry.access.selectors import Asked, places_to_ask, staff_to_ask
from registry.people.villages import uuid_in
from registry.staff.policy import Authority


class ReasonForm(forms.Form):
    """Why a record of another place is opened."""

    reason = forms.ChoiceField(
        label=_("Why do you open this record?"),
        choices=Reason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a reason.")},
    )
    note = forms.CharField(label=_("In a few words"), max_length=LONGEST_NOTE, required=False, strip=True)


class LogForm(forms.Form):
    """What to look for. The patient comes by a link from their page, and stays hidden."""

    patient = forms.UUIDField(required=False, widget=forms.HiddenInput)
    staff = forms.ChoiceField(label=_("Colleague"), required=False)
    facility = forms.ChoiceField(label=_("Place"), required=False)
    first = forms.DateField(label=_("From"), required=False, widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label=_("To"), required=False, widget=forms.DateInput({"type": "date"}))
    outside = forms.BooleanField(label=_("Only patients of other places"), required=False)

    def __init__(self, who: Authority, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments
        everybody = [("", _("Everybody"))]
        everywhere = [("", _("Every place"))]
        self.fields["staff"].choices = everybody + staff_to_ask(who)  # type: ignore[attr-defined]
        self.fields["facility"].choices = everywhere + places_to_ask(who)  # type: ignore[attr-defined]

    def asked(self) -> Asked:
        """What was asked for, as far as it makes sense."""
        self.is_valid()
        said = self.cleaned_data
        return Asked(
            patient_id=said.get("patient"),
            staff_id=uuid_in(said.get("staff") or ""),
            facility_id=uuid_in(said.get("facility") or ""),
            first=said.get("first"),
            last=said.get("last"),
            outside=bool(said.get("outside")),
        )
