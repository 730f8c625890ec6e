"""H7: the doors besides uploads, with another clinic's ids, cursors, replica and files.

Whatever is asked with a true key of one clinic: nothing of another's comes back, and an id of theirs is
answered like an id of nobody. Read first: `test_foreign.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import msgspec
import pytest

from registry.people.models import Patient
from registry.staff.signoffs import AskedLogIn, SignOffQuestion
from sync.carriers.server import _doors
from sync.core.protocol import decode_page
from sync.exchanges import (
    DigestAnswer,
    DigestQuestion,
    DigestRequest,
    GatesAnswer,
    GatesRequest,
    HelloAnswer,
    HelloRequest,
    PagesAnswer,
    PagesRequest,
    unpack,
)
from sync.feed.models import Anchor
from sync.feed.positions import SUBSCRIPTIONS
from sync.files.messages import FilesRequest, PieceSent, PieceWanted
from sync.hello import open_hello
from sync.ledger.models import Receipt as ReceiptRow
from sync.ledger.models import Replica
from sync.models import EnrolledNode, SecurityEvent
from sync.recovery import RecoveryRequest
from sync.rotation import RotateRequest
from sync.tables import all_tables, table_named
from tests.sync.forge import Talk, logged, patient, problem, slip_in
from tests.sync.looking import register
from tests.sync.test_foreign import NAME, digests_of, prey_of
from tests.world import Site, World


class Scene:
    """The victim has somebody with a photo at central; the attacker has an own patient, and ids to name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.victim, self.attacker = world.clinics
        photos = table_named("attachments")
        assert photos is not None
        self.photo = prey_of(world, photos).record_id
        self.theirs = register(world, self.victim, NAME).pk
        register(world, self.attacker, "Own")
        world.sync()
        self.talk = Talk(world, self.attacker)

    def bounds(self) -> dict[str, tuple[int, bytes]]:
        """Every gate of central, as the victim's hello tells them."""
        gates = Talk(self.world, self.victim).heard.gates
        return {name: (at, anchor) for name, (at, _when, anchor) in gates.items()}


@pytest.fixture
def scene(make_world: Callable[..., World]) -> Scene:
    return Scene(make_world(mode="subscribed"))


def pages(scene: Scene, asked: UUID) -> bytes:
    """The victim's cursors, all bounds, from the beginning: only one's own comes."""
    return PagesRequest(dict.fromkeys(scene.bounds(), 0), scene.bounds()).pack()


def digests(scene: Scene, asked: UUID) -> bytes:
    """Lists an id in every bucket, as if one had it, and asks what is wrong with it."""
    listed = {bucket: [(asked.bytes, b"\0" * 16)] for bucket in range(256)}
    tables = [
        DigestQuestion(table.name, 2**40, [], buckets=True, listed=listed)
        for table in all_tables()
        if table.scope_attname
    ]
    return DigestRequest(tables, 2**40).pack()


def signoffs(scene: Scene, asked: UUID) -> bytes:
    """As if those had logged in here."""
    log_in = AskedLogIn(uuid4().bytes, asked.bytes, 1_789_000_000_000, "", 1, None)
    return SignOffQuestion(b"p" * 32, [log_in], [asked.bytes], True).pack()


DOORS: dict[str, Callable[[Scene, UUID], bytes]] = {
    "files": lambda scene, asked: FilesRequest([asked.bytes]).pack(),
    "file-get": lambda scene, asked: PieceWanted(asked.bytes, 0, 1_000).pack(),
    "file-put": lambda scene, asked: PieceSent(asked.bytes, 0, b"x").pack(),
    "pages": pages,
    "digests": digests,
    "gates": lambda scene, asked: GatesRequest().pack(),
    "numbers": lambda scene, asked: msgspec.msgpack.encode(([asked.bytes], 0, asked.bytes)),
    "signoffs": signoffs,
    "log-in": lambda scene, asked: asked.bytes * 8,
    "rotate": lambda scene, asked: RotateRequest(asked.bytes * 2, asked.bytes * 4).pack(),
    "recovery": lambda scene, asked: RecoveryRequest("ABCD-1234", asked.bytes * 4).pack(),
    "tail": lambda scene, asked: b"",
}
ELSEWHERE = {"changes", "hello"}  # test_foreign.py, and below
GIVEN_BACK = {"digests", "signoffs"}  # what one listed oneself


@pytest.mark.parametrize("door", DOORS)
def test_a_door_tells_of_a_foreign_record_what_it_tells_of_none(scene: Scene, door: str) -> None:
    """H7: ids of the other clinic's patient and photo against ids of nobody."""
    before = digests_of(scene.world, scene.theirs)
    replies = [
        scene.talk.send(scene.talk.wire(door, DOORS[door](scene, asked)))
        for asked in (scene.theirs, scene.photo, uuid4())
    ]
    nothing = replies[-1]
    for reply in replies:
        assert (reply.status, reply.content_type, len(reply.body)) == (
            nothing.status,
            nothing.content_type,
            len(nothing.body),
        )
        for secret in (NAME.encode(), scene.theirs.bytes, str(scene.theirs).encode(), scene.photo.bytes):
            assert secret not in reply.body or door in GIVEN_BACK
    assert digests_of(scene.world, scene.theirs) == before


def test_every_door_of_central_is_tried_here() -> None:
    assert {*DOORS, *ELSEWHERE} == set(_doors), "a new door needs its line above"


def test_the_victims_cursors_and_bounds_bring_the_attacker_its_own(scene: Scene) -> None:
    """H7: cursor, gate and bound of another; each is only a place to go on from."""
    world, talk = scene.world, scene.talk
    bounds = scene.bounds()
    with world.at(world.central):
        newest = Anchor.objects.filter(table=SUBSCRIPTIONS).order_by("-position").first()
        assert newest is not None
        bounds[SUBSCRIPTIONS] = (newest.position, bytes(newest.anchor))
    reply = talk.send(talk.wire("pages", PagesRequest({}, bounds).pack()))
    answer = unpack(PagesAnswer, reply.body)
    came = decode_page(answer.page) if answer.page else []
    assert not {scene.theirs, scene.photo} & {record.record_id for record in came}
    for record in came:
        table = table_named(record.table)
        assert table is not None
        assert table.scope_attname is None or record.record_id in world.shown(scene.attacker)[record.table]


def test_digests_name_no_record_that_one_does_not_follow(scene: Scene) -> None:
    reply = scene.talk.send(scene.talk.wire("digests", digests(scene, scene.theirs)))
    own = world_ids(scene.world, scene.attacker)
    for finding in unpack(DigestAnswer, reply.body).tables:
        assert {UUID(bytes=one) for one in finding.moved} <= own
        assert {UUID(bytes=one) for one in finding.extra} <= {scene.theirs}  # one's own claim, given back
        assert {record.record_id for record in decode_page(finding.page)} <= own if finding.page else True


def world_ids(world: World, site: Site) -> set[UUID]:
    return {pk for rows in world.shown(site).values() for pk in rows}


def test_gates_are_the_same_for_everybody(scene: Scene) -> None:
    """What they tell of the others is how much there is, never of whom."""
    reply = scene.talk.send(scene.talk.wire("gates", GatesRequest().pack()))
    assert set(unpack(GatesAnswer, reply.body).gates) <= {table.name for table in all_tables()} | {
        SUBSCRIPTIONS
    }


@pytest.mark.parametrize("door", ["changes", "tail", "pages", "hello"])
def test_nobody_speaks_in_the_name_of_the_others_replica(scene: Scene, door: str) -> None:
    """H7: receipts of the victim and its token would come with its hello."""
    talk = scene.talk
    wire = talk.wire(door, b"", (1, 1), replica=scene.victim.replica)
    assert problem(talk.send(wire))["code"] == "bad-signature"
    with scene.world.at(scene.world.central):
        event = SecurityEvent.objects.get(code="foreign-replica")
        assert EnrolledNode.objects.get(pk=str(event.node_uuid)).name == scene.attacker.name


def test_hello_brings_receipts_and_asides_of_ones_own_node_alone(scene: Scene) -> None:
    """H7: however far back one claims to be."""
    world, talk = scene.world, scene.talk
    with world.at(scene.victim):
        slip_in(scene.victim, patient(sex="?"))
    world.sync(scene.victim)
    with world.at(scene.attacker):
        mark = scene.attacker.node.marks.read()
        head = Replica.objects.get(is_self=True)
        ask = HelloRequest(1, b"n" * 12, mark.token, head.head_seq, bytes(head.head_digest), 0, {})
    reply = talk.send(talk.wire("hello", ask.pack(), nonce="hello"))
    with world.at(scene.attacker):
        answer: HelloAnswer = open_hello(reply.body, ask)
    with world.at(world.central):
        own = ReceiptRow.objects.filter(replica__uuid=scene.attacker.replica)
        assert {bytes(row.envelope) for row in own} == set(answer.receipts)
    assert answer.asides == []
    assert not {one for one in answer.tails if one != scene.attacker.replica.bytes}


def test_a_batch_of_the_others_changes_is_refused_and_noted(scene: Scene) -> None:
    """H7: what a USB stick or an eavesdropper might hold of the victim's, signed by the attacker."""
    world, talk = scene.world, scene.talk
    with world.at(scene.victim):
        slip_in(scene.victim, patient(NAME))
        stolen = logged()[-1:]
    body = Talk(world, scene.victim).packed(stolen)
    seqs = (stolen[0].seq, stolen[0].seq)
    reply = talk.send(talk.wire("changes", body, seqs))
    assert problem(reply)["code"] in {"foreign-replica", "malformed", "gap"}
    with world.at(world.central):
        assert not Patient.objects.filter(pk=stolen[0].record_id).exists()
