"""The check characters catch what people get wrong, and no code is taken for the other kind."""

from __future__ import annotations

import random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import verhoeff

from registry.numbers.codes import (
    ALPHABET,
    LETTERS,
    PER_PREFIX,
    PREFIXES,
    as_text,
    can_accept,
    check_accept,
    check_number,
    prefix_of,
    provisional_code,
    short_tag,
)
from registry.refusals import Refused

prefixes = st.integers(0, PREFIXES - 1).map(prefix_of)
numbers = st.builds(as_text, prefixes, st.integers(0, PER_PREFIX - 1))
codes = st.builds(
    lambda tag, seed: provisional_code(tag, random.Random(seed)),
    st.text(alphabet=ALPHABET, min_size=4, max_size=4),
    st.integers(),
)


@given(numbers)
def test_every_number_reads_back(number: str) -> None:
    read = check_number(number)
    assert (read.kind, read.value, read.ok) == ("number", number, True)


@given(codes)
def test_every_provisional_code_reads_back(code: str) -> None:
    read = check_number(code)
    assert (read.kind, read.value, read.ok) == ("provisional", code, True)


@given(numbers, st.data())
def test_one_wrong_character_of_a_number_is_caught(number: str, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([i for i, character in enumerate(number) if character != "-"]))
    others = (LETTERS + "BDGZ") if number[at].isalpha() else "0123456789"
    wrong = data.draw(st.sampled_from([character for character in others if character != number[at]]))
    assert not check_number(number[:at] + wrong + number[at + 1 :]).ok


@given(numbers)
def test_swapped_neighbours_of_a_number_are_caught(number: str) -> None:
    compact = number.replace("-", "")
    for at in range(1, len(compact) - 1):
        swapped = compact[:at] + compact[at + 1] + compact[at] + compact[at + 2 :]
        assert swapped == compact or not check_number(swapped).ok


@given(codes, st.data())
def test_one_wrong_character_of_a_provisional_code_is_caught(code: str, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([i for i, character in enumerate(code) if character != "-"]))
    wrong = data.draw(st.sampled_from([character for character in ALPHABET if character != code[at]]))
    read = check_number(code[:at] + wrong + code[at + 1 :])
    assert (read.kind, read.ok) == ("provisional", False)


def test_nearly_all_swapped_neighbours_of_a_provisional_code_are_caught() -> None:
    rng, swaps, caught = random.Random(3), 0, 0
    for _turn in range(2000):
        compact = provisional_code("".join(rng.choices(ALPHABET, k=4)), rng).replace("-", "")
        at = rng.randrange(9)
        swap = compact[:at] + compact[at + 1] + compact[at] + compact[at + 2 :]
        swaps += swap != compact
        caught += not check_number(f"{swap[:4]}-{swap[4:9]}-{swap[9]}").ok
    assert swaps > 1900
    assert caught / swaps > 0.98


def test_how_people_type_a_number() -> None:
    number = as_text("K7", 204581)
    forms = [
        number,
        number.lower(),
        number.replace("-", ""),
        number.replace("-", " "),
        number.replace("-", "–"),
        f"  {number}\n",
        number.translate({ord(digit): chr(0xFF10 + int(digit)) for digit in "0123456789"}),
    ]
    assert {check_number(form).value for form in forms} == {number}
    assert all(check_number(form).ok for form in forms)


def test_the_printed_form() -> None:
    assert as_text("K7", 204581) == "K7-204581-5"
    assert verhoeff.calc_check_digit("236") == "3"  # the textbook's example


@pytest.mark.parametrize(
    "text",
    [
        "",
        "María",
        "Alexandra",
        "6612-3456",
        "+507 6612 3456",
        "8-123-456",
        "passport|A123",
        "K" * 500,
        "١٢٣٤٥٦٧٨",
    ],
)
def test_other_things_are_other_things(text: str) -> None:
    read = check_number(text)
    assert (read.kind, read.ok) == ("other", False)
    assert can_accept(read)
    check_accept(read)


def test_a_mistyped_code_is_refused_and_says_which() -> None:
    number = check_number("K7-204581-4")
    code = provisional_code("BCA4", random.Random(1))
    last = next(character for character in ALPHABET if character != code[-1])
    provisional = check_number(code[:-1] + last)
    for read, word in ((number, "number"), (provisional, "provisional")):
        assert (read.kind, can_accept(read)) == (word, False)
        with pytest.raises(Refused) as refused:
            check_accept(read)
        assert refused.value.code == "wrong-check-digit"
        assert word in refused.value.title


def test_ten_letters_may_be_a_name() -> None:
    taken_for_codes = sum(
        check_number(name).kind != "other" for name in ("FERNANDEZX", "WASHINGTON", "CASSANDRAE")
    )
    assert taken_for_codes == 0


def test_tags_tell_places_of_like_names_apart() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert short_tag("Bocas del Toro", one)[:3] == "BCA"
    assert short_tag("Bocas del Toro", one) != short_tag("Bocas del Toro", two)
    for name in ("", "10 0", "Ñürümquí", "عيادة", "X"):
        tag = short_tag(name, uuid4())
        assert len(tag) == 4
        assert set(tag) <= set(ALPHABET)


def test_no_look_alikes() -> None:
    assert not set("01OILU") & set(ALPHABET)
    assert not set("BDGIOQSZ") & set(LETTERS)
    assert len(set(ALPHABET)) == 30
    assert len({prefix_of(ordinal) for ordinal in range(PREFIXES)}) == 100
