"""`demo --check`: one whole day, unattended, on fresh nodes; it holds only if all three nodes end up equal.

Lives here: `Check`, the order of the day, and `Account`, what came of it. It works in a directory of its own
and leaves nothing behind. Not here: the day itself (`day.py`, `evening.py`).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from clinic.exchange.dhis2.services import ProgramFile, read_programs
from clinic.programs.definition import ProgramDefinition, resolve
from deploy.demo.day import Day, Tally, must, open_day
from deploy.demo.evening import expect_no_link, sync_until_safe
from deploy.demo.layout import DemoNode, Ground, ground_at
from deploy.demo.nodes import Serving, run_step, stop_all
from deploy.demo.rooms import arrive, walk
from deploy.demo.setting_up import offer_code, serve, set_up_central, set_up_clinic
from registry.staff.policy import Role
from sync.problems import Problem


@dataclass(frozen=True, slots=True)
class Account:
    """What came of a day. `uploaded` counts the clinics' changes in central's log, `receipts_verified` those
    that a clinic holds a verified receipt for, `conflicts` those that nobody has decided yet.
    """

    people: int
    visits: int
    events: int
    uploaded: int
    receipts_verified: int
    clinics: int
    unsent: int
    conflicts: int
    digests_equal: bool
    seconds: float

    def plain(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def holds(self) -> bool:
        all_safe = self.uploaded == self.receipts_verified > 0 and not self.unsent and not self.conflicts
        return self.digests_equal and all_safe


@dataclass
class Check:
    """One day in an empty directory."""

    directory: Path
    people: int
    packages: Sequence[Path]
    say: Callable[[str], None]
    ground: Ground = field(init=False)
    _servings: dict[DemoNode, Serving] = field(init=False)
    _began: float = field(default_factory=time.monotonic)
    _letter: str = ""

    def __post_init__(self) -> None:
        central, *clinics = free_ports(3)
        self.ground = ground_at(self.directory, central_port=central, clinic_ports=tuple(clinics))
        self._servings = {node: Serving(node, self.ground.ca) for node in self.ground.nodes}

    def play(self) -> Account:
        """The day. Raises `Spoiled` or `Problem` where it does not go as it must."""
        programs = self._read_packages()
        try:
            tally = self._whole_day(programs)
            account = self._account(tally, self._proofs())
        finally:
            stop_all(list(self._servings.values()))
        return account

    def _read_packages(self) -> list[ProgramDefinition]:
        files = [_read(path) for path in self.packages]
        return [resolve(document) for file in files for document in file.documents]

    def _whole_day(self, programs: Sequence[ProgramDefinition]) -> Tally:
        central, first, second = self._servings.values()
        code = set_up_central(self.ground, self.packages)
        serve(central)
        set_up_clinic(self.ground, first.node, code)
        central.stop()
        must(not central.answers(), "Central still answers.")
        serve(first)
        self._tell(f"{first.node.name} has joined; central is stopped, nothing answers there")
        with ExitStack() as stack:
            day = open_day(first.node, self.ground.ca, stack)
            self._clinic_day(day, programs)
            coordinator = day.tablets[Role.COORDINATOR]
            self._tell(
                f"sync without central broke off; {expect_no_link(coordinator)} changes wait, none lost"
            )
            serve(central)
            safe = sync_until_safe(coordinator)
            self._tell(f"central is back; {safe['acked_seq']} of {safe['head_seq']} changes have receipts")
            self._next_clinic(second, day)
            sync_until_safe(coordinator)
        return day.tally

    def _clinic_day(self, day: Day, programs: Sequence[ProgramDefinition]) -> None:
        tally = day.tally
        day.take_all(self.people)
        self._tell(
            f"{tally.people} people registered with numbers from the block, each tapped twice, kept once"
        )
        self._tell(
            f"{tally.found_again} found again in another spelling; {tally.visits} visits on two tablets"
        )
        self._letter = walk(day.tablets, list(day.numbers)[-1])
        tally.visits += 1
        self._tell("a critical result flagged and seen, an allergy heeded, medicines by expiry, one referred")
        day.go_wrong()
        self._tell(f"stale forms: one merged, {tally.conflicts} conflict, decided by the coordinator")
        day.fill_in_every_kind()
        self._tell(f"{tally.kinds} kinds of field saved, all but pictures and files")
        if programs:
            day.fill_in_packages(programs)
            self._tell(f"{tally.packages} imported programs, one event in each of their stages")

    def _next_clinic(self, second: Serving, day: Day) -> None:
        """Another clinic joins, has everything, and sees one of the people."""
        set_up_clinic(self.ground, second.node, offer_code(self.ground, second.node))
        serve(second)
        with ExitStack() as stack:
            there = open_day(second.node, self.ground.ca, stack)
            patient, number = next(iter(day.numbers.items()))
            found = there.tablets[Role.REGISTRAR].get("patients/", q=number)["results"]
            must([one["id"] for one in found] == [patient], "The other clinic does not find a number.")
            kinds = there.tablets[Role.PROVIDER].get(f"events/{day.kinds['id']}/")
            must(kinds["values"] == day.kinds["values"], "An answer has changed on its way.")
            visit = there.tablets[Role.REGISTRAR].post("visits/", {"patient": patient})
            there.tablets[Role.PHARMACIST].post(f"visits/{visit['id']}/close/")
            arrive(there.tablets, self._letter)
            day.tally.visits += 1
            sync_until_safe(there.tablets[Role.COORDINATOR])
        self._tell(f"{second.node.name} has joined, holds it all, has seen {number} again, answers a letter")

    def _proofs(self) -> dict[DemoNode, dict[str, Any]]:
        """What each node says of itself, each in a process of its own."""
        with ThreadPoolExecutor(2) as two_at_a_time:
            nodes = self.ground.nodes
            found = two_at_a_time.map(lambda node: run_step(node, "seed_demo", "--json", "proof"), nodes)
            return dict(zip(nodes, found, strict=True))

    def _account(self, tally: Tally, proofs: dict[DemoNode, dict[str, Any]]) -> Account:
        clinics = [proofs[node] for node in self.ground.clinics]
        central = proofs[self.ground.central]
        own = {one["status"]["replica"] for one in clinics}
        logged = [chain for chain in central["log"]["chains"] if chain["replica"] in own and chain["holds"]]
        digests = {proof["digests"]["digest"] for proof in proofs.values()}
        account = Account(
            people=tally.people,
            visits=tally.visits,
            events=tally.events,
            uploaded=sum(chain["changes"] for chain in logged),
            receipts_verified=sum(one["status"]["acked_seq"] for one in clinics if one["log"]["holds"]),
            clinics=len(clinics),
            unsent=sum(one["status"]["unsent"] for one in clinics),
            conflicts=max(proof["status"]["conflicts"] for proof in proofs.values()),
            digests_equal=len(digests) == 1,
            seconds=round(time.monotonic() - self._began, 1),
        )
        self._tell(
            f"{account.receipts_verified} receipts verified; {account.uploaded} changes in central's log"
        )
        self._tell(
            "digests of all three nodes: "
            + ("equal, " if account.digests_equal else "DIFFER, ")
            + ", ".join(sorted(digests))
        )
        return account

    def _tell(self, sentence: str) -> None:
        self.say(f"{time.monotonic() - self._began:5.0f} s  {sentence}")


def _read(path: Path) -> ProgramFile:
    try:
        return read_programs(content=path.read_bytes(), name=path.name)
    except OSError as error:
        raise Problem(
            "unreadable-file",
            _("%(file)s cannot be read: %(reason)s.") % {"file": path, "reason": error.strerror},
        ) from None


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now."""
    probes = [socket.create_server(("0.0.0.0", 0)) for _number in range(count)]  # noqa: S104  as the server will
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
