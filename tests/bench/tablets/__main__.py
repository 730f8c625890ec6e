"""`python -m tests.bench.tablets`: a node as `serve` runs it, thirty tablets, a hundred and fifty patients.

Lives here: the node (a demo's central and clinic in a temporary directory; only the clinic serves), who sits
where, and what is printed: p50, p95 and p99 by action, how fast a move is seen on the other tablets, errors,
and one JSON line. `--listeners` adds tablets that only show the board. Not here: the day (`day.py`), the
figures (`figures.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import ssl
import sys
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
from deploy.demo.nodes import Serving, stop_all  # noqa: E402
from deploy.demo.programme import colleague  # noqa: E402
from deploy.demo.setting_up import serve, set_up_central, set_up_clinic  # noqa: E402
from registry.staff.policy import Role  # noqa: E402
from tests.bench.tablets.day import ClinicDay  # noqa: E402
from tests.bench.tablets.figures import Figures, share  # noqa: E402
from tests.bench.tablets.tablet import PATIENCE_S, Tablet  # noqa: E402

SEATS = {Role.REGISTRAR: 4, Role.TRIAGE: 6, Role.PROVIDER: 12, Role.PHARMACIST: 5, Role.COORDINATOR: 3}
STATION = {Role.TRIAGE: "triage", Role.PROVIDER: "provider", Role.PHARMACIST: "pharmacy"}
SETTLE_S = 20.0
LOG_IN_PAUSE_S = 2.2  # the node allows thirty log-ins a minute from one address, and here all have one


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def served() -> Iterator[Serving]:
    """A clinic of its own, running as it would in the field."""
    with tempfile.TemporaryDirectory(prefix="posta-tablets-", ignore_cleanup_errors=True) as directory:
        central_port, clinic_port = free_ports(2)
        ground = ground_at(Path(directory), central_port=central_port, clinic_ports=(clinic_port,))
        central, clinic = (Serving(node, ground.ca) for node in ground.nodes)
        try:
            code = set_up_central(ground)
            serve(central)
            set_up_clinic(ground, clinic.node, code, 200)
            central.stop()
            serve(clinic)
            yield clinic
        finally:
            stop_all([clinic, central])


async def play(clinic: Serving, options: argparse.Namespace) -> Figures:
    """Everybody logs in, then the day begins."""
    figures = Figures()
    chance = random.Random(options.seed)
    day = ClinicDay(figures, options.patients, options.hours, options.speed, SETTLE_S, chance)
    trust = ssl.create_default_context(cafile=str(clinic.ca))
    async with AsyncExitStack() as stack:

        async def tablet(role: Role) -> Tablet:
            client = httpx.AsyncClient(
                base_url=clinic.node.url,
                verify=trust,
                http2=True,
                trust_env=False,
                timeout=PATIENCE_S,
                headers={"Referer": f"{clinic.node.url}/"},
            )
            made = Tablet(await stack.enter_async_context(client), figures, day.seer())
            stack.push_async_callback(made.silence)
            who = colleague(role)
            await made.log_in(who.username, who.password)
            await asyncio.sleep(LOG_IN_PAUSE_S)
            return made

        seated = {role: [await tablet(role) for _ in range(number)] for role, number in SEATS.items()}
        onlookers = [await tablet(Role.COORDINATOR) for _ in range(options.listeners)]
        say(f"{sum(SEATS.values())} tablets and {len(onlookers)} onlookers are logged in")
        figures.times.clear()
        work = [
            asyncio.create_task(day.work(one, STATION[role]))
            for role, tablets in seated.items()
            if role in STATION
            for one in tablets
        ]
        work += [asyncio.create_task(day.look_on(one)) for one in (*seated[Role.COORDINATOR], *onlookers)]
        arrivals = asyncio.create_task(day.arrivals(seated[Role.REGISTRAR]))
        with suppress(TimeoutError):
            async with asyncio.timeout(options.longest):
                await arrivals
                await day.over.wait()
        for task in (arrivals, *work):
            task.cancel()
        for ended in await asyncio.gather(arrivals, *work, return_exceptions=True):
            if isinstance(ended, Exception):
                figures.errors[f"a tablet stopped: {ended!r}"] += 1
        say(f"{day.arrived} came, {day.gone} went home")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-tablets")
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--speed", type=float, default=10.0, help="how many times faster than life")
    parser.add_argument("--hours", type=float, default=6.0, help="how long the day is, in life")
    parser.add_argument("--listeners", type=int, default=0, help="tablets that only show the board")
    parser.add_argument("--longest", type=float, default=3600.0, help="give up after this many seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    with served() as clinic:
        figures = asyncio.run(play(clinic, options))
    say(figures.table())
    seen = figures.times.get("seen on another tablet", [])
    say(f"a move is seen on another tablet: p50 {share(seen, 0.5):.0f} ms, p95 {share(seen, 0.95):.0f} ms")
    say(f"{figures.hidden} times the patient came to a list that was too short to show them")
    say(f"{figures.streams} streams, {figures.events} events, {figures.stream_bytes / 1024:.0f} kB")
    say("errors: " + (", ".join(f"{number} × {what}" for what, number in figures.errors.items()) or "none"))
    answer = figures.summary() | {"seconds": round(time.perf_counter() - began), **vars(options)}
    say(json.dumps(answer))


if __name__ == "__main__":
    main()
