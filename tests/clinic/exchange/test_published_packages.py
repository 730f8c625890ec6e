"""Packages that others publish, where `POSTA_DHIS2_PACKAGES` names a directory with some: each imports and
every stage opens.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clinic.exchange.dhis2.services import import_programs, read_programs
from clinic.forms.stage_form import build_form, changed_values
from clinic.programs.selectors import definition_of
from sync.node import Node
from tests.clinic.forms.page import page_of
from tests.clinic.forms.samples import TODAY
from tests.clinic.nodes import OFFICE

if named := os.environ.get("POSTA_DHIS2_PACKAGES"):
    PACKAGES = sorted(Path(named).glob("*.json"))

    def test_there_are_packages() -> None:
        assert PACKAGES

    @pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
    def test_a_published_package_imports_and_every_stage_opens(central: Node, path: Path) -> None:
        file = read_programs(content=path.read_bytes(), name=path.name)
        for made in import_programs(file=file, by=OFFICE):
            assert made.created and made.counts["rules"] == made.in_file["rules"]
            assert made.counts["stages"] == made.in_file["stages"]
            for stage in definition_of(made.version_id).stages:
                page = page_of(build_form(stage, today=TODAY))
                assert set(page.references) <= set(page.ids)
                form = build_form(stage, page.post(), today=TODAY, completing=False)
                assert form.is_valid(), form.errors
                assert changed_values(form) == {}
        again = import_programs(file=file, by=OFFICE)
        assert [made.created for made in again] == [False] * len(again)
