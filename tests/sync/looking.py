"""What tests of intake look at: what people see at a site, and what is set aside there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from registry.people.models import Patient
from sync.ledger.recording import recording
from sync.review.models import Aside
from tests.world import Site, World


def register(world: World, site: Site, name: str = "Ana", **fields: Any) -> Patient:
    with world.at(site), recording(by=world.author(site)) as save:
        return save.add(Patient, given_name=name, registered_on=site.node.now(), **fields)


def shown_at(world: World, site: Site, pk: UUID) -> Any:
    """What people see of a patient there; None where there is none."""
    return world.shown(site)["patients"].get(pk)


def asides(world: World, site: Site) -> list[tuple[int, str, str]]:
    with world.at(site):
        return list(Aside.objects.order_by("seq_from").values_list("seq_from", "state", "code"))
