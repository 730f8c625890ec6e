"""Every page of the first release, with a context as its template's first lines ask for it.

Not here: what is in the contexts (`specimen_people.py`, `specimen_sync.py`), what the pages must be like
(`test_pages.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message

from clinic.forms.stage_form import build_form
from clinic.programs import document
from clinic.programs.definition import resolve
from registry.access.forms import ReasonForm
from registry.staff.shift_views import NewPinForm, PinForm
from tests.deploy import specimen_back_in, specimen_laptop
from tests.deploy.specimen_forms import CodeForm, EditForm, Identifiers, LoginForm, NodeForm, PersonForm
from tests.deploy.specimen_people import ARABIC, LATIN, Names, ago
from tests.deploy.specimen_sync import Specimens
from tests.deploy.specimen_tablets import of_coordinators, of_strangers

__all__ = ["ARABIC", "LATIN", "Names", "Page", "Specimens", "pages"]

PROGRAMS = settings.BASE_DIR / "clinic" / "programs" / "examples"


@dataclass(frozen=True)
class Page:
    """One page to draw: its template and what the view would give it."""

    template: str
    context: dict[str, Any]


def _stage(made: Specimens, program: str) -> Page:
    definition = resolve(document.read_document((PROGRAMS / f"{program}.json").read_bytes())).stages[0]
    stage = {"id": definition.uid, "name": definition.name, "description": definition.description}
    context = {
        "visit": made.visit,
        "person": made.mother,
        "alerts": made.alerts,
        "stage": stage,
        "form": build_form(definition),
        "version": "s-token",
        "draft": {"id": "d-1", "at": ago(12), "address": "/visit-stage/v/s/", "sentence": ""},
    }
    return Page("visits/stage.html", context)


def _reason(made: Specimens, form: ReasonForm) -> Page:
    context = {"someone": made.mother, "place": made.names.node, "form": form, "next": "/patient/p/"}
    return Page("access/reason.html", context)


def _tablet_pages(made: Specimens) -> dict[str, Page]:
    typed = [("complaint", made.names.village), ("weight", "61")]
    draft = {
        "pk": "d-1",
        "title": made.names.mother,
        "at": ago(12),
        "address": "/register/",
        "answers": typed,
    }
    sent = draft | {"pk": "d-2", "sentence": "Something in it needs another look."}
    titles = {"lost": "The clinic laptop does not answer", "unsent": "This was not saved"}
    titles |= {"kept": "Kept on this tablet", "left": "You are logged out"}
    return {
        "kept": Page("tablet/kept.html", {"drafts": [sent, draft]}),
        "kept-nothing": Page("tablet/kept.html", {"drafts": []}),
        **{name: Page(*page) for name, page in of_coordinators(made.names).items()},
        **{name: Page(*page) for name, page in specimen_laptop.of_coordinators(made.names).items()},
        **{name: Page(*page) for name, page in specimen_back_in.of_clinics(made.names).items()},
        **{
            f"without-laptop-{why}": Page("tablet/without_laptop.html", {"why": why, "title": title})
            for why, title in titles.items()
        },
    }


def _shift_pages(made: Specimens) -> dict[str, Page]:
    log_in = {"device": "Chrome on Android", "since": ago(200), "seen": ago(2), "this": False}
    colleague = {"role": "Nurse", "locked": False, "me": False, "two_steps": False, "log_ins": [log_in]}
    nurse, doctor = ({"id": one, "name": name} for one, name in (("s1", made.names.nurse), ("s2", "Efraín")))
    team = [colleague | doctor | {"locked": True, "two_steps": True, "log_ins": []}, colleague | nurse]
    team[1] |= {"provisional": True}
    return {
        "my-pin": Page("staff/my_pin.html", {"form": NewPinForm(), "shift": {"ends_at": ago(-600)}}),
        "full-login": Page("staff/full_login.html", {"form": LoginForm(), "name": made.names.nurse}),
        "team": Page("staff/team.html", {"team": team, "may_add": True}),
        **_second_steps(),
    }


def _second_steps() -> dict[str, Page]:
    """allauth's pages of the second step, with our words."""
    asked = {"form": CodeForm()}
    picture = {"totp_svg_data_uri": "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'/>"}
    refused = CodeForm({})
    return {
        "my-password": Page("account/reauthenticate.html", {"form": LoginForm()}),
        "my-code": Page("mfa/authenticate.html", asked),
        "my-code-again": Page("mfa/reauthenticate.html", asked),
        "two-steps": Page("mfa/index.html", {"authenticators": {"totp": True}}),
        "two-steps-none": Page("mfa/index.html", {"authenticators": {}}),
        "two-steps-set-up": Page("mfa/totp/activate_form.html", asked | picture),
        "two-steps-without": Page("mfa/totp/deactivate_form.html", {"form": CodeForm({"code": "1"})}),
        "two-steps-needed": Page("mfa/totp/deactivate_form.html", {"form": refused}),
        "recovery-codes": Page("mfa/recovery_codes/index.html", {"unused_codes": ["84afe1c2", "0b77d9e1"]}),
        "recovery-codes-new": Page("mfa/recovery_codes/generate.html", {}),
    }


def _clinic_pages(made: Specimens) -> dict[str, Page]:
    found = {"q": "Santos", "results": made.results(), "more": True}
    wrong = PersonForm({"given_name": "", "sex": "", "age_years": "x"})
    new = {"form": PersonForm(), "identifiers": Identifiers(), "likely": []}
    edit = EditForm(initial={"given_name": made.names.mother, "sex": "female", "phone": "+507 6612 0045"})
    saved = [Message(constants.SUCCESS, "Saved on the clinic laptop.")]
    return {
        "home": Page("home.html", {"waiting": 23, "seen": 41, "work": {"unsent": 24, "needs_you": 2}}),
        "station": Page("staff/station.html", {"stations": made.stations}),
        "me": Page(
            "staff/me.html",
            {
                "staff": {
                    "name": made.names.nurse,
                    "username": "rosa",
                    "role": "Nurse",
                    "facilities": [made.names.node],
                },
                "offline_until": ago(-40_000),
                "sessions": [{"id": "1", "device": "tablet-3", "since": ago(200), "this": True}],
            },
        ),
        **_shift_pages(made),
        "find": Page("people/find.html", {"q": "", "results": None, "more": False, "may_register": True}),
        "find-results": Page("people/find.html", found),
        "find-nobody": Page("people/find.html", {"q": "Xyz", "results": [], "more": False}),
        "register": Page("people/register.html", new),
        "register-wrong": Page("people/register.html", new | {"form": wrong}),
        "register-likely": Page("people/register.html", new | {"likely": made.results()[:2]}),
        "edit": Page(
            "people/edit.html",
            {"person": made.mother, "form": edit, "identifiers": Identifiers(), "version": "p"},
        ),
        "patient": Page("people/patient.html", made.patient() | {"messages": saved}),
        "patient-new": Page(
            "people/patient.html",
            made.patient()
            | {
                "person": made.child,
                "open_visit": None,
                "timeline": [],
                "enrollments": [],
                "contested": [],
                "alerts": [],
            },
        ),
        "history": Page("people/history.html", made.history()),
        "reason": _reason(made, ReasonForm()),
        "reason-wrong": _reason(made, ReasonForm({"reason": "", "note": "x" * 300})),
        "queue": Page("visits/queue.html", made.queue()),
        "queue-empty": Page(
            "visits/queue.html", {"stations": made.stations, "station": made.stations[0], "digests": {}}
        ),
        "board": Page("board/board.html", made.board()),
        "day-open": Page("board/day.html", made.day(False)),
        "day-close": Page("board/day.html", made.day(True)),
        "visit": Page("visits/visit.html", made.one_visit()),
        "stage": _stage(made, "outpatient"),
        "stage-kinds": _stage(made, "field_kinds"),
        "sync-run": Page("sync/status.html", made.sync()),
        "sync-done": Page(
            "sync/status.html",
            made.sync(
                verdict="done",
                records={"total": 142, "at_central": 142},
                run=None,
                status={
                    "link": {"state": "up", "since": ago(6), "reason": ""},
                    "unsent": 0,
                    "quarantined": 0,
                    "held": 0,
                    "conflicts": 0,
                    "last_good_sync": ago(1),
                    "numbers_left": 312,
                    "clock_offset_s": 0,
                    "last_attempt": {"at": ago(1), "outcome": "Complete", "reason": ""},
                },
            ),
        ),
        "sync-first": Page(
            "sync/status.html",
            made.sync(
                verdict="waiting",
                records={"total": 3, "at_central": 0},
                run=None,
                receipts=[],
                status={
                    "link": {"state": "never", "since": None, "reason": ""},
                    "unsent": 3,
                    "quarantined": 0,
                    "held": 0,
                    "conflicts": 0,
                    "last_good_sync": None,
                    "last_attempt": None,
                    "numbers_left": None,
                    "clock_offset_s": None,
                },
            ),
        ),
        "review": Page("review/list.html", made.review()),
        "review-empty": Page("review/list.html", {"conflicts": [], "quarantined": [], "held": []}),
        "conflict": Page("review/conflict.html", made.conflict()),
        "conflict-wrong": Page("review/conflict.html", made.conflict(note="?")),
        "quarantine": Page("review/quarantine.html", made.quarantine()),
        "quarantine-after-end": Page("review/quarantine.html", made.after_end()),
        "quarantine-elsewhere": Page("review/quarantine.html", made.after_end() | {"decides": False}),
        "problem": Page(
            "problem.html",
            {
                "problem": {
                    "status": 409,
                    "title": "Central has not answered",
                    "detail": "Central has not answered since 10:42.",
                    "safe": "Your note is saved on the clinic laptop. Nothing to do.",
                }
            },
        ),
    }


def pages(names: Names = LATIN) -> dict[str, Page]:
    """Every page by a short name."""
    made = Specimens(names)
    people = [
        {"username": "rosa", "name": names.nurse, "role": "Nurse"},
        {"username": "ana", "name": names.registrar, "role": "Registrar"},
        {"username": "efrain", "name": names.father, "role": "Doctor"},
    ]
    tiles = [one | {"id": one["username"], "pin": one["username"] == "rosa"} for one in people]
    strangers = {
        "switch": Page("staff/switch.html", {"here": tiles[:1], "others": tiles[1:]}),
        "switch-person": Page(
            "staff/switch_person.html",
            {"form": PinForm({"pin": ""}), "name": names.nurse, "username": "rosa", "staff_id": "rosa"},
        ),
        "login": Page("account/login.html", {"form": LoginForm(), "offline": True}),
        "login-tiles": Page("account/login.html", {"form": LoginForm({"password": ""}), "people": people}),
        "login-call": Page(
            "account/login.html",
            {"form": LoginForm({"password": ""}), "people": people, "call": specimen_back_in.call(names)},
        ),
        "logout": Page("account/logout.html", {}),
        **{name: Page(*page) for name, page in of_strangers().items()},
        **{status: Page(f"{status}.html", {}) for status in ("400", "403", "403_csrf", "404", "500")},
    }
    central = {
        "central-home": Page("home.html", {"nodes_total": 14, "nodes_silent": 2, "reviews": 5}),
        "central-nodes": Page("central/nodes.html", made.nodes()),
        "central-node": Page("central/node.html", made.node()),
        **{name: Page(*page) for name, page in specimen_laptop.of_the_office(names).items()},
        **{name: Page(*page) for name, page in specimen_back_in.of_the_office(names).items()},
        "late-backups": Page(
            "home.html",
            {
                "shell": made.shell() | {"worry": "The second place has no backup of the last hours."},
                "waiting": 23,
                "seen": 41,
                "work": {"unsent": 24, "needs_you": 2},
            },
        ),
        "central-empty": Page("central/nodes.html", {"nodes": [], "form": NodeForm(), "enrolled": None}),
    }
    stranger = {"node_name": names.node, "role": "clinic", "person": None}
    shells = [
        (strangers, stranger),
        (_clinic_pages(made) | _tablet_pages(made), made.shell()),
        (central, made.shell("central")),
    ]
    return {
        name: Page(page.template, {"shell": shell} | page.context)
        for group, shell in shells
        for name, page in group.items()
    }
