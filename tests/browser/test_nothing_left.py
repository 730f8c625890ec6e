"""Planted words are looked for wherever a thief of the laptop, a backup or a tablet could look.

A program registers nobody right and somebody with a photo; somebody logs in on a tablet with a disk of its
own, registers a person, writes what hurts, takes turns with a PIN, logs out; backup and sync run. Then every
byte of both nodes' directories and temporary files, backups, logs, of what went through the broker, and of
the tablet's disk is searched. Not here: memory and swap, which the operating system keeps.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import sqlite3
import ssl
import subprocess
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx
import redis
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from deploy.demo.layout import DemoNode
from deploy.demo.nodes import run_step
from deploy.demo.programme import colleague
from registry.staff.policy import Role
from sync.vault.broker import socket_path
from tests.browser.conftest import PATIENCE_MS, TABLET, Posta, log_in
from tests.browser.steps import (
    open_stage,
    save,
    search,
    start_visit,
    walked,
)
from tests.browser.test_shift_change import choose_pin, leave, menu
from tests.chromium import QUIET, where_chromium_is

pytestmark = walked

GIVEN, FAMILY = "Quetzalñahua", "Ixtlilcanarió"
OTHER, ELSE = "Cuauhcanaria", "Kanarievogelsang"
PHONE, MOBILE, CARD, PIN = "61230987654", "60981237645", "KANARIE-7716", "730418"
COMPLAINT, NOT_SENT = "Tzapotlán-dolor-de-canario", "Nezahualcanario-borrador"
WRONG = "zacatl-ocelotl-falsch"
PHOTO_FILE, IN_EXIF = "canario-foto.jpg", "EXIF-KANARIENVOGEL"
END: Final = "the day is over"
UNPACKED: Final = 4 * 1024 * 1024


# --- searching -------------------------------------------------------------------------------------------


def spellings(word: str) -> list[bytes]:
    """As programs keep text: itself, in JSON, addresses and pages, escaped, and wherever base64 begins."""
    plain, wide = word.encode(), word.encode("utf-16-le")
    text = [word, json.dumps(word)[1:-1], quote(word), html.escape(word), repr(plain)[2:-1]]
    return [*(one.encode() for one in text), wide, plain.hex().encode(), *in_base64(plain), *in_base64(wide)]


def in_base64(plain: bytes) -> list[bytes]:
    """What is left of it in the middle of other bytes."""
    return [base64.b64encode(b"\0" * at + plain)[4 if at else 0 : -4] for at in range(3)]


def is_in(content: bytes, word: str) -> bool:
    """Case is nothing; a PIN is no part of a longer number: those are everywhere."""
    if word.isdigit():
        plain, wide = word.encode(), re.escape(word.encode("utf-16-le"))
        alone = rb"(?<!\d)" + plain + rb"(?!\d)|(?<!\d\0)" + wide + rb"(?!\d\0)"
        return re.search(alone, content) is not None
    return any(one.lower() in content for one in dict.fromkeys(spellings(word)))


def unpacked(content: bytes) -> bytes:
    """What browsers and servers keep is often compressed."""
    found = [content]
    for start in re.finditer(rb"\x1f\x8b\x08", content):
        with suppress(zlib.error):
            found.append(zlib.decompressobj(31).decompress(content[start.start() :], UNPACKED))
    return b"\n".join(found).lower()


def finds(content: bytes, words: Mapping[str, str]) -> list[str]:
    whole = unpacked(content)
    return [name for name, word in words.items() if is_in(whole, word)]


def finds_in(home: Path, words: Mapping[str, str]) -> list[str]:
    """Which word lies in which file."""
    found = []
    for path in sorted(home.rglob("*")):
        with suppress(FileNotFoundError):  # nodes that run tidy up
            if path.is_file() and not path.is_symlink():
                found += [f"{name} in {path.relative_to(home)}" for name in finds(path.read_bytes(), words)]
    return found


def plant(home: Path, words: Mapping[str, str]) -> list[str]:
    """Each word in each spelling; answers what a search must find. The planted files are gone afterwards."""
    for name, word in words.items():
        forms = spellings(word)[:1] if word.isdigit() else spellings(word)
        forms.append(gzip.compress(f"Vary: {word}".encode()))
        for number, form in enumerate(forms):
            (home / f"planted-{name}-{number}").write_bytes(b"\x81\xff" + form + b"\0\x99")
    planted = sorted(home.glob("planted-*"))
    found = finds_in(home, words)
    for path in planted:
        path.unlink()
    assert found == [f"{path.name.split('-')[1]} in {path.name}" for path in planted]
    return found


# --- the day ---------------------------------------------------------------------------------------------


@contextmanager
def listening(node: DemoNode) -> Iterator[list[str]]:
    """Everything that goes through a node's broker."""
    heard: list[str] = []
    address = str(socket_path(node.directory))
    with redis.Redis(unix_socket_path=address) as client, client.monitor() as monitor:

        def listen() -> None:
            for told in monitor.listen():
                heard.append(told["command"])
                if END in told["command"]:
                    return

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield heard
        finally:
            with redis.Redis(unix_socket_path=address) as other:
                other.echo(END)
            listener.join()


def photo() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = IN_EXIF
    out = BytesIO()
    Image.effect_noise((300, 300), 60).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def a_program_works(posta: Posta, token: str) -> None:
    """It finds, registers, attaches, and is refused with the names in its hands."""
    trust = ssl.create_default_context(cafile=str(posta.ground.ca))
    url = posta.clinic.node.url
    with httpx.Client(base_url=url, verify=trust, trust_env=False, timeout=60) as client:

        def ask(method: str, address: str, expected: int, **said: Any) -> Any:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
            answer = client.request(method, f"/api/v1/{address}", headers=headers, **said)
            assert answer.status_code == expected, answer.text
            return answer.json()

        pairs = [{"system": "passport", "value": CARD}]
        person = {"given_name": OTHER, "family_name": ELSE, "sex": "female", "age_years": 31}
        made = ask("POST", "patients/", 201, json={**person, "phone": PHONE, "identifiers": pairs})
        assert ask("GET", "patients/", 200, params={"q": f"{OTHER} {ELSE}"})["results"]
        ask("POST", "patients/", 400, json={**person, COMPLAINT: ELSE})
        ask("PATCH", f"patients/{made['id']}/", 400, json={"version": ELSE, "family_name": ELSE * 40})
        said = {"patient": made["id"], "kind": "photo"}
        ask("POST", "attachments/", 201, data=said, files={"file": (PHOTO_FILE, photo(), "image/jpeg")})
        client.get(f"/patients/{quote(GIVEN)}/")


def sessions(page: Page) -> dict[str, str]:
    """The log-in that the tablet holds now."""
    held = [one["value"] for one in page.context.cookies() if "session" in one["name"]]
    return {f"session {value[:4]}": value for value in held}


def a_person_works(page: Page) -> dict[str, str]:
    """On one tablet, from a mistyped password to the log-out; answers the log-ins it held."""
    nurse = colleague(Role.TRIAGE)
    page.goto("/account/login/")
    page.get_by_role("link", name="Someone else").click()
    page.get_by_label("User name").fill(nurse.username)
    page.get_by_label("Password").fill(WRONG)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Please check this").wait_for()
    log_in(page, Role.TRIAGE)
    choose_pin(page, PIN)
    held = sessions(page)
    search(page, f"{GIVEN} {FAMILY}")
    page.get_by_role("link", name="Register a new patient").click()
    page.get_by_label("Female").check()
    page.get_by_label("Age", exact=True).fill("31")
    page.get_by_label("Phone").fill(MOBILE)
    page.get_by_role("button", name="Register", exact=True).click()
    page.get_by_role("main").get_by_role("status").wait_for()
    visit = start_visit(page)
    open_stage(page, "Triage")
    page.get_by_label("Main complaint").fill(COMPLAINT)
    save(page)
    page.goto(visit)
    expect(page.get_by_role("main")).to_contain_text(COMPLAINT)
    open_stage(page, "Triage")
    with page.expect_response(re.compile("/tablet/drafts/")):
        page.get_by_label("Main complaint").fill(NOT_SENT)
    leave(page)
    page.get_by_role("link", name=re.compile(nurse.full_name)).click()
    for digit in PIN:
        page.locator("[data-pad]").get_by_role("button", name=digit, exact=True).click()
    expect(page.locator(".menu__person")).to_have_text(nurse.full_name)
    held |= sessions(page)
    page.goto("/find/")
    menu(page)
    page.get_by_role("button", name="Log out", exact=True).click()
    page.get_by_label("Password").or_(page.get_by_role("heading", name="Who is here?")).first.wait_for()
    assert len(held) == 2
    return held


def a_tablet_works(chromium: Browser, posta: Posta, disk: Path) -> dict[str, str]:
    """It is switched on, worked on and switched off."""
    context = chromium.browser_type.launch_persistent_context(
        str(disk),
        executable_path=where_chromium_is(),
        args=[*QUIET, "--ignore-certificate-errors"],
        base_url=posta.clinic.node.url,
        ignore_https_errors=True,
        viewport={"width": TABLET[0], "height": TABLET[1]},
    )
    try:
        context.set_default_timeout(PATIENCE_MS)
        return a_person_works(context.pages[0])
    finally:
        context.close()


def kept_cookies(disk: Path) -> set[str]:
    """Their names: the browser keeps the values in a cipher that would hide them from a search."""
    found = set()
    for path in disk.rglob("Cookies"):
        with sqlite3.connect(path) as database:
            found |= {name for (name,) in database.execute("select name from cookies")}
    return found


def command_lines(home: Path) -> str:
    """What every process of these nodes shows to whoever lists them: its arguments and environment."""
    listed = subprocess.run(["ps", "axeww", "-o", "args="], text=True, capture_output=True, check=True)
    return "\n".join(line for line in listed.stdout.splitlines() if str(home) in line)


def test_the_search_finds_what_lies_there(tmp_path: Path) -> None:
    """H13: otherwise an empty search would prove nothing."""
    words = {"name": GIVEN, "note": COMPLAINT, "pin": PIN}
    assert len(plant(tmp_path, words)) == 2 * 14 + 2
    assert finds(f"408213{PIN}".encode(), words) == []


def test_nothing_of_a_day_lies_anywhere(
    posta: Posta, chromium: Browser, central_on: None, tmp_path: Path
) -> None:
    """H13: databases and their write-ahead logs, files, temporary files, backups, logs, broker, tablet."""
    clinic, home = posta.clinic.node, posta.ground.directory
    words = {
        "given": GIVEN, "family": FAMILY, "other": OTHER, "else": ELSE, "phone": PHONE, "mobile": MOBILE,
        "card": CARD, "pin": PIN,
        "note": COMPLAINT, "draft": NOT_SENT, "password": colleague(Role.TRIAGE).password,
        "mistyped": WRONG, "file": PHOTO_FILE, "camera": IN_EXIF,
    }  # fmt: skip
    with listening(clinic) as heard:
        rosa = colleague(Role.REGISTRAR).username
        words["token"] = run_step(clinic, "issue_token", rosa, "--json")["token"]
        a_program_works(posta, words["token"])
        words |= a_tablet_works(chromium, posta, tmp_path)
        run_step(clinic, "backup", "--json")
        run_step(clinic, "sync", "--json")
        told = command_lines(home)
    assert run_step(clinic, "sync_status", "--json")["unsent"] == 0  # it is all at central as well

    lying = [path for path in home.rglob("*") if path.is_file()]
    here = {path.name for path in lying if clinic.directory in path.parents}
    assert {"posta.db", "posta.db-wal", "serve.log"} <= here
    assert any("backups" in path.parts for path in lying)
    assert any("BRPOP" in command.upper() for command in heard)
    assert str(clinic.directory) in told
    assert finds_in(home, words) == []
    assert finds_in(tmp_path, words) == []
    assert finds("\n".join([*heard, told]).encode(), words) == []
    assert not any("session" in name for name in kept_cookies(tmp_path))
    assert len(plant(clinic.directory, words)) > 100
