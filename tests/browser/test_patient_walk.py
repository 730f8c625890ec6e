"""One patient's whole way through the clinic, on three tablets, while the board follows without a tap.

Registration with a card, triage, the provider (a code for the diagnosis, a test, a medicine in spite of an
allergy), the laboratory and back, the pharmacy, a letter; in the evening the sync, and the other clinic's
list. Not here: every rule behind it (each room's tests), what may go wrong on the way (`test_walk.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from deploy.demo.check import free_ports
from deploy.demo.layout import DemoNode
from deploy.demo.nodes import Serving
from deploy.demo.programme import FACILITIES, LAPTOPS, colleague
from deploy.demo.setting_up import offer_code, serve, set_up_clinic
from registry.staff.policy import Role
from tests.browser.conftest import LAPTOP, Hand, Posta, log_in
from tests.browser.steps import (
    main,
    open_stage,
    register,
    save,
    start_visit,
    sync_now,
    walked,
)

pytestmark = walked

NAME = "Eustacia Montezuma"
HERE, THERE = FACILITIES[0][1], FACILITIES[1][1]
MEDICINE = "Amoxicillin 500 mg capsule"
IN_A_MONTH = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()


class Board:
    """A tablet on the wall: it is looked at, never touched."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.goto("/board/")
        self.address = page.url

    def column(self, station: str) -> Locator:
        return self.page.get_by_role("region", name=re.compile(f"^{station}"))

    def shows(self, station: str, with_whom: Role | None = None) -> None:
        """The patient stands here, and nowhere else."""
        entry = self.page.get_by_role("link", name=re.compile(NAME))
        expect(self.column(station).get_by_role("link", name=re.compile(NAME))).to_have_count(1)
        expect(entry).to_have_count(1)
        if with_whom is not None:
            expect(entry).to_contain_text(colleague(with_whom).full_name)
        assert self.page.url == self.address

    def shows_nobody(self) -> None:
        expect(self.page.get_by_role("link", name=re.compile(NAME))).to_have_count(0)


@pytest.fixture
def other_clinic(posta: Posta) -> Iterator[DemoNode]:
    """The laptop of the other place. It joins when somebody has switched central on."""
    (port,) = free_ports(1)
    node = replace(
        posta.clinic.node,
        name=LAPTOPS[1],
        facility=FACILITIES[1][0],
        directory=posta.ground.directory / "clinic-2",
        port=port,
    )
    serving = Serving(node, posta.ground.ca)
    set_up_clinic(posta.ground, node, offer_code(posta.ground, node))
    serve(serving)
    yield node
    serving.stop()


def hand_on(page: Page, role: Role) -> None:
    """Somebody else takes the tablet."""
    page.context.clear_cookies()
    page.goto("/")
    log_in(page, role)


def take(page: Page) -> None:
    page.goto("/queue/")
    page.get_by_role("button", name=f"Take {NAME}").click()
    page.wait_for_url(re.compile(r"/visits/[0-9a-f-]{36}/$"))


def send_to(page: Page, station: str) -> None:
    """The usual next one has a button of its own."""
    button = page.get_by_role("button", name=f"Send to {station}")
    if not button.count():
        page.get_by_text("Another station").click()
        button = page.get_by_role("region", name="Send on").get_by_role("button", name=re.compile(station))
    with page.expect_navigation():
        button.click()


def test_the_whole_walk_of_one_patient(
    tablet: Hand, posta: Posta, central_off: None, request: pytest.FixtureRequest
) -> None:
    board, desk, room = (
        Board(tablet(Role.COORDINATOR, size=LAPTOP)),
        tablet(Role.REGISTRAR),
        tablet(Role.PROVIDER),
    )
    number = arrives_with_a_card(desk)
    desk.get_by_text("How urgent").click()
    with desk.expect_navigation():
        desk.get_by_role("button", name="Emergency").click()  # the board shows the first few of a long queue
    board.shows("Triage")
    hand_on(desk, Role.TRIAGE)
    take(desk)
    board.shows("Triage", Role.TRIAGE)
    at_triage(desk)
    board.shows("Consultation")
    visit = at_the_provider(room)
    board.shows("Laboratory")
    hand_on(desk, Role.LAB)
    at_the_laboratory(desk)
    board.shows("Consultation")
    expect(board.column("Consultation")).to_contain_text("back from")
    back_at_the_provider(room, number)
    board.shows("Pharmacy")
    hand_on(desk, Role.PHARMACIST)
    at_the_pharmacy(desk, visit)
    board.shows_nobody()
    request.getfixturevalue("central_on")
    sync_now(board.page)
    there: DemoNode = request.getfixturevalue("other_clinic")
    is_expected(tablet(Role.PROVIDER, at=there), number)


def arrives_with_a_card(desk: Page) -> str:
    number = register(desk, NAME, card="9-112-2031")
    patient = desk.url
    desk.get_by_role("link", name="Card", exact=True).click()
    card = desk.locator(".sheet")
    expect(card).to_contain_text(number)
    expect(card.locator("svg").first).to_be_visible()
    desk.goto(patient)
    start_visit(desk)
    return number


def at_triage(page: Page) -> None:
    visit = page.url
    page.get_by_role("link", name="Write down an allergy").click()
    page.get_by_label("Penicillins").check()
    page.get_by_label("Severe").check()
    save(page)
    page.goto(visit)
    open_stage(page, "Triage")
    page.get_by_label("Main complaint").fill("Cansancio y tos")
    page.get_by_label("Temperature").fill("38.1")
    page.get_by_label("Weight").fill("54.5")
    save(page)
    send_to(page, "Consultation")


def at_the_provider(page: Page) -> str:
    take(page)
    visit = page.url
    expect(page.get_by_text("Allergy: Penicillins").first).to_be_visible()
    expect(main(page)).to_contain_text("54.5 kg")
    open_stage(page, "Consultation")
    page.get_by_role("textbox", name="Diagnosis (required)").fill("Anaemia")
    page.get_by_label("Diagnosis code").press_sequentially(
        "iron deficiency", delay=70
    )  # as fast as people type
    page.locator("[data-coded-list]").get_by_role("button", name=re.compile("^D50")).first.click()
    expect(page.get_by_label("Diagnosis code")).to_have_value(re.compile("^D50"))
    save(page)
    expect(main(page)).to_contain_text("D50")
    orders_a_test(page)
    prescribes_in_spite_of_the_allergy(page)
    send_to(page, "Laboratory")
    return visit


def orders_a_test(page: Page) -> None:
    page.get_by_role("link", name="Order tests").click()
    page.get_by_role("checkbox", name=re.compile("^Haemoglobin")).check()
    page.get_by_label("Urgent").check()
    page.get_by_role("button", name="Order", exact=True).click()
    expect(page.get_by_text("1 test ordered.")).to_be_visible()


def prescribes_in_spite_of_the_allergy(page: Page) -> None:
    page.get_by_role("link", name="Prescribe", exact=True).click()
    page.get_by_label("Medicine").press_sequentially("amoxi", delay=70)
    page.get_by_role("link", name=re.compile(f"^{MEDICINE}")).click()
    warning = page.get_by_role("region", name="Stop and look")
    expect(warning).to_contain_text("Penicillins")
    page.get_by_label("1 capsule").check()
    page.get_by_label("3 times a day").check()
    page.get_by_label("5 days", exact=True).check()
    expect(page.get_by_text("To hand out: 15 capsules")).to_be_visible()
    add = page.get_by_role("button", name="Add to the prescription")
    add.click()
    expect(warning).to_contain_text("Write why you prescribe it nevertheless.")
    expect(page.get_by_label("3 times a day")).to_be_checked()
    page.get_by_label("Why nevertheless").fill("Tolerated last year")
    add.click()
    expect(page.get_by_text(f"Prescribed: {MEDICINE}.")).to_be_visible()
    page.get_by_role("link", name="Done", exact=True).click()


def at_the_laboratory(page: Page) -> None:
    take(page)
    visit = page.url
    page.goto("/lab/")
    page.get_by_role("link", name=re.compile(NAME)).click()
    page.get_by_role("textbox", name="Haemoglobin", exact=True).fill("6,1")
    page.get_by_role("button", name="Save results").click()
    expect(page.get_by_text("1 result entered.")).to_be_visible()
    page.goto(visit)
    send_to(page, "Consultation")


def back_at_the_provider(page: Page, number: str) -> None:
    take(page)
    visit = page.url
    alert = page.get_by_text("Critical result: Haemoglobin")
    expect(alert).to_be_visible()
    lab = page.get_by_role("region", name="Laboratory")
    expect(lab).to_contain_text(re.compile(r"6\.1.*Critical", re.DOTALL))
    lab.get_by_role("button", name="Seen").click()
    expect(alert).to_be_hidden()
    writes_a_letter(page, number)
    page.goto(visit)
    send_to(page, "Pharmacy")


def writes_a_letter(page: Page, number: str) -> None:
    page.get_by_role("link", name="Refer or transfer").click()
    page.get_by_label(THERE).check()
    page.get_by_label("Urgent").check()
    page.get_by_label("Reason").fill("Severe anaemia: transfusion")
    page.get_by_role("button", name="Save the referral").click()
    page.get_by_role("link", name="Print the letter").click()
    letter = page.locator(".letter__sheet")
    page.emulate_media(media="print")
    for text in (THERE, NAME, number, "Severe anaemia: transfusion", "54.5 kg", "Ana Batista"):
        expect(letter).to_contain_text(text)
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.get_by_role("navigation").first).to_be_hidden()
    page.emulate_media(media="screen")


def at_the_pharmacy(page: Page, visit: str) -> None:
    receives_a_box(page)
    take(page)
    page.get_by_role("link", name="Hand out", exact=True).click()
    expect(main(page)).to_contain_text("In spite of a warning: Tolerated last year")
    early, late = (page.get_by_label(re.compile(lot)) for lot in ("Lot SOON1", "Lot AMO2410"))
    expect(early).to_have_value("10")
    expect(late).to_have_value("5")
    late.fill("2")
    page.get_by_role("button", name="Hand out", exact=True).click()
    expect(main(page)).to_contain_text(re.compile(r"10 capsules.*SOON1.*2 capsules", re.DOTALL))
    expect(page.get_by_role("link", name="Hand out the rest")).to_be_visible()
    page.get_by_role("link", name="Print labels").click()
    expect(main(page)).to_contain_text("1 capsule. 3 times a day, 5 days")
    page.goto(visit)
    expect(main(page)).to_contain_text("12 capsules of 15 capsules handed out")
    page.get_by_text("Close the visit", exact=True).click()
    page.get_by_role("button", name="Yes, close the visit").click()
    expect(page.get_by_text("The visit is closed.")).to_be_visible()


def receives_a_box(page: Page) -> None:
    page.goto("/stock/receive/")
    page.get_by_label("Medicine").press_sequentially("amoxi", delay=70)
    page.get_by_role("link", name=re.compile(f"^{MEDICINE}")).click()
    page.get_by_label("How many").fill("10")
    page.get_by_label("Lot number").fill("soon1")
    page.get_by_label("Expires on").fill(IN_A_MONTH)
    page.get_by_role("button", name="Receive", exact=True).click()
    expect(page.get_by_text("Received: 10 capsules.")).to_be_visible()


def is_expected(page: Page, number: str) -> None:
    """At the other place."""
    page.goto("/referrals/")
    expected = page.get_by_role("region", name="Expected here")
    entry = expected.get_by_role("link", name=re.compile(NAME))
    expect(entry).to_contain_text(re.compile(f"Urgent.*{HERE}.*On the way", re.DOTALL))
    entry.click()
    expect(page.get_by_text("Allergy: Penicillins").first).to_be_visible()
    page.get_by_role("button", name="The patient is here").click()
    expect(main(page)).to_contain_text("Received")
    page.get_by_role("link", name=NAME).first.click()
    expect(page.get_by_role("region", name="Details")).to_contain_text(number)
    expect(page.get_by_role("region", name="Visits")).to_contain_text("Anaemia")
