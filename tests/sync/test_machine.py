"""A state machine over the test world: any order of work, cuts, losses, crashes and runs keeps the
invariants.

Two clinics share everything, a third follows only its own patients. Changes go up in the ordinary way, with
hello, and ahead of its answer; answers are lost in any position, requests come twice, and behind later ones;
two runs begin at once; central refuses some work; clocks jump, the power fails at every crash point. After
each step I1, I2, I5, I6 (what a cursor passed is there) and I7 (the status that pages read, against what
central has) are checked; at the end everything heals, and I3, I4, I8, I9 and I10 must hold. A seed that fails
is printed by Hypothesis and becomes a fixed case below.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from registry.people.models import Identifier, Patient
from sync.core.digest import record_hash
from sync.core.merge import GONE, State, merge
from sync.core.protocol import chain_digest, first_digest, from_canonical
from sync.crash import install_hook
from sync.feed.models import Cursor
from sync.ledger.models import Change, Receipt, Replica
from sync.ledger.recording import recording
from sync.ledger.selectors import history_of
from sync.models import LEASE_MS, LinkState, SyncRun
from sync.pace import Pace
from sync.review.models import Aside, Conflict
from sync.review.services import reject
from sync.rowstate import state_of_row
from sync.run import Busy, make_run
from sync.status import group_of, read_status
from sync.tables import table_of
from tests.sync.test_early import two_in_flight
from tests.world import Site, World

SEEDS = int(os.environ.get("POSTA_MACHINE_SEEDS", "100"))
NAMES = st.sampled_from(["Ana", "José", "محمد", "राधा", "Zoë", "Ana María"])
SEXES = st.sampled_from(["female", "male", "other"])
PHONES = st.sampled_from(["5551", "5552", "5553", ""])
SITES = st.integers(0, 2)
CENTRAL = 3
DAY_MS = 86_400_000
CLOCKS = st.sampled_from([0, 0, -DAY_MS, -600_000, -30_000, 30_000, 400 * DAY_MS])
CRASH_POINTS = [
    "save.before-log",
    "save.before-commit",
    "save.after-commit",
    "upload.before-send",
    "upload.before-receipt",
    "receipt.before-commit",
    "page.before-cursor",
    "page.before-commit",
    "page.after-commit",
    "intake.before-commit",
    "intake.after-commit",
]


class PowerCut(BaseException):
    """The process is gone."""


class Clinics(RuleBasedStateMachine):
    """Three clinics and central, worked on in any order."""

    shelf: Any = None

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="posta-world-")
        self.world = World(Path(self.directory.name), type(self).shelf, clinics=2, seed=seed)
        self.apart = self.world.add_clinic("clinic 3", mode="subscribed")
        self.world.clinics.append(self.apart)
        self.saved: dict[UUID, str] = {}
        self.touched = list(self.world.clinics)
        self.forms: list[tuple[int, UUID, str]] = []
        self.written: dict[tuple[UUID, str], set[Any]] = {}

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.settle_down()
        finally:
            self.world.close()
            self.directory.cleanup()

    # --- work --------------------------------------------------------------------------------------------

    def site(self, index: int) -> Site:
        return self.world.clinics[index]

    def survive(self, site: Site, work: Any) -> Any:
        """Do something; if the power is cut in the middle, start that node (or central) again."""
        self.touched.append(site)
        try:
            with self.world.at(site):
                return work()
        except PowerCut:
            for one in (site, self.world.central):
                one.connection.close()
                one.node.kept.pop("replicas", None)
            return None

    def register_at(self, site: Site, name: str, sex: str, cards: int = 0) -> UUID:
        with recording(by=self.world.author(site)) as save:
            made = save.add(Patient, given_name=name, sex=sex, registered_on=site.node.now())
            for number in range(cards):
                save.add(Identifier, patient=made, system="passport", value=f"P{number}")
        self.saved[made.pk] = site.name
        self.written.setdefault((made.pk, "sex"), set()).add(sex)
        return made.pk

    @rule(index=SITES, name=NAMES, sex=SEXES, cards=st.integers(0, 3))
    def register(self, index: int, name: str, sex: str, cards: int) -> None:
        """With cards it is a save of several changes, which batches may cut."""
        self.world.advance(700)
        site = self.site(index)
        self.survive(site, lambda: self.register_at(site, name, sex, cards))

    def some_patient(self, site: Site, pick: int) -> Patient | None:
        with self.world.at(site):
            rows = list(Patient.objects.order_by("pk"))
            return rows[pick % len(rows)] if rows else None

    @rule(index=st.integers(0, CENTRAL), pick=st.integers(0, 50), sex=SEXES, phone=PHONES)
    def edit(self, index: int, pick: int, sex: str, phone: str) -> None:
        self.world.advance(300)
        site = self.world.central if index == CENTRAL else self.site(index)
        row = self.some_patient(site, pick)
        if row is None:
            return

        def work() -> None:
            with recording(by=self.world.author(site)) as save:
                save.edit(row, {"sex": sex, "phone": phone})
            self.written.setdefault((row.pk, "sex"), set()).add(sex)

        self.survive(site, work)

    @rule(index=SITES, pick=st.integers(0, 50))
    def write_what_central_refuses(self, index: int, pick: int) -> None:
        """A number whose check digit is wrong is set aside, until a person decides."""
        site = self.site(index)
        row = self.some_patient(site, pick)
        if row is None:
            return

        def work() -> None:
            with recording(by=self.world.author(site)) as save:
                save.add(Identifier, patient=row, system="posta:number", value="A1-000000-0")

        self.survive(site, work)

    @rule(index=SITES, pick=st.integers(0, 50))
    def open_form(self, index: int, pick: int) -> None:
        site = self.site(index)
        row = self.some_patient(site, pick)
        if row is not None:
            with self.world.at(site):
                self.forms.append((index, row.pk, row.version))

    @precondition(lambda self: bool(self.forms))
    @rule(sex=SEXES)
    def save_stale_form(self, sex: str) -> None:
        self.world.advance(300)
        index, pk, version = self.forms.pop(0)
        site = self.site(index)

        def work() -> None:
            row = Patient.objects.get(pk=pk)
            with recording(by=self.world.author(site)) as save:
                save.edit(row, {"sex": sex}, seen=version)
            self.written.setdefault((pk, "sex"), set()).add(sex)

        self.survive(site, work)

    @rule(index=SITES, pick=st.integers(0, 50))
    def remove(self, index: int, pick: int) -> None:
        site = self.site(index)
        row = self.some_patient(site, pick)
        if row is None:
            return

        def work() -> None:
            with recording(by=self.world.author(site)) as save:
                save.remove(row)

        self.survive(site, work)

    # --- the link ----------------------------------------------------------------------------------------

    @rule(index=SITES, up=st.booleans())
    def cut_or_heal(self, index: int, up: bool) -> None:
        link = self.site(index).link
        assert link is not None
        link.up = up

    @rule(
        index=SITES,
        after=st.integers(0, 3),
        answers=st.integers(0, 3),
        twice=st.integers(0, 2),
        late=st.integers(0, 2),
    )
    def disturb(self, index: int, after: int, answers: int, twice: int, late: int) -> None:
        link = self.site(index).link
        assert link is not None
        link.lose_after, link.lose_answers, link.duplicate, link.late = after, answers, twice, late

    @rule(index=st.integers(0, CENTRAL), error_ms=CLOCKS)
    def set_clock(self, index: int, error_ms: int) -> None:
        site = self.world.central if index == CENTRAL else self.site(index)
        site.clock_error_ms = min(error_ms, 30_000) if index == CENTRAL else error_ms

    def run_at(self, site: Site, each: int = 0, *, hello_first: bool = True) -> None:
        """One run. With so many changes in each batch, the second one goes ahead of hello's answer: behind
        hello, or before it.
        """
        with ExitStack() as stack:
            stack.enter_context(suppress(Busy))
            if each:
                patch = stack.enter_context(pytest.MonkeyPatch.context())
                stack.enter_context(two_in_flight(patch, site, hello_first=hello_first))
            make_run("test", pace=Pace(fixed_changes=each or None))

    @rule(index=SITES)
    def run(self, index: int) -> None:
        self.world.advance(70_000)
        self.survive(self.site(index), lambda: self.run_at(self.site(index)))

    @rule(index=SITES, count=st.integers(2, 6), each=st.integers(1, 3), hello_first=st.booleans())
    def run_ahead(self, index: int, count: int, each: int, hello_first: bool) -> None:
        site = self.site(index)
        self.world.advance(70_000)
        for _ in range(count):
            self.survive(site, lambda: self.register_at(site, "Ana", "female"))
        self.survive(site, lambda: self.run_at(site, each, hello_first=hello_first))

    @rule(index=SITES, each=st.integers(1, 3), asleep=st.booleans())
    def run_twice(self, index: int, each: int, asleep: bool) -> None:
        """A second run begins in the middle of a request: it is refused, or takes over from one that slept
        past its lease.
        """
        site = self.site(index)
        assert site.link is not None
        self.world.advance(70_000)
        for _ in range(3):
            self.survive(site, lambda: self.register_at(site, "Zoë", "female"))

        def second() -> None:
            if asleep:
                self.world.advance(LEASE_MS)
                make_run("button", pace=Pace(fixed_changes=2))
            else:
                with pytest.raises(Busy):
                    make_run("button")

        site.link.meanwhile = second
        self.survive(site, lambda: self.run_at(site, each))
        site.link.meanwhile = None

    @rule(
        index=SITES,
        point=st.sampled_from(CRASH_POINTS),
        nth=st.integers(1, 3),
        name=NAMES,
        each=st.integers(0, 2),
    )
    def crash(self, index: int, point: str, nth: int, name: str, each: int) -> None:
        """Cut the power at the n-th passage of a crash point, while somebody works and a run is on."""
        left = [nth]

        def hook(passed: str) -> None:
            if passed == point:
                left[0] -= 1
                if left[0] == 0:
                    raise PowerCut

        site = self.site(index)
        self.world.advance(70_000)
        install_hook(hook)
        try:
            self.survive(site, lambda: self.register_at(site, name, "female"))
            self.survive(site, lambda: self.run_at(site, each))
        finally:
            install_hook(None)

    # --- what must hold ----------------------------------------------------------------------------------

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        """I1: every save that was answered is on its node."""
        if not hasattr(self, "world"):
            return
        for site in self.world.clinics:
            with self.world.at(site):
                here = set(Patient.objects.values_list("pk", flat=True))
            assert {pk for pk, name in self.saved.items() if name == site.name} <= here

    @invariant()
    def each_change_is_at_central_once(self) -> None:
        """I2: central's copy of a chain is a beginning of the clinic's own; what is acked is there."""
        if not hasattr(self, "world"):
            return
        for site in self.world.clinics:
            with self.world.at(site):
                mine = Replica.objects.get(is_self=True)
                own = list(Change.objects.filter(replica=mine).order_by("seq").values_list("seq", "digest"))
            with self.world.at(self.world.central):
                theirs = list(
                    Change.objects.filter(replica__uuid=mine.uuid)
                    .order_by("seq")
                    .values_list("seq", "digest")
                )
            assert [seq for seq, _ in own] == list(range(1, mine.head_seq + 1))
            assert [(s, bytes(d)) for s, d in theirs] == [(s, bytes(d)) for s, d in own[: len(theirs)]]
            assert mine.acked_seq <= len(theirs)

    @invariant()
    def the_status_shown_is_true(self) -> None:
        """I7: what pages read, against what central has: nothing is told as sent that central did not sign
        for, group by group; what central keeps apart is told, once its receipt is here; and all is well only
        where every change is in central's rows.
        """
        if not hasattr(self, "world"):
            return
        touched, self.touched = self.touched, []
        for site in (one for one in self.world.clinics if one in touched):
            with self.world.at(site):
                told = read_status()
                own = list(Change.objects.filter(replica__is_self=True).values_list("seq", "table"))
                signed = set(Receipt.objects.filter(replica__is_self=True).values_list("seq_to", flat=True))
                apart = list(Aside.objects.values_list("seq_from", "state"))
            with self.world.at(self.world.central):
                states = dict(Change.objects.filter(replica__uuid=site.replica).values_list("seq", "state"))
                aside = list(
                    Aside.objects.filter(replica_uuid=site.replica).values_list("seq_from", "seq_to")
                )
            sent = max(signed, default=0)
            assert set(range(1, sent + 1)) <= states.keys()
            waiting = Counter(group_of(table) for seq, table in own if seq > sent)
            assert (told.unsent, told.head_seq) == (waiting.total(), len(own))
            assert {name: n for name, n in told.unsent_by_group.items() if n} == waiting
            assert {first for first, last in aside if last <= sent} <= {first for first, _state in apart}
            assert (told.quarantined, told.held) == tuple(
                [state for _first, state in apart].count(state) for state in ("quarantined", "held")
            )
            if told.up_to_date:
                assert not aside
                assert [states[seq] for seq, _table in own] == [Change.State.APPLIED] * len(own)

    @invariant()
    def nobody_has_what_it_does_not_follow(self) -> None:
        """I5: the clinic that follows only its own patients holds no others."""
        if not hasattr(self, "world"):
            return
        with self.world.at(self.apart):
            own = set(Change.objects.filter(replica__is_self=True).values_list("record_id", flat=True))
            assert set(Patient.objects.values_list("pk", flat=True)) <= own

    @invariant()
    def what_a_cursor_passed_is_there(self) -> None:
        """I6: each record at central whose newest place a clinic's cursor has passed is at that clinic, with
        all that central knows of it.
        """
        if not hasattr(self, "world"):
            return
        for site in self.world.clinics:
            with self.world.at(site):
                passed = Cursor.objects.filter(table="patients").values_list("position", flat=True).first()
                here = self.states(Patient.objects.all())
            with self.world.at(self.world.central):
                rows = Patient.objects.filter(position__lte=passed or 0)
                there = self.states(rows.filter(pk__in=here) if site is self.apart else rows)
            for pk, state in there.items():
                assert pk in here
                both = record_hash("patients", pk, merge(here[pk], state))
                assert both == record_hash("patients", pk, here[pk])

    def states(self, rows: Any) -> dict[UUID, State]:
        table = table_of(Patient)
        return {row.pk: state_of_row(table, row) for row in rows}

    def settle_down(self) -> None:
        """Everything heals: queues drain (I10), all agree (I3), nothing that was concurrent is unrecoverable
        (I4).
        """
        world = self.world
        for site in (world.central, *world.clinics):
            site.clock_error_ms = 0
        world.advance(300_000)
        world.heal_and_sync(rounds=1)
        self.a_person_decides()
        while any(run.sent for run in world.sync()) or self.a_person_decides():
            pass  # what was sent is news for the others; what was decided, for whoever wrote it
        for site in world.clinics:
            with world.at(site):
                last = SyncRun.objects.order_by("-id").first()
                assert last is not None and last.outcome == SyncRun.Outcome.DONE, last and last.reason
                assert LinkState.objects.get().state == LinkState.State.UP
                assert last.digests in ("", "equal"), last.digests
                assert read_status().up_to_date
            assert world.unsent(site) == 0
        with world.at(world.central):
            assert not Aside.objects.exists()
        at_central, shown = world.digests(world.central), world.shown(world.central)
        for site in world.clinics:
            seen = world.shown(site)
            if site is not self.apart:
                assert world.digests(site) == at_central
                assert seen == shown
            assert seen["patients"] == {pk: shown["patients"][pk] for pk in seen["patients"]}
            open_here = {key for key in self.conflicts(world.central) if key[0] in seen["patients"]}
            assert self.conflicts(site) == open_here
        self.values_are_recoverable()
        self.what_differs_is_asked()
        self.chains_verify()
        self.everybody_is_named()

    def a_person_decides(self) -> int:
        """Central rejects what it set aside; answers how much that was."""
        with self.world.at(self.world.central):
            rows = list(Aside.objects.filter(state=Aside.State.QUARANTINED).order_by("pk"))
            for row in rows:
                reject(by=self.world.author(self.world.central), aside=row, note="No such number.")
        return len(rows)

    def conflicts(self, site: Site) -> set[tuple[UUID, str]]:
        with self.world.at(site):
            return set(Conflict.objects.values_list("record_id", "field"))

    def values_are_recoverable(self) -> None:
        with self.world.at(self.world.central):
            for (pk, name), values in self.written.items():
                row = Patient.objects.filter(pk=pk).first()
                if row is None:
                    continue
                found = {entry.value for entry in history_of(row) if entry.field == name}
                found |= {"unknown"} if "unknown" in values else set()
                assert values <= found, (name, values, found)

    def what_differs_is_asked(self) -> None:
        """I4: a question is open where, and only where, values differ that nobody has seen together."""
        with self.world.at(self.world.central):
            states = self.states(Patient.objects.all())
        differ = {
            (pk, "sex")
            for pk, state in states.items()
            if len({str(head.value) for head in state.get("sex", ())}) > 1
        }
        differ |= {(pk, GONE) for pk, state in states.items() if removed_unseen(state)}
        found = {key for key in self.conflicts(self.world.central) if key[0] in states}
        assert differ == found, (differ, found)

    def everybody_is_named(self) -> None:
        """I9: person, device, replica and node of each change."""
        with self.world.at(self.world.central):
            nodes = dict(Replica.objects.values_list("uuid", "node_uuid"))
            for body, is_ours in Change.objects.values_list("body", "replica__is_self"):
                change = from_canonical(bytes(body))
                assert change.author is not None and change.device
                assert is_ours or nodes[change.replica] is not None

    def chains_verify(self) -> None:
        for site in [self.world.central, *self.world.clinics]:
            with self.world.at(site):
                for replica in Replica.objects.filter(head_seq__gt=0):
                    digest = first_digest(replica.uuid)
                    for body, kept in (
                        Change.objects.filter(replica=replica).order_by("seq").values_list("body", "digest")
                    ):
                        digest = chain_digest(digest, bytes(body))
                        assert digest == bytes(kept)
                    assert digest == bytes(replica.head_digest)


def removed_unseen(state: State) -> bool:
    """Whether a removal and anything else that was written did not know of each other."""
    removals = {head.write for head in state.get(GONE, ()) if head.value is True}
    others = {
        head.write
        for name, heads in state.items()
        for head in heads
        if name != GONE or head.value is not True
    }
    return any(
        one.dot != other.dot and not one.past.covers(other.dot) and not other.past.covers(one.dot)
        for one in removals
        for other in others
    )


def test_any_order_of_work_and_trouble_converges(database_shelf: Any) -> None:
    Clinics.shelf = database_shelf
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Clinics,
        settings=settings(
            max_examples=SEEDS,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
