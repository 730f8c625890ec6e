"""Photos and files as a tablet and a program see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from registry.attachments.models import Attachment, PickedFile
from registry.attachments.selectors import photo_of
from registry.attachments.services import pick
from registry.people.models import Patient
from sync.files.models import Parcel
from sync.files.receiving import LARGEST_REQUEST
from sync.files.store import LARGEST_FILE, file_store
from sync.ledger.models import Change
from sync.node import Node
from tests.registry.attachments.pictures import CANARY, PDF, opened, photo
from tests.registry.conftest import Cast, browser, make_patient, token_client
from tests.registry.people.test_pages import EMPTY_ROWS, EVA

HTMX = {"HX-Request": "true"}


@pytest.fixture
def tablet(cast: Cast) -> Client:
    return browser(cast.rosa)


@pytest.fixture
def patient(cast: Cast) -> Patient:
    return make_patient(cast.author(cast.rosa)).patient


def sent(content: bytes, name: str = "IMG_0001.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/jpeg")


def choose(tablet: Client, content: bytes | None, **said: Any) -> str:
    """What the control looks like after somebody chose."""
    words = {"as": "wound", "at": "id_wound", "sort": "picture", "patient": "", **said}
    if content is not None:
        words["picked-file"] = sent(content, said.pop("name", "IMG_0001.jpg"))
    answer = tablet.post("/attachments/pick/", words, secure=True, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def value_in(html: str) -> str:
    found = re.search(r'<input type="hidden"[^>]*value="([^"]*)"', html)
    assert found is not None
    return found[1]


def look(tablet: Client, file_id: object, more: str = "") -> Any:
    return tablet.get(f"/attachments/{file_id}/{more}", secure=True)


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


# Choosing


def test_a_chosen_picture_is_kept_and_shown_before_anything_is_saved(
    tablet: Client, patient: Patient
) -> None:
    html = choose(tablet, photo(2400, 1200), patient=str(patient.pk))
    chosen = value_in(html)
    assert 'name="wound"' in html and f"/attachments/{chosen}/small/" in html
    assert not Attachment.objects.exists()
    assert opened(content_of(look(tablet, chosen))).size == (1600, 800)
    assert "Remove the picture" in html
    gone = choose(tablet, None, remove="1", patient=str(patient.pk))
    assert value_in(gone) == "" and "Remove" not in gone


@pytest.mark.parametrize(
    ("content", "sort", "said"),
    [
        (PDF, "picture", "not a picture"),
        (b"GIF89a-and-so-on", "picture", "not a picture"),
        (photo()[:300], "picture", "not a picture"),
        (b"<html>", "file", "pictures and PDF files"),
        (b"", "file", "Choose a picture or a file first"),
    ],
)
def test_what_cannot_be_kept_is_said_beside_the_field(
    tablet: Client, patient: Patient, content: bytes, sort: str, said: str
) -> None:
    html = choose(tablet, content, sort=sort, patient=str(patient.pk))
    assert said in html and value_in(html) == ""
    assert not PickedFile.objects.exists()


def test_a_picture_of_40_mb_is_refused_in_words(tablet: Client, patient: Patient, node: Node) -> None:
    html = choose(tablet, photo() + bytes(40 << 20), patient=str(patient.pk))
    assert "too large" in html and "Nothing else is lost" in html and value_in(html) == ""
    assert not [path for path in node.path("files").rglob("*") if path.is_file()]


def test_what_is_far_too_large_is_not_read_to_its_end(tablet: Client) -> None:
    words = {"picked-file": sent(photo())}
    answer = tablet.post(
        "/attachments/pick/", words, secure=True, headers=HTMX, CONTENT_LENGTH=str(LARGEST_REQUEST + 1)
    )
    assert answer.status_code == 400


def test_nothing_of_an_upload_touches_the_disk_in_clear(
    tablet: Client, patient: Patient, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda *a, **k: written.append("temp"))
    chosen = value_in(choose(tablet, PDF + bytes(5 << 20), sort="file", patient=str(patient.pk)))
    assert content_of(look(tablet, chosen)).startswith(PDF)
    files = [path for path in node.data_dir.rglob("*") if path.is_file()]
    assert len(files) > 1 and not [path for path in files if CANARY.encode() in path.read_bytes()]
    assert written == []


# Looking


def test_a_document_is_only_downloaded_and_a_picture_runs_nothing(tablet: Client, patient: Patient) -> None:
    document = value_in(choose(tablet, PDF, sort="file", name="Lab\r\nresult.pdf", patient=str(patient.pk)))
    answer = look(tablet, document)
    assert content_of(answer) == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment;")
    picture = look(tablet, value_in(choose(tablet, photo(), patient=str(patient.pk))))
    for one in (answer, picture):
        assert one["X-Content-Type-Options"] == "nosniff" and one["Cache-Control"] == "no-store"
        assert "sandbox" in one["Content-Security-Policy"]
        assert "default-src 'none'" in one["Content-Security-Policy"]
    assert look(tablet, document, "small/").status_code == 404


def test_what_somebody_chose_is_shown_to_nobody_else(tablet: Client, cast: Cast, patient: Patient) -> None:
    chosen = value_in(choose(tablet, photo(), patient=str(patient.pk)))
    for stranger in (browser(cast.ana), browser(cast.iris)):
        assert look(stranger, chosen).status_code == look(stranger, chosen, "small/").status_code == 404
    assert Client().get(f"/attachments/{chosen}/", secure=True).status_code == 302


def test_at_central_people_see_the_files_of_their_own_patients(
    cast: Cast, patient: Patient, node: Node
) -> None:
    with_photo(cast, patient)
    row = photo_of(patient.pk)
    assert row is not None
    node.role = "central"
    Patient.objects.get(pk=patient.pk)
    seen = {one.username: look(browser(one), row.pk).status_code for one in (cast.olga, cast.iris)}
    assert seen == {"olga": 200, "iris": 404}
    api = token_client(cast.iris).get(f"/api/v1/attachments/{row.pk}/", secure=True)
    nobody = token_client(cast.iris).get(f"/api/v1/attachments/{uuid4()}/", secure=True)
    assert (api.status_code, api.json()) == (404, nobody.json())


# The patient's photo


def with_photo(cast: Cast, patient: Patient, content: bytes = photo()) -> Attachment:
    tablet = browser(cast.rosa)
    answer = tablet.post(f"/patients/{patient.pk}/photo/", {"picked-file": sent(content)}, secure=True)
    assert answer.status_code == 302
    row = photo_of(patient.pk)
    assert row is not None
    return row


def test_a_photo_is_set_replaced_and_removed(tablet: Client, cast: Cast, patient: Patient) -> None:
    first = with_photo(cast, patient)
    banner = tablet.get(f"/patients/{patient.pk}/edit/", secure=True).content.decode()
    assert f"/attachments/{first.pk}/small/" in banner
    html = tablet.post(
        f"/patients/{patient.pk}/photo/", {"picked-file": sent(photo(kind="PNG"))}, secure=True, headers=HTMX
    ).content.decode()
    second = photo_of(patient.pk)
    assert second is not None and second.pk != first.pk and str(second.pk) in html
    assert Attachment.objects.get(pk=first.pk).gone  # in the history, not lost
    tablet.post(f"/patients/{patient.pk}/photo/", {"remove": "1"}, secure=True, headers=HTMX)
    assert photo_of(patient.pk) is None
    assert "banner__photo" not in tablet.get(f"/patients/{patient.pk}/edit/", secure=True).content.decode()


def test_a_photo_that_cannot_be_kept_leaves_the_one_before(
    tablet: Client, cast: Cast, patient: Patient
) -> None:
    before = with_photo(cast, patient)
    html = tablet.post(
        f"/patients/{patient.pk}/photo/", {"picked-file": sent(b"nothing")}, secure=True, headers=HTMX
    ).content.decode()
    assert "not a picture" in html and photo_of(patient.pk) == before


def test_who_may_not_register_sets_no_photo(cast: Cast, patient: Patient, node: Node) -> None:
    node.role = "central"
    answer = browser(cast.olga).post(
        f"/patients/{patient.pk}/photo/", {"picked-file": sent(photo())}, secure=True
    )
    assert answer.status_code == 403 and photo_of(patient.pk) is None


def test_a_photo_that_is_at_central_is_asked_for_and_said(
    tablet: Client, cast: Cast, patient: Patient
) -> None:
    row = with_photo(cast, patient)
    file_store().remove(row.sha256)
    Parcel.objects.all().delete()
    page = tablet.get(f"/patients/{patient.pk}/edit/", secure=True).content.decode()
    assert "comes with the next sync" in page and f"{row.pk}/small/" not in page
    assert Parcel.objects.get(pk=row.pk).state == Parcel.State.WANTED
    missing = look(tablet, row.pk)
    assert missing.status_code == 404 and "next sync" in missing.content.decode()


def test_somebody_is_registered_with_a_photo(tablet: Client, cast: Cast) -> None:
    page = tablet.get("/register/", secure=True).content.decode()
    assert 'capture="environment"' in page and 'name="photo"' in page
    chosen = value_in(choose(tablet, photo(), camera="1", **{"as": "photo", "at": "id_photo"}))
    save_id = str(uuid4())
    words = {**EVA, **EMPTY_ROWS, "photo": chosen, "save_id": save_id}
    missing = tablet.post("/register/", {**words, "given_name": "", "family_name": ""}, secure=True)
    assert missing.status_code == 422 and f"/attachments/{chosen}/small/" in missing.content.decode()
    for _ in range(2):  # a double tap
        assert tablet.post("/register/", words, secure=True).status_code == 302
    made = Patient.objects.get(given_name="Eva")
    row = Attachment.objects.get()
    assert (row.pk, row.patient_id, row.kind) == (UUID(chosen), made.pk, "photo")
    assert Parcel.objects.get(pk=row.pk).state == Parcel.State.TO_SEND


@pytest.mark.parametrize("photo_id", ["forged", "7d3c1c1e-52a4-4d1f-9d0f-6a1f6f2f4b11"])
def test_a_photo_that_is_not_there_loses_nobody(tablet: Client, cast: Cast, photo_id: str) -> None:
    words = {**EVA, **EMPTY_ROWS, "photo": photo_id, "save_id": str(uuid4())}
    assert tablet.post("/register/", words, secure=True).status_code == 302
    assert Patient.objects.filter(given_name="Eva").exists() and not Attachment.objects.exists()


def test_a_file_chosen_for_one_patient_does_not_become_anothers(cast: Cast, patient: Patient) -> None:
    from io import BytesIO

    from registry.attachments.services import keep_picked
    from sync.problems import Problem

    by, other = cast.author(cast.rosa), make_patient(cast.author(cast.rosa), "Ana").patient
    picked = pick(by=by, file=BytesIO(photo()), size=1, patient_id=patient.pk)
    with pytest.raises(Problem) as refused:
        keep_picked(by=by, patient=other, ids=[picked.attachment_id])
    assert refused.value.code == "unknown-file"
    keep_picked(by=by, patient=patient, ids=[picked.attachment_id])
    with pytest.raises(Problem):
        keep_picked(by=by, patient=other, ids=[picked.attachment_id])
    keep_picked(by=by, patient=patient, ids=[picked.attachment_id])
    assert Attachment.objects.count() == 1


# Programs


def test_a_program_attaches_reads_and_downloads(cast: Cast, patient: Patient) -> None:
    api, key = token_client(cast.rosa), str(uuid4())
    answers = [
        api.post(
            "/api/v1/attachments/",
            {"patient": str(patient.pk), "file": sent(PDF, "letter.pdf")},
            format="multipart",
            secure=True,
            headers={"Idempotency-Key": key},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    told = answers[0].json()
    assert told == answers[1].json() and Attachment.objects.count() == 1
    assert (told["media_type"], told["name"], told["size"], told["here"]) == (
        "application/pdf",
        "letter.pdf",
        len(PDF),
        True,
    )
    assert api.get(f"/api/v1/attachments/{told['id']}/", secure=True).json() == told
    assert content_of(api.get(f"/api/v1/attachments/{told['id']}/content/", secure=True)) == PDF


def test_a_save_id_of_another_save_attaches_nothing(cast: Cast, patient: Patient) -> None:
    used = Change.objects.filter(table="patients", record_id=patient.pk).values_list("save_id", flat=True)[0]
    answer = token_client(cast.rosa).post(
        "/api/v1/attachments/",
        {"patient": str(patient.pk), "file": sent(PDF, "letter.pdf")},
        format="multipart",
        secure=True,
        headers={"Idempotency-Key": str(used)},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "save-id-used")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"#!/bin/sh", "answer", 400, "not-a-file"),
        (PDF, "photo", 400, "not-a-picture"),
        (PDF + bytes(11 << 20), "answer", 413, "file-too-large"),
        (photo() + bytes(LARGEST_FILE), "photo", 413, "file-too-large"),
    ],
)
def test_what_cannot_be_attached_has_a_code(
    cast: Cast, patient: Patient, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = token_client(cast.rosa).post(
        "/api/v1/attachments/",
        {"patient": str(patient.pk), "kind": kind, "file": sent(content)},
        format="multipart",
        secure=True,
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["errors"].keys() == {"file"}


@pytest.fixture(autouse=True)
def _all_is_swept(node: Node) -> Iterator[None]:
    yield
    assert not list((node.path("files") / ".new").glob("*"))
