"""A clinic day on two tablets, over HTTP only, with central out of reach.

Lives here: `Day`: tablet A searches, registers and does triage while tablet B takes patients from the board,
consults and dispenses; then the accidents of a day (`double_tap`, `stale_form`, a conflict and its decision),
every kind of field, and imported programs. Each step checks what it was answered. Not here: processes and
sync (`check.py`, `evening.py`).
"""

from __future__ import annotations

import random
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from clinic.forms.values import FILES
from clinic.programs.definition import ProgramDefinition, StageDefinition, entry_form, resolve
from clinic.programs.examples import example
from deploy.demo import histories
from deploy.demo.answers import answers_for
from deploy.demo.layout import DemoNode
from deploy.demo.people import Coming, Someone, plan
from deploy.demo.programme import VILLAGES, colleague
from deploy.demo.tablet import Spoiled, Tablet
from registry.staff.policy import Role

PATIENCE_S: Final = 90.0
ON_TABLET_A: Final = (Role.REGISTRAR, Role.TRIAGE)
ON_TABLET_B: Final = (Role.PROVIDER, Role.LAB, Role.PHARMACIST, Role.COORDINATOR)
SEED: Final = 11


def must(holds: object, sentence: str) -> None:
    """A day on which this does not hold is spoiled."""
    if not holds:
        raise Spoiled(sentence)


@dataclass
class Tally:
    """What happened."""

    people: int = 0
    visits: int = 0
    events: int = 0
    found_again: int = 0
    kinds: int = 0
    packages: int = 0
    conflicts: int = 0


@dataclass
class Day:
    """One day at one clinic. `take_all` fills `numbers` (who was registered under which number)."""

    node: DemoNode
    tablets: dict[Role, Tablet]
    tally: Tally = field(default_factory=Tally)
    numbers: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, Any] = field(default_factory=dict)
    _broken: threading.Event = field(default_factory=threading.Event)
    _rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    # --- the queue -----------------------------------------------------------------------------------------

    def take_all(self, count: int) -> None:
        """Everybody who comes, from registration to the pharmacy, on two tablets at once."""
        coming = plan(count, datetime.now(UTC), len(VILLAGES), SEED)
        one_each = {visit.who.number: visit for visit in coming.comings}
        with ThreadPoolExecutor(2) as tablets:
            at_a = tablets.submit(self._guarded, lambda: self._front(list(one_each.values())))
            at_b = tablets.submit(self._guarded, lambda: self._back(one_each))
            try:
                for tablet in (at_a, at_b):
                    tablet.result()
            finally:
                self._broken.set()  # interrupted: neither tablet goes on alone

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException:
            self._broken.set()
            raise

    def _front(self, comings: Sequence[Coming]) -> None:
        for coming in comings:
            if self._broken.is_set():
                return
            patient = self._register(coming.who)
            self._find_again(coming.who, patient)
            self._start_visit(coming, patient)

    def _register(self, who: Someone) -> str:
        registrar, save_id = self.tablets[Role.REGISTRAR], uuid4()
        registrar.get("patients/", q=f"{who.given_name} {who.family_name}")
        body = _registration(who)
        made = registrar.post("patients/", body, save_id=save_id)
        again = registrar.post("patients/", body, save_id=save_id)
        must(made["id"] == again["id"], "A double tap registered the person twice.")
        must(made["number"], f"{who.given_name} got no number although a block is here.")
        must(made["number"] not in self.numbers.values(), "A number was given twice.")
        self.numbers[made["id"]] = made["number"]
        self.tally.people += 1
        return str(made["id"])

    def _find_again(self, who: Someone, patient: str) -> None:
        """As the next registrar would type it: without accents, names the other way round."""
        found = self.tablets[Role.REGISTRAR].get(
            "patients/", q=_misspelt(f"{who.family_name} {who.given_name}")
        )
        match = next((one for one in found["results"] if one["id"] == patient), None)
        must(
            match and match["reasons"],
            f"{who.given_name} {who.family_name} is not found in another spelling.",
        )
        self.tally.found_again += 1

    def _start_visit(self, coming: Coming, patient: str) -> None:
        triage = self.tablets[Role.TRIAGE]
        visit = self.tablets[Role.REGISTRAR].post(
            "visits/", {"patient": patient, "category": coming.story.category}
        )
        self.tally.visits += 1
        triage.post(f"visits/{visit['id']}/claim/")
        self._record(triage, "triage", patient, visit["id"], histories.triage(self._rng, coming))
        triage.post(f"visits/{visit['id']}/send/", {"station": "provider"})

    def _back(self, comings: dict[int, Coming]) -> None:
        waiting, provider = list(comings.values()), self.tablets[Role.PROVIDER]
        deadline = time.monotonic() + PATIENCE_S + 3 * len(waiting)
        while waiting and not self._broken.is_set():
            must(time.monotonic() < deadline, "Nobody came to the provider for too long.")
            queue = _queue(provider.get("board/"), "provider")
            if not queue:
                time.sleep(0.1)
                continue
            self._see(queue[0], waiting.pop(0))

    def _see(self, entry: dict[str, Any], coming: Coming) -> None:
        provider, pharmacist = self.tablets[Role.PROVIDER], self.tablets[Role.PHARMACIST]
        patient, visit, rng = entry["patient"]["id"], entry["visit"], random.Random(coming.who.number)
        provider.post(f"visits/{visit}/claim/")
        past = provider.get(f"patients/{patient}/timeline/")
        weights = [event["values"] for event in past["visits"][0]["events"]]
        must(weights, "The provider does not see what triage recorded.")
        self._record(provider, "consultation", patient, visit, histories.consultation(rng, coming))
        provider.post(f"visits/{visit}/send/", {"station": "pharmacy"})
        pharmacist.post(f"visits/{visit}/claim/")
        self._record(pharmacist, "pharmacy", patient, visit, histories.pharmacy(rng, coming))
        closed = pharmacist.post(f"visits/{visit}/close/")
        must(closed["state"] == "closed", "A visit did not close.")

    def _record(
        self, tablet: Tablet, stage: str, patient: str, visit: str, values: histories.Answers
    ) -> None:
        body = {"patient": patient, "visit": visit, "program": "OPD", "stage": stage, "values": values}
        made = tablet.post("events/", body)
        must(made["status"] == "completed", f"The stage {stage} is not complete.")
        self.tally.events += 1

    # --- accidents -----------------------------------------------------------------------------------------

    def go_wrong(self) -> None:
        """A stale form that merges, one that does not, and a person who decides."""
        patient = next(iter(self.numbers))
        triage, provider = self.tablets[Role.TRIAGE], self.tablets[Role.PROVIDER]
        event = self._triage_event(patient)
        path, loaded = f"events/{event['id']}/", event["version"]
        first = triage.patch(path, {"version": loaded, "values": {"weight": "61.4"}})
        must(first["outcome"] == "applied", f"A fresh form was {first['outcome']}.")
        other = provider.patch(path, {"version": loaded, "values": {"complaint": "Dolor de cabeza"}})
        must(
            other["outcome"] == "merged", f"Two different fields at once were {other['outcome']}, not merged."
        )
        second = provider.patch(path, {"version": loaded, "values": {"weight": "64.1"}})
        must(
            second["outcome"] == "conflicted",
            f"Two weights at once were {second['outcome']}, not asked about.",
        )
        self._decide(event["id"])

    def _triage_event(self, patient: str) -> dict[str, Any]:
        past = self.tablets[Role.PROVIDER].get(f"patients/{patient}/timeline/")
        events: list[dict[str, Any]] = [event for visit in past["visits"] for event in visit["events"]]
        return next(event for event in events if "weight" in event["values"])

    def _decide(self, event: str) -> None:
        coordinator = self.tablets[Role.COORDINATOR]
        (conflict,) = [one for one in coordinator.get("conflicts/") if one["record"] == event]
        chosen = next(one for one in conflict["values"] if one["value"] == "64.1")
        must(len(conflict["values"]) == 2, "A conflict does not show both values.")
        body = {"choose": {"version": chosen["version"]}, "note": "Weighed again."}
        answer = coordinator.post(f"conflicts/{conflict['id']}/resolve/", body)
        must(answer["outcome"] == "applied", f"A decision was {answer['outcome']}.")
        shown = coordinator.get(f"events/{event}/")
        must(shown["values"]["weight"] == "64.1" and not shown["contested"], "A decision was not kept.")
        self.tally.conflicts += 1

    # --- every kind of field, every imported stage ---------------------------------------------------------

    def fill_in_every_kind(self) -> None:
        """One event with an answer of every kind; `kinds` keeps it for comparison elsewhere."""
        program = resolve(example("field_kinds"))
        asked = self._fill_in(program, next(iter(self.numbers)))
        (self.kinds,) = asked
        self.tally.kinds = len({element.value_type for element in program.stages[0].elements} - FILES)

    def fill_in_packages(self, programs: Sequence[ProgramDefinition]) -> None:
        """One event of every stage of every imported program, each program with a person of its own."""
        patients = list(self.numbers)
        for place, program in enumerate(programs):
            patient = patients[place % len(patients)]
            if program.registration:
                self._enrol(program, patient)
            self._fill_in(program, patient)
            self.tally.packages += 1

    def _enrol(self, program: ProgramDefinition, patient: str) -> None:
        """What the program must know of a person and our own record does not say is answered as well."""
        provider = self.tablets[Role.PROVIDER]
        body = {"patient": patient, "program": program.uid}
        answer = provider.tried("enrollments/", body)
        if answer.get("code") == "missing-answer":
            named = {name.removeprefix("values.") for name in answer["errors"]}
            asked = [one.element for one in program.attributes]
            missing = entry_form(tuple(one for one in asked if named & {one.uid, one.key, one.code}))
            place = provider.get("board/")["facility"]
            values = answers_for(missing, self._rng, datetime.now(UTC).date(), place)
            answer = provider.post("enrollments/", {**body, "values": values})
        must("id" in answer, f"{program.name}: {answer.get('title')} {answer.get('errors')}")

    def _fill_in(self, program: ProgramDefinition, patient: str) -> list[dict[str, Any]]:
        provider, today = self.tablets[Role.PROVIDER], datetime.now(UTC).date()
        place = provider.get("board/")["facility"]
        made = []
        for stage in program.stages:
            values = answers_for(stage, self._rng, today, place)
            body = {"patient": patient, "program": program.uid, "stage": stage.uid}
            event, offered = self._within_rules(stage, body, values)
            lost = {
                one.uid
                for one in stage.elements
                if one.uid in offered and not event["values"].keys() & {one.uid, one.key, one.code}
            }
            must(
                offered and lost <= _ruled(program),
                f"{program.name}: {len(lost)} answers of {stage.name} were not kept.",
            )
            made.append(event)
            self.tally.events += 1
        return made

    def _within_rules(
        self, stage: StageDefinition, body: Mapping[str, Any], values: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Save these answers without those that the program's rules refuse: what was saved, and with what.
        Where a rule names no question, as many answers as can be stay, one left out.
        """
        left = dict(values)
        while left:
            answer, refused = self._offer(stage, body, left)
            if answer is not None:
                return answer, left
            if not refused:
                return self._without_one(stage, body, left)
            left = {uid: kept for uid, kept in left.items() if uid not in refused}
        raise Spoiled(f"{stage.name}: the rules refuse every answer.")

    def _without_one(
        self, stage: StageDefinition, body: Mapping[str, Any], values: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        for out in values:
            left = {uid: kept for uid, kept in values.items() if uid != out}
            answer, _refused = self._offer(stage, body, left)
            if answer is not None:
                return answer, left
        raise Spoiled(f"{stage.name}: a rule refuses, and names no question.")

    def _offer(
        self, stage: StageDefinition, body: Mapping[str, Any], values: Mapping[str, Any]
    ) -> tuple[Any, set[str]]:
        """What was saved; else None and the uids of the questions that rules refuse."""
        answer = self.tablets[Role.PROVIDER].tried("events/", {**body, "values": dict(values)})
        if answer.get("code") not in ("rule-refused", "rule-refused-complete"):
            must("values" in answer, f"{stage.name}: {answer.get('title')} {answer.get('errors')}")
            return answer, set()
        named = {name.removeprefix("values.") for name in answer["errors"]}
        refused = {one.uid for one in stage.elements if named & {one.uid, one.key, one.code}}
        return None, refused & values.keys()


def _ruled(program: ProgramDefinition) -> set[str]:
    """The uids of the questions that its rules may empty: each is named by an action, or by the variable that
    the action assigns to.
    """
    variables = {one.get("name"): one.get("dataElement", {}).get("id") for one in program.variables}
    actions = [action for rule in program.rules for action in rule.actions]
    named = [action.get("dataElement", {}).get("id") for action in actions]
    named += [variables.get(str(action.get("content", "")).strip()[2:-1].strip()) for action in actions]
    return {uid for uid in named if uid}


def open_day(node: DemoNode, ca: Path, stack: ExitStack) -> Day:
    """Everybody logs in, on one of the two tablets."""
    devices = dict.fromkeys(ON_TABLET_A, "tablet-a") | dict.fromkeys(ON_TABLET_B, "tablet-b")
    return Day(
        node,
        {
            role: stack.enter_context(Tablet(node, ca, device, colleague(role)))
            for role, device in devices.items()
        },
    )


def _registration(who: Someone) -> dict[str, Any]:
    age = (
        {"age_years": who.age(datetime.now(UTC).date())}
        if who.estimated
        else {"birth_date": who.born.isoformat()}
    )
    return {
        "given_name": who.given_name,
        "family_name": who.family_name,
        "sex": who.sex,
        "phone": who.phone,
        "village": VILLAGES[who.village][0],
        "identifiers": [{"system": system, "value": value} for system, value in who.papers],
        **age,
    }


def _misspelt(name: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", name) if ord(letter) not in range(0x300, 0x370)
    )


def _queue(board: dict[str, Any], station: str) -> list[dict[str, Any]]:
    here = next(one for one in board["stations"] if one["id"] == station)
    return [entry for entry in here["queue"] if entry["state"] == "waiting"]
