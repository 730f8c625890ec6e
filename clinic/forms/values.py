"""Answers: what people and programs write ↔ the text that is kept.

Lives here, pure: `clean`, which turns one answer into its stored form or raises `BadValue`, for each of the
27 value types. The stored form is DHIS2's text (`true`, `2025-11-20`, `12.4`, `[longitude,latitude]`), and a
list of codes for MULTI_TEXT; there is one spelling per value, so that equal answers are equal text and never
a conflict. Not here: controls (`controls.py`), words for stored values (`wording.py`). Read next:
`fields.py`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from clinic.forms.geo import coordinate_text, geojson_text
from clinic.forms.numbers import ascii_digits, number_text
from clinic.forms.refusals import BadValue
from clinic.programs.document import ValueType
from registry.refusals import _

Stored: TypeAlias = "str | list[str]"

MAX_BYTES: Final = 100_000
FIRST_YEAR: Final = 1850
LAST_YEAR: Final = 2199
FILES: Final = frozenset({ValueType.FILE_RESOURCE, ValueType.IMAGE})
"""Answers that name an attachment (`registry/attachments`) by its id."""
_SEVERAL_LINES: Final = frozenset({ValueType.LONG_TEXT, ValueType.GEOJSON})
_INT_MAX: Final = 2**31 - 1

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.0{1,6})?)?", re.ASCII)
_PHONE = re.compile(r"\+?[0-9 ()./-]+", re.ASCII)
_EMAIL = re.compile(r"""[^@\s<>(),;:\\"\[\]]+@[^@\s<>(),;:\\"\[\].]+(\.[^@\s<>(),;:\\"\[\].]+)+""")
_USERNAME = re.compile(r"[\w.@+-]{2,150}")
_UID = re.compile(r"[A-Za-z][A-Za-z0-9]{10}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def clean(
    value_type: ValueType,
    answer: object,
    *,
    today: date,
    codes: Sequence[str] = (),
    allow_future: bool = False,
) -> Stored | None:
    """The stored form of an answer; None where it is empty. `codes` are the option set's, in its order."""
    if value_type is ValueType.MULTI_TEXT:
        return _several(answer, codes)
    text = _text_of(value_type, answer)
    if codes and isinstance(answer, str) and answer in codes:
        return answer
    if not text:
        return None
    if codes:
        return _one_of(text, codes)
    if value_type in FILES:
        return _file(text)
    if value_type in _DATED:
        return _DATED[value_type](text, None if allow_future and value_type is not ValueType.AGE else today)
    if value_type is ValueType.TRUE_ONLY and text.lower() == "false":
        return None
    return _KINDS[value_type](text)


def _file(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise BadValue("not-a-file", _("Choose this picture or file again."))
    return str(UUID(text))


def _text_of(value_type: ValueType, answer: object) -> str:
    if answer is None:
        return ""
    if not isinstance(answer, str):
        answer = _json_text(value_type, answer)
    text = answer.replace("\r\n", "\n").replace("\r", "\n").strip()
    if value_type not in _SEVERAL_LINES:
        text = text.replace("\n", " ")
    _check_characters(text)
    return text


def _json_text(value_type: ValueType, answer: object) -> str:
    """What a program sends as JSON and not as text."""
    if isinstance(answer, bool):
        if value_type in (ValueType.BOOLEAN, ValueType.TRUE_ONLY):
            return str(answer).lower()
    elif isinstance(answer, int | float | Decimal):
        plain = format(Decimal(str(answer)), "f")
        if value_type not in (ValueType.BOOLEAN, ValueType.TRUE_ONLY):
            return plain
    elif (value_type is ValueType.COORDINATE and isinstance(answer, list)) or (
        value_type is ValueType.GEOJSON and isinstance(answer, dict)
    ):
        return _dumped(answer)
    raise BadValue("wrong-kind", _("This answer is of the wrong kind."))


def _dumped(answer: list[Any] | dict[str, Any]) -> str:
    try:
        return json.dumps(answer)
    except (TypeError, ValueError, RecursionError):
        raise BadValue("wrong-kind", _("This answer is of the wrong kind.")) from None


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise BadValue("nul-character", _("The text holds a NUL character."))
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in text):
        raise BadValue("control-character", _("The text holds a character that cannot be shown."))
    if len(text.encode()) > MAX_BYTES:
        raise BadValue("too-long", _("The text is too long: at most %(limit)s kB."), limit=MAX_BYTES // 1000)


def _one_of(text: str, codes: Sequence[str]) -> str:
    if text not in codes:
        raise BadValue("not-an-option", _("Choose one of the answers from the list."))
    return text


def _several(answer: object, codes: Sequence[str]) -> list[str] | None:
    if isinstance(answer, str):
        answer = answer.split(",")
    if answer is None:
        return None
    if not isinstance(answer, list | tuple) or not all(isinstance(code, str) for code in answer):
        raise BadValue("wrong-kind", _("This answer is of the wrong kind."))
    chosen = {_one_of(code, codes) for code in answer if code.strip()}
    return sorted(chosen, key=list(codes).index) or None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _letter(text: str) -> str:
    letter = _plain(text)
    if len(letter) != 1 or not letter.isalpha():
        raise BadValue("not-a-letter", _("Write one letter."))
    return letter


def _phone(text: str) -> str:
    number = " ".join(ascii_digits(text).split())
    if not _PHONE.fullmatch(number) or not 3 <= sum(char.isdigit() for char in number) <= 15:
        raise BadValue("not-a-phone", _("Write a phone number: 3 to 15 digits."))
    return number


def _email(text: str) -> str:
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise BadValue("not-an-email", _("Write an e-mail address, like name@example.org."))
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > 2000 or any(char.isspace() for char in text):
        raise BadValue("not-a-url", _("Write a web address that starts with https://."))
    return text


def _username(text: str) -> str:
    if not _USERNAME.fullmatch(text):
        raise BadValue("not-a-username", _("Write a user name: letters, digits, and . @ + - _."))
    return text


def _identifier(text: str) -> str:
    if _UUID.fullmatch(text):
        return text.lower()
    if not _UID.fullmatch(text):
        raise BadValue("not-an-id", _("This is not the id of a record."))
    return text


def _yes_no(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise BadValue("not-yes-no", _("Choose yes or no."))
    return text.lower()


def _true(text: str) -> str:
    if text.lower() != "true":
        raise BadValue("not-true", _("This can only be ticked or left empty."))
    return "true"


def _geojson(text: str) -> str:
    shape = geojson_text(text)
    _check_characters(shape)
    return shape


def _between(low: str, high: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        number = number_text(text.removesuffix("%").removesuffix("٪") if high == "100" else text)
        if not Decimal(low) <= Decimal(number) <= Decimal(high):
            raise BadValue("out-of-range", _("Write a number from %(low)s to %(high)s."), low=low, high=high)
        return number

    return check


def _whole(low: int, high: int) -> Callable[[str], str]:
    within = _between(str(low), str(high))

    def check(text: str) -> str:
        number = number_text(text)
        if "." in number:
            raise BadValue("not-whole", _("Write a whole number."))
        return within(number)

    return check


def _day(text: str, latest: date | None) -> str:
    found = _DATE.fullmatch(ascii_digits(text))
    if found is None:
        raise BadValue("not-a-date", _("Write a date as year-month-day: 2025-11-20."))
    year, month, day = (int(part) for part in found.groups())
    try:
        when = date(year, month, day)
    except ValueError:
        raise BadValue("no-such-day", _("There is no such day in the calendar.")) from None
    if latest is not None and when > latest:
        raise BadValue("in-the-future", _("This date is in the future."))
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise BadValue(
            "far-year", _("The year lies between %(first)s and %(last)s."), first=FIRST_YEAR, last=LAST_YEAR
        )
    return when.isoformat()


def _hour(text: str) -> str:
    found = _TIME.fullmatch(ascii_digits(text))
    if found is None or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        raise BadValue("not-a-time", _("Write a time as hours and minutes: 14:30."))
    seconds = f":{found[3]}" if int(found[3] or 0) else ""
    return f"{int(found[1]):02}:{found[2]}{seconds}"


def _moment(text: str, latest: date | None) -> str:
    day, _between_them, hour = text.replace(" ", "T", 1).partition("T")
    return f"{_day(day, latest)}T{_hour(hour)}"


_DATED: Final[dict[ValueType, Callable[[str, date | None], str]]] = {
    ValueType.DATE: _day,
    ValueType.DATETIME: _moment,
    ValueType.AGE: _day,
}
_KINDS: Final[dict[ValueType, Callable[[str], str]]] = {
    ValueType.TEXT: _plain,
    ValueType.LONG_TEXT: _plain,
    ValueType.LETTER: _letter,
    ValueType.PHONE_NUMBER: _phone,
    ValueType.EMAIL: _email,
    ValueType.BOOLEAN: _yes_no,
    ValueType.TRUE_ONLY: _true,
    ValueType.TIME: _hour,
    ValueType.NUMBER: number_text,
    ValueType.UNIT_INTERVAL: _between("0", "1"),
    ValueType.PERCENTAGE: _between("0", "100"),
    ValueType.INTEGER: _whole(-_INT_MAX - 1, _INT_MAX),
    ValueType.INTEGER_POSITIVE: _whole(1, _INT_MAX),
    ValueType.INTEGER_NEGATIVE: _whole(-_INT_MAX - 1, -1),
    ValueType.INTEGER_ZERO_OR_POSITIVE: _whole(0, _INT_MAX),
    ValueType.USERNAME: _username,
    ValueType.COORDINATE: coordinate_text,
    ValueType.ORGANISATION_UNIT: _identifier,
    ValueType.REFERENCE: _identifier,
    ValueType.URL: _url,
    ValueType.GEOJSON: _geojson,
}


def birth_date(years: str, months: str, days: str, *, today: date) -> str:
    """The birth date of somebody who is this old today; the day is as exact as the age was."""
    counted = [_whole(0, 2000)(part) if part.strip() else "0" for part in (years, months, days)]
    whole_years, whole_months, whole_days = (int(part) for part in counted)
    month_number = today.year * 12 + today.month - 1 - whole_years * 12 - whole_months
    year, month = month_number // 12, month_number % 12 + 1
    if year < FIRST_YEAR:
        raise BadValue("too-old", _("Nobody is that old. Check the age."))
    day = min(today.day, monthrange(year, month)[1])
    return _day((date(year, month, day) - timedelta(days=whole_days)).isoformat(), today)


def age_on(born: date, today: date) -> tuple[int, int, int]:
    """Completed years, months and days."""
    months = (today.year - born.year) * 12 + today.month - born.month - (today.day < born.day)
    turned = born.year * 12 + born.month - 1 + months
    last_day = monthrange(turned // 12, turned % 12 + 1)[1]
    reached = date(turned // 12, turned % 12 + 1, min(born.day, last_day))
    return months // 12, months % 12, (today - reached).days
