"""The questions of the pharmacy's pages.

Lives here: kinds of input, so that a tablet shows chips and number pads. What may be said is checked once,
in `policy.py`, by the services; `add_problem` puts their answer beside the question. Not here: what happens
with the answers (`views.py`, `stock_views.py`), handing out (`dispense_form.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.forms.numbers import number_text
from clinic.forms.refusals import BadValue
from clinic.pharmacy import wording
from clinic.pharmacy.doses import IN_WHOLE_PACKS, Frequency
from clinic.pharmacy.models import Allergy, Medicine, PrescriptionLine, StockMovement
from clinic.pharmacy.policy import LONGEST_LOT, LONGEST_NAME, LONGEST_NOTE
from clinic.pharmacy.prescribing import Wanted
from clinic.pharmacy.selectors import Caution
from registry.people.policy import TURNED, without_turns
from registry.places.models import Facility
from sync.problems import Problem

OTHER: Final = "other"
DAYS: Final = ("1", "3", "5", "7", "10", "14", "30")
NUMBER_PAD: Final = {"inputmode": "numeric", "autocomplete": "off"}


class Number(forms.DecimalField):
    """A number in any digits, with a point or a comma."""

    widget = forms.TextInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs.update(NUMBER_PAD | {"inputmode": "decimal"})

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs say int
        if value in self.empty_values:
            return None
        try:
            return super().to_python(number_text(str(value)))
        except BadValue:
            raise forms.ValidationError(_("Write a number, for example 12 or 12.5.")) from None


class WholeNumber(Number):
    """A number without parts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs.update(NUMBER_PAD)

    def clean(self, value: Any) -> int | None:
        number = super().clean(value)
        if number is None:
            return None
        if number != int(number):
            raise forms.ValidationError(_("Write a whole number."))
        return int(number)


def note(label: Any, *, required: bool = False) -> forms.CharField:
    """A line of free words."""
    widget = forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"})
    return forms.CharField(label=label, max_length=LONGEST_NOTE, required=required, widget=widget)


class PrescribeForm(forms.Form):
    """One medicine: how much, how often, how long. A reason is one for the cautions that were on the screen
    when it was written: whatever speaks against the medicine since then is asked about anew.
    """

    dose = forms.ChoiceField(label=gettext_lazy("Dose"), required=False, widget=forms.RadioSelect)
    dose_other = Number(label=gettext_lazy("Another dose"), required=False)
    frequency = forms.ChoiceField(
        label=gettext_lazy("How often"), choices=PrescriptionLine.Frequency.choices, widget=forms.RadioSelect
    )
    days = forms.ChoiceField(label=gettext_lazy("How long"), widget=forms.RadioSelect, required=False)
    days_other = WholeNumber(label=gettext_lazy("Another number of days"), required=False)
    quantity = WholeNumber(label=gettext_lazy("Hand out another quantity"), required=False)
    route = forms.ChoiceField(
        label=gettext_lazy("How it is given"), choices=Medicine.Route.choices, required=False
    )
    instructions = note(gettext_lazy("Instructions for the patient"))
    override = note(gettext_lazy("Why nevertheless"))

    def __init__(
        self, *args: Any, medicine: Medicine, cautions: Sequence[Caution] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.medicine = medicine
        self.marks = [one.mark for one in cautions]
        measured = medicine.unit in IN_WHOLE_PACKS
        chips = [(text, wording.amount(Decimal(text), medicine.unit)) for text in wording.CHIPS[measured]]
        self._choices("dose", [*chips, (OTHER, _("Another dose"))])
        days = [(text, wording.days_text(int(text))) for text in DAYS]
        self._choices("days", [*days, (OTHER, _("Another number"))])
        self.initial.setdefault("route", medicine.route)
        self.fields["override"].required = bool(cautions)
        self.fields["override"].error_messages["required"] = _("Write why you prescribe it nevertheless.")

    def clean_override(self) -> str:
        """A warning that came up meanwhile was nobody's to brush aside."""
        said: str = self.cleaned_data["override"]
        if not set(self.marks) <= set(self.data.get("initial-cautions", "").split()):
            raise forms.ValidationError(_("This warning is new. Read it, then save again."))
        return said

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def _days(self, said: dict[str, Any]) -> int:
        """How long; nobody's silence is a length, except of a dose that is taken once. 0 is refused."""
        days = said.get("days", "")
        if days.isdigit():
            return int(days)
        if days == OTHER:
            return int(said.get("days_other") or 0)
        return 1 if said.get("frequency") == Frequency.ONCE else 0

    def wanted(self) -> Wanted:
        """What was answered, as the service takes it; also of a form that is not complete yet."""
        said = getattr(self, "cleaned_data", {})
        dose = said.get("dose", "")
        return Wanted(
            self.medicine,
            frequency=said.get("frequency", ""),
            days=self._days(said),
            dose=said.get("dose_other") if dose == OTHER or not dose else Decimal(dose),
            quantity=said.get("quantity"),
            route=said.get("route", ""),
            instructions=said.get("instructions", ""),
            override=said.get("override", ""),
        )


class AllergyForm(forms.Form):
    """What somebody reacts to: a group as a chip, else in words."""

    group = forms.ChoiceField(label=gettext_lazy("Allergic to"), required=False, widget=forms.RadioSelect)
    substance = forms.CharField(
        label=gettext_lazy("Something else"),
        max_length=LONGEST_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto", "list": "substances"}),
    )
    reaction = note(gettext_lazy("What happened"))
    severity = forms.ChoiceField(
        label=gettext_lazy("How bad"),
        choices=Allergy.Severity.choices,
        initial=Allergy.Severity.UNKNOWN,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chips = [(atc, _(name)) for atc, name in wording.GROUPS]
        self.fields["group"].choices = chips  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A chip and words beside it are two allergies: the chip is taken out, and said."""
        said = self.cleaned_data
        if said.get("group") and said.get("substance", "").strip():
            self.data = dict(self.data.items()) | {"group": ""}
            sentence = _("One allergy at a time. Add this one after it: %(group)s.")
            self.add_error("substance", sentence % {"group": wording.group_name(said["group"])})
        return said


class ReceiveForm(forms.Form):
    """A delivery: one lot of one medicine."""

    lot_number = forms.CharField(
        label=gettext_lazy("Lot number"),
        max_length=LONGEST_LOT,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "dir": "ltr"}),
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Expires on"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    quantity = WholeNumber(label=gettext_lazy("How many"))
    origin = forms.ChoiceField(label=gettext_lazy("From"), required=False)
    note = note(gettext_lazy("Delivery note"))

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Supplier or central store")), *other_places(facility)]
        self.fields["origin"].choices = choices  # type: ignore[attr-defined]


class AdjustForm(forms.Form):
    """What happened to a lot."""

    reason = forms.ChoiceField(
        label=gettext_lazy("What happened"),
        choices=StockMovement.Reason.choices,
        widget=forms.RadioSelect,
    )
    quantity = WholeNumber(label=gettext_lazy("How many"))
    to = forms.ChoiceField(label=gettext_lazy("Sent to"), required=False)
    note = note(gettext_lazy("Note"))

    def __init__(self, *args: Any, facility: Facility, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose a place")), *other_places(facility)]
        self.fields["to"].choices = choices  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why something is taken back."""

    reason = note(gettext_lazy("Why"), required=True)


def other_places(facility: Facility) -> list[tuple[str, str]]:
    """Every other place of care."""
    return [(str(one.pk), one.name) for one in Facility.objects.living().exclude(pk=facility.pk)]


def add_problem(form: forms.Form, problem: Problem) -> None:
    """Show a refusal beside the questions it is about; a name without what turned it round."""
    named = {_asked_as(form, name): sentence for name, sentence in problem.fields.items()}
    beside = {name: sentence for name, sentence in named.items() if name in form.fields}
    if problem.code == TURNED:
        readable = {name: without_turns(form.data.get(name, "")) for name in beside}
        form.data = dict(form.data.items()) | readable
    for name, sentence in beside.items():
        if name not in form.errors:
            form.add_error(name, sentence)
    if not beside:
        form.add_error(
            None, " ".join(dict.fromkeys([problem.title, problem.detail, *problem.fields.values()]))
        )


def _asked_as(form: forms.Form, name: str) -> str:
    """Where somebody typed a number of their own instead of tapping one, it is that box."""
    own = f"{name}_{OTHER}"
    return own if own in form.fields and form.data.get(name) == OTHER else name
