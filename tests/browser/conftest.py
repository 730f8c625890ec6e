"""Two real nodes and two tablets: what the walks stand on.

Lives here: `posta` (a central and a clinic as `manage.py demo` sets them up, once per run, on free ports) and
`tablet`, which hands somebody a browser of their own. Every tablet is watched: an error on its console, a
refused script or style, or a page that fails, fails the test. Not here: the walks (`test_walk.py`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from deploy.demo.check import free_ports
from deploy.demo.layout import DemoNode, Ground, ground_at
from deploy.demo.nodes import Serving, stop_all
from deploy.demo.programme import colleague
from deploy.demo.setting_up import serve, set_up_central, set_up_clinic
from registry.staff.policy import Role
from tests.chromium import start_chromium

PEOPLE: Final = 6
TABLET: Final = (800, 1280)
LAPTOP: Final = (1280, 800)
PATIENCE_MS: Final = 20_000  # two nodes, two browsers and other tests share two cores
SAID_OTHERWISE: Final = ("Failed to load resource", "htmx:sendAbort", "htmx:afterRequest")
"""An answer that failed is seen as such; a search that the next letter overtook is none."""
REFUSED_FORM: Final = {400, 422}  # a form that comes back with what is wrong: no failure


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: walks real nodes in a real browser")


@dataclass
class Posta:
    """A central and a clinic. Central is off until somebody switches it on."""

    ground: Ground
    central: Serving
    clinic: Serving

    def switch_central(self, on: bool) -> None:
        if on and not self.central.is_on:
            serve(self.central)
        elif not on:
            self.central.stop()


@pytest.fixture(scope="session")
def posta() -> Iterator[Posta]:
    with (
        tempfile.TemporaryDirectory(prefix="posta-walk-", ignore_cleanup_errors=True) as directory,
        pytest.MonkeyPatch.context() as patch,
    ):
        temporary = Path(directory) / "tmp"  # what the nodes leave there is searched as well
        temporary.mkdir()
        patch.setenv("TMPDIR", str(temporary))
        central_port, clinic_port = free_ports(2)
        ground = ground_at(Path(directory), central_port=central_port, clinic_ports=(clinic_port,))
        made = Posta(ground, *(Serving(node, ground.ca) for node in ground.nodes))
        try:
            code = set_up_central(ground)
            serve(made.central)
            set_up_clinic(ground, made.clinic.node, code, PEOPLE)
            made.central.stop()
            serve(made.clinic)
            yield made
        finally:
            stop_all([made.clinic, made.central])


@pytest.fixture
def central_off(posta: Posta) -> None:
    posta.switch_central(False)


@pytest.fixture
def central_on(posta: Posta) -> None:
    posta.switch_central(True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # The script of a service worker needs it; the switch of a context is not enough.
        yield start_chromium(playwright, "--ignore-certificate-errors")


@dataclass
class Watch:
    """What goes wrong on a tablet without anybody seeing it."""

    wrong: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._said)
        context.on("response", self._answered)
        context.on("weberror", lambda error: self.wrong.append(str(error.error)))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(SAID_OTHERWISE):
            self.wrong.append(message.text)

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in REFUSED_FORM:
            self.wrong.append(f"{response.status} {response.url}")


Hand = Callable[..., Page]


@pytest.fixture
def tablet(posta: Posta, chromium: Browser) -> Iterator[Hand]:
    """`tablet(Role.TRIAGE)` is a tablet where the triage nurse has logged in; without a role nobody has."""
    watch, opened = Watch(), list[BrowserContext]()

    def hand(
        role: Role | None = None,
        *,
        at_central: bool = False,
        at: DemoNode | None = None,
        size: tuple[int, int] = TABLET,
        scripts: bool = True,
        dark: bool = False,
    ) -> Page:
        node = at or (posta.central.node if at_central else posta.clinic.node)
        context = chromium.new_context(
            base_url=node.url,
            ignore_https_errors=True,  # the demo's own CA
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        watch.over(context)
        page = context.new_page()
        page.goto("/")
        if role is not None:
            log_in(page, role)
        return page

    yield hand
    for context in opened:
        context.close()
    assert watch.wrong == []


def log_in(page: Page, role: Role) -> None:
    """By the tile where there is one, else by the name."""
    who = colleague(role)
    tile = page.get_by_role("radio", name=who.full_name)
    if tile.count():
        tile.check()
    else:
        page.get_by_label("User name").fill(who.username)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text(who.full_name).first.wait_for()
