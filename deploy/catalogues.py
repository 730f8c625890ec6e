"""The words of the interface in five languages: what there is to say, what is missing, the compiled form.

Lives here: `asked_for` (every marked sentence of code and templates), `update` (the `.po` file of a language
says all of them and nothing else), `gaps` (what a language lacks, or says with other placeholders) and
`compile_all` (`.mo` files beside the `.po` files; `make setup` does it). Babel does the work, because a bare
machine has no gettext tools. Not here: words that packages of metadata bring along (`clinic/programs`).

    python -m deploy.catalogues compile     what changed since the last time
    python -m deploy.catalogues update      after sentences were added; then translate what is empty
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parents[1]
LOCALE: Final = ROOT / "deploy" / "locale"
LANGUAGES: Final = ("es", "fr", "hi", "ar")
ROOMS: Final = ("sync", "registry", "clinic", "deploy")
_KEYWORDS: Final[dict[str, tuple[int | tuple[int, int] | tuple[int, str], ...] | None]] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{\w*\}")

Identity = tuple[str | tuple[str, ...], str | None]
"""A sentence (with its plural, where it counts) and its context."""


def asked_for() -> list[Identity]:
    """Every sentence that code and templates ask for, once, sorted."""
    found = {identity for path in _sources() for identity in _in_file(path)}
    return sorted(found, key=lambda one: (str(one[0]), one[1] or ""))


def _sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from (path for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)
    yield from (ROOT / "templates").rglob("*.html")
    yield from (ROOT / "templates").rglob("*.txt")


def _in_file(path: Path) -> Iterator[Identity]:
    text = path.read_text()
    if path.suffix != ".py":
        # What is left of a template is no Python but for its calls; indentation would be an error.
        text = "\n".join(line.strip() for line in templatize(text).splitlines())
    found: Iterable[Any] = extract_python(BytesIO(text.encode()), _KEYWORDS, (), {"encoding": "utf-8"})
    for _line, function, said, _comments in found:  # its types say another order than its results have
        identity = _identity(function, said if isinstance(said, tuple) else (said,))
        if identity is not None:
            yield identity


def _identity(function: str, said: tuple[str | None, ...]) -> Identity | None:
    """The sentence of a call; None where it is no literal."""
    texts = list(said)
    context = texts.pop(0) if "pgettext" in function else None
    wanted = texts[:2] if "ngettext" in function or "npgettext" in function else texts[:1]
    if not wanted or not all(wanted):
        return None
    literal = tuple(str(text) for text in wanted)
    return (literal if len(literal) > 1 else literal[0]), context


def source(language: str) -> Path:
    """Where a language's sentences stand."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """A language's catalogue; empty where there is none yet."""
    path = source(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def update(language: str) -> int:
    """Write the language's file anew: what is asked for, with the translations there are. Returns how many
    sentences are still empty.
    """
    before = read(language)
    after = Catalog(
        locale=language, project="Posta", version="", copyright_holder="", charset="utf-8", fuzzy=False
    )
    after.header_comment = "# The words of Posta. Made by: python -m deploy.catalogues update"
    for identity, context in asked_for():
        known = before.get(identity, context)
        after.add(identity, known.string if known else "", context=context)
    path = source(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, after, width=110, no_location=True, omit_header=False, include_previous=False)
    path.write_text(_without_dates(path.read_text()))
    return len(gaps(language))


def _without_dates(text: str) -> str:
    """The header says nothing of when and by whom: version control knows."""
    left_out = ("POT-Creation-Date", "PO-Revision-Date", "Last-Translator", "Report-Msgid", "Language-Team")
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(tuple(f'"{name}' for name in left_out)))


def gaps(language: str) -> list[str]:
    """What is wrong with a language, a line each: sentences without translation or with other placeholders,
    sentences that nobody asks for any more.
    """
    catalogue = read(language)
    asked = asked_for()
    found = []
    for identity, context in asked:
        message = catalogue.get(identity, context)
        found += [] if message and not _faults(message) else [f"{identity!r}: {_faults(message)}"]
    said = {(message.id, message.context) for message in catalogue if message.id}
    return found + [f"{identity!r}: not asked for" for identity, _context in said - set(asked)]


def _faults(message: Message | None) -> str:
    if message is None:
        return "missing"
    texts = message.string if isinstance(message.string, tuple | list) else [message.string]
    if not all(texts):
        return "empty"
    sources = message.id if isinstance(message.id, tuple | list) else [message.id]
    wanted = [sorted(_placeholders(text)) for text in sources]
    # "One person waits" need not say the number; nothing may say a placeholder that is not there.
    allowed = {name for names in wanted for name in names}
    for text in texts:
        names = sorted(_placeholders(str(text)))
        if set(names) - allowed or (len(sources) == 1 and names != wanted[0]):
            return "other placeholders"
    return ""


def _placeholders(text: str) -> list[str]:
    return [match.group() for match in _PLACEHOLDER.finditer(text.replace("%%", ""))]


def compile_all() -> list[str]:
    """Compile what is newer than its compiled form; the languages that were."""
    done = []
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        target = path.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= path.stat().st_mtime:
            continue
        language = path.parents[1].name
        beside = target.with_suffix(".new")
        with beside.open("wb") as file:
            write_mo(file, read(language))
        beside.replace(target)
        done.append(language)
    return done


def main(arguments: list[str]) -> int:
    """The two commands of the module's docstring."""
    if arguments == ["compile"]:
        compile_all()
        return 0
    if arguments[:1] == ["update"]:
        for language in arguments[1:] or LANGUAGES:
            sys.stdout.write(f"{language}: {update(language)} to translate\n")
        compile_all()
        return 0
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
