"""A question that a picture answers: chosen, saved with the stage, replaced, taken away; and on a tablet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.defaultfilters import filesizeformat
from django.test import Client
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from clinic.programs.examples import example
from clinic.programs.services import publish
from clinic.visits.models import StageEvent, Visit
from clinic.visits.services import edit_event
from clinic.visits.timeline import tell
from registry.attachments.models import Attachment
from sync.files.models import Parcel
from sync.files.store import file_store
from sync.ledger.recording import recording
from tests.chromium import start_chromium
from tests.clinic.visits.day import Day
from tests.registry.attachments.pictures import PDF, photo
from tests.registry.attachments.test_pages import choose, value_in
from tests.registry.conftest import THE_NODE, browser
from tests.registry.people.tablets import HOST, tablet_of
from tests.registry.people.test_tablet import TOO_SMALL

STAGE = "kinds_stage_all"


@pytest.fixture
def asked(day: Day) -> Visit:
    """A visit with a form that has every kind of question."""
    day.node.role = "central"
    publish(document=example("field_kinds"), by=THE_NODE)
    day.node.role = "clinic"
    return day.visit(station="provider")


@pytest.fixture
def ana(day: Day) -> Client:
    return browser(day.cast.ana)


def address(visit: Visit, stage: object = STAGE) -> str:
    return f"/visits/{visit.pk}/stages/{stage}/"


def save(ana: Client, where: str, save_id: UUID | None = None, **answers: str) -> Any:
    """Post these answers; the others as nobody touched them."""
    shown = ana.get(where, secure=True).content.decode()
    version = re.search(r'name="version" value="([^"]*)"', shown)
    before = dict(re.findall(r'name="(initial-[\w]+)" value="([^"]*)"', shown))
    kept = {name.removeprefix("initial-"): value for name, value in before.items()}
    words = before | kept | answers | {"save_id": str(save_id or uuid4())}
    return ana.post(where, words | {"version": version[1] if version else ""}, secure=True)


def chosen(ana: Client, visit: Visit, content: bytes | None = None, sort: str = "picture") -> str:
    return value_in(choose(ana, content or photo(), sort=sort, patient=str(visit.patient_id)))


def test_pictures_and_files_are_saved_with_the_stage(ana: Client, asked: Visit) -> None:
    picture, document = chosen(ana, asked), chosen(ana, asked, PDF, "file")
    assert not Attachment.objects.exists()
    save_id = uuid4()
    for _ in range(2):  # a double tap
        answer = save(ana, address(asked), save_id, text="seen", image=picture, file_resource=document)
        assert answer.status_code == 302, answer.content.decode()
    event = StageEvent.objects.get()
    assert (event.values["image"], event.values["file_resource"]) == (picture, document)
    assert {str(row.pk) for row in Attachment.objects.living().filter(patient=asked.patient)} == {
        picture,
        document,
    }
    assert Parcel.objects.filter(state=Parcel.State.TO_SEND).count() == 2
    page = ana.get(address(asked, event.pk), secure=True).content.decode()
    assert f"/attachments/{picture}/small/" in page and f"/attachments/{document}/" in page
    patient = ana.get(f"/patients/{asked.patient_id}/", secure=True).content.decode()
    assert "Photos and files" in patient and f"/attachments/{picture}/small/" in patient


def test_a_file_is_told_by_what_it_is_and_opens(ana: Client, day: Day, asked: Visit) -> None:
    picture, document = chosen(ana, asked), chosen(ana, asked, PDF, "file")
    save(ana, address(asked), text="seen", image=picture, file_resource=document)
    event = StageEvent.objects.get()
    size = filesizeformat(len(PDF))
    pages = (f"/visits/{asked.pk}/", f"/patients/{asked.patient_id}/", f"/events/{event.pk}/history/")
    for where in (ana.get(one, secure=True).content.decode() for one in pages):
        assert "a file" not in where
        links = re.compile(r'<a class="link" href="(/attachments/[^"]*)".*?<bdi>([^<]*)</bdi>', re.DOTALL)
        found = dict(links.findall(where))
        assert found[f"/attachments/{document}/"] == f"PDF document, {size}"
        assert found[f"/attachments/{picture}/"].startswith("Picture, ")
    file_store().remove(Attachment.objects.get(pk=document).sha256)
    page = ana.get(pages[0], secure=True).content.decode()
    assert f"PDF document, {size}, not here yet" in page
    assert f'href="/attachments/{document}/"' not in page


def test_a_file_of_somebody_else_is_not_told(ana: Client, day: Day, asked: Visit) -> None:
    """An answer that came from elsewhere may name anything."""
    theirs = day.visit(station="provider")
    picture = chosen(ana, theirs)
    save(ana, address(theirs), text="seen", image=picture)
    save(ana, address(asked), text="seen")
    mine = StageEvent.objects.get(patient=asked.patient)
    with recording(by=THE_NODE) as written:
        written.edit(mine, {"values.image": picture})
    (told,) = tell([StageEvent.objects.get(pk=mine.pk)])
    answer = next(one for one in told.answers if one.key == "image")
    assert (answer.text, answer.url) == ("a file", "")


def test_a_form_that_nobody_is_asked_for_waits_beside_the_visit(ana: Client, asked: Visit) -> None:
    def lists() -> tuple[str, str]:
        page = ana.get(f"/visits/{asked.pk}/", secure=True).content.decode()
        todo, _heading, beside = page.partition("Other forms")
        return todo, beside

    assert "All field kinds" not in lists()[0]
    assert "All field kinds" in lists()[1]
    save(ana, address(asked), text="seen")
    assert "All field kinds" in lists()[0]


def test_a_form_that_comes_back_still_has_the_picture(ana: Client, asked: Visit) -> None:
    picture = chosen(ana, asked)
    answer = save(ana, address(asked), image=picture, number="no number at all")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'name="image" id="id_image" value="{picture}"' in page and f"{picture}/small/" in page
    assert not Attachment.objects.exists()


def test_a_picture_is_replaced_and_taken_away(ana: Client, asked: Visit) -> None:
    first, second = chosen(ana, asked), chosen(ana, asked, photo(kind="PNG"))
    save(ana, address(asked), image=first, text="seen")
    where = address(asked, StageEvent.objects.get().pk)
    assert save(ana, where, image=second).status_code == 302
    assert StageEvent.objects.get().values["image"] == second
    assert {str(row.pk): row.gone for row in Attachment.objects.all()} == {first: True, second: False}
    assert save(ana, where, image="").status_code == 302
    assert "image" not in {key for key, value in StageEvent.objects.get().values.items() if value}
    assert not Attachment.objects.living().exists()


@pytest.mark.parametrize("picture", ["forged", "7d3c1c1e-52a4-4d1f-9d0f-6a1f6f2f4b11"])
def test_a_picture_that_is_nobodys_is_said_beside_the_question(
    ana: Client, asked: Visit, picture: str
) -> None:
    answer = save(ana, address(asked), text="seen", image=picture)
    page = answer.content.decode()
    assert answer.status_code == 422 and "Choose this picture or file again." in page
    assert 'value="seen"' in page and not StageEvent.objects.exists()


def test_anothers_picture_is_not_taken(ana: Client, day: Day, asked: Visit) -> None:
    other = day.visit(station="provider")
    theirs = chosen(ana, other)
    save(ana, address(other), text="seen", image=theirs)
    answer = save(ana, address(asked), text="seen", image=theirs)
    assert answer.status_code == 422 and "Choose this picture or file again." in answer.content.decode()


def test_what_a_colleague_replaced_meanwhile_is_not_removed_unseen(
    ana: Client, day: Day, asked: Visit
) -> None:
    first, second, third = (chosen(ana, asked, photo(80, edge)) for edge in (40, 50, 60))
    save(ana, address(asked), image=first, text="seen")
    event = StageEvent.objects.get()
    stale = event.version
    edit_event(by=day.ana, event=event, changes={"image": second})
    edit_event(by=day.ana, event=event, changes={"image": third}, seen=stale)
    assert not Attachment.objects.get(pk=second).gone  # both stand until somebody decides


def test_a_program_names_a_file_that_it_attached(day: Day, asked: Visit) -> None:
    api = day.api()
    sent = {"patient": str(asked.patient_id), "file": SimpleUploadedFile("a.jpg", photo())}
    attached = api.post("/api/v1/attachments/", sent, format="multipart", secure=True).json()["id"]
    told = {
        "patient": str(asked.patient_id),
        "visit": str(asked.pk),
        "program": "FIELD_KINDS",
        "stage": "all",
        "values": {"image": attached},
    }
    assert api.post("/api/v1/events/", told, secure=True).status_code == 201
    wrong = api.post("/api/v1/events/", told | {"values": {"image": str(uuid4())}}, secure=True)
    assert wrong.status_code == 400 and set(wrong.json()["errors"]) == {"values.image"}


# On a tablet


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield start_chromium(playwright)


def brought(client: Client, content: bytes) -> Any:
    """Chromium does not show a test what is in a chosen file: the laptop gets this content instead."""

    here = copy_context()  # the callback runs in another one, where neither node nor database is this test's

    def answer(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        found = re.findall(rb'name="(\w+)"\r\n\r\n([^\r]*)\r\n', body)
        words = {name.decode(): value.decode() for name, value in found} or dict(parse_qsl(body.decode()))
        assert "csrfmiddlewaretoken" not in words and "text" not in words
        html = here.copy().run(choose, client, None if "remove" in words else content, **words)
        route.fulfill(body=html, content_type="text/html")

    return answer


@pytest.mark.once
def test_a_picture_is_taken_on_the_tablet_and_what_was_typed_stays(
    chromium: Browser, day: Day, asked: Visit, tmp_path: Path
) -> None:
    client = browser(day.cast.ana)
    shot = tmp_path / "wound.jpg"
    shot.write_bytes(photo())
    with tablet_of(chromium, client) as page:
        page.route("**/attachments/pick/", brought(client, photo()))
        page.goto(HOST + address(asked))
        page.get_by_label("Text", exact=True).fill("what was typed")
        take(page).set_input_files(shot)
        expect(page.locator("#id_image")).not_to_have_value("")
        expect(page.get_by_role("img", name="Look at the picture")).to_be_visible()
        expect(page.get_by_label("Text", exact=True)).to_have_value("what was typed")
        assert page.evaluate(TOO_SMALL) == []
        page.get_by_role("button", name="Remove the picture").click()
        expect(page.locator("#id_image")).to_have_value("")
        take(page).set_input_files(shot)
        expect(page.locator("#id_image")).not_to_have_value("")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved on the clinic laptop.")).to_be_visible()
    assert Attachment.objects.get().patient_id == asked.patient_id


def take(page: Page) -> Any:
    return page.locator("#id_image_file")


@pytest.mark.once
def test_without_wifi_the_field_says_so_and_nothing_typed_is_lost(
    chromium: Browser, day: Day, asked: Visit, tmp_path: Path
) -> None:
    shot = tmp_path / "wound.jpg"
    shot.write_bytes(photo())
    with tablet_of(chromium, browser(day.cast.ana)) as page:
        page.add_init_script("console.error = () => undefined")  # htmx says what this test wants to see
        page.goto(HOST + address(asked))
        page.get_by_label("Text", exact=True).fill("what was typed")
        page.route("**/attachments/pick/", lambda route: route.abort())
        take(page).set_input_files(shot)
        box = page.locator("#box-id_image")
        expect(box.get_by_text("The laptop was not reached.")).to_be_visible()
        expect(page.get_by_label("Text", exact=True)).to_have_value("what was typed")


@pytest.mark.once
def test_a_picture_of_40_mb_does_not_even_leave_the_tablet(
    chromium: Browser, day: Day, asked: Visit, tmp_path: Path
) -> None:
    shot = tmp_path / "huge.jpg"
    shot.write_bytes(photo() + bytes(40 << 20))
    asked_for: list[str] = []
    with tablet_of(chromium, browser(day.cast.ana)) as page:
        page.goto(HOST + address(asked))
        page.on("request", lambda request: asked_for.append(request.url))
        asked_for.clear()
        page.get_by_label("Text", exact=True).fill("what was typed")
        take(page).set_input_files(shot)
        box = page.locator("#box-id_image")
        expect(box.get_by_text("This file is too large.")).to_be_visible()
        expect(page.get_by_label("Text", exact=True)).to_have_value("what was typed")
    assert [url for url in asked_for if "pick" in url] == []
