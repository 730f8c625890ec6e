"""`python -m tests.bench.log_ins`: seven o'clock. Thirty people log in while others work.

Lives here: a clinic as `serve` runs it, with thirty members of staff of its own and the real cost of hashing;
each opens the log-in page in a browser of their own and types a password, once spread over a minute and once
all at the same moment, while tablets that are logged in show pages. Prints how long each waited. Not here:
the node (`tablets/__main__.py` has one too), the figures (`tablets/figures.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")

import django
import httpx

django.setup()

from deploy.demo.check import free_ports  # noqa: E402
from deploy.demo.layout import ground_at  # noqa: E402
from deploy.demo.nodes import Serving, run_step, stop_all  # noqa: E402
from deploy.demo.programme import colleague  # noqa: E402
from deploy.demo.setting_up import serve, set_up_central, set_up_clinic  # noqa: E402
from registry.staff.policy import Role  # noqa: E402
from tests.bench.tablets.__main__ import say  # noqa: E402
from tests.bench.tablets.day import ClinicDay  # noqa: E402
from tests.bench.tablets.figures import Figures, share  # noqa: E402
from tests.bench.tablets.tablet import PATIENCE_S, Tablet  # noqa: E402

PASSWORD = "calabash lantern 7"
PAGES = ("/queue/", "/", "/find/")
WATCHING = 4
PAUSE_S = 0.5
QUIET_S = 5.0
A_MINUTE_S = 62.0  # the node counts log-ins from one address by the minute, and here all have one
ADD = """
import json
from registry.places.models import Facility
from registry.staff.services import add_staff
from sync.ledger.recording import Author
places = list(Facility.objects.all())
for number in range({people}):
    add_staff(by=Author(None, "bench"), username=f"nurse{{number}}", full_name=f"Nurse {{number}}",
              grants=[("provider", place) for place in places], password="{password}")
print(json.dumps({{"added": {people}}}))
"""


@contextmanager
def served(people: int, *, online: bool) -> Iterator[Serving]:
    """A clinic with so many people; with `online` central serves as well and decides each log-in."""
    with tempfile.TemporaryDirectory(prefix="posta-log-ins-", ignore_cleanup_errors=True) as directory:
        central_port, clinic_port = free_ports(2)
        ground = ground_at(Path(directory), central_port=central_port, clinic_ports=(clinic_port,))
        central, clinic = (Serving(node, ground.ca) for node in ground.nodes)
        try:
            code = set_up_central(ground)
            run_step(ground.central, "shell", "-v", "0", "-c", ADD.format(people=people, password=PASSWORD))
            serve(central)
            set_up_clinic(ground, clinic.node, code, 50)
            if not online:
                central.stop()
            serve(clinic)
            yield clinic
        finally:
            stop_all([clinic, central])


class Morning:
    """Everybody's tablets at one clinic."""

    def __init__(self, clinic: Serving, stack: AsyncExitStack, chance: random.Random) -> None:
        self.clinic, self.stack, self.chance = clinic, stack, chance
        self.trust = ssl.create_default_context(cafile=str(clinic.ca))
        self.figures = Figures()

    async def tablet(self) -> Tablet:
        client = httpx.AsyncClient(
            base_url=self.clinic.node.url,
            verify=self.trust,
            http2=True,
            trust_env=False,
            timeout=4 * PATIENCE_S,
            headers={"Referer": f"{self.clinic.node.url}/"},
        )
        seer = ClinicDay(self.figures, 0, 1.0, 1.0, 0.0, self.chance).seer()
        return Tablet(await self.stack.enter_async_context(client), self.figures, seer)

    async def show_pages(self, tablet: Tablet) -> None:
        while True:
            await tablet.show("another page", self.chance.choice(PAGES), listen=False)
            await asyncio.sleep(PAUSE_S)

    async def come(self, number: int, within_s: float) -> None:
        tablet = await self.tablet()
        await asyncio.sleep(self.chance.uniform(0.0, within_s))
        try:
            await tablet.log_in(f"nurse{number}", PASSWORD)
        except SystemExit as refused:
            self.figures.errors[str(refused)] += 1


async def play(clinic: Serving, people: int, within: list[float], seed: int) -> dict[str, object]:
    """Pages alone, then each rush in turn."""
    told: dict[str, object] = {}
    async with AsyncExitStack() as stack:
        morning = Morning(clinic, stack, random.Random(seed))
        who = colleague(Role.PROVIDER)
        watching = [await morning.tablet() for _ in range(WATCHING)]
        for tablet in watching:
            await tablet.log_in(who.username, who.password)
        for name, rush in [("nobody logs in", None), *((f"within {one:.0f} s", one) for one in within)]:
            morning.figures.times.clear()
            pages = [asyncio.create_task(morning.show_pages(one)) for one in watching]
            began = time.perf_counter()
            if rush is None:
                await asyncio.sleep(QUIET_S)
            else:
                await asyncio.gather(*(morning.come(number, rush) for number in range(people)))
            seconds = time.perf_counter() - began
            for task in pages:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            told[name] = figures_of(morning.figures, name, seconds)
            if rush is not None and rush != within[-1]:
                await asyncio.sleep(A_MINUTE_S)
        told["errors"] = dict(morning.figures.errors)
    return told


def figures_of(figures: Figures, name: str, seconds: float) -> dict[str, object]:
    """One rush, told and for programs."""
    say(f"\n{name} ({seconds:.1f} s)\n{figures.table()}")
    for action, times in sorted(figures.times.items()):
        say(f"{action}: the longest {max(times):.0f} ms")
    return {
        action: {"times": len(times), "p95": round(share(times, 0.95)), "longest": round(max(times))}
        for action, times in figures.times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-log-ins")
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--within", type=float, nargs="+", default=[60.0, 0.0], help="seconds of each rush")
    parser.add_argument("--online", action="store_true", help="central serves too, and decides")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with served(options.people, online=options.online) as clinic:
        told = asyncio.run(play(clinic, options.people, options.within, options.seed))
    say(json.dumps(told | vars(options)))


if __name__ == "__main__":
    main()
