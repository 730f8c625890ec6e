"""The wall round every answer: who may fetch it, what its page may use, what never turns a sentence round."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import base
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from deploy import environment
from deploy.templating import straight
from deploy.wall import Wall, comes_from_here
from registry.staff.policy import Role
from tests.deploy.lived_pages import LIVED
from tests.lived_in import LivedIn

pytestmark = pytest.mark.once  # what leaves the server is the same on every engine
HOSTS: Final = ("elsewhere.example", "clinic.local.evil.example", "127.0.0.1.nip.io", "[::2]", "a b")
DOORS: Final = ("/", "/account/login/", "/api/v1/schema/", "/sync/v1/hello", "/tablet/proof/", "/nowhere/")
TURNS: Final = [chr(one) for one in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]


def asked(method: str, path: str = "/", **said: str) -> HttpRequest:
    headers = {f"sec-fetch-{name}": text for name, text in said.items()}
    return RequestFactory().generic(method, path, headers=headers)


# --- who asks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_of_ours",
    [
        asked("GET"),
        asked("POST"),  # a program, or an old browser: the CSRF token decides
        asked("POST", site="same-origin", mode="navigate", dest="document"),
        asked("POST", site="same-origin", mode="cors", dest="empty"),
        asked("GET", site="none", mode="navigate", dest="document"),
        asked("GET", site="same-origin", mode="no-cors", dest="script"),
        asked("GET", site="cross-site", mode="navigate", dest="document"),  # a link leads here
        asked("HEAD", "/find/", site="same-site", mode="navigate", dest="document"),
    ],
)
def test_people_programs_and_our_own_pages_may_ask(request_of_ours: HttpRequest) -> None:
    assert comes_from_here(request_of_ours)


@pytest.mark.parametrize(
    "foreign",
    [
        asked("POST", site="cross-site", mode="navigate", dest="document"),
        asked("POST", site="same-site", mode="navigate", dest="document"),
        asked("POST", site="cross-site", mode="no-cors", dest="empty"),
        asked("GET", site="cross-site", mode="cors", dest="empty"),
        asked("GET", site="cross-site", mode="no-cors", dest="image"),
        asked("GET", site="same-site", mode="no-cors", dest="script"),
        asked("GET", "/api/v1/patients/", site="cross-site", mode="navigate", dest="document"),
        asked("GET", site="cross-site", mode="navigate", dest="iframe"),
        asked("GET", site="same-origin", mode="navigate", dest="iframe"),
        asked("GET", site="same-origin", mode="no-cors", dest="embed"),
    ],
)
def test_foreign_pages_and_frames_may_not(foreign: HttpRequest) -> None:
    """H12: what another page makes the browser fetch is refused before anything is done."""
    assert not comes_from_here(foreign)


@pytest.mark.django_db
def test_the_refusal_says_that_nothing_happened(client: Client) -> None:
    answer = client.post("/account/login/", secure=True, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign-page")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/static/css/base.css", "/account/login/", "/api/v1/schema/", "/nowhere/"])
def test_every_answer_is_for_our_own_pages_only(client: Client, path: str) -> None:
    answer = client.get(path, secure=True)
    answer.close()
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in answer.headers  # nobody asked for it
    allowed = dict(one.split("=") for one in answer.headers["Permissions-Policy"].split(", "))
    assert allowed["camera"] == allowed["geolocation"] == "(self)"
    assert allowed["microphone"] == allowed["usb"] == allowed["payment"] == "()"
    foreign = client.get(
        path, secure=True, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    )
    assert foreign.status_code == 403


@pytest.mark.django_db
def test_a_form_without_its_token_changes_nothing() -> None:
    """H12: a forged form, from an old browser that does not say where it comes from."""
    strict = Client(enforce_csrf_checks=True)
    for address in ("/account/login/", "/register/", "/i18n/setlang/", "/tablets/add/", "/sync/now/"):
        assert strict.post(address, {"language": "es"}, secure=True).status_code == 403, address


@pytest.mark.django_db
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", DOORS)
def test_any_other_host_is_refused_at_every_door(client: Client, host: str, path: str) -> None:
    """H12: a name that somebody points at the laptop."""
    answer = client.get(path, secure=True, headers={"host": host})
    assert answer.status_code == 400
    assert host not in answer.content.decode()


# --- what pages may do --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_text_becomes_a_script_nowhere_and_refusals_are_told(client: Client) -> None:
    policy = client.get("/account/login/", secure=True).headers["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'" in policy
    assert "trusted-types default posta-worker" in policy
    assert f"report-uri {reverse('blocked-report')}" in policy


def test_cookies_are_for_this_host_and_this_port() -> None:
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
        assert name.startswith("__Host-")
        assert name.endswith(f"_{settings.POSTA_PORT}")
    assert settings.SESSION_COOKIE_PATH == settings.CSRF_COOKIE_PATH == "/"
    assert settings.SESSION_COOKIE_DOMAIN is None
    assert settings.CSRF_COOKIE_DOMAIN is None


@pytest.mark.django_db
def test_the_cookies_are_set_as_their_name_demands(client: Client) -> None:
    """A browser throws a `__Host-` cookie away that is not secure, or not for the whole host."""
    said = client.get("/account/login/", secure=True).cookies
    ours = [morsel for name, morsel in said.items() if name.startswith("__Host-")]
    assert len(ours) == 2  # CSRF and the device's label
    for morsel in ours:
        assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", "")
        assert (morsel["httponly"], morsel["samesite"]) == (True, "Strict")


@pytest.mark.parametrize(("value", "days"), [("no", 0), ("yes", 180)])
def test_https_for_good_is_the_deployments_choice(value: str, days: int) -> None:
    assert environment.hsts({"POSTA_HSTS": value}) is bool(days)
    assert environment.hsts({}) is False


@pytest.mark.django_db
def test_https_for_good_is_said_with_every_answer(settings: Settings) -> None:
    settings.SECURE_HSTS_SECONDS = 15_552_000
    for path in ("/account/login/", "/api/v1/sync/", "/sync/v1/hello", "/nowhere/"):
        answer = Client().get(path, secure=True)
        assert answer.headers["Strict-Transport-Security"] == "max-age=15552000"


# --- nothing stays on the tablet's disk ---------------------------------------------------------------------


def _addresses(patterns: list[Any], before: str = "") -> list[str]:
    """Every address without a variable part."""
    found = []
    for one in patterns:
        said = before + str(one.pattern)
        if isinstance(one, URLResolver):
            found += _addresses(one.url_patterns, said)
        elif isinstance(one, URLPattern) and not set("<(") & set(said):
            found.append("/" + said.replace("^", "").replace("$", "").replace("\\Z", ""))
    return found


NO_DATA: Final = {"/worker.js"}  # the same for everybody


@pytest.mark.parametrize("role", [None, Role.COORDINATOR, Role.PROVIDER, Role.PHARMACIST])
def test_no_page_may_be_kept_by_the_browser(lived: LivedIn, role: Role | None) -> None:
    addresses = [one for one in _addresses(get_resolver().url_patterns) if "logout" not in one]
    assert len(addresses) > 60
    kept = []
    for address in addresses:
        answer = lived.answer(role, address)
        if "no-store" not in answer.headers.get("Cache-Control", "") and address not in NO_DATA:
            kept.append(address)
    assert kept == []


@pytest.mark.parametrize("name", LIVED)
def test_no_page_in_use_may_be_kept_by_the_browser(lived: LivedIn, name: str) -> None:
    look = LIVED[name]
    with lived.at(central=look.central):
        address = reverse(look.url_name, args=look.find())
        posted = look.posted() if look.posted else None
    answer = lived.answer(look.role, address, central=look.central, posted=posted)
    assert "no-store" in answer.headers["Cache-Control"]


# --- direction ----------------------------------------------------------------------------------------------


@given(st.text(alphabet=st.sampled_from([*TURNS, "a", "ب", "<", "&", "\u200f"])))
def test_nothing_that_turns_is_left_and_everything_else_stays(text: str) -> None:
    assert straight(text) == "".join(letter for letter in text if letter not in TURNS)


@pytest.mark.parametrize("said", ["&#8238;", "&#x202e;", "&#X00202E", "&#8294;", "&#x2069;"])
def test_references_turn_nothing_either(said: str) -> None:
    assert straight(f"a{said}b") == "ab"
    assert straight("&#8237x &#160; &#x20;") == "x &#160; &#x20;"


def test_every_template_of_every_room_goes_through_it() -> None:
    """H12: whatever field somebody typed it into, and whichever room prints it."""
    said = "Jo\u202egnp.exe\u2066"
    context = {"problem": {"title": said}, "text": said, "state": "done", "likely": []}
    for template in ("problem.html", "ui/sentence.html", "people/_likely.html"):
        html = render_to_string(template, context)
        assert not set(TURNS) & set(html)
    assert [one["BACKEND"] for one in settings.TEMPLATES] == ["deploy.templating.StraightTemplates"]


@pytest.mark.parametrize("name", LIVED)
def test_no_value_on_any_page_in_use_turns_the_sentence_round(
    lived: LivedIn, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H12: as if somebody had typed a right-to-left override into every field there is."""
    plain, turned = base.render_value_in_context, []

    def turning(value: Any, context: Any) -> str:
        turned.append(value)
        return SafeString(f"\u202e{plain(value, context)}\u2066")

    monkeypatch.setattr(base, "render_value_in_context", turning)
    html = LIVED[name].html(lived)
    assert turned
    assert not set(TURNS) & set(html)


def test_a_view_that_answers_by_itself_is_judged_too() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("x")

    answer = Wall(view)(asked("GET"))
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
