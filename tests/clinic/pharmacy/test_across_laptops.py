"""Two laptops, one shelf: movements add up to one balance everywhere, whatever order they met in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from clinic.pharmacy.cautions import Substance
from clinic.pharmacy.dispensing import Give, dispense
from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.medicines import import_medicines, read_list
from clinic.pharmacy.models import Medicine, Prescription, PrescriptionLine, StockMovement
from clinic.pharmacy.prescribing import Wanted, note_allergy, prescribe, refute_allergy
from clinic.pharmacy.selectors import allergies_of, tell
from clinic.pharmacy.stock import balance_of, held, lots_of
from clinic.pharmacy.stockkeeping import Counted, adjust, count, receive
from registry.people.models import Patient
from registry.places.models import Facility
from registry.places.services import add_facility
from sync.feed.models import Subscription
from sync.ledger.recording import Author, recording
from sync.review.models import Conflict
from tests.clinic.pharmacy.shelf import LIST
from tests.sync.conftest import make_world
from tests.sync.conftest import world as two_clinics
from tests.world import Site, World

__all__ = ["make_world", "two_clinics"]

NODE = Author(None, "tablet")
LOT = LotName("A1", date(2030, 6, 30))


def with_list(world: World) -> World:
    """Both laptops know the medicines and the two places."""
    with world.at(world.central):
        add_facility(by=NODE, name="Bocas", code="BOC")
        add_facility(by=NODE, name="Darién", code="DAR")
        import_medicines(by=NODE, listed=read_list(content=LIST.encode(), name="list.csv"))
    world.sync()
    return world


@pytest.fixture
def world(two_clinics: World) -> Iterator[World]:
    yield with_list(two_clinics)


def here() -> Facility:
    return Facility.objects.get(code="BOC")


def amox() -> Medicine:
    return Medicine.objects.get(code="AMOX")


def delivery(world: World, site: Site, quantity: int, lot: LotName = LOT) -> None:
    with world.at(site):
        receive(
            by=NODE,
            facility=here(),
            medicine=amox(),
            quantity=quantity,
            lot_number=lot.number,
            expires_on=lot.expires_on,
        )


def prescribed(world: World, site: Site, quantity: int = 60) -> Prescription:
    with world.at(site):
        with recording(by=NODE) as save:
            patient = save.add(Patient, given_name="José", registered_on=site.node.now())
        line = Wanted(amox(), "three-times", 5, Decimal(1), quantity)
        return prescribe(by=NODE, patient=patient, facility=here(), lines=[line])


def hand_out(world: World, site: Site, prescription: Prescription, quantity: int) -> None:
    with world.at(site):
        row = Prescription.objects.get(pk=prescription.pk)
        line = PrescriptionLine.objects.get(prescription=row)
        dispense(by=NODE, prescription=row, facility=here(), items=[Give(line, quantity)])


def everywhere(world: World, ask: Callable[[], Any]) -> list[Any]:
    told = []
    for site in [world.central, *world.clinics]:
        with world.at(site):
            told.append(ask())
    return told


def balance() -> int:
    return balance_of(here(), amox(), LOT)


def test_two_laptops_hand_out_of_one_lot_and_agree_to_the_tablet(world: World) -> None:
    one, other = world.clinics
    delivery(world, one, 100)
    prescriptions = [prescribed(world, one), prescribed(world, other)]
    world.heal_and_sync()
    for site, prescription, quantity in zip(world.clinics, prescriptions, (30, 45), strict=True):
        hand_out(world, site, prescription, quantity)
    with world.at(one):
        assert balance() == 70
    with world.at(other):
        assert balance() == 55
    world.heal_and_sync()
    assert everywhere(world, balance) == [25, 25, 25]
    assert len({tuple(world.digests(site).items()) for site in [world.central, *world.clinics]}) == 1
    assert everywhere(world, Conflict.objects.count) == [0, 0, 0]


def test_one_lot_received_on_two_laptops_is_one_lot(world: World) -> None:
    for site, quantity in zip(world.clinics, (40, 60), strict=True):
        delivery(world, site, quantity)
    world.heal_and_sync()
    lots = everywhere(world, lambda: [(lot.name, lot.balance) for lot in lots_of(here(), amox())])
    assert lots == [[(LOT, 100)]] * 3


def test_a_balance_below_zero_is_said_and_never_blocks(world: World) -> None:
    one, other = world.clinics
    delivery(world, one, 50)
    delivery(world, one, 20, LotName("B2", date(2031, 1, 31)))
    prescriptions = [prescribed(world, one), prescribed(world, other), prescribed(world, one)]
    world.heal_and_sync()
    hand_out(world, one, prescriptions[0], 40)
    hand_out(world, other, prescriptions[1], 45)
    world.heal_and_sync()
    assert everywhere(world, balance) == [-35, -35, -35]
    assert everywhere(world, lambda: held(here(), amox()).needs_count) == [True] * 3
    hand_out(world, one, prescriptions[2], 20)
    with world.at(one):
        count(by=NODE, facility=here(), counted=[Counted(amox(), LOT, 3, -35)])
    world.heal_and_sync()
    assert everywhere(world, balance) == [3, 3, 3]


def test_one_prescription_handed_out_twice_is_said(world: World) -> None:
    one, other = world.clinics
    delivery(world, one, 200)
    prescription = prescribed(world, one)
    world.heal_and_sync()
    for site in (one, other):
        hand_out(world, site, prescription, 60)
    world.heal_and_sync()

    def standing() -> tuple[str, int, bool]:
        (line,) = tell([Prescription.objects.get(pk=prescription.pk)])[0].lines
        return line.standing.state.value, line.standing.given, line.standing.is_too_much

    assert everywhere(world, standing) == [("dispensed", 120, True)] * 3


def test_an_allergy_noted_here_warns_there_until_it_is_refuted(world: World) -> None:
    one, other = world.clinics
    prescription = prescribed(world, one)
    with world.at(one):
        patient = Patient.objects.get(pk=prescription.patient_id)
        allergy = note_allergy(by=NODE, patient=patient, facility=here(), substance="Penicillins", atc="J01C")
    world.heal_and_sync()
    with world.at(other):
        there = Patient.objects.get(pk=patient.pk)
        assert [known.known for known in allergies_of(there)] == [Substance("Penicillins", "J01C")]
        refute_allergy(by=NODE, allergy=allergies_of(there)[0], facility=here(), reason="A virus")
    world.heal_and_sync()
    assert everywhere(world, lambda: allergies_of(Patient.objects.get(pk=patient.pk))) == [[], [], []]
    assert allergy.pk in world.shown(one)["allergies"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_two_laptops_do_the_sum_is_exact(world: World, seed: int) -> None:
    rng, told = random.Random(seed), 0
    for site in world.clinics:
        delivery(world, site, 500)
        told += 500
    for _ in range(20):
        site, quantity = rng.choice(world.clinics), rng.randrange(1, 9)
        with world.at(site):
            reason, sign = rng.choice([("lost", -1), ("found", 1), ("damaged", -1)])
            adjust(by=NODE, facility=here(), medicine=amox(), lot=LOT, reason=reason, quantity=quantity)
            told += sign * quantity
        if rng.random() < 0.3:
            world.sync(rng.choice(world.clinics))
    world.heal_and_sync()
    assert everywhere(world, balance) == [told, told, told]


def test_a_subscribed_laptop_holds_the_stock_of_its_own_places_only(
    make_world: Callable[..., World],
) -> None:
    world = with_list(make_world(clinics=0))
    with world.at(world.central):
        places = {place.code: place.pk for place in Facility.objects.all()}
    bocas = world.add_clinic("bocas", mode="subscribed", facilities=[str(places["BOC"])])
    darien = world.add_clinic("darien", mode="subscribed", facilities=[str(places["DAR"])])
    second = world.add_clinic("second", mode="subscribed", facilities=[str(places["BOC"])])
    world.clinics += [bocas, darien, second]
    world.sync()
    delivery(world, bocas, 100)
    world.heal_and_sync()
    held_by = {}
    for site in (world.central, bocas, darien, second):
        with world.at(site):
            held_by[site.name] = StockMovement.objects.count()
    assert held_by == {"central": 1, "bocas": 1, "darien": 0, "second": 1}
    with world.at(world.central):
        assert Subscription.objects.filter(scope=places["BOC"]).count() == 2
    assert world.unsent(bocas) == 0
