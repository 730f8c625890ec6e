"""Half an hour of a clinic on three tablets: people register, examine, test, prescribe, hand out, look about.

What is done next is drawn by lot from what somebody would do; nothing may go wrong on any tablet. The board
on the wall is only tapped now and then, so that it does not lock, and must not grow. `POSTA_SOAK_MINUTES`
says how long. Not here: what each step must come to (`test_patient_walk.py`, `test_walk.py`).
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from playwright.sync_api import Page

from registry.staff.policy import Role
from tests.browser.conftest import LAPTOP, Hand
from tests.browser.steps import save, walked

pytestmark = [*walked, pytest.mark.slow]
MINUTES: Final = float(os.environ.get("POSTA_SOAK_MINUTES", "30"))
SETTLED: Final = 0.25
"""The part of the time after which the board has shown everything it knows once."""
ROOM_TO_GROW: Final = 4 << 20
TAPPED: Final = 50
"""Every so many deeds, a minute or two, somebody taps the board."""
SYLLABLES: Final = "ba de fi go lu ma ne pi ro sa te vu xo yi zu cha".split()
NAMED_A_PATIENT: Final = re.compile(r"^/patients/[0-9a-f-]{36}/$")


@dataclass
class Tablet:
    """One person at work. Each method is something they would do now, if it is possible."""

    page: Page
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def tap(self, name: str | re.Pattern[str]) -> bool:
        """The first button of that name, where there is one."""
        button = self.page.get_by_role("button", name=name).first
        if not button.is_visible():
            return False
        with self.page.expect_navigation():
            button.click()
        return True

    def follow(self, name: str | re.Pattern[str]) -> bool:
        link = self.page.get_by_role("main").get_by_role("link", name=name).first
        if not link.is_visible():
            return False
        with self.page.expect_navigation():
            link.click()
        return True

    def a_name(self) -> str:
        return "".join(self.rng.choices(SYLLABLES, k=self.rng.randrange(2, 5))).capitalize()

    # --- what people do ------------------------------------------------------------------------------------

    def register(self) -> bool:
        self.page.goto("/register/")
        self.page.get_by_label("Given name").fill(self.a_name())
        self.page.get_by_label("Family name").fill(self.a_name())
        self.page.get_by_label(self.rng.choice(("Female", "Male")), exact=True).check()
        self.page.get_by_label("Age", exact=True).fill(str(self.rng.randrange(1, 80)))
        self.tap("Register")
        if self.page.get_by_role("region", name="Is it one of these?").is_visible():
            self.tap(re.compile("register as new"))
        return self.tap("General OPD")

    def search(self) -> bool:
        self.page.goto("/find/")
        self.page.get_by_label("Name, phone, number or card").press_sequentially(self.a_name()[:4], delay=60)
        self.page.wait_for_timeout(600)
        return True

    def look_around(self) -> bool:
        """Wherever the navigation leads this person."""
        found = self.page.locator("nav a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        self.page.goto(self.rng.choice(found or ["/"]))
        return True

    def look_at_somebody(self) -> bool:
        self.page.goto("/board/")
        return self.follow(re.compile("min|just now|now")) and self.read_the_record()

    def read_the_record(self) -> bool:
        addresses = self.page.locator("a[href^='/patients/']").evaluate_all(
            "all => all.map(one => one.getAttribute('href'))"
        )
        found = next((one for one in addresses if NAMED_A_PATIENT.match(one)), None)
        if found:
            self.page.goto(found)
        return found is not None

    def take_one(self, station: str) -> bool:
        self.page.goto(f"/queue/?station={station}")
        return self.tap(re.compile("^Take ")) and self.page.url.find("/visits/") > 0

    def write_down(self, stage: str, **answers: str) -> None:
        todo = self.page.get_by_role("region", name="To do in this visit")
        todo.get_by_role("link", name=re.compile(f"^{stage}")).click()
        for label, answer in answers.items():
            self.page.get_by_label(label.replace("_", " ")).first.fill(answer)
        save(self.page)

    def send_on(self) -> bool:
        return self.tap(re.compile("^Send to"))

    def triage(self) -> bool:
        if not self.take_one("triage"):
            return False
        weight, heat = self.rng.uniform(8, 90), self.rng.uniform(36, 40)
        self.write_down("Triage", Weight=f"{weight:.1f}", Temperature=f"{heat:.1f}")
        return self.send_on()

    def consult(self) -> bool:
        if not self.take_one("provider"):
            return False
        visit = self.page.url
        self.write_down(
            "Consultation", **{"Diagnosis_(required)": self.rng.choice(("Cough", "Fever", "Wound"))}
        )
        for deed in self.rng.sample((self.order, self.prescribe, self.refer), 2):
            self.page.goto(visit)
            deed()
        self.page.goto(visit)
        return self.send_on()

    def order(self) -> None:
        self.follow("Order tests")
        self.page.get_by_role("checkbox").nth(self.rng.randrange(6)).check()
        self.tap("Order")

    def prescribe(self) -> None:
        self.follow("Prescribe")
        self.page.locator("#choices a").nth(self.rng.randrange(8)).click()
        for question in ("dose", "frequency", "days"):
            self.page.locator(f"[name={question}]").nth(self.rng.randrange(2)).check()
        reason = self.page.get_by_label("Why nevertheless")
        if reason.is_visible():
            reason.fill("Asked")
        self.tap("Add to the prescription")

    def refer(self) -> None:
        self.follow("Refer or transfer")
        self.page.locator("[name=to_facility]").first.check()
        self.page.get_by_label("Reason").fill("Ultrasound")
        self.tap("Save the referral")

    def enter_results(self) -> bool:
        self.page.goto("/lab/")
        rows = self.page.get_by_role("main").locator("a[href^='/lab/patients/']")
        if not rows.count():
            return False
        rows.first.click()
        for typed in self.page.locator("input[inputmode=decimal]").all():
            typed.fill(f"{self.rng.uniform(2, 18):.1f}")
        for choices in self.page.locator("fieldset").all():
            choices.get_by_role("radio").first.check()
        return self.tap("Save results")

    def hand_out(self) -> bool:
        if not self.take_one("pharmacy"):
            return False
        visit = self.page.url
        if self.follow(re.compile("^Hand out")):
            self.tap("Hand out")  # what is not in stock comes back with a sentence
        self.page.goto(visit)
        self.page.get_by_text("Close the visit", exact=True).click()
        return self.tap("Yes, close the visit")

    def look_at_the_shelf(self) -> bool:
        self.page.goto(
            self.rng.choice(("/stock/", "/stock/?only=low", "/stock/?only=expiring", "/pharmacy/"))
        )
        return self.follow(re.compile("tablet|capsule|ml"))

    def wait(self) -> bool:
        self.page.wait_for_timeout(self.rng.randrange(200, 2500))
        return True


Deed = Callable[[Tablet], bool]
WORK: Final[dict[Role, tuple[Deed, ...]]] = {
    Role.REGISTRAR: (Tablet.register, Tablet.register, Tablet.search, Tablet.look_around, Tablet.wait),
    Role.PROVIDER: (
        *(Tablet.triage, Tablet.triage, Tablet.consult, Tablet.consult, Tablet.enter_results),
        *(Tablet.look_at_somebody, Tablet.look_around, Tablet.wait),
    ),
    Role.PHARMACIST: (Tablet.hand_out, Tablet.hand_out, Tablet.look_at_the_shelf, Tablet.look_around),
}


def heap(page: Page) -> int:
    """What the page's scripts hold after a clearing up."""
    session = page.context.new_cdp_session(page)
    try:
        session.send("HeapProfiler.enable")
        session.send("HeapProfiler.collectGarbage")
        used: int = session.send("Runtime.getHeapUsage")["usedSize"]
        return used
    finally:
        session.detach()


def hours(minutes: float) -> Iterator[float]:
    """What part of the time has gone, until all of it has."""
    began = time.monotonic()
    while (gone := (time.monotonic() - began) / (minutes * 60)) < 1:
        yield gone


def test_half_an_hour_on_three_tablets(tablet: Hand, central_off: None) -> None:
    rng = random.Random(20261121)
    wall = tablet(Role.COORDINATOR, size=LAPTOP)
    wall.goto("/board/")
    staff = {role: Tablet(tablet(role), rng) for role in WORK}
    early: list[int] = []
    for turn, gone in enumerate(hours(MINUTES)):
        if turn % TAPPED == 0:
            wall.get_by_role("heading", name="Day board").click()
        role = rng.choice(list(WORK))
        one, deed = staff[role], rng.choice(WORK[role])
        one.done[deed.__name__] += deed(one)
        if gone > SETTLED and not early:
            early.append(heap(wall))
    late = heap(wall)
    done = sum((one.done for one in staff.values()), Counter[str]())
    print(f"\n{dict(done)}; the board's heap: {early[0] / 1e6:.1f} MB, in the end {late / 1e6:.1f} MB")
    assert {"register", "triage", "consult", "hand_out", "enter_results"} <= set(+done)
    assert late < early[0] * 1.5 + ROOM_TO_GROW
    assert wall.get_by_role("heading", name="Day board").is_visible()
