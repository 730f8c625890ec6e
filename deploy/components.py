"""The page of all components, `/_components/`: each part of the visual language once, in every state it has.

Lives here: the view, open only in debug, and the small form it shows. Not here: real pages (`templates/`),
their specimen contexts (`tests/deploy/specimens.py`). Read next: `templates/components/index.html`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from deploy.templatetags.posta_ui import ICONS, STATE_ICONS
from sync.node import current_node


class SpecimenForm(forms.Form):
    """One field of each kind that a page may show."""

    name = forms.CharField(label=_("Given name"), help_text=_("As on the card."))
    weight = forms.DecimalField(label=_("Weight"), widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    seen_on = forms.DateField(label=_("Date"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    sex = forms.ChoiceField(
        label=_("Sex"), choices=[("female", _("Female")), ("male", _("Male"))], widget=forms.RadioSelect
    )
    signs = forms.MultipleChoiceField(
        label=_("Danger signs"),
        choices=[("fever", _("Fever")), ("bleeding", _("Bleeding"))],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    station = forms.ChoiceField(label=_("Station"), choices=[("t", _("Triage")), ("p", _("Pharmacy"))])
    agreed = forms.BooleanField(label=_("The patient agrees"), required=False)
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 3}))


def specimens(now: datetime) -> dict[str, Any]:
    """What the page of components shows."""
    person = {
        "id": "specimen",
        "name": "María Candelaria Santos",
        "age_text": _("34 years"),
        "sex_text": _("Female"),
        "village": "Bahía Azul",
        "number": "4821-0937-5",
    }
    return {
        "person": person,
        "alerts": [{"state": "danger", "text": _("Allergy: penicillin")}],
        "states": list(STATE_ICONS),
        "icons": sorted(ICONS),
        "form": SpecimenForm(),
        "wrong": SpecimenForm({"weight": "?"}, prefix="wrong"),
        "today": now,
        "earlier": now - timedelta(minutes=125),
        "values": [(_("Weight"), "61.4 kg"), (_("Blood pressure"), "142/91")],
    }


def components(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    return render(request, "components/index.html", specimens(current_node().now()))
