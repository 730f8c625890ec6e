"""A state machine over the test world: any order of work, cuts, losses, crashes and runs keeps the
invariants.

After each step I1, I2, I5, I6 (what a cursor passed is there), I7 are checked; at the end everything heals,
and I3, I4, I8 and I10 must hold. A seed that fails is printed by Hypothesis and becomes a fixed case below.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from registry.people.models import Patient
from sync.core.protocol import chain_digest, first_digest
from sync.crash import install_hook
from sync.ledger.models import Change, Replica
from sync.ledger.recording import recording
from sync.ledger.selectors import history_of
from sync.models import LinkState, SyncRun
from sync.review.models import Aside, Conflict
from sync.run import make_run
from tests.world import Site, World

SEEDS = int(os.environ.get("POSTA_MACHINE_SEEDS", "100"))
NAMES = st.sampled_from(["Ana", "José", "محمد", "राधा", "Zoë", "Ana María"])
SEXES = st.sampled_from(["female", "male", "other"])
PHONES = st.sampled_from(["5551", "5552", "5553", ""])
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
    """Two clinics and central, worked on in any order."""

    shelf: Any = None

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="posta-world-")
        self.world = World(Path(self.directory.name), type(self).shelf, clinics=2, seed=seed)
        self.saved: dict[UUID, str] = {}
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
        return self.world.clinics[index % 2]

    def survive(self, site: Site, work: Any) -> Any:
        """Do something; if the power is cut in the middle, start that node (or central) again."""
        try:
            with self.world.at(site):
                return work()
        except PowerCut:
            for one in (site, self.world.central):
                one.connection.close()
                one.node.kept.pop("replicas", None)
            return None

    def register_at(self, site: Site, name: str, sex: str) -> UUID:
        with recording(by=self.world.author(site)) as save:
            made = save.add(Patient, given_name=name, sex=sex, registered_on=site.node.now())
        self.saved[made.pk] = site.name
        self.written.setdefault((made.pk, "sex"), set()).add(sex)
        return made.pk

    @rule(index=st.integers(0, 1), name=NAMES, sex=SEXES)
    def register(self, index: int, name: str, sex: str) -> None:
        self.world.advance(700)
        site = self.site(index)
        self.survive(site, lambda: self.register_at(site, name, sex))

    def some_patient(self, site: Site, pick: int) -> Patient | None:
        with self.world.at(site):
            rows = list(Patient.objects.order_by("pk"))
            return rows[pick % len(rows)] if rows else None

    @rule(index=st.integers(0, 2), pick=st.integers(0, 50), sex=SEXES, phone=PHONES)
    def edit(self, index: int, pick: int, sex: str, phone: str) -> None:
        self.world.advance(300)
        site = self.world.central if index == 2 else self.site(index)
        row = self.some_patient(site, pick)
        if row is None:
            return

        def work() -> None:
            with recording(by=self.world.author(site)) as save:
                save.edit(row, {"sex": sex, "phone": phone})
            self.written.setdefault((row.pk, "sex"), set()).add(sex)

        self.survive(site, work)

    @rule(index=st.integers(0, 1), pick=st.integers(0, 50))
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

    @rule(index=st.integers(0, 1), pick=st.integers(0, 50))
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

    @rule(index=st.integers(0, 1), up=st.booleans())
    def cut_or_heal(self, index: int, up: bool) -> None:
        link = self.site(index).link
        assert link is not None
        link.up = up

    @rule(index=st.integers(0, 1), answers=st.integers(1, 3), twice=st.integers(0, 2))
    def disturb(self, index: int, answers: int, twice: int) -> None:
        link = self.site(index).link
        assert link is not None
        link.lose_answers, link.duplicate = answers, twice

    @rule(index=st.integers(0, 1))
    def run(self, index: int) -> None:
        self.world.advance(70_000)
        self.survive(self.site(index), lambda: make_run("test"))

    @rule(index=st.integers(0, 1), point=st.sampled_from(CRASH_POINTS), nth=st.integers(1, 3), name=NAMES)
    def crash(self, index: int, point: str, nth: int, name: str) -> None:
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
            self.survive(site, lambda: make_run("test"))
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
        """I2 and I7: central's copy of a chain is a beginning of the clinic's own; what is acked is there;
        unsent is what is not acked.
        """
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
            assert self.world.unsent(site) == len(own) - mine.acked_seq

    def settle_down(self) -> None:
        """Everything heals: queues drain (I10), all agree (I3), nothing that was concurrent is unrecoverable
        (I4).
        """
        world = self.world
        world.advance(300_000)
        world.heal_and_sync()
        for site in world.clinics:
            with world.at(site):
                last = SyncRun.objects.order_by("-id").first()
                assert last is not None and last.outcome == SyncRun.Outcome.DONE, last and last.reason
                assert LinkState.objects.get().state == LinkState.State.UP
                assert last.digests in ("", "equal"), last.digests
            assert world.unsent(site) == 0
        with world.at(world.central):
            assert not Aside.objects.exists()
        at_central = world.digests(world.central)
        for site in world.clinics:
            assert world.digests(site) == at_central
            assert world.shown(site) == world.shown(world.central)
            assert self.conflicts(site) == self.conflicts(world.central)
        self.values_are_recoverable()
        self.chains_verify()

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
