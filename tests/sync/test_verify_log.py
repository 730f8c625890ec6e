"""A break in a chain is found at its exact place, even where everything after it was hashed anew (I8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from sync.core.protocol import canonical, chain_digest, from_canonical
from sync.ledger.models import Change, Receipt, Replica
from sync.ledger.replicas import forget_replicas
from sync.models import SecurityEvent
from sync.node import current_node
from tests.sync.commands import answer, register, run
from tests.world import World


def rechain(replica: Replica, seq: int) -> None:
    """What an intruder does who knows the chain: alter a change, then hash everything after it anew."""
    rows = list(Change.objects.filter(replica=replica).order_by("seq"))
    digest = bytes(rows[seq - 2].digest)
    for row in rows[seq - 1 :]:
        change = from_canonical(bytes(row.body))
        if row.seq == seq:
            change.fields["given_name"] = "Nobody"
        row.body = canonical(change)
        row.digest = digest = chain_digest(digest, bytes(row.body))
        row.save()
    Replica.objects.filter(pk=replica.pk).update(head_digest=digest)


Spoil = Callable[[Replica], object]


def _flip_body(replica: Replica) -> None:
    row = Change.objects.get(replica=replica, seq=4)
    row.body = bytes(row.body)[:-1] + bytes([bytes(row.body)[-1] ^ 1])
    row.save()


def _shorten(replica: Replica) -> None:
    current_node().marks.begin(replica.uuid)
    Replica.objects.filter(pk=replica.pk).update(head_seq=5)


SPOILED: list[tuple[Spoil, int, str]] = [
    (_flip_body, 4, "altered"),
    (lambda replica: Change.objects.filter(replica=replica, seq=4).update(digest=bytes(32)), 4, "altered"),
    (lambda replica: Change.objects.filter(replica=replica, seq=4).delete(), 4, "missing"),
    (lambda replica: Change.objects.filter(replica=replica, seq__gte=5).delete(), 5, "missing"),
    (lambda replica: Change.objects.filter(replica=replica, seq=4).update(record_id=uuid4()), 4, "altered"),
    (lambda replica: Change.objects.filter(replica=replica, seq=4).update(body=b""), 4, "altered"),
    (lambda replica: Replica.objects.filter(pk=replica.pk).update(head_digest=bytes(32)), 6, "head"),
    (_shorten, 6, "unknown"),
]


@pytest.mark.parametrize(("spoil", "seq", "code"), SPOILED)
def test_a_break_in_the_chain_is_found_at_its_exact_place(
    world: World, spoil: Spoil, seq: int, code: str
) -> None:
    here = world.clinics[0]
    """H10: edited, deleted, filed as something else, cut off."""
    with world.at(here):
        register(world, here, 6)
        assert answer("verify_log")["holds"]
        spoil(Replica.objects.get(is_self=True))
        ended, out, _err = run("verify_log", "--json")
        (chain,) = json.loads(out)["chains"]
        assert ended == 1
        assert (chain["holds"], chain["broken"]["seq"], chain["broken"]["code"]) == (False, seq, code)
        ended, out, _err = run("verify_log")
        assert ended == 1
        assert f"BROKEN at change {seq}" in out


@pytest.mark.parametrize("at_central", [False, True])
def test_a_chain_hashed_anew_contradicts_the_receipts(world: World, at_central: bool) -> None:
    """H10: by whoever knows how the chain is made."""
    here = world.clinics[0]
    for _ in range(3):
        with world.at(here):
            register(world, here, 2)
        world.sync(here)
    with world.at(here):
        uuid = Replica.objects.get(is_self=True).uuid
        assert answer("verify_log")["chains"][0]["receipts"] == 3
    with world.at(world.central if at_central else here):
        assert answer("verify_log")["holds"]
        rechain(Replica.objects.get(uuid=uuid), 3)
        ended, out, _err = run("verify_log", "--json")
        (broken,) = [one for one in json.loads(out)["chains"] if not one["holds"]]
        assert ended == 1
        assert (broken["broken"]["code"], broken["broken"]["seq"]) == ("not-as-receipted", 4)


@pytest.mark.parametrize("wrote_since", [False, True])
def test_a_whole_log_hashed_anew_contradicts_the_head_that_central_holds(
    world: World, wrote_since: bool
) -> None:
    """H10: whoever threw the receipts away as well has a log that holds, and central does not take it."""
    here, central = world.clinics[0], world.central
    with world.at(here):
        register(world, here, 6)
    world.sync(here)
    before = world.digests(central)
    with world.at(here):
        rechain(Replica.objects.get(is_self=True), 3)
        Receipt.objects.all().delete()
        forget_replicas()
        if wrote_since:
            register(world, here, 2)
        assert answer("verify_log")["holds"]
    runs = world.sync(here, rounds=3)
    assert {run.outcome for run in runs} == {"failed"}
    assert "wrote other data" in runs[-1].reason
    for site in (here, central):
        with world.at(site):
            assert SecurityEvent.objects.filter(code="fork").exists()
    with world.at(central):
        (told,) = {one.sentence for one in SecurityEvent.objects.filter(code="fork")}
        assert str(here.replica) in told
        assert answer("verify_log")["holds"]
    assert world.digests(central) == before


def test_a_forged_receipt_and_a_log_that_is_shorter_than_its_receipts_are_found(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 3)
    world.sync(here)
    with world.at(here):
        mine = Replica.objects.get(is_self=True)
        last = Change.objects.get(replica=mine, seq=3)
        last.delete()
        before = Change.objects.get(replica=mine, seq=2)
        Replica.objects.filter(pk=mine.pk).update(head_digest=before.digest)
        Replica.objects.filter(pk=mine.pk).update(head_seq=2)
        here.node.marks.begin(mine.uuid)
        _code, out, _err = run("verify_log", "--json")
        broken = json.loads(out)["chains"][0]["broken"]
        assert (broken["seq"], broken["code"]) == (3, "missing")
        receipt = Receipt.objects.get()
        receipt.envelope = bytes(receipt.envelope)[:-1] + bytes([bytes(receipt.envelope)[-1] ^ 1])
        receipt.save()
        _code, out, _err = run("verify_log", "--json")
        assert json.loads(out)["chains"][0]["broken"]["code"] == "bad-receipt"


def test_content_that_went_after_its_time_is_counted_and_no_break(world: World) -> None:
    here = world.clinics[0]
    with world.at(here):
        register(world, here, 4)
    world.sync(here)
    with world.at(here):
        Change.objects.filter(seq__lte=2).update(body=b"")
        (chain,) = answer("verify_log")["chains"]
        assert (chain["holds"], chain["pruned"], chain["changes"]) == (True, 2, 4)
