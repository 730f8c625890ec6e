"""The tools that keep the interface's languages complete: finding sentences, telling gaps, compiling."""

from __future__ import annotations

import ast
import gettext
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from deploy import catalogues


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project with one sentence of each kind."""
    (tmp_path / "clinic").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "clinic" / "room.py").write_text(
        "_('Saved.')\nngettext('%(n)d person', '%(n)d people', n)\npgettext_lazy('state', 'Done')\n_(name)\n"
    )
    (tmp_path / "templates" / "page.html").write_text(
        "<p title='it's'>\n    {% translate \"Queue\" %}\n"
        "  {% blocktranslate with name=who %}with {{ name }}{% endblocktranslate %}</p>"
    )
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path / "locale")
    return tmp_path


def _write(language: str, **translations: str) -> None:
    catalogues.update(language)
    path = catalogues.source(language)
    text = path.read_text()
    for sentence, said in translations.items():
        text = text.replace(f'msgid "{sentence}"\nmsgstr ""', f'msgid "{sentence}"\nmsgstr "{said}"')
    path.write_text(text)


def test_sentences_of_code_and_templates_are_found(project: Path) -> None:
    assert catalogues.asked_for() == [
        (("%(n)d person", "%(n)d people"), None),
        ("Done", "state"),
        ("Queue", None),
        ("Saved.", None),
        ("with %(name)s", None),
    ]


def test_what_is_missing_or_empty_is_told(project: Path) -> None:
    assert len(catalogues.gaps("es")) == 5  # no file at all
    assert catalogues.update("es") == 5  # a file with nothing translated
    _write("es", Queue="Cola")
    assert len(catalogues.gaps("es")) == 4


def test_another_placeholder_and_a_forgotten_sentence_are_gaps(project: Path) -> None:
    _write("es", **{"with %(name)s": "con %(nombre)s"})
    assert any("other placeholders" in gap for gap in catalogues.gaps("es"))
    (project / "clinic" / "room.py").write_text("")
    assert any("'Saved.': not asked for" in gap for gap in catalogues.gaps("es"))


def test_an_update_keeps_translations_and_drops_what_is_gone(project: Path) -> None:
    _write("ar", Queue="الدور")
    (project / "clinic" / "room.py").write_text("_('A new one')")
    assert catalogues.update("ar") == 2  # the new one, and "with …"
    catalogue: Catalog = catalogues.read("ar")
    message = catalogue.get("Queue")
    assert message is not None
    assert message.string == "الدور"
    assert catalogue.get("Saved.") is None


def test_compiled_catalogues_are_read_by_gettext(project: Path) -> None:
    _write("fr", Queue="File d’attente")
    assert catalogues.compile_all() == ["fr"]
    assert catalogues.compile_all() == []  # nothing is newer
    with catalogues.source("fr").with_suffix(".mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Queue") == "File d’attente"


def test_the_header_says_nothing_of_when_and_by_whom(project: Path) -> None:
    catalogues.update("hi")
    text = catalogues.source("hi").read_text()
    assert "Plural-Forms" in text
    assert not {"Date", "Translator", "EMAIL", "YEAR"} & {word for word in text.split() if word.isalpha()}
    assert "POT-Creation-Date" not in text


# --- ours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_a_language_says_everything_with_the_same_placeholders(language: str) -> None:
    assert catalogues.gaps(language) == []


def test_no_sentence_hides_in_an_f_string() -> None:
    """There it is not found: the reader of sentences does not look inside."""
    hidden = [
        f"{path.relative_to(catalogues.ROOT)}:{inner.lineno}"
        for room in catalogues.ROOMS
        for path in (catalogues.ROOT / room).rglob("*.py")
        for whole in ast.walk(ast.parse(path.read_text()))
        if isinstance(whole, ast.JoinedStr)
        for inner in ast.walk(whole)
        if isinstance(inner, ast.Call)
        and isinstance(inner.func, ast.Name)
        and inner.func.id in {"_", "gettext", "ngettext", "pgettext", "npgettext"}
    ]
    assert hidden == []
