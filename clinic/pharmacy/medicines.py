"""The list of medicines: read from a spreadsheet, looked at, then taken over by central.

Lives here: `read_list` (CSV or XLSX → rows, each with what is wrong with it and what it would change) and
`import_medicines`, which writes a list only if nothing is wrong with it. The same file again changes
nothing; a row's code says which medicine it is. Not here: the page and the command that show the list, the
example (`examples/`). Read next: `management/commands/import_medicines.py`.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import tablib
from django.utils.text import slugify
from django.utils.translation import gettext as _
from tablib.exceptions import TablibException

from clinic.pharmacy import policy
from clinic.pharmacy.doses import MOST_UNITS
from clinic.pharmacy.models import Medicine
from clinic.pharmacy.saving import allowed_at_central
from registry.people.policy import without_turns
from registry.refusals import Refused
from sync.ledger.recording import Author, recording
from sync.problems import Problem

MAX_BYTES: Final = 4 << 20
MAX_UNPACKED: Final = 64 << 20
MAX_ROWS: Final = 5_000
NEEDED: Final = ("name", "form", "unit")
COLUMNS: Final = (
    *("code", "name", "form", "strength", "unit", "route", "atc", "pack_size", "min_stock", "active"),
)
CHOICES: Final = {"form": Medicine.Form, "unit": Medicine.Counted, "route": Medicine.Route}
LONGEST_SHOWN: Final = 30
NUMBERS: Final = {"pack_size": (1, 1), "min_stock": (0, 0)}  # column → (default, lowest)
NO: Final = frozenset({"0", "no", "false", "n"})
LENGTHS: Final = {"code": 40, "name": 120, "strength": 60}
Said = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file: what it says, what it would do (`new`, `changed`, `same`), what is wrong."""

    number: int
    said: dict[str, str]
    values: dict[str, Any]
    does: str = ""
    problems: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MedicineList:
    """A file that was read. Nothing is written yet."""

    rows: list[Row]

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.problems]

    def counts(self) -> dict[str, int]:
        """How many rows would do what."""
        does = [row.does for row in self.rows if not row.problems]
        return {what: does.count(what) for what in ("new", "changed", "same")} | {"wrong": len(self.wrong)}

    def kept(self) -> str:
        """What the rows say, to be read again once somebody has looked at it."""
        return json.dumps([row.said for row in self.rows], ensure_ascii=False, separators=(",", ":"))


# --- reading ----------------------------------------------------------------------------------------------


def read_list(*, content: bytes, name: str) -> MedicineList:
    """The rows of a CSV or XLSX file; raises a `Problem` for what is no such list at all."""
    if len(content) > MAX_BYTES:
        raise _unreadable(_("%(file)s is too large for a list of medicines.") % {"file": name})
    table = _xlsx(content, name) if content[:2] == b"PK" else _csv(content, name)
    headings = [_heading(text) for text in table.headers or []]
    missing = [column for column in NEEDED if column not in headings]
    if missing:
        raise _unreadable(_("%(file)s has no column “%(column)s”.") % {"file": name, "column": missing[0]})
    if len(table) > MAX_ROWS:
        raise _unreadable(_("%(file)s has too many rows.") % {"file": name})
    return checked(dict(zip(headings, map(_text, line), strict=False)) for line in table)


def read_again(kept: str) -> MedicineList:
    """What somebody has looked at (`MedicineList.kept`), judged afresh."""
    try:
        lines = json.loads(kept)
        said = [{str(key): str(value) for key, value in line.items()} for line in lines]
    except (ValueError, AttributeError, TypeError):
        said = []
    if not said:
        raise _unreadable(_("The list has gone. Choose the file again."))
    return checked(said[:MAX_ROWS])


def _unreadable(sentence: str) -> Problem:
    return Problem("unreadable-list", sentence, detail=_("Nothing was changed."), fields={"file": sentence})


def _csv(content: bytes, name: str) -> Any:
    try:
        return tablib.Dataset().load(content.decode("utf-8-sig"), format="csv")
    except (UnicodeDecodeError, TablibException, ValueError):
        raise _unreadable(_("%(file)s is no CSV file in UTF-8.") % {"file": name}) from None


def _xlsx(content: bytes, name: str) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
                raise _unreadable(_("%(file)s is too large for a list of medicines.") % {"file": name})
        return tablib.Dataset().load(content, format="xlsx")
    except (zipfile.BadZipFile, TablibException, KeyError, ValueError, OSError):
        raise _unreadable(_("%(file)s is no XLSX file.") % {"file": name}) from None


def _heading(text: object) -> str:
    return "_".join(_text(text).casefold().replace("-", " ").split())


def _text(cell: object) -> str:
    """A cell as somebody would read it: a spreadsheet keeps 500 as 500.0."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return " ".join(str(cell).replace("\0", "").split())


# --- judging ----------------------------------------------------------------------------------------------


def checked(lines: Iterable[Said]) -> MedicineList:
    """Each row against the rules, against the others and against the list as it is."""
    known = {medicine.code: medicine for medicine in Medicine.objects.living()}
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, said in enumerate(lines, start=2):  # the first line has the headings
        if not any(said.values()):
            continue
        plain = {column: said.get(column, "") for column in COLUMNS}
        row = _judged(number, plain, known)
        code = row.values.get("code", "")
        if code in seen:
            row.problems.append(("code", _("Row %(row)d has the same code.") % {"row": seen[code]}))
        seen.setdefault(code, number)
        rows.append(row)
    return MedicineList(rows)


def _judged(number: int, said: dict[str, str], known: Mapping[str, Medicine]) -> Row:
    problems: list[tuple[str, str]] = []
    values: dict[str, Any] = {}
    for column in COLUMNS:
        try:
            values[column] = _value(column, said)
        except Refused as refused:
            problems.append((column, _(refused.title)))
    if problems:
        return Row(number, said, values, problems=problems)
    medicine = known.get(values["code"])
    same = medicine is not None and all(getattr(medicine, name) == value for name, value in values.items())
    return Row(number, said, values, "new" if medicine is None else "same" if same else "changed")


def _value(column: str, said: Said) -> Any:
    text = said[column]
    if column in CHOICES:
        return _choice(column, text)
    if column in NUMBERS:
        return _number(column, text)
    if column == "atc":
        return policy.clean_atc(text)
    if column == "active":
        return text.casefold() not in NO
    if column == "code":
        text = text or slugify(f"{said['name']} {said['strength']} {said['form']}")[: LENGTHS["code"]]
    return policy.check_length(text, column, LENGTHS[column])


def _choice(column: str, text: str) -> str:
    """A code, or the English word for it."""
    choices = CHOICES[column]
    wanted = text.casefold()
    if column == "route" and not wanted:
        return str(Medicine.Route.ORAL)
    for code in choices.values:
        if wanted in (code, f"{code}s"):
            return str(code)
    return policy.check_known(column)


def _number(column: str, text: str) -> int:
    default, lowest = NUMBERS[column]
    return policy.check_whole(text, column, default=default, lowest=lowest, highest=MOST_UNITS)


# --- writing ----------------------------------------------------------------------------------------------


def import_medicines(*, by: Author, listed: MedicineList, save_id: UUID | None = None) -> dict[str, int]:
    """Take the list over: all of it, or nothing while a row is wrong. Answers how many were new, changed, the
    same.
    """
    allowed_at_central(by, policy.check_list_medicines)
    if listed.wrong:
        first = listed.wrong[0]
        raise Problem(
            "list-has-errors",
            _("%(n)d rows are not right. Nothing was changed.") % {"n": len(listed.wrong)},
            fields={f"rows.{first.number}.{column}": sentence for column, sentence in first.problems},
        )
    counts = listed.counts()
    with recording(by=by, save_id=save_id) as save:
        if not save.repeated:
            known = {medicine.code: medicine for medicine in Medicine.objects.living()}
            for row in listed.rows:
                medicine = known.get(row.values["code"])
                if medicine is None:
                    save.add(Medicine, **row.values)
                elif row.does == "changed":
                    save.edit(medicine, {name: value for name, value in row.values.items() if name != "code"})
    return counts


def _shown(cell: str) -> str:
    """As much of a cell as somebody needs to find it."""
    plain = without_turns(cell)
    return plain if len(plain) <= LONGEST_SHOWN else f"{plain[:LONGEST_SHOWN]}…"


def problems_in_words(rows: Sequence[Row]) -> list[str]:
    """One line for each wrong cell, with what stands there."""
    return [
        _("Row %(row)d, %(column)s, “%(said)s”: %(problem)s")
        % {"row": row.number, "column": column, "said": _shown(row.said.get(column, "")), "problem": sentence}
        for row in rows
        for column, sentence in row.problems
    ]
