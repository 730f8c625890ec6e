"""Find, register, scan and print as a person does it, in a real browser on a phone's screen.

Not here: what the pages decide (`test_pages.py`, `test_family.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from registry.people.models import Patient
from registry.people.scanning import text_in
from registry.places.services import add_area
from sync.ledger.recording import Author
from sync.node import Node
from tests.chromium import start_chromium
from tests.registry.conftest import THE_NODE, Cast, browser, give_numbers, make_patient
from tests.registry.people.tablets import HOST, camera_film, tablet_of

TOO_SMALL = """() => [...document.querySelectorAll('main :is(a, button, label.choice, select, input)')]
  .filter(e => e.checkVisibility() && !e.matches('[type=hidden], [type=radio], [type=checkbox]'))
  .filter(e => { const box = e.getBoundingClientRect(); return box.height < 55.5 || box.width < 55.5 })
  .map(e => e.outerHTML.slice(0, 120))"""
STICKS_OUT = "() => document.documentElement.scrollWidth > innerWidth"
POINTS_A_MM = 72 / 25.4


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """With a camera that sees the card K7-204581-5."""
    film = camera_film("posta:number|K7-204581-5", tmp_path_factory.mktemp("camera") / "card.y4m")
    with sync_playwright() as playwright:
        yield start_chromium(
            playwright,
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        )


@pytest.fixture
def tablet(chromium: Browser, cast: Cast) -> Iterator[Page]:
    with tablet_of(chromium, browser(cast.rosa)) as page:
        yield page


def fits(page: Page) -> None:
    assert not page.evaluate(STICKS_OUT)
    assert page.evaluate(TOO_SMALL) == []


@pytest.mark.once
def test_the_camera_reads_a_card_into_the_search_box(tablet: Page, rosa: Author) -> None:
    """This browser reads no codes itself: the laptop does. Nobody here has the card, so the box keeps it."""
    tablet.goto(f"{HOST}/find/")
    fits(tablet)
    tablet.get_by_role("button", name="Scan a card").click()
    expect(tablet.locator("#q")).to_have_value("posta:number|K7-204581-5")
    expect(tablet.get_by_text("Nobody found")).to_be_visible()
    expect(tablet.get_by_role("button", name="Scan a card")).to_be_visible()


@pytest.mark.once
def test_a_scanned_card_opens_its_patient(tablet: Page, rosa: Author) -> None:
    """As a browser does that reads codes itself."""
    code = make_patient(rosa, given="Eva").provisional_code
    tablet.add_init_script(
        """globalThis.BarcodeDetector = class {
          static async getSupportedFormats() { return ["qr_code"]; }
          async detect() { return [{ rawValue: "posta:provisional|CODE" }]; }
        }""".replace("CODE", str(code))
    )
    tablet.goto(f"{HOST}/find/")
    tablet.get_by_role("button", name="Scan a card").click()
    expect(tablet.get_by_role("heading", name="Family")).to_be_visible()


@pytest.mark.once
def test_a_camera_that_is_not_there_is_said(tablet: Page) -> None:
    tablet.add_init_script("navigator.mediaDevices.getUserMedia = async () => { throw new Error('none'); }")
    tablet.goto(f"{HOST}/find/")
    tablet.get_by_role("button", name="Scan a card").click()
    expect(tablet.get_by_text("The camera does not answer.")).to_be_visible()


@pytest.mark.once
def test_likely_people_are_shown_while_one_types_and_do_not_stop_anybody(tablet: Page, rosa: Author) -> None:
    make_patient(rosa, given="Eva", family="Castillo", sex="female")
    tablet.goto(f"{HOST}/register/")
    fits(tablet)
    tablet.get_by_label("Given name").press_sequentially("Eba")
    tablet.get_by_label("Family name").press_sequentially("Castiyo")
    tablet.get_by_label("Female").check()
    tablet.get_by_label("Age", exact=True).fill("٣٦")
    likely = tablet.get_by_role("region", name="Is it one of these?")
    expect(likely).to_contain_text("Eva Castillo")
    expect(likely).to_contain_text("Name sounds alike")
    fits(tablet)
    tablet.get_by_role("button", name="Register", exact=True).click()
    expect(tablet.get_by_text("Registered:")).to_be_visible()
    assert Patient.objects.get(given_name="Eba").birth_date == date(1990, 7, 1)


@pytest.mark.once
def test_a_village_is_found_by_some_letters(tablet: Page, cast: Cast, node: Node) -> None:
    node.role = "central"
    for n in range(12):
        add_area(by=THE_NODE, name=f"Comarca {n}", code=f"C{n}")
    add_area(by=THE_NODE, name="Bahía Azul", code="BA")
    node.role = "clinic"
    tablet.goto(f"{HOST}/register/")
    tablet.get_by_label("Another village").press_sequentially("baia")
    tablet.get_by_label("Bahía Azul").check()
    tablet.get_by_label("Given name").fill("Eva")
    tablet.get_by_label("Female").check()
    tablet.get_by_label("Year", exact=True).fill("1990")
    tablet.get_by_role("button", name="Register", exact=True).click()
    expect(tablet.get_by_text("Registered:")).to_be_visible()
    shown = Patient.objects.get()
    assert shown.village is not None
    assert (shown.village.name, shown.birth_date_estimated) == ("Bahía Azul", True)
    tablet.goto(f"{HOST}/register/")
    expect(tablet.get_by_label("Bahía Azul")).to_be_visible()


@pytest.mark.parametrize(
    ("tail", "size", "pages"), [("card/", (210, 297), 1), ("label/", (62, 29), 1)], ids=["card", "label"]
)
@pytest.mark.once
def test_paper_has_the_right_size(
    tablet: Page, node: Node, rosa: Author, tail: str, size: tuple[int, int], pages: int
) -> None:
    give_numbers(node, 1)
    done = make_patient(rosa, given="María Candelaria de los Ángeles", family="Santos Quintero Montezuma")
    tablet.goto(f"{HOST}/patients/{done.patient.pk}/{tail}")
    fits(tablet)
    paper = tablet.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert len(boxes) == pages
    assert [round(float(side) / POINTS_A_MM) for side in boxes[0]] == list(size)


@pytest.mark.once
def test_nine_cards_are_two_pages(tablet: Page, rosa: Author) -> None:
    people = [make_patient(rosa, given=f"Eva {n}").patient for n in range(9)]
    tablet.goto(f"{HOST}/cards/")
    fits(tablet)
    expect(tablet.get_by_role("checkbox", checked=True)).to_have_count(8)
    for box in tablet.get_by_role("checkbox", checked=False).all():
        box.check()
    tablet.get_by_role("button", name="Show the cards").click()
    expect(tablet.locator(".pcard")).to_have_count(len(people))
    assert tablet.pdf(prefer_css_page_size=True).count(b"/MediaBox") == 2


@pytest.mark.once
def test_a_card_that_is_printed_can_be_scanned(tablet: Page, node: Node, rosa: Author) -> None:
    """What the browser draws on the label, read by the laptop as from a camera."""
    give_numbers(node, 1)
    done = make_patient(rosa, given="Eva")
    tablet.goto(f"{HOST}/patients/{done.patient.pk}/label/")
    read = tablet.evaluate(
        """async () => {
          const drawn = new XMLSerializer().serializeToString(document.querySelector(".pcard__qr svg"));
          const image = new Image();
          image.src = "data:image/svg+xml," + encodeURIComponent(drawn);
          await image.decode();
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 300;
          const pen = canvas.getContext("2d");
          pen.drawImage(image, 0, 0, 300, 300);
          return [...pen.getImageData(0, 0, 300, 300).data].filter((_, at) => at % 4 === 0);
        }"""
    )
    assert text_in(bytes(read), 300) == f"posta:number|{done.number}"
