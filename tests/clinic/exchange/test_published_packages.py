"""Packages that others publish, where `POSTA_DHIS2_PACKAGES` names a directory with some: each imports,
people are enrolled with its questions, every stage is filled in, saved, opened again and follows its rules.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from clinic.exchange.dhis2.services import import_programs, read_programs
from clinic.programs.definition import StageDefinition
from clinic.programs.models import ProgramVersion
from clinic.programs.selectors import definition_of, rule_book_of
from clinic.visits.following import enrol
from clinic.visits.known import entry_of
from clinic.visits.models import Enrollment, StageEvent, Visit
from clinic.visits.ruling import Asked, effects_for
from clinic.visits.services import record_event
from deploy.demo.answers import answers_for
from registry.people.models import Patient
from registry.people.selectors import today
from registry.people.services import add_identifier
from sync.problems import Problem
from tests.clinic.forms.page import Page
from tests.clinic.nodes import OFFICE
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node
from tests.clinic.visits.day import Day
from tests.clinic.visits.test_pages import forms_on, submit
from tests.registry.conftest import make_patient

__all__ = ["cast", "cheap_argon2", "day", "node"]
ROUNDS = 5
OFF = {
    "IMM_EIR_1.1.1_DHIS2.40": ["action not-followed SENDMESSAGE"] * 5,
    "NCD_HTN_1.0.0_DHIS2.38": [
        "variable unknown-question UXiaSOqzFts",
        "variable unknown-question WW5l5hS2JvI",
    ],
    "TB_CS_3.0.0_DHIS2.41": [
        *["action not-followed SENDMESSAGE"] * 3,
        *["action unknown-variable #{CASE_CLASSIFICATION_CALC}"] * 2,
    ],
}
"""What is off in the versions that we know."""


@dataclass
class Walk:
    """One person after another, through everything that a program asks."""

    day: Day
    version: ProgramVersion
    seed: int = 0
    values: int = 0
    told: Counter[str] = field(default_factory=Counter)

    def person(self) -> Patient:
        """Somebody of whom our own record knows all that a program may want."""
        patient = make_patient(
            self.day.rosa, "Luz", f"Ábrego {self.seed}", sex="female", phone="61234567"
        ).patient
        add_identifier(by=self.day.rosa, patient=patient, system="national-id", value=f"8-{self.seed}-1")
        return patient

    def answers(self, stage: StageDefinition) -> dict[str, Any]:
        made = answers_for(stage, random.Random(self.seed), today(), str(self.day.cast.bocas.pk))
        return {element.key: made[element.uid] for element in stage.elements if element.uid in made}

    def numbers(self) -> dict[str, str]:
        """What nobody else in the program may have."""
        attributes = definition_of(self.version.pk).attributes
        asked = {element.key for element in entry_of(self.version.pk).elements}
        return {
            one.element.key: f"T-{self.seed}" for one in attributes if one.unique and one.element.key in asked
        }

    def kept(self, write: Callable[[dict[str, Any]], Any], answers: dict[str, Any]) -> Any:
        """Write what the rules let stand: what one refuses is answered otherwise, as a person would."""
        for _try in range(len(answers) + 1):
            try:
                return write(answers)
            except Problem as problem:
                wrong = {name.removeprefix("values.") for name in problem.fields} & set(answers)
                self.told["refused"] += 1
                assert wrong, (problem.fields, answers)
                answers = {key: value for key, value in answers.items() if key not in wrong}
        raise AssertionError("nothing can be saved")

    def enrolled(self, patient: Patient) -> Enrollment:
        row: Enrollment = self.kept(
            lambda answers: enrol(
                by=self.day.ana,
                patient=patient,
                program_version=self.version,
                facility=self.day.cast.bocas,
                values=answers,
            ),
            self.answers(entry_of(self.version.pk)) | self.numbers(),
        )
        self.values += len(row.values)
        self.reopened(row.values, reverse("enrollment-answers", args=[row.pk]), "values-")
        return row

    def filled(self, visit: Visit, row: Enrollment, stage: StageDefinition) -> StageEvent:
        event: StageEvent = self.kept(
            lambda answers: record_event(
                by=self.day.ana,
                patient=row.patient,
                facility=self.day.cast.bocas,
                program_version=self.version,
                stage=stage.uid,
                values=answers,
                visit=visit,
                enrollment=row,
            ),
            self.answers(stage),
        )
        assert event.values
        self.values += len(event.values)
        self.reopened(event.values, reverse("visit-stage", args=[visit.pk, event.pk]))
        asked = Asked(self.version.pk, stage, row.patient, self.day.cast.bocas, row, event)
        effects = effects_for(asked, event.values)
        assert not effects.errors
        self.told.update(kind.value for _rule, kind, _data in effects.ran)
        return event

    def reopened(self, values: dict[str, Any], address: str, prefix: str = "") -> None:
        """The page has every answer, and a tap on Save without a change changes none that applies."""
        client = self.day.browser(self.day.cast.ana)
        page = client.get(address, secure=True)
        assert page.status_code == 200
        form: Page = forms_on(page.content.decode())[address]
        carried = dict(form.posted)
        for key, value in values.items():
            plain = ",".join(value) if isinstance(value, list) else value
            assert carried[f"initial-{prefix}{key}"].replace("\r\n", "\n") == plain
        self.told["saved again"] += submit(client, address, form).status_code == 302


if named := os.environ.get("POSTA_DHIS2_PACKAGES"):
    PACKAGES = sorted(Path(named).glob("*.json"))

    def test_there_are_packages() -> None:
        assert PACKAGES

    @pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
    def test_a_published_package_works(day: Day, path: Path) -> None:
        day.node.role = "central"
        file = read_programs(content=path.read_bytes(), name=path.name)
        imported = import_programs(file=file, by=OFFICE)
        again = import_programs(file=file, by=OFFICE)
        day.node.role = "clinic"
        assert [made.created for made in again] == [False] * len(again)
        for made in imported:
            assert made.created and made.counts["rules"] == made.in_file["rules"]
            assert made.counts["stages"] == made.in_file["stages"]
            walk = Walk(day, ProgramVersion.objects.get(pk=made.version_id))
            stages = definition_of(made.version_id).stages
            for walk.seed in range(ROUNDS):
                row = walk.enrolled(walk.person())
                visit = day.visit(row.patient)
                for stage in stages:
                    walk.filled(visit, row, stage)
            book = rule_book_of(made.version_id)
            off = sorted(f"{fault.part} {fault.code} {fault.about}" for fault in book.faults)
            print(f"\n{made.program}: {walk.values} values saved, {len(book.rules)} rules work, {off} off")
            print(f"{dict(walk.told)}")
            assert off == OFF.get(path.stem, off)
