"""A decision whose answer was lost on the way is asked again under its save id, and is answered as it was the
first time, although what it settled is gone by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from registry.people.models import Identifier, Patient
from sync.checks import FINE
from sync.ledger.models import Change
from sync.ledger.recording import Author, recording
from sync.problems import Problem
from sync.review.models import Aside, Conflict, Decision
from sync.review.services import Choice, reject, release, resolve
from tests.sync.desk import ROSA, program, staffed
from tests.world import World

pytestmark = pytest.mark.urls("tests.sync.addresses")
BY = Author(ROSA, "tablet-3")


@pytest.fixture
def patient(make_world: Any) -> Iterator[Patient]:
    """At central: somebody whose sex two places recorded differently, with two cards that were set aside."""
    world: World = make_world(clinics=1)
    here = world.clinics[0]
    with world.at(here), recording(by=world.author(here)) as save:
        made = save.add(Patient, given_name="Ana", sex="female", registered_on=here.node.now())
    world.sync()
    with world.at(here), recording(by=world.author(here)) as save:
        save.edit(Patient.objects.get(pk=made.pk), {"sex": "male"})
    for number in range(2):
        with world.at(here), recording(by=world.author(here)) as save:
            save.add(Identifier, patient=made, system="posta:number", value=f"A1-000000-{number}")
    with world.at(world.central), recording(by=world.author(world.central)) as save:
        save.edit(Patient.objects.get(pk=made.pk), {"sex": "other"})
    world.sync()
    with world.at(world.central), staffed():
        yield Patient.objects.get(pk=made.pk)


def ask(path: str, said: dict[str, Any], save_id: UUID) -> tuple[int, Any]:
    headers = {"Idempotency-Key": str(save_id)}
    answer = program().post(f"/api/v1/{path}/", said, format="json", headers=headers)
    return answer.status_code, answer.json() if answer.content else None


def test_a_resolved_conflict_is_answered_as_it_was(patient: Patient) -> None:
    conflict, save_id = Conflict.objects.get(), uuid4()
    path, said = f"conflicts/{conflict.pk}/resolve", {"choose": {"value": "male"}, "note": "His card."}
    first = ask(path, said, save_id)
    assert (first[0], first[1]["outcome"]) == (200, "applied")
    assert not Conflict.objects.exists()
    assert ask(path, said, save_id) == first
    assert Decision.objects.count() == 1
    assert Change.objects.filter(save_id=save_id).count() == 2
    status, refused = ask(f"conflicts/{conflict.pk + 1}/resolve", said, save_id)
    assert (status, refused["code"]) == (409, "save-id-used")


def test_a_decision_that_left_the_question_open_is_not_told_as_done(patient: Patient) -> None:
    conflict, save_id, seen = Conflict.objects.get(), uuid4(), patient.version
    with recording(by=BY) as save:  # while somebody looked, a colleague decided otherwise
        save.edit(Patient.objects.get(pk=patient.pk), {"sex": "unknown"})
    decision: dict[str, Any] = {"choose": Choice(value="male"), "seen": seen, "save_id": save_id}
    assert resolve(by=BY, conflict=conflict, **decision) == "conflicted"
    assert resolve(by=BY, conflict=Conflict.objects.get(), choose=Choice(value="male")) == "applied"
    assert resolve(by=BY, conflict=conflict, **decision) == "conflicted"
    assert Change.objects.filter(save_id=save_id).count() == 1


def test_a_released_save_and_a_rejected_one_are_answered_as_they_were(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Aside.objects.order_by("seq_from")
    kept, freed, dropped = uuid4(), uuid4(), uuid4()
    path = f"quarantine/{one.pk}/release"
    still = ask(path, {}, kept)
    assert still == (200, {"released": False, "code": one.code, "sentence": one.sentence})
    with monkeypatch.context() as mended:
        mended.setattr("sync.saves.judge", lambda save, sight: FINE)
        assert ask(path, {}, kept) == still  # it was asked before the cause was mended
        assert Aside.objects.count() == 2
        done = ask(path, {}, freed)
    assert done == (200, {"released": True, "code": "", "sentence": ""})
    assert ask(path, {}, freed) == done
    assert ask(path, {}, uuid4())[0] == 404

    path, said = f"quarantine/{other.pk}/reject", {"note": "No such number."}
    assert [ask(path, said, dropped) for _ in range(2)] == [(204, None)] * 2
    assert Decision.objects.count() == 1
    assert not Aside.objects.exists()
    assert ask(path, said, freed)[1]["code"] == "save-id-used"


def test_a_save_id_of_one_decision_settles_no_other(patient: Patient) -> None:
    one, other = Aside.objects.order_by("seq_from")
    save_id = uuid4()
    reject(by=BY, aside=one, note="No such number.", save_id=save_id)
    reject(by=BY, aside=one, note="No such number.", save_id=save_id)  # both taps were on their way
    for decide in (
        lambda: reject(by=BY, aside=other, note="No such number.", save_id=save_id),
        lambda: release(by=BY, aside=other, save_id=save_id),
        lambda: reject(by=Author(uuid4()), aside=one, note="No such number.", save_id=save_id),
    ):
        with pytest.raises(Problem) as refused:
            decide()
        assert refused.value.code == "save-id-used"
    assert Aside.objects.get() == other
