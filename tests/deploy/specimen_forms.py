"""The forms of the specimen pages: the fields that templates ask for, as the rooms may declare them.

Not here: their contexts (`specimens.py`).
"""

from __future__ import annotations

from typing import Any

from django import forms

from sync.nodes import CONSEQUENCES

SEXES = [("female", "Female"), ("male", "Male"), ("other", "Other"), ("unknown", "Unknown")]
UNITS = [("years", "years"), ("months", "months"), ("days", "days")]
VILLAGES = [("a1", "Bahía Azul · Kusapín"), ("a2", "Cayo Paloma"), ("", "Not known")]
SYSTEMS = [("", "Choose"), ("id-card", "Identity card"), ("insurance", "Insurance number")]


class PersonForm(forms.Form):
    given_name = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}))
    family_name = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}))
    sex = forms.ChoiceField(choices=SEXES, widget=forms.RadioSelect)
    age_years = forms.IntegerField(required=False, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    age_unit = forms.ChoiceField(choices=UNITS, initial="years", widget=forms.RadioSelect)
    birth_day = forms.CharField(required=False, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    birth_month = forms.CharField(required=False, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    birth_year = forms.CharField(required=False, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    birth_date_estimated = forms.BooleanField(required=False)
    village = forms.ChoiceField(choices=VILLAGES, required=False, widget=forms.RadioSelect)
    village_name = forms.CharField(required=False, widget=forms.TextInput(attrs={"dir": "auto"}))
    phone = forms.CharField(required=False, widget=forms.TextInput(attrs={"type": "tel", "dir": "ltr"}))


class EditForm(PersonForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in self.fields.values():
            one.show_hidden_initial = True


class IdentifierForm(forms.Form):
    system = forms.ChoiceField(choices=SYSTEMS, required=False)
    value = forms.CharField(required=False, widget=forms.TextInput(attrs={"dir": "ltr"}))


class LoginForm(forms.Form):
    login = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))


class CodeForm(forms.Form):
    code = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}))
    secret = "2345 6723 4567 2345"


class DecisionForm(forms.Form):
    choose = forms.CharField(error_messages={"required": "Choose one of the values."})
    value = forms.CharField(required=False)
    note = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), required=False)


class NodeForm(forms.Form):
    name = forms.CharField()
    facilities = forms.MultipleChoiceField(
        choices=[("1", "Bahía Azul"), ("2", "Kusapín"), ("3", "Tobobe")], widget=forms.CheckboxSelectMultiple
    )
    mode = forms.ChoiceField(
        label="Which patients may this laptop hold?", choices=CONSEQUENCES.items, widget=forms.RadioSelect
    )


Identifiers = forms.formset_factory(IdentifierForm, extra=1)
