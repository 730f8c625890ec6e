"""The questions of the register and edit pages.

Lives here: kinds of input, so that a tablet offers the right keyboard. What may be said is checked once, in
`policy.py`, by the service; `add_problem` puts its answer beside the question. Not here: what happens with
the answers (`views.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from registry.people.models import Identifier, Patient
from registry.people.policy import LONGEST_IDENTIFIER, LONGEST_NAME, OLDEST, OWN_SYSTEMS
from registry.people.systems import SYSTEMS
from registry.places.selectors import area_choices
from sync.problems import Problem


class PersonForm(forms.Form):
    """What is asked about a person."""

    given_name = forms.CharField(label=_("Given name"), max_length=LONGEST_NAME, required=False, strip=True)
    family_name = forms.CharField(label=_("Family name"), max_length=LONGEST_NAME, required=False, strip=True)
    sex = forms.ChoiceField(label=_("Sex"), choices=Patient.Sex.choices, widget=forms.RadioSelect)
    age_years = forms.IntegerField(
        label=_("Age"),
        min_value=0,
        max_value=OLDEST,
        required=False,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    birth_date = forms.DateField(
        label=_("Birth date"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    village = forms.ChoiceField(label=_("Village"), required=False)
    phone = forms.CharField(
        label=_("Phone"), max_length=40, required=False, widget=forms.TextInput(attrs={"type": "tel"})
    )

    def __init__(self, *args: Any, editing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        areas = [(str(area.pk), area.name) for area in area_choices()]
        self.fields["village"].choices = [("", _("Not known")), *areas]  # type: ignore[attr-defined]
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")
            field.show_hidden_initial = editing

    def answers(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """What was answered, ready for the service; only some of it, if names are given."""
        chosen = self.cleaned_data if names is None else {name: self.cleaned_data[name] for name in names}
        said = dict(chosen)
        if "village" in said:
            said["village"] = UUID(said["village"]) if said["village"] else None
        return said


class IdentifierForm(forms.Form):
    """One card or number. One that is written already can only be taken away."""

    id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    system = forms.ChoiceField(label=_("Kind of number"), choices=SYSTEMS, required=False)
    value = forms.CharField(label=_("Number"), max_length=LONGEST_IDENTIFIER, required=False, strip=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance_id: UUID | None = self.initial.get("id")
        if self.instance_id:
            system = self.initial["system"]
            if system not in dict(SYSTEMS):
                self.fields["system"].choices = [*SYSTEMS, (system, system)]  # type: ignore[attr-defined]
            self.fields["system"].disabled = self.fields["value"].disabled = True


_Identifiers = forms.formset_factory(IdentifierForm, extra=1, max_num=20, can_delete=True)


class IdentifierRows:
    """The formset of identifiers, with the two questions the views ask of it."""

    def __init__(self, posted: Mapping[str, Any] | None, carried: Iterable[Identifier] = ()) -> None:
        self.carried = {row.pk: row for row in carried if row.system not in OWN_SYSTEMS}
        initial = [{"id": row.pk, "system": row.system, "value": row.value} for row in self.carried.values()]
        self.formset = _Identifiers(posted, initial=initial, prefix="identifiers")

    def to_add(self) -> list[tuple[str, str]]:
        """New pairs; a row without a number is a row left empty."""
        rows = (form.cleaned_data for form in self.formset if not form.instance_id)
        return [(row["system"], row["value"]) for row in rows if row.get("value") and row.get("system")]

    def to_remove(self) -> list[Identifier]:
        """The written ones that were marked."""
        marked = (form.instance_id for form in self.formset if form.cleaned_data.get("DELETE"))
        return [self.carried[row_id] for row_id in marked if row_id in self.carried]


def add_problem(form: PersonForm, problem: Problem) -> None:
    """Show a refusal beside the questions it is about."""
    beside = {name: sentence for name, sentence in problem.fields.items() if name in form.fields}
    for name, sentence in beside.items():
        form.add_error(name, sentence)
    if not beside:
        form.add_error(None, " ".join(dict.fromkeys([problem.title, *problem.fields.values()])))
