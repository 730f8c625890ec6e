"""The API does what its OpenAPI document says: Schemathesis asks every call, with what the document allows
and with what it does not.

In one process, for a clinic and for central, by somebody who may do everything there. Not here: who may what
(`test_every_address.py`), what calls mean (each room's `test_api.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from clinic.lab.models import LabResult
from registry.staff.models import Account
from registry.staff.policy import Role
from registry.staff.services import add_staff
from registry.staff.sessions import issue_token
from sync.records import door
from tests.clinic.visits.conftest import cast, cheap_argon2, day, node
from tests.clinic.visits.day import Day
from tests.deploy.crawl import Town, build
from tests.deploy.test_every_address import at
from tests.registry.conftest import PASSWORD, THE_NODE

__all__ = ["cast", "cheap_argon2", "day", "node"]

NEVER_END: Final = r"/live/$"
A_FEW, MANY = 5, 80
MALFORMED: Final = frozenset({"invalid", "unknown-field", "parse-error"})
NAMED: Final = {
    "patient": "patient_id",
    "visit": "visit_id",
    "enrollment": "enrollment_id",
    "prescription": "prescription_id",
    "line": "line_id",
    "medicine": "medicine_id",
}
"""What a body calls by id, and what an address calls the same."""


def on_this_machine(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The laptop's own screen asks: no tablet that has to be known first."""

    def asked(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        return application({**environ, "REMOTE_ADDR": "127.0.0.1"}, start)

    return asked


@pytest.fixture
def town(day: Day) -> Town:
    made = build(day)
    with door():  # the crawler fills columns with whatever fits in
        LabResult.objects.update(flag="")
    return made


@pytest.fixture
def one_connection() -> Iterator[None]:
    """As Django's own test client does: a request does not end the connection of the test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(params=["clinic", "central"])
def api(
    town: Town, one_connection: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Any:
    at(town, request.param)
    monkeypatch.setattr("sync.api.ask_for_run", lambda trigger: None)  # there is nobody to sync with
    # No text of ours holds a NUL, and JSON Schema has no plain word for that.
    config = schemathesis.Config.from_dict({"generation": {"allow-x00": False}})
    served = schemathesis.openapi.from_wsgi(
        "/api/v1/schema/?format=json", on_this_machine(get_wsgi_application()), config=config
    )
    return served.exclude(path_regex=NEVER_END)  # feeds that never end: tests/clinic/live, tests/sync


@pytest.fixture
def caller(town: Town) -> dict[str, str]:
    """Somebody with every role at Bocas and in the office."""
    bocas = town.day.cast.bocas
    town.node.role, role = "central", town.node.role
    grants = [(one.value, None if one is Role.CENTRAL_ADMIN else bocas) for one in Role]
    member = add_staff(
        by=THE_NODE, username="everything", full_name="Everything", grants=grants, password=PASSWORD
    )
    town.node.role = role
    token = issue_token(Account.objects.get(staff_id=member.pk))
    return {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}


def with_records_that_exist(case: Any, town: Town) -> None:
    """What the document allows is asked of real records; the rest also finds none."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    case.path_parameters = {name: town.value(name) for name in case.path_parameters}
    if isinstance(case.body, dict):
        case.body |= {name: town.value(NAMED[name]) for name in case.body if name in NAMED}


def well_formed_is_not_called_malformed(context: Any, response: Any, case: Any) -> None:
    """Instead of Schemathesis's own check, which takes every 400 for a lie of the document. Ours may be a
    rule that no schema can say (a birth in the future, a lot that is used up); those have other codes.
    """
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    assert not (positive and response.status_code == 400 and response.json()["code"] in MALFORMED)


def found_in(operation: Any, town: Town, caller: dict[str, str], examples: int) -> set[str]:
    """What is not as the document says of one call."""
    found: dict[tuple[str, int], str] = {}
    modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

    @given(case=st.one_of(modes))
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        with_records_that_exist(case, town)
        try:
            case.call_and_validate(
                headers=caller,
                excluded_checks=[positive_data_acceptance],
                additional_checks=[well_formed_is_not_called_malformed],
            )
        except FailureGroup as failures:
            for one in failures.exceptions:
                if "positive test case" in str(one):
                    continue  # there was nothing to spoil, and the tool says so itself
                found.setdefault((type(one).__name__, getattr(one, "status_code", 0)), str(failures))

    ask()
    return set(found.values())


def ask_every_call(api: Any, town: Town, caller: dict[str, str], examples: int) -> None:
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) > 60
    wrong = {one.label: lies for one in operations if (lies := found_in(one, town, caller, examples))}
    assert wrong == {}, "\n\n".join(f"{label}\n{text}" for label, lies in wrong.items() for text in lies)


@pytest.mark.once
def test_the_api_is_what_its_document_says(api: Any, town: Town, caller: dict[str, str]) -> None:
    ask_every_call(api, town, caller, A_FEW)


@pytest.mark.once
@pytest.mark.slow
def test_the_same_at_length(api: Any, town: Town, caller: dict[str, str]) -> None:
    ask_every_call(api, town, caller, MANY)


@pytest.mark.once
@pytest.mark.parametrize("api", ["clinic"], indirect=True)
def test_a_lie_is_found(api: Any, town: Town, caller: dict[str, str]) -> None:
    """Otherwise silence would prove nothing: a document that promises other answers than there are."""
    address = "/api/v1/medicines/"
    assert found_in(api[address]["GET"], town, caller, 3) == set()
    document = copy.deepcopy(api.raw_schema)
    document["components"]["schemas"]["Medicine"]["properties"]["code"] = {"type": "integer"}
    lying = schemathesis.openapi.from_dict(document)
    lying.app = api.app
    assert "ST108" in "".join(found_in(lying[address]["GET"], town, caller, 3))
