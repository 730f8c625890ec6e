"""Two tablets at once: what one person does is seen on the other without a tap, and a tablet that slept
catches up by itself.

Not here: how the feed works (`tests/clinic/live/`), how fast it is (`tests/bench/tablets/`).
"""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Page, expect

from registry.staff.policy import Role
from tests.browser.conftest import LAPTOP, Hand, Posta
from tests.browser.steps import (
    a_name,
    register,
    start_visit,
    walked,
)

pytestmark = walked


def arrives(desk: Page) -> tuple[str, str]:
    """Somebody new waits for triage; name and the visit's address."""
    name = a_name()
    register(desk, name)
    return name, start_visit(desk)


def test_a_claim_on_one_tablet_appears_on_the_other(tablet: Hand, central_off: None) -> None:
    desk, triage, board = tablet(Role.REGISTRAR), tablet(Role.TRIAGE), tablet(Role.COORDINATOR, size=LAPTOP)
    board.goto("/board/")
    column = board.get_by_role("region", name=re.compile("^Triage"))
    name, visit = arrives(desk)
    desk.get_by_text("How urgent").click()
    desk.get_by_role("button", name="Emergency").click()  # the board shows the first few of a long queue
    expect(column.get_by_role("link", name=re.compile(name))).to_be_visible()
    triage.goto("/queue/?station=triage")
    desk.goto("/queue/?station=triage")
    waits = desk.locator("#queue").get_by_role("listitem").filter(has_text=name)
    expect(waits.get_by_role("button", name=f"Take {name}")).to_be_visible()
    triage.get_by_role("button", name=f"Take {name}").click()
    triage.wait_for_url(visit)
    expect(waits.get_by_text("with Luis Palacio")).to_be_visible()
    expect(column.get_by_role("link", name=re.compile(f"{name}.*Luis Palacio", re.DOTALL))).to_be_visible()
    triage.get_by_role("button", name="Send to Consultation").click()
    expect(waits).to_have_count(0)


def test_a_row_that_the_feed_brought_can_be_taken(tablet: Hand, central_off: None) -> None:
    """It came without token and save id; the tablet added its own."""
    desk, triage = tablet(Role.REGISTRAR), tablet(Role.TRIAGE)
    triage.goto("/queue/?station=triage")
    name, visit = arrives(desk)
    triage.get_by_role("button", name=f"Take {name}").click()
    triage.wait_for_url(visit)
    expect(triage.get_by_role("button", name="Send to Consultation")).to_be_visible()
    triage.goto("/queue/?station=triage")
    mine = triage.locator(".queue--mine").filter(has_text=name)
    expect(mine.get_by_role("link", name="Open")).to_be_visible()
    expect(triage.locator("#take-next")).to_be_hidden()
    triage.goto(visit)
    triage.get_by_text("Hand over or set free").click()
    triage.get_by_role("button", name="Set free").click()


def test_the_visits_page_tells_that_a_colleague_took_the_patient(tablet: Hand, central_off: None) -> None:
    desk, triage = tablet(Role.REGISTRAR), tablet(Role.TRIAGE)
    _name, visit = arrives(desk)
    desk.goto(visit)
    expect(desk.get_by_role("button", name="Take this patient")).to_be_visible()
    triage.goto(visit)
    triage.get_by_role("button", name="Take this patient").click()
    expect(desk.get_by_text("Luis Palacio is with this patient, at: Triage.")).to_be_visible()
    desk.get_by_role("link", name="Show what is new").click()
    expect(desk.get_by_text("Luis Palacio is with this patient now.")).to_be_visible()
    triage.get_by_role("button", name="Send to Consultation").click()


def test_a_tablet_that_slept_catches_up_by_itself(tablet: Hand, central_off: None) -> None:
    desk, triage = tablet(Role.REGISTRAR), tablet(Role.TRIAGE)
    triage.goto("/queue/?station=triage")
    sleep = triage.context.new_cdp_session(triage)
    sleep.send("Page.setWebLifecycleState", {"state": "frozen"})
    name, _visit = arrives(desk)
    sleep.send("Page.setWebLifecycleState", {"state": "active"})
    waits = triage.locator("#queue").get_by_role("listitem").filter(has_text=name)
    expect(waits).to_be_visible()


def test_a_log_out_ends_the_feed_of_every_page(tablet: Hand, posta: Posta, central_off: None) -> None:
    page = tablet(Role.TRIAGE)
    other = page.context.new_page()
    other.goto("/queue/?station=triage")
    page.get_by_text("Luis Palacio").first.click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(other.get_by_text("You are logged out. Log in again.")).to_be_visible()


def test_the_server_ends_in_time_with_streams_open(tablet: Hand, posta: Posta, central_off: None) -> None:
    page = tablet(Role.TRIAGE)
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    page.goto("about:blank")  # a page that polls a server which has gone says so on its console
    address = f"{posta.clinic.node.url}/board/live/?parts=queue:triage,status"
    with (
        httpx.Client(verify=False, trust_env=False, cookies=cookies, timeout=30) as client,  # noqa: S501  the demo's own certificate
        client.stream("GET", address) as stream,
    ):
        lines = stream.iter_lines()
        assert any(line.startswith("data: {") for line in lines)
        began = posta.clinic.log.stat().st_size
        posta.clinic.stop()
        ended = posta.clinic.log.read_text(errors="replace")[began:]
    posta.clinic.start()
    posta.clinic.await_answer()
    assert "Traceback" not in ended
    assert httpx.get(address, verify=False, trust_env=False).status_code == 401  # noqa: S501
