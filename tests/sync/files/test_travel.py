"""Bytes on their way: last, resumable, checked, and only to those who follow the patient."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.db import transaction

from registry.attachments.models import Attachment
from registry.people.models import Patient
from sync.carriers.http import Refused
from sync.carriers.server import Reply
from sync.carriers.signing import Wire
from sync.conversation import open_session
from sync.exchanges import Body, unpack
from sync.feed.subscriptions import subscribe
from sync.files.messages import FilesAnswer, FilesRequest, PieceGiven, PieceSent, PieceWanted
from sync.files.models import Parcel, want
from sync.files.store import PART_S, digest_of, file_store
from sync.files.travel import MOST_PIECE
from sync.files.upkeep import files_waiting, sweep_files
from sync.ledger.recording import recording
from sync.models import EnrolledNode, SecurityEvent, SyncRun
from sync.problems import PROBLEM_JSON
from sync.progress import groups_of, verdict_of
from sync.review.models import Aside
from sync.status import read_status
from tests.world import Site, World

PHOTO = random.Random(1).randbytes(300_000)
SMALL = PHOTO[:80_000]  # a large piece, while the rate is known, and some of the least


def a_patient(world: World, site: Site) -> UUID:
    with world.at(site), recording(by=world.author(site)) as save:
        row = save.add(Patient, given_name="Marisol", sex="female", registered_on=site.node.now())
    return row.pk


def a_file(world: World, site: Site, patient: UUID | None = None, content: bytes = PHOTO) -> Attachment:
    """A photo, taken at a clinic."""
    owner = patient or a_patient(world, site)
    with world.at(site):
        digest = file_store().put_content(content)
        with recording(by=world.author(site)) as save:
            return save.add(
                Attachment,
                patient_id=owner,
                kind="photo",
                sha256=digest,
                size=len(content),
                media_type="image/webp",
            )


def is_at(world: World, site: Site, row: Attachment) -> bool:
    with world.at(site):
        return file_store().has(row.sha256)


def part_at(world: World, site: Site, row: Attachment) -> int:
    with world.at(site):
        return file_store().part_length(row.pk)


def look(world: World, site: Site, row: Attachment) -> None:
    """Somebody opens the patient's page."""
    with world.at(site):
        want(Attachment.objects.get(pk=row.pk))


def bodies(site: Site, door: str) -> list[bytes]:
    assert site.link is not None
    return [wire.body for wire in site.link.recorded if wire.url.endswith(f"/{door}")]


def pieces(site: Site) -> list[PieceSent]:
    """What was sent, piece by piece."""
    return [unpack(PieceSent, body) for body in bodies(site, "file-put")]


def per_run(site: Site, seconds: float) -> None:
    """How many seconds a run has for files."""
    site.node.kept["file_seconds"] = seconds


def ask(world: World, site: Site, door: str, body: Body) -> bytes:
    """A signed request outside a run, as a curious node would make it."""
    return knock(world, site, door, body).body


def knock(world: World, site: Site, door: str, body: Body) -> Reply:
    assert site.link is not None
    with world.at(site):
        mark = site.node.marks.read()
        session = open_session()
        session.nonce, session.created_ms = mark.run_nonce, mark.heard_ms
        caught: list[Reply] = []

        class Tap:
            def send(self, wire: Wire, **_more: Any) -> Reply:
                assert site.link is not None
                caught.append(site.link.replay(wire))
                return caught[0]

            def close(self) -> None: ...

        session.carrier = Tap()
        with suppress(Refused):
            session.post(door, body.pack())
    return caught[0]


def code_of(reply: Reply) -> str:
    assert reply.content_type == PROBLEM_JSON
    return str(msgspec.json.decode(reply.body)["code"])


# There and back


def test_a_photo_reaches_central_after_everything_else(world: World) -> None:
    here, _other = world.clinics
    row = a_file(world, here)
    world.sync(here)
    assert is_at(world, world.central, row)
    with world.at(world.central):
        assert file_store().content(row.sha256) == PHOTO
    assert here.link is not None
    doors = [wire.url.rsplit("/", 1)[-1] for wire in here.link.recorded]
    first = next(index for index, door in enumerate(doors) if door.startswith("file"))
    assert set(doors[first:]) == {"files", "file-put"}
    assert max(len(sent.piece) for sent in pieces(here)) <= MOST_PIECE
    assert sum(len(sent.piece) for sent in pieces(here)) == len(PHOTO)
    world.sync(here)
    requests = here.link.requests
    world.sync(here)
    assert here.link.requests == requests + 1  # a run with nothing to do is one request, as before


def test_the_other_clinic_gets_the_record_at_once_and_the_photo_when_somebody_looks(world: World) -> None:
    here, other = world.clinics
    row = a_file(world, here)
    world.sync(rounds=2)
    with world.at(other):
        assert Attachment.objects.get(pk=row.pk).sha256 == row.sha256
    assert not is_at(world, other, row)
    look(world, other, row)
    look(world, other, row)
    world.sync(other)
    with world.at(other):
        assert file_store().content(row.sha256) == PHOTO
        assert Parcel.objects.get().state == Parcel.State.ARRIVED
    assert world.digests(here) == world.digests(other) == world.digests(world.central)


def test_what_central_does_not_have_yet_stays_wanted(world: World) -> None:
    here, other = world.clinics
    per_run(here, 0)
    row = a_file(world, here)
    world.sync(rounds=1)
    world.sync(other)
    look(world, other, row)
    run = world.sync(other)[0]
    assert run.outcome == SyncRun.Outcome.DONE and not is_at(world, other, row)
    per_run(here, 60)
    world.sync(here)
    world.sync(other)
    assert is_at(world, other, row)


def test_a_photo_taken_at_central_comes_when_somebody_looks(world: World) -> None:
    here = world.clinics[0]
    row = a_file(world, world.central)
    world.sync(here)
    look(world, here, row)
    world.sync(here)
    assert is_at(world, here, row)


# Links that break


def test_a_file_goes_on_where_the_link_broke_and_sends_nothing_twice(world: World) -> None:
    here, _other = world.clinics
    per_run(here, 0)  # one piece a run
    row = a_file(world, here, content=SMALL)
    assert here.link is not None
    runs = 0
    while not is_at(world, world.central, row):
        runs += 1
        assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE
    sent = [piece for piece in pieces(here) if piece.piece]
    assert runs == len(sent) > 3
    assert [piece.at for piece in sent] == [sum(len(one.piece) for one in sent[:n]) for n in range(runs)]
    assert sum(len(piece.piece) for piece in sent) == len(SMALL)


def test_a_lost_answer_costs_nothing_but_the_answer(world: World) -> None:
    here, _other = world.clinics
    per_run(here, 0)
    row = a_file(world, here, content=SMALL)
    runs = 0
    while not is_at(world, world.central, row):
        runs += 1
        losing(here, "file-put")
        assert world.sync(here)[0].outcome == SyncRun.Outcome.DONE  # records are safe: nothing broke off
        assert len(pieces(here)) == runs
    assert sum(len(piece.piece) for piece in pieces(here)) == len(SMALL)
    with world.at(here):
        assert files_waiting().to_send == 1  # nobody has told this clinic yet
    world.sync(here)
    with world.at(here):
        assert files_waiting().to_send == 0


def losing(site: Site, door: str) -> None:
    """The next answer of this door is lost."""
    assert site.link is not None
    link, send = site.link, type(site.link).send

    def once(wire: Wire, *, patience: float) -> Reply:
        if wire.url.endswith(f"/{door}"):
            link.lose_answers = 1
            link.__dict__.pop("send")
        return send(link, wire, patience=patience)

    link.__dict__["send"] = once


def test_a_request_that_comes_twice_adds_nothing(world: World) -> None:
    here, _other = world.clinics
    row = a_file(world, here)
    assert here.link is not None
    here.link.duplicate = 1_000
    world.sync(here)
    with world.at(world.central):
        assert file_store().content(row.sha256) == PHOTO


def test_fetching_goes_on_where_it_stopped(world: World) -> None:
    here, other = world.clinics
    row = a_file(world, here, content=SMALL[:25_000])
    world.sync(rounds=2)
    look(world, other, row)
    per_run(other, 0)
    runs = 0
    while not is_at(world, other, row):
        runs += 1
        before = part_at(world, other, row)
        if runs % 2:
            losing(other, "file-get")
        world.sync(other)
        assert is_at(world, other, row) or part_at(world, other, row) >= before
    with world.at(other):
        assert file_store().content(row.sha256) == SMALL[:25_000]
    starts = [unpack(PieceWanted, body).at for body in bodies(other, "file-get")]
    assert starts == sorted(starts) and len(set(starts)) > 3
    assert len(starts) == len(set(starts)) + (runs + 1) // 2  # only what was lost was asked for again


def test_files_stand_back_when_somebody_saves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _other = world.clinics
    row = a_file(world, here)
    assert here.link is not None
    send = type(here.link).send

    def busy(wire: Wire, *, patience: float) -> Reply:
        assert here.link is not None
        if wire.url.endswith("/file-put"):
            a_patient(world, here)
        return send(here.link, wire, patience=patience)

    monkeypatch.setitem(here.link.__dict__, "send", busy)
    world.sync(here)
    assert len(pieces(here)) == 1 and not is_at(world, world.central, row)


def test_nothing_is_sent_before_its_record_is_known(world: World) -> None:
    here, _other = world.clinics
    row = a_file(world, here, patient=uuid4())  # whom central does not know: it holds the record
    world.sync(here)
    assert pieces(here) == [] and not is_at(world, world.central, row)
    with world.at(here):
        assert Aside.objects.exists()
        assert Parcel.objects.get(pk=row.pk).state == Parcel.State.TO_SEND


def test_a_removed_photo_is_not_sent_any_more(world: World) -> None:
    here, other = world.clinics
    row = a_file(world, here)
    with world.at(here), recording(by=world.author(here)) as save:
        save.remove(row)
    world.sync(rounds=2)
    assert pieces(here) == [] and not is_at(world, world.central, row)
    with world.at(here), recording(by=world.author(here)) as save:
        save.bring_back(Attachment.objects.get(pk=row.pk))
    world.sync(here)
    assert is_at(world, world.central, row)
    with world.at(other):
        assert Attachment.objects.get(pk=row.pk).gone


# What is not true


def begun(world: World, site: Site) -> tuple[Attachment, int]:
    """A file whose first piece is at central, and how much that is."""
    per_run(site, 0)
    row = a_file(world, site, content=SMALL)
    world.sync(site)
    there = part_at(world, world.central, row)
    assert 0 < there < row.size
    return row, there


def test_a_file_that_is_not_what_its_record_says_is_refused_and_starts_again(world: World) -> None:
    here, _other = world.clinics
    row, there = begun(world, here)
    lie = PieceSent(row.pk.bytes, there, bytes(row.size - there))
    assert code_of(knock(world, here, "file-put", lie)) == "wrong-content"
    with world.at(world.central):
        assert "wrong-content" in SecurityEvent.objects.values_list("code", flat=True)
        assert not file_store().has(row.sha256)
    assert part_at(world, world.central, row) == 0
    per_run(here, 60)
    world.sync(here)
    assert is_at(world, world.central, row)


def test_a_file_cannot_become_longer_than_its_record_says(world: World) -> None:
    here, _other = world.clinics
    row, there = begun(world, here)
    longer = PieceSent(row.pk.bytes, there, bytes(row.size - there + 1))
    assert code_of(knock(world, here, "file-put", longer)) == "wrong-content"
    assert part_at(world, world.central, row) == there


def test_a_damaged_file_is_not_sent_and_said(world: World) -> None:
    here, _other = world.clinics
    row = a_file(world, here)
    with world.at(here):
        path = file_store().path(row.sha256)
        path.write_bytes(path.read_bytes()[:-1])
    per_run(here, 60)
    world.sync(here)
    with world.at(here):
        assert Parcel.objects.get(pk=row.pk).state == Parcel.State.REFUSED
        assert "damaged-file" in SecurityEvent.objects.values_list("code", flat=True)
    assert not is_at(world, world.central, row)


def test_a_file_that_was_lost_before_it_was_sent_is_said(world: World) -> None:
    here, _other = world.clinics
    row = a_file(world, here)
    with world.at(here):
        file_store().remove(row.sha256)
    world.sync(here)
    with world.at(here):
        assert files_waiting().refused == 1
        found = read_status()
        assert {group.name: group for group in groups_of(found)}["attachments"].needs_you == 1
        assert not found.up_to_date and verdict_of(found) == "needs-you"


def test_a_file_that_central_has_comes_back_after_the_disk_was_lost(world: World) -> None:
    here, _other = world.clinics
    row = a_file(world, here)
    world.sync(here)
    with world.at(here):
        file_store().remove(row.sha256)
        Parcel.objects.all().delete()
    look(world, here, row)
    world.sync(here)
    assert is_at(world, here, row)


# Scope


Made = Callable[..., World]


def test_a_node_neither_sees_nor_sends_files_of_patients_it_does_not_follow(make_world: Made) -> None:
    world = make_world(mode="subscribed")
    here, stranger = world.clinics
    row = a_file(world, here)
    world.sync(rounds=2)
    assert is_at(world, world.central, row)
    known = unpack(FilesAnswer, ask(world, stranger, "files", FilesRequest([row.pk.bytes, uuid4().bytes])))
    assert known.known == {}
    for door, asked in (
        ("file-get", PieceWanted(row.pk.bytes, 0, 1_000)),
        ("file-put", PieceSent(row.pk.bytes, 0, b"x")),
    ):
        refused = knock(world, stranger, door, asked)
        nothing = knock(
            world, stranger, door, type(asked)(uuid4().bytes, *msgspec.structs.astuple(asked)[1:])
        )
        assert code_of(refused) == "unknown-file"
        assert refused.body == nothing.body  # no difference between somebody else's and nobody's
    with world.at(world.central), transaction.atomic():
        node = EnrolledNode.objects.get(name=stranger.name)
        subscribe([(node.uuid, row.patient_id)])
    world.sync(stranger)
    look(world, stranger, row)
    world.sync(stranger)
    assert is_at(world, stranger, row)


def test_knowing_the_hash_of_a_file_does_not_bring_it(make_world: Made) -> None:
    world = make_world(mode="subscribed")
    here, thief = world.clinics
    row = a_file(world, here)
    world.sync(here)
    own = a_patient(world, thief)
    with world.at(thief), recording(by=world.author(thief)) as save:
        claim = save.add(
            Attachment,
            patient_id=own,
            kind="photo",
            sha256=row.sha256,
            size=row.size,
            media_type="image/webp",
        )
    world.sync(thief)
    known = unpack(FilesAnswer, ask(world, thief, "files", FilesRequest([claim.pk.bytes])))
    assert known.known == {claim.pk.bytes: (0, False)}
    assert code_of(knock(world, thief, "file-get", PieceWanted(claim.pk.bytes, 0, 1_000))) == "not-here-yet"


def test_the_same_picture_of_two_patients_is_kept_once_and_proven_twice(world: World) -> None:
    here, _other = world.clinics
    first, second = a_file(world, here, content=b"a logo"), a_file(world, here, content=b"a logo")
    world.sync(here)
    with world.at(world.central):
        arrived = Parcel.objects.filter(state=Parcel.State.ARRIVED).values_list("pk", flat=True)
        assert set(arrived) == {first.pk, second.pk}
        assert len(list(file_store().root.glob("??/*"))) == 1


def test_the_answer_is_a_piece_of_the_file_and_never_more_than_asked(world: World) -> None:
    here, _other = world.clinics
    row = a_file(world, here)
    world.sync(here)
    given = unpack(PieceGiven, ask(world, here, "file-get", PieceWanted(row.pk.bytes, 70_000, 5_000)))
    assert given.piece == PHOTO[70_000:75_000]
    end = unpack(PieceGiven, ask(world, here, "file-get", PieceWanted(row.pk.bytes, 300_000, 5_000)))
    assert end.piece == b""


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x91\x90", msgspec.msgpack.encode([b"short", 0, b"x"]), bytes(300_000)]
)
@pytest.mark.parametrize("door", ["files", "file-put", "file-get"])
def test_what_cannot_be_read_is_refused(world: World, door: str, body: bytes) -> None:
    here = world.clinics[0]
    world.sync(here)

    class Raw(Body):
        def pack(self) -> bytes:
            return body

    reply = knock(world, here, door, Raw())
    assert reply.status in (200, 400) and reply.status == (
        200 if body == b"\x91\x90" and door == "files" else 400
    )


@pytest.mark.parametrize(
    "wrong", [{"sha256": "../../etc/passwd"}, {"size": 0}, {"size": 1 << 30}, {"sha256": "AB" * 32}]
)
def test_a_record_that_names_no_file_is_set_aside(world: World, wrong: dict[str, Any]) -> None:
    here, _other = world.clinics
    owner = a_patient(world, here)
    told = {"sha256": digest_of(b"x"), "size": 1, "media_type": "application/pdf", **wrong}
    with world.at(here), recording(by=world.author(here)) as save:
        save.add(Attachment, patient_id=owner, **told)
    world.sync(here)
    with world.at(here):
        assert Aside.objects.get().state == Aside.State.QUARANTINED
    with world.at(world.central):
        assert not Attachment.objects.exists()


# Status and sweeping


def test_the_status_counts_a_file_as_sent_when_its_bytes_are_at_central(world: World) -> None:
    here, _other = world.clinics
    per_run(here, 0)
    a_file(world, here)

    def shown() -> tuple[int, int, int]:
        with world.at(here):
            group = {one.name: one for one in groups_of(read_status())}["attachments"]
            return group.sent, group.waiting, group.needs_you

    assert shown() == (0, 1, 0)
    world.sync(here)
    assert shown() == (0, 1, 0)
    with world.at(here):
        found = read_status()
        assert (found.unsent, found.files_waiting, found.up_to_date) == (0, 1, False)
    per_run(here, 60)
    world.sync(here)
    assert shown() == (1, 0, 0)
    with world.at(here):
        assert read_status().up_to_date


def test_a_part_that_nobody_goes_on_with_is_swept_at_central(world: World) -> None:
    here, _other = world.clinics
    per_run(here, 0)
    row = a_file(world, here)
    world.sync(here)
    there = part_at(world, world.central, row)
    assert there > 0
    with world.at(world.central):
        assert sweep_files() == 0
        long_ago = time.time() - PART_S - 60
        for path in (file_store().root / ".parts").iterdir():
            os.utime(path, (long_ago, long_ago))
        assert sweep_files() == 2
    assert part_at(world, world.central, row) == 0
    per_run(here, 60)
    world.sync(here)  # and the file comes all the same, from the beginning
    assert is_at(world, world.central, row)


def test_nothing_readable_lies_on_either_disk(world: World) -> None:
    here, _other = world.clinics
    canary = b"MARISOL-QUINTERO-CANARY"
    row = a_file(world, here, content=canary * 4_000)
    per_run(here, 0)
    world.sync(here)
    assert part_at(world, world.central, row) > 0
    per_run(here, 60)
    world.sync(here)
    assert is_at(world, world.central, row)
    for site in (here, world.central):
        files = [path for path in site.node.data_dir.rglob("*") if path.is_file()]
        assert files and not [path for path in files if canary in path.read_bytes()]
