"""Columns of text: numbers, dates and codes written as text travel as what they are.

Here: `write_text`, `read_text`. No string holds NUL: it ends each string in the text stream.

Not here: values that are not text (columns.py).

Read next: ids.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sync.core.ints import estimate, pick, read_ints, write_ints
from sync.core.wire import MalformedBatch, Reader, Writer, malformed_as

_AS_IS, _LIST, _WORDS, _DATE, _PATTERN = range(5)
_NUMBER: Final = 8  # and above: as many decimal places as it is more
_MOST_PLACES: Final = 9
_LONGEST_NUMBER: Final = 19  # with sign and point; its digits fit 63 bits
_MOST_DIGITS: Final = 18
_MOST_PATTERNS: Final = 64
_DAY_MS: Final = 86_400_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()

_number: Final = re.compile(r"-?[0-9]{1,18}(?:\.([0-9]{1,9}))?")
_date: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_other: Final = re.compile(r"[^0-9]+")
_as_pattern: Final = str.maketrans("123456789", "000000000")
_LETTER_BYTES: Final = 0.6  # what zstd asks for a letter that it has not seen
_REPEAT_BYTES: Final = 2.5  # and for a string that it has
_WORTH_A_LOOK: Final = 16
_MOST_WORDS: Final = 250_000
_SPARE_VALUES: Final = 200_000  # for everything else in the frame
_WORDS_PAY: Final = 0.85  # the trial is at a fast level; a slow one gains more on prose


def write_text(writer: Writer, texts: Sequence[str], times: Sequence[int]) -> None:
    if not texts:
        return
    few = list(dict.fromkeys(texts))
    if (places := _decimal_places(few)) is not None:
        numbers = dict(zip(few, _scaled(few), strict=True))
        column = [numbers[text] for text in texts]
        if len(few) > len(texts) // 4 or estimate(column) <= _list_cost(texts, few):
            writer.head.append(_NUMBER + places)
            write_ints(writer, column)
            return
    if _are_dates(few):
        writer.head.append(_DATE)
        days = {text: date.fromisoformat(text).toordinal() for text in few}
        write_ints(writer, [days[text] for text in texts], _days(times))
        return
    _write_other(writer, texts, few)


def read_text(reader: Reader, number: int, times: Sequence[int]) -> list[str]:
    if not number:
        return []
    way = reader.byte()
    if _NUMBER <= way <= _NUMBER + _MOST_PLACES:
        return _rendered(read_ints(reader, number), way - _NUMBER)
    if way == _DATE:
        days = read_ints(reader, number, _days(times))
        with malformed_as("bad-date"):
            return [date.fromordinal(day).isoformat() for day in days]
    if way == _PATTERN:
        return _read_patterns(reader, number)
    if way == _WORDS:
        return _read_words(reader, number)
    return _read_list(reader, number, way)


# Numbers and dates


def _decimal_places(few: Sequence[str]) -> int | None:
    """The number of decimal places that all have, if they are all numbers and render back to the same
    text.
    """
    match = _number.fullmatch(few[0])
    if match is None:
        return None
    places = len(match[1] or "")
    if max(map(len, few)) > _LONGEST_NUMBER:
        return None
    if _number.fullmatch(few[-1]) is None or not all(map(_number.fullmatch, few)):
        return None
    return places if _rendered(_scaled(few), places) == list(few) else None


def _scaled(texts: Sequence[str]) -> list[int]:
    return [int(text.replace(".", "", 1)) for text in texts]


def _rendered(numbers: Sequence[int], places: int) -> list[str]:
    if not places:
        return list(map(str, numbers))
    return [_decimal(number, places) for number in numbers]


def _decimal(number: int, places: int) -> str:
    digits = str(abs(number)).zfill(places + 1)
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _are_dates(few: Sequence[str]) -> bool:
    if not all(map(_date.fullmatch, few)):
        return False
    try:
        for text in few:
            date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _days(times: Sequence[int]) -> list[int]:
    return [time // _DAY_MS + _EPOCH_DAY for time in times]


# Lists, words, patterns


def _write_other(writer: Writer, texts: Sequence[str], few: Sequence[str]) -> None:
    """The cheapest of what is left, by estimate; whether words pay is tried out."""
    by_list, plain = _list_cost(texts, few), _plain_cost(texts, few)
    if plain > _WORTH_A_LOOK:
        patterns = _patterns(texts, few)
        if patterns is not None and patterns.cost < min(by_list, plain):
            _write_patterns(writer, texts, patterns)
            return
    whole = Writer()
    if by_list <= plain:
        _write_list(whole, texts, few)
    else:
        whole.head.append(_AS_IS)
        whole.text.extend(texts)
    words = _in_words(texts, few, writer.values_left - _SPARE_VALUES) if plain > _WORTH_A_LOOK else None
    fewer = words is not None and words.packed_size() < _WORDS_PAY * whole.packed_size()
    writer.extend(words if words is not None and fewer else whole)


def _list_cost(texts: Sequence[str], few: Sequence[str]) -> float:
    places = {text: place for place, text in enumerate(few)}
    return _text_cost(few) + estimate([places[text] for text in texts])


def _plain_cost(texts: Sequence[str], few: Sequence[str]) -> float:
    return _text_cost(few) + (len(texts) - len(few)) * _REPEAT_BYTES


def _text_cost(few: Sequence[str]) -> float:
    return _LETTER_BYTES * (len("".join(few)) + len(few))


def _write_list(writer: Writer, texts: Sequence[str], few: Sequence[str]) -> None:
    places = {text: place for place, text in enumerate(few)}
    writer.head.append(_LIST)
    writer.varint(len(few))
    writer.text.extend(few)
    write_ints(writer, [places[text] for text in texts])
    writer.charge(0, len("".join(texts)))


def _read_list(reader: Reader, number: int, way: int) -> list[str]:
    if way == _AS_IS:
        return reader.text(number)
    if way != _LIST:
        raise MalformedBatch("unknown-format", f"There is no way of text {way}.")
    texts = pick(reader.text(reader.count(number)), read_ints(reader, number))
    reader.charge(0, len("".join(texts)))
    return texts


def _in_words(texts: Sequence[str], few: Sequence[str], room: int) -> Writer | None:
    """Short notes share words even where no two notes are the same. Long prose is better left to zstd."""
    if " " not in "".join(few):
        return None
    parts = [text.split(" ") for text in texts]
    words = [word for part in parts for word in part]
    if len(words) > min(_MOST_WORDS, room):
        return None
    writer = Writer()
    writer.head.append(_WORDS)
    write_ints(writer, list(map(len, parts)))
    writer.charge(len(words))
    _write_list(writer, words, list(dict.fromkeys(words)))
    return writer


def _read_words(reader: Reader, number: int) -> list[str]:
    counts = read_ints(reader, number)
    if min(counts) < 0:
        raise MalformedBatch("bad-column", "A text has a negative number of words.")
    total = sum(counts)
    reader.charge(total)
    words = _read_list(reader, total, reader.byte()) if total else []
    texts = []
    start = 0
    for count in counts:
        texts.append(" ".join(words[start : start + count]))
        start += count
    return texts


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The digits of each text are one number; where they stand is one of a few patterns."""

    few: Sequence[str]
    chosen: Sequence[int]
    numbers: Sequence[Sequence[int]]
    cost: float


def _patterns(texts: Sequence[str], few_texts: Sequence[str]) -> _Patterns | None:
    few = list(dict.fromkeys(text.translate(_as_pattern) for text in few_texts))
    widths = [pattern.count("0") for pattern in few]
    if len(few) > min(_MOST_PATTERNS, len(few_texts) // 2) or max(widths) > _MOST_DIGITS:
        return None
    places = {pattern: place for place, pattern in enumerate(few)}
    chosen = [places[text.translate(_as_pattern)] for text in texts]
    numbers: list[list[int]] = [[] for _ in few]
    for place, text in zip(chosen, texts, strict=True):
        if widths[place]:
            numbers[place].append(int(_other.sub("", text)))
    cost = _text_cost(few) + estimate(chosen) + sum(map(estimate, numbers))
    return _Patterns(few, chosen, numbers, cost)


def _write_patterns(writer: Writer, texts: Sequence[str], patterns: _Patterns) -> None:
    writer.head.append(_PATTERN)
    writer.varint(len(patterns.few))
    writer.text.extend(patterns.few)
    write_ints(writer, patterns.chosen)
    for column in patterns.numbers:
        write_ints(writer, column)
    writer.charge(0, len("".join(texts)))


def _read_patterns(reader: Reader, number: int) -> list[str]:
    patterns = reader.text(reader.count(min(number, _MOST_PATTERNS)))
    chosen = read_ints(reader, number)
    reader.charge(0, sum(map(len, pick(patterns, chosen))))
    texts = [""] * number
    for place, pattern in enumerate(patterns):
        rows = [row for row, one in enumerate(chosen) if one == place]
        for row, text in zip(rows, _filled(reader, pattern, len(rows)), strict=True):
            texts[row] = text
    return texts


def _filled(reader: Reader, pattern: str, number: int) -> list[str]:
    width = pattern.count("0")
    if not width:
        return [pattern] * number
    if width > _MOST_DIGITS:
        raise MalformedBatch("bad-column", "A pattern has more digits than we ever write.")
    fill = _filler(pattern)
    texts = [str(one).zfill(width) for one in read_ints(reader, number)]
    if any(len(text) != width for text in texts):
        raise MalformedBatch("bad-column", "A number does not fit its pattern.")
    return list(map(fill, texts))


def _filler(pattern: str) -> Callable[[str], str]:
    """Puts digits where the pattern has 0. Digits elsewhere in it would be a forgery, but a harmless one."""
    parts = re.split("(0+)", pattern)
    if len(parts) == 3 and not parts[2]:
        return parts[0].__add__
    template = "".join(
        "{}" if part.startswith("0") else part.replace("{", "{{").replace("}", "}}") for part in parts
    )
    cuts = []
    start = 0
    for part in parts[1::2]:
        cuts.append((start, start + len(part)))
        start += len(part)
    return lambda digits: template.format(*[digits[low:high] for low, high in cuts])
