"""Central's doors: what a batch, a page request and any other request must be, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client, RequestFactory

from registry.people.models import Patient
from sync import doors
from sync.carriers.http import Refused, Session
from sync.carriers.server import MAX_BODY, MSGPACK, Reply
from sync.carriers.signing import Wire
from sync.conversation import open_session, say_hello
from sync.core.protocol import Change, decode_page, encode_changes, from_canonical
from sync.exchanges import GatesAnswer, GatesRequest, PagesAnswer, PagesRequest, UploadAnswer, unpack
from sync.feed.models import Gate
from sync.ledger.models import Change as ChangeRow
from sync.ledger.models import Receipt, Replica
from sync.ledger.recording import recording
from sync.models import SecurityEvent
from sync.node_views import door
from sync.problems import PROBLEM_JSON
from sync.run import make_run
from tests.world import Link, Site, World

pytestmark = pytest.mark.urls("tests.sync.addresses")


class OverHttp(Link):
    """The same link, through Django's own request and answer."""

    def send(self, wire: Wire, *, patience: float) -> Reply:
        self.world.advance(20)
        with self.world.at(self.world.central):
            client = Client(enforce_csrf_checks=True)
            response = client.generic(
                wire.method,
                wire.url.removeprefix("https://central.example"),
                wire.body,
                content_type=MSGPACK,
                headers=wire.headers,
                secure=True,
            )
        self.recorded.append(wire)
        return Reply(
            response.status_code, response.content, response["content-type"], dict(response.headers.items())
        )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a batch that is still on its way."""
    monkeypatch.setattr(doors, "PREDECESSOR_WAIT_S", 0.0)


@pytest.fixture
def here(world: World) -> Iterator[Site]:
    """The first clinic, whose link is HTTP."""
    site = world.clinics[0]
    site.link = site.node.kept["carrier"] = OverHttp(world, site)
    with world.at(site):
        yield site


def register(world: World, site: Site, name: str = "Ana") -> Patient:
    with recording(by=world.author(site)) as save:
        return save.add(Patient, given_name=name, registered_on=site.node.now())


def session_after_hello() -> Session:
    session = open_session()
    say_hello(session)
    return session


def own_changes() -> list[Change]:
    rows = ChangeRow.objects.filter(replica__is_self=True).order_by("seq")
    return [from_canonical(bytes(row.body)) for row in rows]


def refused(session: Session, door: str, body: bytes, **more: Any) -> Refused:
    with pytest.raises(Refused) as error:
        session.post(door, body, **more)
    return error.value


def test_a_whole_run_goes_through_django_without_cookies_or_csrf(world: World, here: Site) -> None:
    patient = register(world, here)
    run = make_run("test")
    assert (run.outcome, run.sent) == ("done", 1)
    assert here.link is not None
    assert {wire.url.rsplit("/", 1)[-1] for wire in here.link.recorded} >= {"hello", "changes", "digests"}
    with world.at(world.central):
        assert Patient.objects.get(pk=patient.pk).given_name == "Ana"


# --- changes ---------------------------------------------------------------------------------------------


def test_a_batch_is_answered_with_receipts_and_again_with_the_same(world: World, here: Site) -> None:
    register(world, here)
    register(world, here)
    session = session_after_hello()
    blob = encode_changes(own_changes(), {})
    first = unpack(UploadAnswer, session.post("changes", blob, seqs=(1, 2))).receipts
    again = unpack(UploadAnswer, session.post("changes", blob, seqs=(1, 2))).receipts
    assert first == again
    assert len(first) == 1
    with world.at(world.central):
        assert Receipt.objects.count() == 1


@pytest.mark.parametrize("seqs", [(1, 1), (1, 3), (0, 0)])
def test_a_batch_must_hold_what_its_signature_announces(
    world: World, here: Site, seqs: tuple[int, int]
) -> None:
    register(world, here)
    register(world, here)
    session = session_after_hello()
    error = refused(session, "changes", encode_changes(own_changes(), {}), seqs=seqs)
    assert (error.status, error.code) == (400, "wrong-range")
    with world.at(world.central):
        assert not Patient.objects.exists()


def test_nobody_uploads_in_the_name_of_another_replica(world: World, here: Site) -> None:
    register(world, here)
    theirs = own_changes()
    other = world.clinics[1]
    with world.at(other):
        session = session_after_hello()
        error = refused(session, "changes", encode_changes(theirs, {}), seqs=(1, 1))
    assert (error.status, error.code) == (403, "foreign-replica")
    with world.at(world.central):
        assert not Patient.objects.exists()


def test_references_to_earlier_changes_are_those_of_the_same_replica(world: World, here: Site) -> None:
    patient = register(world, here)
    make_run("test")
    with recording(by=world.author(here)) as save:
        save.edit(patient, {"phone": "5551"})
    session = session_after_hello()
    blob = encode_changes(own_changes()[1:], {patient.pk: 1})
    session.post("changes", blob, seqs=(2, 2))
    with world.at(world.central):
        assert Patient.objects.get(pk=patient.pk).phone == "5551"
    with world.at(world.clinics[1]):  # where change 1 is another record, or none
        register(world, world.clinics[1])
        make_run("test")
        foreign = session_after_hello()
        assert refused(foreign, "changes", blob, seqs=(2, 2)).code == "foreign-replica"


def test_a_gap_names_the_seq_that_is_expected(world: World, here: Site) -> None:
    register(world, here)
    register(world, here)
    session = session_after_hello()
    error = refused(session, "changes", encode_changes(own_changes()[1:], {}), seqs=(2, 2))
    assert (error.status, error.code, error.extra["expected_seq"]) == (409, "gap", 1)


def test_a_batch_that_overtook_the_one_before_waits_for_it(
    world: World, here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(world, here)
    register(world, here)
    one, two = own_changes()
    session = session_after_hello()
    slept: list[float] = []

    def meanwhile(seconds: float) -> None:
        slept.append(seconds)
        with world.at(here):
            session.post("changes", encode_changes([one], {}), seqs=(1, 1))

    monkeypatch.setattr(doors, "PREDECESSOR_WAIT_S", 5.0)
    monkeypatch.setattr("sync.doors.time.sleep", meanwhile)
    receipts = unpack(UploadAnswer, session.post("changes", encode_changes([two], {}), seqs=(2, 2))).receipts
    assert (len(slept), len(receipts)) == (1, 1)
    with world.at(world.central):
        assert Patient.objects.count() == 2


@pytest.mark.parametrize("body", [b"", b"\x00", b"not a batch", b"\xff" * 100])
def test_bytes_that_are_no_batch_are_malformed(here: Site, body: bytes) -> None:
    error = refused(session_after_hello(), "changes", body, seqs=(1, 1))
    assert (error.status, error.code) == (400, "malformed")


# --- pages -----------------------------------------------------------------------------------------------


def ask(
    session: Session, cursors: dict[str, int], bounds: dict[str, tuple[int, bytes]], most: int = 200_000
) -> PagesAnswer:
    return unpack(PagesAnswer, session.post("pages", PagesRequest(cursors, bounds, most).pack()))


def gate_of(world: World, table: str) -> tuple[int, bytes]:
    with world.at(world.central):
        gate = Gate.objects.get(table=table)
        return gate.last_position, bytes(gate.anchor)


def test_a_page_holds_what_is_after_the_cursor_and_moves_it_to_the_bound(world: World, here: Site) -> None:
    with world.at(world.central):
        made = [register(world, world.central, name) for name in ("Ana", "Eva", "Iris")]
    bound = gate_of(world, "patients")
    session = session_after_hello()
    whole = ask(session, {"patients": 0}, {"patients": bound})
    assert (whole.count, whole.more, whole.moved) == (3, False, {"patients": bound})
    assert [record.record_id for record in decode_page(whole.page)] == [one.pk for one in made]
    rest = ask(session, {"patients": 2}, {"patients": bound})
    assert [record.record_id for record in decode_page(rest.page)] == [made[2].pk]
    none = ask(session, {"patients": bound[0]}, {"patients": bound})
    assert (none.count, none.page) == (0, b"")


def test_pages_are_cut_by_bytes_and_go_on_where_they_were_cut(world: World, here: Site) -> None:
    with world.at(world.central):
        for _ in range(80):
            register(world, world.central, "A rather long given name")
    bound = gate_of(world, "patients")
    session = session_after_hello()
    cursor, seen, rounds = 0, 0, 0
    while True:
        page = ask(session, {"patients": cursor}, {"patients": bound}, most=1_000)
        seen += page.count
        rounds += 1
        cursor = page.moved["patients"][0]
        if not page.more:
            break
    assert (seen, cursor) == (80, bound[0])
    assert rounds > 2


@pytest.mark.parametrize(
    "bend", [lambda at, mark: (at + 1, mark), lambda at, mark: (at, b"elsewhere"), lambda at, mark: (at, b"")]
)
def test_a_bound_that_was_never_a_gate_moves_no_cursor(
    world: World, here: Site, bend: Callable[[int, bytes], Any]
) -> None:
    with world.at(world.central):
        register(world, world.central)
    session = session_after_hello()
    bounds = {"patients": bend(*gate_of(world, "patients"))}
    with pytest.raises(Refused) as error:
        ask(session, {"patients": 0}, bounds)
    assert (error.value.status, error.value.code) == (409, "unknown-bound")
    assert error.value.extra["tables"] == ["patients"]


@pytest.mark.parametrize(
    "body",
    [
        msgspec.msgpack.encode([{"patients": -1}, {"patients": [1, b""]}]),
        msgspec.msgpack.encode([{"patients": 0}, {}, 10**9]),
        b"",
    ],
)
def test_probing_with_impossible_cursors_gets_a_clear_error(here: Site, body: bytes) -> None:
    error = refused(session_after_hello(), "pages", body)
    assert (error.status, error.code) == (400, "malformed")


def test_gates_tell_whether_there_is_news(world: World, here: Site) -> None:
    with world.at(world.central):
        register(world, world.central)
    session = session_after_hello()
    told = unpack(GatesAnswer, session.post("gates", GatesRequest().pack())).gates
    # Lane 0, where none is named.
    assert unpack(GatesAnswer, session.post("gates", b"")) == GatesAnswer(told, 0)
    position, anchor = gate_of(world, "patients")
    assert told["patients"][0] == position
    assert told["patients"][2] == anchor


# --- any request -----------------------------------------------------------------------------------------


def knock(world: World, path: str, body: bytes = b"", method: str = "POST", **headers: str) -> Any:
    with world.at(world.central):
        return Client().generic(method, path, body, content_type=MSGPACK, headers=headers)


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/sync/v1/changes", "GET", 405, "method-not-allowed"),
        ("/sync/v1/nowhere", "POST", 404, "not-found"),
        ("/sync/v1/changes", "POST", 401, "bad-signature"),
        ("/sync/v1/pages", "POST", 401, "bad-signature"),
        ("/sync/v1/hello", "POST", 401, "bad-signature"),
    ],
)
def test_whoever_is_not_a_node_gets_a_problem_document(
    world: World, path: str, method: str, status: int, code: str
) -> None:
    answer = knock(world, path, method=method)
    assert (answer.status_code, answer["content-type"]) == (status, PROBLEM_JSON)
    assert msgspec.json.decode(answer.content)["code"] == code


def test_a_request_that_is_too_large_is_refused_before_it_is_read_whole(world: World) -> None:
    answer = knock(world, "/sync/v1/changes", bytes(MAX_BODY + 10))
    assert (answer.status_code, msgspec.json.decode(answer.content)["code"]) == (413, "too-large")


def test_a_body_that_broke_off_in_the_middle_is_not_judged(world: World, rf: RequestFactory) -> None:
    cut = rf.generic("POST", "/sync/v1/changes", content_type=MSGPACK)
    cut = WSGIRequest(cut.environ | {"CONTENT_LENGTH": "10", "wsgi.input": BytesIO(b"half")})
    with world.at(world.central):
        answer = door(cut, "changes")
        assert (answer.status_code, answer.content) == (400, b"")
        assert not SecurityEvent.objects.exists()


def test_a_clinic_has_no_such_doors(world: World) -> None:
    with world.at(world.clinics[0]):
        answer = Client().post("/sync/v1/hello", b"", content_type=MSGPACK)
    assert (answer.status_code, msgspec.json.decode(answer.content)["code"]) == (404, "not-central")


def test_a_request_signed_for_one_door_opens_no_other(world: World, here: Site) -> None:
    session_after_hello().post("gates", b"")
    assert here.link is not None
    wire = here.link.recorded[-1]
    answer = knock(world, "/sync/v1/pages", wire.body, **wire.headers)
    assert answer.status_code == 401


def test_by_which_of_its_names_central_is_asked_does_not_matter(world: World, here: Site) -> None:
    """What is signed is the path."""
    session_after_hello().post("gates", b"")
    assert here.link is not None
    wire = here.link.recorded[-1]
    answer = knock(world, "/sync/v1/gates", wire.body, **wire.headers, host="clinic.local:9000")
    assert answer.status_code == 200


def test_a_fenced_replica_gets_nothing(world: World, here: Site) -> None:
    session = session_after_hello()
    with world.at(world.central):
        Replica.objects.filter(uuid=session.replica).update(standing=Replica.Standing.FENCED)
    assert refused(session, "gates", b"").code == "fenced"
    session.replica = uuid4()
    assert refused(session, "gates", b"").code in {"stale-nonce", "bad-signature"}
