"""A clinic day and its evening, walked on two tablets in a real browser, by what a person sees.

Central is off all day: nobody at the clinic may notice, except where the page says so. In the evening it
comes back. Not here: every rule behind the pages (each room's tests), every page at every size
(`tests/deploy/test_screens.py`).
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from registry.numbers.codes import check_number
from registry.staff.policy import Role
from tests.browser.conftest import LAPTOP, Hand, log_in
from tests.browser.steps import (
    a_name,
    decide,
    figures,
    main,
    open_stage,
    register,
    save,
    search,
    sent_of,
    start_visit,
    sync_now,
    until,
    walked,
)

pytestmark = walked
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", re.IGNORECASE)
OURS = re.compile(r"opd_|posta:|values\.|_gone|Mozilla")  # words of programs, not of people


# --- the door -----------------------------------------------------------------------------------------------


def test_an_unknown_name_and_a_wrong_password_read_the_same(tablet: Hand, central_off: None) -> None:
    page = tablet()
    page.get_by_role("link", name="Someone else").click()
    said = []
    for name in ("nobody", "rosa"):
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Log in").click()
        alert = page.get_by_text("Please check this")
        alert.wait_for()
        said.append(main(page).inner_text().split())
    assert said[0] == said[1]
    page.goto("/account/login/")
    log_in(page, Role.REGISTRAR)
    expect(page.get_by_role("link", name=re.compile("unsent"))).to_be_visible()


# --- the day, without central -------------------------------------------------------------------------------


def test_a_patient_walks_through_the_clinic(tablet: Hand, central_off: None) -> None:
    desk, name = tablet(Role.REGISTRAR), a_name()
    number = register(desk, name, card="8-765-4321")
    assert check_number(number).ok
    expect(desk.get_by_text("Identity card")).to_be_visible()
    visit = start_visit(desk)

    triage = tablet(Role.TRIAGE, size=LAPTOP)
    row = triage.get_by_role("listitem").filter(has_text=number)
    row.get_by_role("button", name=f"Take {name}").click()
    open_stage(triage, "Triage")
    triage.get_by_label("Main complaint").fill("Tos desde ayer")
    triage.get_by_label("Temperature").fill("38,4")
    triage.get_by_label("Weight").fill("61.2")
    triage.get_by_label("Hard to breathe").check()
    save(triage)
    expect(triage.get_by_text("Saved on the clinic laptop.")).to_be_visible()
    triage.get_by_role("button", name="Send to Consultation").click()

    desk.context.clear_cookies()
    desk.goto("/")
    log_in(desk, Role.PROVIDER)  # the tablet is handed on
    desk.get_by_role("button", name=f"Take {name}").click()
    expect(main(desk)).to_contain_text("38.4 °C")
    open_stage(desk, "Consultation")
    desk.get_by_role("textbox", name="Diagnosis (required)").fill("Acute bronchitis")
    save(desk)
    desk.get_by_role("button", name="Send to Pharmacy").click()

    pharmacy = tablet(Role.PHARMACIST)
    pharmacy.get_by_role("button", name=f"Take {name}").click()
    pharmacy.get_by_text("Close the visit", exact=True).click()
    pharmacy.get_by_role("button", name="Yes, close the visit").click()
    expect(pharmacy.get_by_text("The visit is closed.")).to_be_visible()

    desk.goto(visit)
    desk.get_by_role("link", name=name).click()
    visits = desk.get_by_role("region", name="Visits")
    expect(visits).to_contain_text("Acute bronchitis")
    expect(visits).to_contain_text("61.2 kg")
    visits.get_by_role("link", name="History Triage").click()
    weight = desk.get_by_role("region", name="Weight")
    expect(weight).to_contain_text(re.compile("61.2 kg.*Luis Palacio.*not yet at central", re.DOTALL))


def test_whoever_is_known_is_offered_before_a_second_registration(tablet: Hand, central_off: None) -> None:
    page, name = tablet(Role.REGISTRAR), a_name()
    number = register(page, name)
    given, family = name.split()
    search(page, f"{family} {given[:-1]}")
    page.get_by_role("link", name="Register a new patient").click()
    page.get_by_label("Given name").fill(given)
    page.get_by_label("Family name").fill(family)
    page.get_by_label("Female").check()
    page.get_by_label("Age", exact=True).fill("31")
    page.get_by_role("button", name="Register", exact=True).click()
    likely = page.get_by_role("region", name="Is it one of these?")
    expect(likely).to_contain_text("Same name")
    likely.get_by_role("link", name=re.compile(number)).click()
    expect(page.get_by_role("region", name="Details")).to_contain_text(number)


def test_a_number_on_a_card_opens_its_patient(tablet: Hand, central_off: None) -> None:
    page, name = tablet(Role.REGISTRAR), a_name()
    number = register(page, name)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    search(page, wrong)
    expect(page.get_by_text("Look at the card again.")).to_be_visible()
    search(page, number)
    expect(page.get_by_role("region", name="Details")).to_contain_text(number)
    page.get_by_role("link", name="Register", exact=True).click()
    expect(page.get_by_label("Given name")).to_have_value("")  # the search is over


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_double_tap_and_a_way_back_make_one_record(tablet: Hand, central_off: None, scripts: bool) -> None:
    """A7: two taps, then back and once more."""
    desk, name = tablet(Role.REGISTRAR), a_name()
    register(desk, name)
    visit = start_visit(desk)
    page = tablet(Role.TRIAGE, scripts=scripts)
    page.goto(visit)
    open_stage(page, "Triage")
    page.get_by_label("Weight").fill("70")
    page.get_by_role("button", name="Save", exact=True).dblclick()
    records = page.get_by_role("region", name="Written today").get_by_text("70 kg")
    expect(records).to_have_count(1)
    page.go_back()
    save(page)
    page.goto(visit)
    expect(records).to_have_count(1)


def test_a_tap_on_save_by_mistake_is_no_record(tablet: Hand, central_off: None) -> None:
    desk = tablet(Role.REGISTRAR)
    register(desk, a_name())
    visit = start_visit(desk)
    page = tablet(Role.TRIAGE)
    page.goto(visit)
    open_stage(page, "Triage")
    save(page)
    expect(page.get_by_text("Nothing is filled in yet.")).to_be_visible()


def test_a_stale_form_ends_as_a_conflict_that_everybody_sees(tablet: Hand, central_off: None) -> None:
    desk, name = tablet(Role.REGISTRAR), a_name()
    register(desk, name)
    visit = start_visit(desk)
    first, second = tablet(Role.TRIAGE), tablet(Role.PROVIDER)
    first.goto(visit)
    open_stage(first, "Triage")
    first.get_by_label("Weight").fill("61")
    save(first)
    for page in (first, second):
        page.goto(visit)
        open_stage(page, "Triage")
    for page, kilos in ((first, "62"), (second, "64")):
        page.get_by_label("Weight").fill(kilos)
        save(page)
    expect(main(second).get_by_text("A colleague wrote something else: both are kept")).to_be_visible()
    second.get_by_role("link", name=name).click()
    expect(second.get_by_text("Two people wrote different things: Weight.")).to_be_visible()
    coordinator = tablet(Role.COORDINATOR)
    coordinator.goto("/review/")
    coordinator.get_by_role("link", name=re.compile(name)).click()
    coordinator.get_by_label("Neither: I write the right one").check()
    coordinator.get_by_label("The right value").fill("a lot")
    coordinator.get_by_role("button", name="Save the decision").click()
    expect(coordinator.get_by_text("Please check this")).to_be_visible()
    decide(coordinator, name, ("62 kg", "64 kg"), right="64 kg")
    second.reload()
    expect(second.get_by_text("Two people wrote different things")).to_be_hidden()
    expect(second.get_by_role("region", name="Visits")).to_contain_text("64 kg")


def test_the_sync_page_says_that_central_is_away(tablet: Hand, central_off: None) -> None:
    page = tablet(Role.COORDINATOR)
    page.get_by_role("link", name="Sync", exact=True).click()
    page.get_by_role("button", name="Sync now").click()
    expect(main(page)).to_contain_text(
        re.compile("broken off.*Central does not answer", re.DOTALL), timeout=30_000
    )
    expect(main(page)).to_contain_text("safe on this laptop")
    there, total = figures(page)
    unsent = total - there
    assert unsent > 0
    expect(page.get_by_role("link", name=re.compile(f"{unsent} unsent"))).to_contain_text("no link")


def test_asking_again_and_again_does_not_prolong_a_session(tablet: Hand, central_off: None) -> None:
    page = tablet(Role.COORDINATOR)
    for address, polled in (
        ("/queue/", "/board/live/"),
        ("/sync/", "/sync/progress/"),
    ):
        page.goto(address)
        with page.expect_response(re.compile(re.escape(polled))) as polling:
            pass
        headers = polling.value.all_headers()
        assert polling.value.ok
        assert "posta_session" not in headers.get("set-cookie", "")
    for asked_without_the_feed in ("/sync/badge/", "/sync/progress/"):
        answer = page.request.get(asked_without_the_feed, headers={"HX-Request": "true"})
        assert answer.ok
        assert "posta_session" not in answer.headers.get("set-cookie", "")


# --- the evening --------------------------------------------------------------------------------------------


def test_in_the_evening_everything_reaches_central(
    tablet: Hand, central_off: None, request: pytest.FixtureRequest
) -> None:
    desk, name = tablet(Role.REGISTRAR), a_name()
    number = register(desk, name)
    visit = start_visit(desk)
    triage = tablet(Role.TRIAGE)
    triage.goto(visit)
    open_stage(triage, "Triage")
    triage.get_by_label("Weight").fill("58.5")
    save(triage)
    coordinator = tablet(Role.COORDINATOR, size=LAPTOP)
    coordinator.goto("/sync/")
    for group in ("Registration", "Visits"):
        expect(sent_of(coordinator, group)).to_contain_text(re.compile(r"[1-9]\d*\s+waiting"))
    request.getfixturevalue("central_on")

    sync_now(coordinator)
    expect(main(coordinator)).to_contain_text("All safe. Nothing to do.")
    for group in ("Registration", "Visits"):
        expect(sent_of(coordinator, group)).to_contain_text(re.compile(r"[1-9]\d*\s+sent\s+0\s+waiting"))
    receipts = coordinator.get_by_role("region", name="Receipts from central")
    expect(receipts.get_by_role("row").nth(1)).to_contain_text("kept")

    office = tablet(Role.CENTRAL_ADMIN, at_central=True, size=LAPTOP)
    expect(office.get_by_role("main")).to_contain_text(re.compile(r"\d clinics?"))
    search(office, number)
    visits = office.get_by_role("region", name="Visits")
    expect(visits).to_contain_text("58.5 kg")
    visits.get_by_role("link", name="History Triage").click()
    weight = office.get_by_role("region", name="Weight")
    expect(weight).to_contain_text(re.compile("58.5 kg.*Luis Palacio.*at central", re.DOTALL))
    expect(weight).not_to_contain_text("not yet")


def test_a_conflict_between_two_places_is_decided_in_words(tablet: Hand, central_on: None) -> None:
    here, name = tablet(Role.REGISTRAR), a_name()
    register(here, name)
    address = here.url
    coordinator = tablet(Role.COORDINATOR, size=LAPTOP)
    sync_now(coordinator)

    there = tablet(Role.REGISTRAR, at_central=True)
    search(there, name)
    there.get_by_role("link", name=re.compile(name)).click()
    for page, sex in ((here, "Male"), (there, "Other")):
        page.get_by_role("link", name="Change", exact=True).click()
        page.get_by_label(sex, exact=True).wait_for()
    for page, sex in ((here, "Male"), (there, "Other")):
        page.get_by_label(sex, exact=True).check()
        save(page)
        expect(page.get_by_role("region", name="Details")).to_be_visible()

    def conflict_shows() -> bool:
        sync_now(coordinator)
        coordinator.goto("/review/")
        return coordinator.get_by_role("link", name=re.compile(name)).is_visible()

    until(conflict_shows, "the conflict does not show")
    decide(coordinator, name, ("Male", "Other"), right="Other")
    sync_now(coordinator)
    here.goto(address)
    expect(main(here)).not_to_contain_text("Two people wrote different things")

    def central_knows() -> bool:
        there.reload()
        return not there.get_by_text("Two people wrote different things").is_visible()

    until(central_knows, "central has not heard of the decision")


# --- every page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "at_central"), [(Role.COORDINATOR, False), (Role.CENTRAL_ADMIN, True)])
def test_every_page_speaks_to_people(tablet: Hand, central_on: None, role: Role, at_central: bool) -> None:
    page = tablet(role, at_central=at_central, dark=at_central)
    seen: set[str] = set()
    waiting = [
        "/",
        "/find/",
        "/me/",
        "/review/",
        *((["/central/nodes/"]) if at_central else ["/sync/"]),
    ]
    while waiting:
        address = waiting.pop()
        if address in seen or len(seen) > 25:
            continue
        seen.add(address)
        page.goto(address)
        text = page.locator("body").inner_text()
        assert not UUID.search(text), (address, UUID.search(text))
        assert not OURS.search(text), (address, OURS.search(text))
        assert not page.evaluate("() => document.documentElement.scrollWidth > innerWidth"), address
        links = page.locator("main a[href^='/'], nav a").evaluate_all(
            "all => all.map(one => one.getAttribute('href'))"
        )
        waiting += [link.partition("#")[0] for link in links]
    assert len(seen) > 5
