"""What a line of the log may say: ids and places in the code, never what people typed.

Lives here: `Line`, the formatter of every handler (`deploy/settings.py`). The words of an exception may hold
anything (a database quotes the row that it refused), so of an exception it keeps the kind and the way there;
of an address what our own patterns say; of a link only the host. Not here: what is worth a line (each room).
"""

from __future__ import annotations

import copy
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest

LINK: Final = re.compile(r"\b([a-z][a-z0-9+.-]*://[^/\s'\"<>]+)/[^\s'\"<>]*")
PART: Final = re.compile(r"<(?:\w+:)?(\w+)>")
NO_ADDRESS: Final = "an address that there is not"
OF_A_TASK: Final = frozenset({"args", "kwargs", "exc", "traceback"})  # what Celery puts into its sentences


class Line(logging.Formatter):
    """One record as a line, and an exception as the lines behind it."""

    def format(self, record: logging.LogRecord) -> str:
        told = copy.copy(record)
        told.exc_text = None  # another formatter may have kept its own words there
        told.msg, told.args = _said(record.msg, None), _plain(record)
        message = told.getMessage()
        if record.exc_info and record.exc_info[1]:
            message = _without_words(message, record.exc_info[1])
        told.msg, told.args = LINK.sub(r"\1/…", message), None
        return super().format(told)

    def formatException(self, ei: Any) -> str:  # noqa: N802  the library's name for it
        return "\n".join(_way(ei[1]))


def _plain(record: logging.LogRecord) -> Any:
    """The arguments without what they would say of people."""
    request = getattr(record, "request", None)
    if isinstance(record.args, Mapping):
        return {name: "…" if name in OF_A_TASK else _said(one, request) for name, one in record.args.items()}
    return tuple(_said(one, request) for one in record.args or ())


def _said(one: object, request: object) -> object:
    if isinstance(one, BaseException):
        return type(one).__name__
    if isinstance(request, HttpRequest) and one in (request.path, _escaped(request.path)):
        return address_of(request)
    return one


def _escaped(text: str) -> str:
    """As Django writes what comes from outside."""
    return text.encode("unicode_escape").decode("ascii")


def address_of(request: HttpRequest) -> str:
    """The pattern that answers an address, with the ids in it."""
    match = request.resolver_match
    if match is None:
        return NO_ADDRESS
    ids = {name: str(one) for name, one in match.kwargs.items() if isinstance(one, (UUID, int))}
    return "/" + PART.sub(lambda part: ids.get(part[1], part[0]), match.route)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that led to it, the last one first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _without_words(message: str, error: BaseException) -> str:
    for one in _chain(error):
        for words in (repr(one), str(one)):
            if words:
                message = message.replace(words, type(one).__name__)
    return message


def _way(error: BaseException) -> Iterator[str]:
    """Where each came from, the first one first; no values and no words."""
    for one in reversed(list(_chain(error))):
        yield f"{type(one).__module__}.{type(one).__qualname__}, from"
        for frame in traceback.extract_tb(one.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} {frame.name}"
