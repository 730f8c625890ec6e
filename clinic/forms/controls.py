"""Controls: how a question is put on the page.

Lives here: one `Control` per way of asking (a line, an area, stacked choices, a searchable list, a tick, a
coordinate, an age, a file) and `control_for`, which chooses by value type and option set. A control knows
three things: what it shows for a stored answer, what was posted, and which answer the posted means. Not here:
whether an answer is good (`values.py`), labels and errors (`templates/forms/_field.html`). Read next:
`fields.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final, TypeAlias

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from clinic.forms.geo import coordinate_parts
from clinic.forms.refusals import BadValue
from clinic.forms.values import FILES, Stored, age_on, birth_date
from clinic.programs.definition import ElementDefinition, OptionDefinition
from clinic.programs.document import ValueType

Raw: TypeAlias = "str | list[str]"
"""What a control posts: one text, or the texts of its parts or ticks."""

MOST_BUTTONS: Final = 7
MOST_ON_PAGE: Final = 60
"""A longer list is searched on the laptop (`views.py`), where the form says at which address."""
_NATIVE: Final = {
    ValueType.DATE: ("date", re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)),
    ValueType.DATETIME: ("datetime-local", re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)),
    ValueType.TIME: ("time", re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)),
}
_TYPED: Final[dict[ValueType, dict[str, str]]] = {
    ValueType.TEXT: {"dir": "auto"},
    ValueType.LETTER: {"dir": "auto", "maxlength": "4", "autocapitalize": "characters"},
    ValueType.PHONE_NUMBER: {"type": "tel", "inputmode": "tel", "dir": "ltr"},
    ValueType.EMAIL: {"type": "email", "inputmode": "email", "dir": "ltr"},
    ValueType.URL: {"type": "url", "inputmode": "url", "dir": "ltr"},
    ValueType.USERNAME: {"dir": "ltr", "autocapitalize": "none"},
    ValueType.ORGANISATION_UNIT: {"dir": "ltr", "autocapitalize": "none"},
    ValueType.REFERENCE: {"dir": "ltr", "autocapitalize": "none"},
    ValueType.NUMBER: {"inputmode": "decimal", "dir": "ltr"},
    ValueType.UNIT_INTERVAL: {"inputmode": "decimal", "dir": "ltr"},
    ValueType.PERCENTAGE: {"inputmode": "decimal", "dir": "ltr"},
    ValueType.INTEGER: {"inputmode": "numeric", "dir": "ltr"},
    ValueType.INTEGER_POSITIVE: {"inputmode": "numeric", "dir": "ltr"},
    ValueType.INTEGER_ZERO_OR_POSITIVE: {"inputmode": "numeric", "dir": "ltr"},
    ValueType.INTEGER_NEGATIVE: {"inputmode": "text", "dir": "ltr"},
}


class Control(forms.Widget):
    """A way of asking. `shown` is what it posts back when nobody touches it."""

    kind: ClassVar[str] = "line"
    first_part: ClassVar[str] = ""

    def shown(self, stored: Stored | None) -> Raw:
        """What the control shows for a stored answer."""
        return stored if isinstance(stored, str) else ""

    def answer(self, raw: Raw, before: Stored | None, today: date) -> object:
        """The answer that the posted means, for `values.clean`; raises `BadValue`."""
        return raw

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Raw | None:
        """What was posted; None where the page did not show this control."""
        raw = self.posted(data, name)
        return "" if raw is None and f"initial-{name}" in data else raw

    def posted(self, sent: Mapping[str, Any], name: str) -> Raw | None:
        found = sent.get(name)
        return None if found is None else str(found).replace("\r\n", "\n")

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return self.value_from_datadict(data, files, name) is None

    def format_value(self, value: Any) -> Any:
        return value


class LineControl(Control):
    """One line: text, numbers, native date and time."""

    template_name = "forms/controls/line.html"

    def __init__(self, value_type: ValueType, attrs: Mapping[str, str] | None = None) -> None:
        super().__init__({**_TYPED.get(value_type, {}), **(attrs or {})})
        self.native = _NATIVE.get(value_type)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        written = context["widget"]["attrs"].pop("type", "text")
        # A browser shows nothing for a date that it cannot read; a line of text shows what is there.
        native = self.native and (not value or self.native[1].fullmatch(value))
        context["widget"]["type"] = self.native[0] if self.native and native else written
        return context


class AreaControl(Control):
    """Several lines."""

    template_name = "forms/controls/area.html"


class TickControl(Control):
    """One box to tick."""

    template_name = "forms/controls/tick.html"
    kind = "tick"


class ChoicesControl(Control):
    """Stacked radio buttons. What is not required can be taken back with “No answer”."""

    template_name = "forms/controls/choices.html"
    kind = "choices"
    first_part = "_0"
    use_fieldset = True
    input_type: ClassVar[str] = "radio"

    def __init__(self, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.choices = list(choices)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        chosen = value if isinstance(value, list) else [value or ""]
        known = {code for code, _label in self.choices}
        # An answer that the list no longer has stays visible and stays chosen.
        extra = [(code, code) for code in chosen if code and code not in known]
        context["widget"] |= {
            "type": self.input_type,
            "choices": [
                {"code": code, "label": label, "checked": code in chosen}
                for code, label in [*self.choices, *extra]
            ],
        }
        return context

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return ""


class TicksControl(ChoicesControl):
    """Stacked boxes, for several answers."""

    input_type = "checkbox"

    def shown(self, stored: Stored | None) -> Raw:
        return self._ordered(stored.split(",") if isinstance(stored, str) else stored or [])

    def posted(self, sent: Mapping[str, Any], name: str) -> Raw | None:
        found = sent.getlist(name) if isinstance(sent, MultiValueDict) else sent.get(name)
        if found is None or (not found and f"initial-{name}" not in sent):
            return None
        return self._ordered([str(code) for code in found])

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Raw | None:
        return self.posted(data, name)

    def _ordered(self, codes: Sequence[str]) -> list[str]:
        order = [code for code, _label in self.choices]
        known = [code for code in order if code in codes]
        return known + [code for code in codes if code and code not in order]


class SearchControl(Control):
    """A line with a list to search: more answers than fit as buttons. It shows words and keeps the code."""

    template_name = "forms/controls/search.html"

    def __init__(self, choices: Sequence[tuple[str, str]], also: Mapping[str, str] | None = None) -> None:
        super().__init__({"dir": "auto"})
        self.choices = distinct(choices)
        self.address = ""
        self._codes = {_folded(code): code for code, _label in self.choices}
        self._codes |= {_folded(text): code for text, code in (also or {}).items()}
        self._codes |= {_folded(label): code for code, label in self.choices}

    def shown(self, stored: Stored | None) -> Raw:
        code = stored if isinstance(stored, str) else ""
        return next((label for known, label in self.choices if known == code), code)

    def answer(self, raw: Raw, before: Stored | None, today: date) -> object:
        text = raw if isinstance(raw, str) else ""
        if not text.strip():
            return None
        found = self._codes.get(_folded(text))
        if found is None:
            raise BadValue("not-an-option", gettext_noop("Choose one of the answers from the list."))
        return found

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        far = self.address if len(self.choices) > MOST_ON_PAGE else ""
        labels = [] if far else [label for _code, label in self.choices]
        context["widget"] |= {"address": far, "labels": labels}
        return context


class PartsControl(Control):
    """Several lines that make one answer."""

    kind = "parts"
    use_fieldset = True
    parts: ClassVar[Sequence[tuple[str, Any]]] = ()
    input_types: ClassVar[Mapping[str, str]] = {}

    def posted(self, sent: Mapping[str, Any], name: str) -> Raw | None:
        found = [sent.get(f"{name}-{part}") for part, _label in self.parts]
        return None if all(text is None for text in found) else [str(text or "") for text in found]

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Raw | None:
        raw = self.posted(data, name)
        return self.texts(raw) if raw is None and f"initial-{name}" in data else raw

    def texts(self, raw: Raw | None) -> list[str]:
        """The text of each part."""
        return raw if isinstance(raw, list) else [""] * len(self.parts)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        texts = self.texts(value)
        context["widget"]["parts"] = [
            {"part": part, "label": label, "value": text, "type": self.input_types.get(part, "text")}
            for (part, label), text in zip(self.parts, texts, strict=True)
        ]
        return context

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return ""


class CoordinateControl(PartsControl):
    """Latitude and longitude, kept as `[longitude,latitude]`."""

    template_name = "forms/controls/parts.html"
    first_part = "_latitude"
    parts = (("latitude", _("Latitude")), ("longitude", _("Longitude")))

    def shown(self, stored: Stored | None) -> Raw:
        return list(coordinate_parts(stored)) if isinstance(stored, str) and stored else ["", ""]

    def answer(self, raw: Raw, before: Stored | None, today: date) -> object:
        latitude, longitude = (text.strip().replace(",", ".") for text in self.texts(raw))
        return f"{longitude},{latitude}" if latitude or longitude else None


class AgeControl(PartsControl):
    """A birth date, or an age in years, months and days; kept as the birth date."""

    template_name = "forms/controls/age.html"
    first_part = "_date"
    parts = (("date", _("Birth date")), ("years", _("Years")), ("months", _("Months")), ("days", _("Days")))
    input_types: ClassVar[Mapping[str, str]] = {"date": "date"}

    def __init__(self, today: date) -> None:
        super().__init__()
        self.today = today

    def shown(self, stored: Stored | None) -> Raw:
        return [stored if isinstance(stored, str) else "", "", "", ""]

    def answer(self, raw: Raw, before: Stored | None, today: date) -> object:
        born, *age = self.texts(raw)
        if not any(text.strip() for text in age):
            return born
        if born.strip() and born != before:
            raise BadValue("two-answers", gettext_noop("Write the birth date or the age, not both."))
        return birth_date(*age, today=today)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        born = _date_or_none(value[0]) if isinstance(value, list) else None
        age = age_on(born, self.today) if born and born <= self.today else None
        first, *counted = context["widget"]["parts"]
        if first["value"] and born is None:
            first["type"] = "text"
        context["widget"] |= {"born": first, "counted": counted, "age": age}
        return context


def _date_or_none(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _bare(text: str) -> str:
    """Folded, and without the marks over and under letters."""
    apart = unicodedata.normalize("NFKD", _folded(text))
    return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")


def distinct(choices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(code, label); where two labels read the same, their codes tell them apart."""
    times = Counter(_folded(label) for _code, label in choices)
    return [(code, f"{label} ({code})" if times[_folded(label)] > 1 else label) for code, label in choices]


def labelled(options: Sequence[OptionDefinition], language: str | None) -> list[tuple[str, str]]:
    """(code, label) of the options in a language."""
    return distinct([(option.code, option.name.spoken(language) or option.code) for option in options])


def matching(options: Sequence[OptionDefinition], text: str, language: str | None, *, most: int) -> list[str]:
    """The labels that have every word of a text in them, with or without its accents; those that begin with
    it first.
    """
    wanted, words = _bare(text), _bare(text).split()
    found = [(_bare(f"{label} {code}"), label) for code, label in labelled(options, language)]
    found = [one for one in found if all(word in one[0] for word in words)]
    found.sort(key=lambda one: not one[0].startswith(wanted))
    return [label for _text, label in found[:most]]


def _in_other_languages(options: Sequence[OptionDefinition]) -> dict[str, str]:
    """Every option's name in every language, where it means one option: the language may change between page
    and post.
    """
    named = [
        (text, option.code)
        for option in options
        for text in (option.name.default, *option.name.others.values())
    ]
    meant: dict[str, set[str]] = {}
    for text, code in named:
        meant.setdefault(_folded(text), set()).add(code)
    return {text: next(iter(codes)) for text, codes in meant.items() if len(codes) == 1}


def _choice_control(element: ElementDefinition, language: str | None) -> Control:
    choices = labelled(element.options, language)
    if len(choices) > MOST_BUTTONS:
        return SearchControl(choices, _in_other_languages(element.options))
    return ChoicesControl(_with_no_answer(choices, element))


def _with_no_answer(choices: list[tuple[str, Any]], element: ElementDefinition) -> list[tuple[str, Any]]:
    return choices if element.compulsory else [*choices, ("", _("No answer"))]


def control_for(
    element: ElementDefinition,
    *,
    today: date,
    language: str | None,
    suggested: Sequence[tuple[str, str]] = (),
) -> Control:
    """The control for a question; `suggested` are the places or people to choose from, where the question is
    for one.
    """
    kind = element.value_type
    if kind in FILES:
        from clinic.forms.filed import FileControl

        return FileControl("picture" if kind is ValueType.IMAGE else "file")
    if kind is ValueType.MULTI_TEXT:
        return TicksControl(labelled(element.options, language))
    if element.option_source:
        from clinic.forms.coded import CodedControl

        return CodedControl(element.option_source)
    if element.options:
        return _choice_control(element, language)
    if suggested:
        return SearchControl(suggested)
    return _plain_control(element, today)


def _plain_control(element: ElementDefinition, today: date) -> Control:
    kind = element.value_type
    if kind is ValueType.BOOLEAN:
        return ChoicesControl(_with_no_answer([("true", _("Yes")), ("false", _("No"))], element))
    if kind is ValueType.TRUE_ONLY:
        return TickControl()
    if kind is ValueType.COORDINATE:
        return CoordinateControl()
    if kind is ValueType.AGE:
        return AgeControl(today)
    if kind in (ValueType.LONG_TEXT, ValueType.GEOJSON):
        return AreaControl({"rows": "5", "dir": "auto" if kind is ValueType.LONG_TEXT else "ltr"})
    limits = {"max": today.isoformat()} if kind is ValueType.DATE and not element.allow_future_date else {}
    return LineControl(kind, limits)
