"""Work of somebody after central had ended it: set aside for a person, never trusted, never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from registry.access.models import Opening
from registry.people.models import Identifier, Patient
from sync.core.clock import pack
from sync.ledger.recording import Author, recording
from sync.models import EnrolledNode
from sync.problems import Problem
from sync.release import look_again
from sync.review.aside import asides_shown
from sync.review.models import Aside, Decision
from sync.review.services import reject, release, settle_all
from sync.status import read_status
from sync.whereabouts import Whereabouts, whereabouts
from tests.sync.forge import card, patient, slip_in
from tests.sync.looking import asides, shown_at
from tests.world import Site, World

EVE = Author(UUID(int=7), "tablet-1")
ROSA = Author(UUID(int=8), "tablet-2")
OFFICE = Author(UUID(int=9), "office")
MINUTE_MS = 60_000


class Programme:
    """A world in which Eve may be ended, and what people do in it. Time passes between two saves."""

    def __init__(self, world: World) -> None:
        self.world, self.here = world, world.clinics[0]
        self.ends: dict[UUID, int] = {}

    def tell(self, ids: Any) -> dict[UUID, int]:
        return {one: at for one, at in self.ends.items() if one in ids}

    def end(self, who: Author = EVE) -> None:
        self.world.advance(MINUTE_MS)
        assert who.staff_id is not None
        self.ends[who.staff_id] = self.world.now_ms
        self.world.advance(MINUTE_MS)

    def registers(self, by: Author, name: str, site: Site | None = None) -> UUID:
        self.world.advance(MINUTE_MS)
        where = site or self.here
        with self.world.at(where), recording(by=by) as save:
            return save.add(Patient, given_name=name, registered_on=where.node.now()).pk

    def edits(self, by: Author, pk: UUID, **said: Any) -> None:
        self.world.advance(MINUTE_MS)
        with self.world.at(self.here), recording(by=by) as save:
            save.edit(Patient.objects.get(pk=pk), said)

    def adds_card(self, by: Author, pk: UUID) -> UUID:
        self.world.advance(MINUTE_MS)
        with self.world.at(self.here), recording(by=by) as save:
            return save.add(Identifier, patient_id=pk, system="passport", value="P-1").pk

    def names_at_central(self) -> set[str]:
        with self.world.at(self.world.central):
            return set(Patient.objects.living().values_list("given_name", flat=True))

    def codes(self, site: Site | None = None) -> list[tuple[str, str]]:
        return [(state, code) for _seq, state, code in asides(self.world, site or self.world.central)]

    def all_equal(self) -> bool:
        self.world.sync(rounds=3)
        return self.world.digests(self.world.central) == self.world.digests(self.here)


@pytest.fixture
def programme(make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Programme:
    made = Programme(make_world(clinics=1))
    monkeypatch.setattr("sync.ended._tell", [made.tell])
    made.world.sync()
    return made


def everything(rows: Any) -> set[int]:
    return {row.pk for row in rows}


def test_only_what_came_after_the_end_is_set_aside_and_the_rest_of_the_batch_flows(
    programme: Programme,
) -> None:
    """H1: what was written before the end counts, the rest waits for a person."""
    """I9. What hangs on it is held as usual, whoever wrote that; the clinic learns which saves wait, and
    why.
    """
    world, here = programme.world, programme.here
    before = programme.registers(EVE, "Before")
    programme.end()
    after = programme.registers(EVE, "After")
    programme.adds_card(ROSA, after)
    programme.edits(EVE, before, phone="666")
    programme.registers(ROSA, "Rosa's")
    world.sync()
    assert programme.names_at_central() == {"Before", "Rosa's"}
    assert shown_at(world, world.central, before)["phone"] == ""
    waiting = [("quarantined", "author-ended"), ("held", "after-aside"), ("quarantined", "author-ended")]
    assert programme.codes() == programme.codes(here) == waiting
    assert world.unsent(here) == 0
    with world.at(here):
        found = read_status()
        assert (found.quarantined, found.held, found.up_to_date) == (2, 1, False)
        assert whereabouts([Patient.objects.get(pk=after)])[after] == Whereabouts.ASIDE
        assert asides_shown()[0].words == "Written after this person's work had ended."
    with world.at(world.central):
        shown = asides_shown()[0]
        assert shown.ended is not None
        assert int(shown.ended.timestamp() * 1000) == programme.ends[EVE.staff_id or UUID(int=0)]
        assert ("Given name", "After") in shown.values
        assert not look_again(EnrolledNode.objects.get())


def test_accepted_it_counts_under_its_author_with_the_decision_beside_it(programme: Programme) -> None:
    world = programme.world
    programme.end()
    after = programme.registers(EVE, "After")
    card = programme.adds_card(ROSA, after)
    world.sync()
    with world.at(world.central):
        assert release(by=OFFICE, aside=Aside.objects.get(code="author-ended"), note="She helped out.")
        assert not Aside.objects.exists()
        assert Patient.objects.get(pk=after).made_by == EVE.staff_id
        assert Identifier.objects.get(pk=card).made_by == ROSA.staff_id
        (decision,) = Decision.objects.all()
        assert (decision.made_by, decision.field, decision.record_id, decision.note) == (
            OFFICE.staff_id, "_accepted", after, "She helped out.",
        )  # fmt: skip
    assert programme.all_equal()
    with world.at(programme.here):
        assert read_status().up_to_date
        assert Decision.objects.get().made_by == OFFICE.staff_id


def test_rejected_it_stays_out_everywhere_and_stays_readable(programme: Programme) -> None:
    """One tap: nobody has to say why."""
    world, here = programme.world, programme.here
    known = programme.registers(ROSA, "Known")
    programme.end()
    after = programme.registers(EVE, "After")
    programme.edits(EVE, known, phone="666")
    world.sync()
    with world.at(world.central):
        for aside in Aside.objects.order_by("seq_from"):
            reject(by=OFFICE, aside=aside)
        assert set(Decision.objects.values_list("field", flat=True)) == {"_rejected"}
    assert programme.all_equal()
    for site in (here, world.central):
        assert programme.codes(site) == []
        there = shown_at(world, site, after)
        assert (there["gone"], there["given_name"]) == (True, "After")
        assert shown_at(world, site, known)["phone"] == ""


def test_a_decision_that_was_cut_in_the_middle_is_not_asked_for_again(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a person accepted goes on by itself, should it have to wait for something else."""
    world = programme.world
    programme.end()
    programme.registers(EVE, "After")
    world.sync()
    with world.at(world.central):
        aside = Aside.objects.get()
        with monkeypatch.context() as patched:
            patched.setattr("sync.review.services.judge_again", lambda standing: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                release(by=OFFICE, aside=aside)
        assert Aside.objects.get().accepted
        Aside.objects.update(state="held", code="missing-parent")
        assert look_again(EnrolledNode.objects.get()) == 1
        assert Decision.objects.count() == 1
    assert programme.names_at_central() == {"After"}


@pytest.mark.parametrize("use", [True, False])
def test_all_of_a_person_at_once_in_their_order(programme: Programme, use: bool) -> None:
    """Each record's in its order, as the merge needs it: what waited behind the first turns up and is decided
    with it. Another person's is left alone.
    """
    world = programme.world
    programme.end()
    programme.end(ROSA)
    first = programme.registers(EVE, "First")
    programme.edits(EVE, first, given_name="Second")
    programme.edits(EVE, first, given_name="Third")
    programme.registers(ROSA, "Rosa's")
    world.sync()
    assert [code for _state, code in programme.codes()] == [
        "author-ended", "after-aside", "after-aside", "author-ended",
    ]  # fmt: skip
    with world.at(world.central):
        like = Aside.objects.order_by("seq_from")[0]
        nobody = settle_all(by=OFFICE, like=like, use=use, note="", may_see=lambda rows: set())
        done = settle_all(by=OFFICE, like=like, use=use, note="", may_see=everything)
        assert (nobody, done) == (0, 3)
        assert [one.author for one in asides_shown()] == [ROSA.staff_id]
        row = Patient.objects.get(pk=first)
        assert (row.given_name, row.gone) == (("Third", False) if use else ("First", True))


# --- when it was written ---------------------------------------------------------------------------------


def test_what_central_had_before_the_end_counts_whatever_its_stamp_says(programme: Programme) -> None:
    """E1: the laptop's clock is a year ahead."""
    world, here = programme.world, programme.here
    here.clock_error_ms = 400 * 86_400_000
    programme.registers(EVE, "Before")
    world.sync()
    programme.end()
    here.clock_error_ms = 0
    programme.registers(EVE, "After")
    world.sync()
    assert programme.names_at_central() == {"Before"}


def test_a_clock_that_is_behind_hides_nothing(programme: Programme) -> None:
    """It shows half a minute before the end. At the contact central sees how far it is behind."""
    world, here = programme.world, programme.here
    programme.registers(EVE, "Before")
    world.advance(10 * MINUTE_MS)
    programme.end()
    here.clock_error_ms = -MINUTE_MS * 5 // 2
    programme.registers(EVE, "After")
    world.sync()
    assert programme.names_at_central() == {"Before"}
    assert programme.codes() == [("quarantined", "author-ended")]


def test_a_clock_that_stood_before_its_last_stamp_proves_nothing(programme: Programme) -> None:
    """A dead battery: 1970, and the right time again before central is asked. The stamps go on from the
    last one, which was before the end.
    """
    world, here = programme.world, programme.here
    programme.registers(EVE, "Before")
    here.clock_error_ms = -world.now_ms
    programme.end()
    programme.registers(EVE, "After")
    here.clock_error_ms = 0
    world.sync()
    assert programme.names_at_central() == {"Before"}


def test_how_far_the_clock_was_behind_is_remembered_for_what_waits(programme: Programme) -> None:
    world, here = programme.world, programme.here
    other = world.add_clinic("clinic 2")
    parent = programme.registers(ROSA, "Parent", other)
    world.advance(60 * MINUTE_MS)
    programme.end()
    here.clock_error_ms = -10 * MINUTE_MS
    made = card(parent)
    made.altered["author"] = EVE.staff_id
    with world.at(here):
        slip_in(here, made)
    world.sync(here)
    assert programme.codes() == [("held", "missing-parent")]
    here.clock_error_ms = 0
    world.sync(here)
    world.sync(other)
    assert programme.codes() == [("quarantined", "author-ended")]


def test_a_save_whose_later_part_or_offset_tells_of_the_end(programme: Programme) -> None:
    """A doctored log: each part of a save has its own stamp and author."""
    world, here = programme.world, programme.here
    programme.end()
    at = programme.ends[EVE.staff_id or UUID(int=0)] - MINUTE_MS
    early = {"author": EVE.staff_id, "stamp": pack(at)}
    with world.at(here):
        for later in ({"author": EVE.staff_id}, early | {"clock_offset_ms": 10 * MINUTE_MS}):
            one, two = patient("One"), patient("Two")
            one.altered, two.altered = dict(early), later
            slip_in(here, one, two)
        honest = patient("Honest")
        honest.altered = early
        slip_in(here, honest)
    world.sync()
    assert programme.names_at_central() == {"Honest"}


def test_what_the_laptop_noted_about_a_person_is_no_work_of_theirs(programme: Programme) -> None:
    """The access log tells what somebody opened who should not have been there: it is not held back."""
    world, here = programme.world, programme.here
    programme.end()
    world.advance(MINUTE_MS)
    with world.at(here), recording(by=EVE) as save:
        save.add(Opening)
    world.sync()
    assert programme.codes() == []
    with world.at(world.central):
        assert Opening.objects.get().made_by == EVE.staff_id


def test_at_the_clinic_nobody_decides(programme: Programme) -> None:
    programme.end()
    programme.registers(EVE, "After")
    programme.world.sync()
    with programme.world.at(programme.here):
        for decide in (release, reject):
            with pytest.raises(Problem) as refused:
                decide(by=OFFICE, aside=Aside.objects.get())
            assert refused.value.code == "only-central"
