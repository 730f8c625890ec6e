"""The questions of the register and edit pages.

Lives here: kinds of input, so that a tablet offers the right keyboard, and how an age, three parts of a
date and a village become answers. What may be said is checked once, in `policy.py` and `birth.py`, by the
service; `add_problem` puts its answer beside the question. Not here: which villages are offered
(`villages.py`), what happens with the answers (`views.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from registry.answers import answering
from registry.people.birth import OUT_OF_RANGE, UNITS, date_from_parts, number_in
from registry.people.models import Identifier, Patient
from registry.people.policy import (
    LONGEST_IDENTIFIER,
    LONGEST_NAME,
    OWN_SYSTEMS,
    TURNED,
    without_turns,
)
from registry.people.systems import SYSTEMS
from registry.people.villages import are_few, choices_of, offered, uuid_in, village_named, villages_like
from registry.refusals import _ as marked
from sync.problems import Problem

BIRTH_PARTS: Final = ("birth_day", "birth_month", "birth_year")
NOT_A_NUMBER: Final = marked("Write numbers only.")
_NUMBERS: Final = {"inputmode": "numeric", "dir": "ltr"}
UNIT_WORDS: Final = dict(zip(UNITS, (_("years"), _("months"), _("days")), strict=True))


def _number(label: Any, longest: int) -> forms.CharField:
    """Digits of any script; a box of kind `number` would throw away what it does not know."""
    return forms.CharField(
        label=label,
        required=False,
        strip=True,
        widget=forms.TextInput(attrs={**_NUMBERS, "maxlength": str(longest)}),
    )


class PersonForm(forms.Form):
    """What is asked about a person."""

    given_name = forms.CharField(label=_("Given name"), max_length=LONGEST_NAME, required=False, strip=True)
    family_name = forms.CharField(label=_("Family name"), max_length=LONGEST_NAME, required=False, strip=True)
    sex = forms.ChoiceField(label=_("Sex"), choices=Patient.Sex.choices, widget=forms.RadioSelect)
    age_years = _number(_("Age"), 6)
    age_unit = forms.ChoiceField(
        label=_("Age counted in"),
        choices=list(UNIT_WORDS.items()),
        initial="years",
        required=False,
        widget=forms.RadioSelect,
    )
    # The first box stands for all three: what is wrong with the date is said there.
    birth_day = _number(_("Birth date"), 2)
    birth_month = _number(_("Month"), 2)
    birth_year = _number(_("Year"), 4)
    birth_date_estimated = forms.BooleanField(label=_("The date is a guess"), required=False)
    village = forms.ChoiceField(label=_("Village"), required=False, widget=forms.RadioSelect)
    village_name = forms.CharField(label=_("Another village"), max_length=120, required=False, strip=True)
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "dir": "ltr"}),
    )

    def __init__(
        self, *args: Any, editing: bool = False, lately: Collection[UUID] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.villages_are_few = are_few()
        chosen = self.data.get("village") if self.is_bound else self.initial.get("village")
        self._offer(offered(uuid_in(chosen or ""), lately))
        for name, field in self.fields.items():
            field.widget.attrs.setdefault("autocomplete", "off")
            field.show_hidden_initial = editing and name not in {"age_unit", "village_name"}

    def _offer(self, choices: list[tuple[str, str]]) -> None:
        self.fields["village"].choices = [*choices, ("", _("Not known"))]  # type: ignore[attr-defined]

    def offer_like(self, text: str) -> None:
        """Instead of the usual villages those whose name is like a text, and the chosen one."""
        chosen = uuid_in(str(self.initial.get("village") or self.data.get("village") or ""))
        self._offer(choices_of([*([chosen] if chosen else []), *villages_like(text)]))

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        self._clean_age(said)
        self._clean_birth(said)
        self._clean_village(said)
        return said

    def _clean_age(self, said: dict[str, Any]) -> None:
        try:
            with answering():
                said["age_years"] = number_in(said.get("age_years") or "", "age_years", OUT_OF_RANGE)
        except Problem as problem:
            add_problem(self, problem)
        said["age_unit"] = said.get("age_unit") or "years"

    def _clean_birth(self, said: dict[str, Any]) -> None:
        said["birth_date"] = None
        if not any(said.get(name) for name in BIRTH_PARTS):
            return
        try:
            with answering():
                parts = [number_in(said.get(name) or "", "birth_date", NOT_A_NUMBER) for name in BIRTH_PARTS]
                said["birth_date"], partly = date_from_parts(*parts)
        except Problem as problem:
            add_problem(self, problem)
        else:
            said["birth_date_estimated"] = partly or bool(said.get("birth_date_estimated"))

    def _clean_village(self, said: dict[str, Any]) -> None:
        """Whoever wrote a village's whole name and tapped nothing meant that village."""
        typed = said.get("village_name") or ""
        if not typed or said.get("village"):
            return
        named = village_named(typed)
        if named is not None:
            said["village"] = str(named)
            return
        self._offer(choices_of(villages_like(typed)))
        self.add_error("village_name", _("Choose the village from the list."))

    def answers(self) -> dict[str, Any]:
        """What was answered, ready for the service."""
        said = {name: self.cleaned_data[name] for name in ("given_name", "family_name", "sex", "phone")}
        said |= {name: self.cleaned_data[name] for name in ("age_years", "age_unit", "birth_date")}
        village = self.cleaned_data["village"]
        return said | {
            "birth_date_estimated": bool(self.cleaned_data["birth_date_estimated"]),
            "village": UUID(village) if village else None,
        }

    def touched(self) -> dict[str, Any]:
        """The answers that somebody changed. A date that was emptied says nothing; an age that was typed
        replaces the date.
        """
        said, changed = self.answers(), set(self.changed_data)
        plain = [name for name in ("given_name", "family_name", "sex", "phone") if name in changed]
        found: dict[str, Any] = {name: said[name] for name in plain}
        if {"village", "village_name"} & changed and said["village"] != uuid_in(self._shown_village()):
            found["village"] = said["village"]
        if said["age_years"] is not None and "age_years" in changed:
            return found | {"age_years": said["age_years"], "age_unit": said["age_unit"]}
        if {*BIRTH_PARTS, "birth_date_estimated"} & changed and said["birth_date"] is not None:
            found |= {name: said[name] for name in ("birth_date", "birth_date_estimated")}
        return found

    def _shown_village(self) -> str:
        return str(self.data.get("initial-village", ""))


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
    places = {"birth_date": "birth_day"}
    beside = {
        places.get(name, name): sentence
        for name, sentence in problem.fields.items()
        if places.get(name, name) in form.fields
    }
    if problem.code == TURNED:
        _show_as_kept(form, beside)
    for name, sentence in beside.items():
        form.add_error(name, sentence)
    if not beside:
        form.add_error(None, " ".join(dict.fromkeys([problem.title, *problem.fields.values()])))


def _show_as_kept(form: PersonForm, names: Iterable[str]) -> None:
    """Give the names back without their hidden signs, so that one sees what the next save keeps."""
    data = dict(form.data) if not isinstance(form.data, QueryDict) else form.data.copy()
    for name in names:
        data[name] = without_turns(data.get(name, ""))
    form.data = data
