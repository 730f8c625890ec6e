"""What people do on a tablet, said once for all walks.

Lives here: names nobody else bears (`a_name`), and the steps that several walks take: search, register,
begin a visit, fill a stage, save, sync, decide. Not here: the nodes and tablets (`conftest.py`), and
what is promised (`test_walk.py` and its neighbours).
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

walked: Final = [
    pytest.mark.browser,
    pytest.mark.skipif(
        os.environ.get("POSTA_TEST_ENGINE") == "postgres",
        reason="the nodes of the walk bring embedded databases of their own; once is enough",
    ),
]
NAMES: Final = re.split(
    r",\s+",
    """Zulema Quintanar, Hortensia Villafañe, Wilfrido Ochoa, Ubaldo Belgrano, Yamileth Feuillet,
    Jacinta Kantule, Quirino Tejada, Ximena Abadía, Froilán Mudarra, Gumersinda Pitti,
    Nereida Bultrón, Leovigildo Samudio, Dídimo Hassán, Evangelina Cruz, Brunilda Wachong,
    Ñuflo Yángüez, Petronila Uribe, Casimiro Zeledón, Obdulia Njoroge, Isidro Bakhtin,
    Filomena Okafor, Telésforo Lindqvist, Genoveva Xirinachs, Plutarco Etxeberria,
    Hermelinda Vukovic, Anacleto Dlamini, Rosaura Pfeiffer, Saturnino Gbeho, Clodomira Ishikawa,
    Baldomero Achterberg, Delfina Mwangi, Eleuterio Sjöberg, Ifigenia Rasmussen, Macedonio Thapa,
    Nicanora Wojcik, Olegario Fitzroy, Perpetua Kowalczyk, Sinforoso Ngata, Anacleta Borbua, Fidelina Casco,
    Rigoberto Luna, Celestina Mejicano, Porfirio Tuñón, Isaura Guainora, Eudocia Membache""",
)


def _endless() -> Iterator[str]:
    """After these come words that nobody bears, for a run that meets more people than we thought of."""
    yield from NAMES
    chance = random.Random(7)
    while True:
        made = (
            "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(4)) for _ in "12"
        )
        yield " ".join(made).title()


_names = _endless()


def a_name() -> str:
    """Somebody nobody has met, unlike everybody else here."""
    return next(_names)


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def search(page: Page, text: str) -> None:
    page.get_by_role("link", name="Find", exact=True).click()
    page.get_by_label("Name, phone, number or card").press_sequentially(text)


def register(page: Page, name: str, *, card: str = "") -> str:
    """Search, find nobody, register. Answers the number for the card."""
    search(page, name)
    expect(page.get_by_text("Nobody found")).to_be_visible()
    page.get_by_role("link", name="Register a new patient").click()
    page.get_by_label("Female").check()
    page.get_by_label("Age", exact=True).fill("31")
    if card:
        page.get_by_label("Kind of number").select_option("Identity card")
        page.get_by_role("textbox", name="Number", exact=True).fill(card)
    page.get_by_role("button", name="Register").click()
    said = main(page).get_by_role("status").filter(has_text="Registered: ").inner_text()
    return said.removeprefix("Registered: ")


def start_visit(page: Page) -> str:
    """From the patient's page; answers the visit's address."""
    page.get_by_role("button", name="General OPD").click()
    expect(page.get_by_text("The visit has begun.")).to_be_visible()
    return page.url


def open_stage(page: Page, name: str) -> None:
    section = page.get_by_role("region", name="To do in this visit")
    section.get_by_role("link", name=re.compile(f"^{name}")).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.wait_for_load_state()  # nobody types before the page listens


def tap_save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def save(page: Page) -> None:
    """The form goes after the tablet has asked whether the laptop is there: wait for what comes back."""
    with page.expect_navigation():
        tap_save(page)


def until(holds: Callable[[], bool], what: str, within: float = 40) -> None:
    """Try again until it holds: for what two machines do between themselves."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, what


def decide(page: Page, name: str, values: tuple[str, ...], *, right: str) -> None:
    """Settle the question about somebody on the review page."""
    page.goto("/review/")
    row = page.get_by_role("link", name=re.compile(name))
    for value in values:
        expect(row).to_contain_text(value)
    row.click()
    page.get_by_role("radio", name=re.compile(f"^{right}")).check()
    page.get_by_label("Why?").fill("Asked again.")
    page.get_by_role("button", name="Save the decision").click()
    expect(page.get_by_text("Decided. All values stay in the history.")).to_be_visible()


def figures(page: Page) -> tuple[int, int]:
    """Of how many records how many are at central, as the page says."""
    found = re.search(r"(\d+) of (\d+)\s+records are at central", main(page).inner_text())
    assert found is not None
    return int(found[1]), int(found[2])


def sent_of(page: Page, group: str) -> Locator:
    """How far one upload group is, on the sync page."""
    groups = page.get_by_role("region", name="What is sent, group by group")
    return groups.get_by_role("listitem").filter(has=page.get_by_text(group, exact=True))


def sync_now(page: Page) -> None:
    """Press the button until the page says that everything is at central."""

    def safe() -> bool:
        page.goto("/sync/")
        button = page.get_by_role("button", name="Sync now")
        if button.is_visible():
            button.click()
        page.get_by_role("button", name="Sync now").wait_for()
        there, total = figures(page)
        return there == total

    until(safe, "not everything has reached central")
