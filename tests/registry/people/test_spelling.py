"""Names that are one name to the ear share a key; names that are not do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.people.spelling import digits_of, fold, in_latin, phonetic, phonetics_of, trigrams_of, words_of


@pytest.mark.parametrize(
    "names",
    [
        "José Jose JOSÉ Jose\u0301",
        "Muhammad Mohamed Mohammed Muhammed Mohamad Mamadou محمد محمّد Мухаммад मोहम्मद ሙሐመድ",
        "Ahmed Ahmad أحمد احمد अहमद Ахмед",
        "Yusuf Youssef Yousef Josef يوسف Юсуф यूसुफ",
        "Gonzalez González Gonzales Gonsales",
        "Vázquez Basquez Vasquez",
        "Jiménez Gimenez",
        "Khadija Cadija Kadija خديجة",
        "Fatima Fátima Fatimah فاطمة फ़ातिमा Фатима ፋጢማ",
        "Maryam Meriem مريم Miriam",
        "Aisha Ayesha Aicha عائشة आयशा",
        "Kumar Kumaar कुमार",
        "Sharma Sarma शर्मा",
        "Philip Filip Felipe",
        "Abraham Ibrahim إبراهيم इब्राहीम",
        "Hernández Ernandes",
        "Catalina Kathalina",
        "Quiroga Kiroga",
        "Γιώργος Giorgos Yorgos",
        "Rodríguez Rodrigues Rodriges",
        "Hussein Husain حسين हुसैन",
        "Osman Othman Usman عثمان उस्मान",
        "Haddad حداد",
        "Khatib Alkhatib Elkhatib الخطيب",
        "Zakir Dhakir ذاكر ज़ाकिर",
        "Chauhan Chouhan चौहान",
        "Diallo Jallow",
        "Ouédraogo Wedraogo",
    ],
)
def test_one_name_one_sound(names: str) -> None:
    keys = {name: set(phonetics_of(name)) for name in names.split()}
    assert set.intersection(*keys.values()), keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rosa", "Ana"),
        ("Pérez", "Pereira"),
        ("Martín", "Martínez"),
        ("Omar", "Amina"),
        ("Fatima", "Fatoumata"),
    ],
)
def test_other_names_sound_other(one: str, other: str) -> None:
    assert phonetic(fold(one)) != phonetic(fold(other))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("María José", ["maria", "jose"]),
        ("O’Brien-Smith", ["obrien", "smith"]),
        ("De la Cruz", ["de", "la", "cruz"]),
        ("Łukasz Strauß", ["lukasz", "strauss"]),
        ("عليّ  الكعبي", ["علي", "الكعبي"]),
        ("王 伟", ["王", "伟"]),
        ("Nguyễn Văn", ["nguyen", "van"]),
        ("Ana Ana", ["ana"]),
        ("...", []),
    ],
)
def test_words_of_a_name(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_letter_variants_of_arabic_fold_alike() -> None:
    assert fold("فاطمة") == fold("فاطمه")
    assert fold("على") == fold("علي")
    assert fold("أحمد") == fold("احمد") == fold("أَحْمَد")


def test_scripts_without_sound_have_no_key() -> None:
    assert phonetic("王") == ()
    assert phonetics_of("王 Wang") == ["wng"]


def test_a_rough_reading() -> None:
    assert in_latin("कुमार") == "kumaara"
    assert in_latin("شيخ") == "shykh"
    assert in_latin("Юсуф".lower()) == "yusuf"


def test_trigrams_mark_the_start() -> None:
    assert trigrams_of(["maria"]) == ["^m", "^ma", "mar", "ari", "ria"]
    assert trigrams_of(["wu", "x"]) == ["^w", "^wu", "^x"]


def test_digits_of_any_script() -> None:
    assert digits_of("+507 ٦٦١٢-३४५६") == "50766123456"
    assert digits_of("²x") == "2"


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    words = words_of(text)
    assert words == words_of(text)
    assert len(words) <= 12
    assert all(0 < len(word) <= 40 for word in words)
    assert all(key.isascii() and key.islower() for key in phonetics_of(text))
    assert all(len(three) <= 3 for three in trigrams_of(words))
    digits_of(text)


@given(st.text(alphabet="aeioubcdfghjklmnñpqrstvwxyz", max_size=20))
def test_accents_and_case_never_matter(text: str) -> None:
    accented = text.replace("a", "á").replace("e", "ë").replace("o", "Ô").upper()
    assert words_of(accented) == words_of(text)
    assert phonetics_of(accented) == phonetics_of(text)
