"""What rooms put on pages that are not theirs: panels of a patient or a visit, alerts, navigation.

Lives here: the three lists, filled by each room when the app starts (`AppConfig.ready`) and read by whoever
draws the page. A page that nobody filled stays as it is. Not here: any of the panels, the frame
(`templates/base.html`, `deploy/context.py`).
Read next: `clinic/visits/shapes.py`, which draws them on the patient's and the visit's page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from django.http import HttpRequest
from django.utils.functional import Promise

from registry.people.models import Patient
from registry.staff.policy import Authority, Role

Place: TypeAlias = Literal[
    "patient.main",
    "patient.side",
    "patient.actions",
    "patient.photo",
    "register.photo",
    "visit.main",
    "visit.side",
    "visit.end",
    "home",
    "coordinator",
]
Text: TypeAlias = "str | Promise"


@dataclass(frozen=True, slots=True)
class Panel:
    """A template and what it prints; the template sees `panel.context` as `panel`, and nothing else."""

    template: str
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """What must be seen before anything else: a text and a state (`danger`, `needs-you`, `waiting`)."""

    text: str
    state: str


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page of the navigation. `order`: the first ones stand in the bar, the others under *More*."""

    url_name: str
    icon: str
    word: Text
    order: int
    may: Callable[[Authority], bool]
    roles: frozenset[str]
    first_for: frozenset[Role] = frozenset()


PanelMaker: TypeAlias = "Callable[[HttpRequest, Any], Panel | None]"
AlertMaker: TypeAlias = "Callable[[Patient], list[Alert]]"
_panels: dict[str, list[tuple[int, PanelMaker]]] = {}
_alerts: list[AlertMaker] = []
_pages: list[PageLink] = []


def offer_panel(place: Place, make: PanelMaker, *, order: int = 50) -> None:
    """`make(request, patient or visit or None)` answers a panel, or None where there is nothing to show."""
    known = _panels.setdefault(place, [])
    if all(offered is not make for _order, offered in known):
        known.append((order, make))
        known.sort(key=lambda one: one[0])


def panels(place: Place, request: HttpRequest, subject: Any = None) -> list[Panel]:
    """The panels of a place on a page, in their order."""
    made = (make(request, subject) for _order, make in _panels.get(place, ()))
    return [panel for panel in made if panel is not None]


def offer_alerts(make: AlertMaker) -> None:
    """`make(patient)` answers what every page about the patient must say at the top."""
    if make not in _alerts:
        _alerts.append(make)


def alerts_about(patient: Patient) -> list[Alert]:
    """Every alert about a patient, in the order in which the rooms started."""
    return [alert for make in _alerts for alert in make(patient)]


def offer_page(
    url_name: str,
    icon: str,
    word: Text,
    *,
    order: int,
    may: Callable[[Authority], bool] = lambda who: True,
    roles: tuple[str, ...] = ("clinic", "central"),
    first_for: tuple[Role, ...] = (),
) -> None:
    """A page that the navigation leads to, for whoever may open it, on nodes of these roles. People of a role
    in `first_for` have it before everything else.
    """
    if all(page.url_name != url_name for page in _pages):
        _pages.append(PageLink(url_name, icon, word, order, may, frozenset(roles), frozenset(first_for)))
        _pages.sort(key=lambda page: page.order)


def pages_for(who: Authority, role: str) -> list[PageLink]:
    """The navigation of one person on a node of one role, what their own work needs first."""
    shown = [page for page in _pages if role in page.roles and page.may(who)]
    return sorted(shown, key=lambda page: (not page.first_for & who.roles, page.order))
