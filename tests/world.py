"""The test world: a central and n clinics in one process, with a link that can be cut, lose answers, repeat
requests and deliver them behind later ones.

Lives here: `World`, `Site` (one node with its own database, directory and clock) and `Link`. Each site has a
real database of the engine under test, and everything between them goes through the real signing, packing,
checking and merging; only the socket is missing. Not here: promises about processes, disks and real sockets
(`tests/system/`).
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend

from sync.carriers.http import LinkBroke
from sync.carriers.server import Reply, answer
from sync.carriers.signing import Wire
from sync.core.digest import TableDigest
from sync.enrolment import join, offer
from sync.ledger.birth import ensure_replica
from sync.ledger.models import Replica
from sync.ledger.recording import Author
from sync.models import SyncRun
from sync.node import Node, acting_as
from sync.run import make_run
from sync.tables import all_tables
from tests.databases import DatabaseShelf

START_MS = 1_790_000_000_000


@dataclass
class Link:
    """What lies between one clinic and central. Counts what passed. A `late` request is given up by who sent
    it, and reaches central right behind the next one that gets through; `meanwhile` happens once, at the
    clinic, while an answer is on its way.
    """

    world: World
    clinic: Site
    up: bool = True
    lose_answers: int = 0
    lose_after: int = 0  # so many answers pass before they begin to be lost
    duplicate: int = 0
    late: int = 0
    delayed: list[Wire] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None
    portal: bool = False
    requests: int = 0
    recorded: list[Wire] = field(default_factory=list)

    def send(self, wire: Wire, *, patience: float) -> Reply:
        if self.portal:
            return Reply(200, b"<html>Welcome to the hotel</html>", "text/html")
        if not self.up:
            raise LinkBroke("the link is cut")
        self.requests += 1
        self.world.advance(20)
        self.recorded.append(Wire(wire.method, wire.url, wire.body, dict(wire.headers)))
        if self.late:
            self.late -= 1
            self.delayed.append(wire)
            raise LinkBroke("no answer came in time")
        with self.world.at(self.world.central):
            reply = answer(wire)
            if self.duplicate:
                self.duplicate -= 1
                answer(wire)
            while self.delayed:
                answer(self.delayed.pop())
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            with self.world.at(self.clinic):
                meanwhile()
        if self.lose_answers and self.lose_after:
            self.lose_after -= 1
        elif self.lose_answers:
            self.lose_answers -= 1
            raise LinkBroke("the answer was lost")
        return reply

    def replay(self, wire: Wire) -> Reply:
        """Send a recorded request again, as an eavesdropper or a confused network would."""
        with self.world.at(self.world.central):
            return answer(wire)

    def close(self) -> None:
        return None


@dataclass
class Site:
    """One node: its context, its database, its directory."""

    name: str
    node: Node
    connection: Any
    clock_error_ms: int = 0
    link: Link | None = None

    @property
    def replica(self) -> UUID:
        return self.node.kept["self_uuid"]  # type: ignore[no-any-return]


class World:
    """A central and its clinics."""

    def __init__(
        self,
        directory: Path,
        shelf: DatabaseShelf,
        *,
        clinics: int = 2,
        seed: int = 0,
        mode: str = "everything",
    ) -> None:
        self.directory, self.shelf, self.mode = directory, shelf, mode
        self.rng = random.Random(seed)
        self._now = START_MS
        self._home = connections["default"]
        self._numbers = itertools.count(1)
        self.central = self._site("central", "central")
        self.clinics = [self.add_clinic(f"clinic {index + 1}") for index in range(clinics)]

    # --- sites -------------------------------------------------------------------------------------------

    def _site(self, name: str, role: Any) -> Site:
        directory = self.directory / f"{next(self._numbers)}-{name.replace(' ', '-')}"
        directory.mkdir(parents=True)
        node = Node(role=role, data_dir=directory, name=name, rng=random.Random(self.rng.random()))
        site = Site(name, node, self.shelf.take(directory, central=role == "central"))
        node.wall = lambda: self._now + site.clock_error_ms
        node.clock._wall = node.wall
        with self.at(site):
            ensure_replica()
        return site

    def add_clinic(self, name: str, mode: str = "", facilities: Sequence[str] = ()) -> Site:
        """A new clinic server, enrolled with a one-time code."""
        site = self._site(name, "clinic")
        site.link = site.node.kept["carrier"] = Link(self, site)
        site.node.kept["tries"] = 1  # a test decides when the link is tried again
        with self.at(self.central):
            code = offer(name=name, facilities=facilities, mode=mode or self.mode)
        with self.at(site):
            join("https://central.example", code)
        return site

    @contextmanager
    def at(self, site: Site) -> Iterator[Site]:
        """Run a block as that site: its database, its clock, its keys."""
        before = connections["default"]
        connections["default"] = site.connection
        try:
            with acting_as(site.node):
                yield site
        finally:
            connections["default"] = before

    def close(self) -> None:
        for site in [self.central, *self.clinics]:
            site.connection.close()
            site.node.marks.close()
            self.shelf.put_back(site.connection)
        connections["default"] = self._home

    # --- time --------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self._now

    def advance(self, ms: int) -> None:
        """Let time pass everywhere."""
        self._now += ms

    # --- doing and asking --------------------------------------------------------------------------------

    def author(self, site: Site) -> Author:
        """Somebody who works there."""
        return Author(UUID(int=abs(hash(site.name)) % 2**128), device=f"tablet at {site.name}"[:40])

    def sync(self, *sites: Site, rounds: int = 1) -> list[SyncRun]:
        """One run at each of these clinics (all by default), in turn."""
        runs = []
        for _ in range(rounds):
            for site in sites or self.clinics:
                self.advance(1_000)
                with self.at(site):
                    runs.append(make_run("test"))
        return runs

    def heal_and_sync(self, rounds: int = 3) -> None:
        """All links up, and as many rounds as it takes for news to reach everybody."""
        for site in self.clinics:
            assert site.link is not None
            site.link.up, site.link.portal = True, False
            site.link.lose_answers = site.link.lose_after = site.link.duplicate = site.link.late = 0
        self.sync(rounds=rounds)

    def digests(self, site: Site) -> dict[str, bytes]:
        """Table → root digest there."""
        from sync.compare import digest_here

        with self.at(site):
            return {table.name: digest_here(table).root() for table in all_tables()}

    def shown(self, site: Site) -> dict[str, dict[UUID, dict[str, Any]]]:
        """Table → id → what people see of every record there."""
        with self.at(site):
            return {
                table.name: {
                    row.pk: {
                        "gone": row.gone,
                        **{column.name: getattr(row, column.attname) for column in table.columns.values()},
                    }
                    for row in table.model.objects.all()
                }
                for table in all_tables()
            }

    def unsent(self, site: Site) -> int:
        with self.at(site):
            replica = Replica.objects.get(is_self=True)
            return replica.head_seq - replica.acked_seq


EMPTY_ROOT = TableDigest().root()


def copy_of(directory: Path, to: Path) -> Path:
    """A byte copy of a node's directory (a disk image)."""
    shutil.copytree(directory, to)
    return to


def migrate_default() -> None:
    """Bring the database behind `default` to the present schema."""
    call_command("migrate", verbosity=0, interactive=False)


def backend_for(settings: dict[str, Any]) -> Any:
    """A connection of its own, known to the code as `default`."""
    return load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "default")
