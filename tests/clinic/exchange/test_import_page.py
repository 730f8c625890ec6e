"""A person at central takes programs from a file: looked at first, told what is wrong, taken over."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from clinic.programs.models import Program, ProgramVersion
from sync.files.store import file_store
from tests.clinic.exchange.package_sample import sample, written
from tests.clinic.pharmacy.test_stock_pages import own_form
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import open_page, submit, text_of

ADDRESS = "programs-import"


@pytest.fixture
def office(day: Day) -> Client:
    day.node.role = "central"
    return day.browser(day.cast.olga)


def looked_at(office: Client, content: bytes, name: str = "package.json") -> str:
    answer = office.post(reverse(ADDRESS), {"file": SimpleUploadedFile(name, content)}, secure=True)
    page: str = answer.content.decode()
    assert (answer.status_code == 200) == ("Take over" in page)
    return page


def test_a_file_is_looked_at_and_then_taken_over(office: Client) -> None:
    before = Program.objects.count()
    page = looked_at(office, written(sample()))
    assert Program.objects.count() == before
    assert "Rules" in text_of(page)
    answer = submit(office, reverse(ADDRESS), own_form(page))
    assert answer["Location"] == reverse("program-rules")
    assert Program.objects.count() > before
    assert "taken over" in text_of(open_page(office, "program-rules"))
    again = looked_at(office, written(sample()))
    versions = ProgramVersion.objects.count()
    submit(office, reverse(ADDRESS), own_form(again))
    assert ProgramVersion.objects.count() == versions
    assert "Everything is there already." in text_of(open_page(office, "program-rules"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nothing", "x.json is not JSON"),
        (b"{}", "x.json holds no programs"),
        (b"\x89PNG\r\n\x1a\n", "x.json is not JSON"),
        (json.dumps({"posta_program": 1, "uid": "x"}).encode(), "x.json is not a program of Posta"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changed(office: Client, content: bytes, said: str) -> None:
    before = ProgramVersion.objects.count()
    page = text_of(looked_at(office, content, "x.json"))
    assert said in page
    assert "Nothing was changed." in page
    assert ProgramVersion.objects.count() == before


def test_without_a_file_or_with_one_that_is_gone_it_asks_again(office: Client) -> None:
    page = looked_at(office, written(sample()))
    kept = str(own_form(page).post()["kept"])
    file_store().remove(kept)
    for posted in ({"kept": kept}, {"kept": "../../etc"}, {}):
        answer = office.post(reverse(ADDRESS), posted, secure=True)
        assert answer.status_code == 422
        assert "Choose a file." in answer.content.decode()


def test_a_clinic_has_no_such_page(day: Day) -> None:
    assert day.browser(day.cast.olga).get(reverse(ADDRESS), secure=True).status_code == 404
