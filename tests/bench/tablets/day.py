"""A clinic day of many patients, many times faster than life.

Lives here: `ClinicDay`: registrars who register and start visits; triage, providers and pharmacists who take
the next one, record, and send on; onlookers who only show the board. Who arrives when comes from a seed. Not
here: one tablet (`tablet.py`), the node (`__main__.py`).
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from tests.bench.tablets.figures import Figures
from tests.bench.tablets.tablet import Seer, Tablet

WORK_S: Final = {"triage": 240.0, "provider": 480.0, "pharmacy": 150.0}
NEXT: Final = {"triage": "provider", "provider": "pharmacy"}
STAGE: Final = {
    "triage": "opd_stage_triage",
    "provider": "opd_stage_consultation",
    "pharmacy": "opd_stage_pharmacy",
}
GIVEN: Final = "Ana Luis Rosa José Mía Beto Luz Iris Tomás Pía Noé Eva Saúl Inés Raúl Cleo".split()
FAMILY: Final = "Ábrego Batista Castillo Domínguez Escobar Flores Guerra Herrera Ibarra Jaén".split()
_NEXT = re.compile(r'action="/visits/([0-9a-f-]{36})/claim/" class="next"[^>]*data-next(?! hidden)>')
_MORE = re.compile(r"and \d+ more</p>")
_OF_VISIT = re.compile(r"/visits/([0-9a-f-]{36})/")


@dataclass
class ClinicDay:
    """Everybody's day. `started` is when a move was sent, by visit and station, until every tablet that shows
    the station has seen it.
    """

    figures: Figures
    patients: int
    hours: float
    speed: float
    settle_s: float
    chance: random.Random
    started: dict[tuple[str, str], float] = field(default_factory=dict)
    arrived: int = 0
    gone: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, visit: str, station: str) -> None:
        """A patient is about to appear at a station."""
        self.started[visit, station] = time.perf_counter()

    def seer(self) -> Seer:
        return _Seer(self)

    async def arrivals(self, desks: list[Tablet]) -> None:
        """Most come in the morning; each desk takes the next arrival."""
        moments = sorted(self.hours * 2700 * self.chance.random() ** 1.6 for _ in range(self.patients))
        await asyncio.sleep(self.settle_s)
        began = time.perf_counter()
        for number, moment in enumerate(moments):
            await asyncio.sleep(max(0.0, began + moment / self.speed - time.perf_counter()))
            await self._register(desks[number % len(desks)], number)

    async def _register(self, desk: Tablet, number: int) -> None:
        given, family = self.chance.choice(GIVEN), self.chance.choice(FAMILY)
        await desk.show("find page", "/find/", listen=False)
        await desk.show("search", f"/find/?q={given}+{family}", listen=False)
        await desk.show("register page", "/register/")
        said = {"given_name": f"{given} {number}", "family_name": family, "sex": "female"}
        answer = await desk.call("register", "/api/v1/patients/", {**said, "age_years": 20 + number % 60})
        patient = answer.json().get("id") if answer.status_code == 201 else None
        if patient is None:
            self.figures.errors["register: no patient"] += 1
            self._one_less()
            return
        await desk.show("patient page", f"/patients/{patient}/")
        began = time.perf_counter()
        answer = await desk.post("start visit", f"/patients/{patient}/visit/", {"category": "general"})
        visit = _OF_VISIT.search(answer.headers.get("location", ""))
        if visit is None:
            self.figures.errors["start visit: no visit"] += 1
            self._one_less()
            return
        self.started[visit.group(1), "triage"] = began
        self.arrived += 1
        await desk.show("board", "/board/")

    def _one_less(self) -> None:
        self.patients -= 1
        self._perhaps_over()

    def _perhaps_over(self) -> None:
        if self.gone >= self.patients:
            self.over.set()

    async def work(self, tablet: Tablet, station: str) -> None:
        """Take the next one, record, send on; until everybody has gone home. Nobody sits down in the same
        moment as everybody else.
        """
        await asyncio.sleep(self.chance.random() * self.settle_s)
        while not self.over.is_set():
            page = await tablet.show("queue", f"/queue/?station={station}")
            visit = _NEXT.search(page) or await self._called(tablet, station)
            if visit and await self._take(tablet, visit.group(1)):
                await self._treat(tablet, station, visit.group(1))

    async def _called(self, tablet: Tablet, station: str) -> re.Match[str] | None:
        """Nobody waits: whoever sits there looks at the tablet until it shows somebody, and then reaches for
        it as people do, not all in the same moment.
        """
        while not self.over.is_set():
            tablet.fresh.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await tablet.fresh.wait()
            found = _NEXT.search(tablet.brought.get(f"queue:{station}", ""))
            if found:
                await asyncio.sleep(self.chance.random() * 30 / self.speed)
                return _NEXT.search(tablet.brought.get(f"queue:{station}", ""))
        return None

    async def _take(self, tablet: Tablet, visit: str) -> bool:
        """Whether the patient is mine now: another tablet may have been faster."""
        await tablet.post("take", f"/visits/{visit}/claim/", {})
        page = await tablet.show("visit page", f"/visits/{visit}/")
        return "Take this patient" not in page and "is with this patient now" not in page

    async def _treat(self, tablet: Tablet, station: str, visit: str) -> None:
        page = await tablet.show("form", f"/visits/{visit}/stages/{STAGE[station]}/", listen=False)
        await asyncio.sleep(WORK_S[station] * (0.5 + self.chance.random()) / self.speed)
        if "stage-form" in page:
            await tablet.post("save form", f"/visits/{visit}/stages/{STAGE[station]}/", _answers(station))
        following = NEXT.get(station)
        if following:
            self.note(visit, following)
            await tablet.post("send on", f"/visits/{visit}/send/", {"station": following})
        else:
            await tablet.post("close", f"/visits/{visit}/close/", {})
            self.gone += 1
            self._perhaps_over()

    async def look_on(self, tablet: Tablet) -> None:
        """The board, all day."""
        await asyncio.sleep(self.chance.random() * self.settle_s)
        await tablet.show("board", "/board/")
        await self.over.wait()


class _Seer:
    """One tablet's eyes: how long after a move each patient appears at a station it shows. A list that ends
    with "and 3 more" may hide them: such a list says nothing of when they came.
    """

    def __init__(self, day: ClinicDay) -> None:
        self.day = day
        self.known: set[tuple[str, str]] = set()

    def looked(self, page: str) -> None:
        """A page that was opened: whoever is on it already did not come by the stream."""
        shown = set(_OF_VISIT.findall(page))
        self.known.update(move for move in self.day.started if move[0] in shown)

    def __call__(self, part: str, html: str) -> None:
        kind, _colon, station = part.partition(":")
        if kind not in ("station", "queue"):
            return
        shown, now = set(_OF_VISIT.findall(html)), time.perf_counter()
        for move, began in self.day.started.items():
            if move[1] != station or move in self.known:
                continue
            if move[0] in shown:
                self.known.add(move)
                self.day.figures.add("seen on another tablet", (now - began) * 1000)
            elif _MORE.search(html):
                self.known.add(move)
                self.day.figures.hidden += 1


def _answers(station: str) -> dict[str, str]:
    """Something for the form; a form that wants more comes back, which is an answer too."""
    return {
        "triage": {"weight": "61.2", "temperature": "37.4", "complaint": "cough"},
        "provider": {"diagnosis": "Acute bronchitis"},
        "pharmacy": {"dispensed": "ALL"},
    }[station]
