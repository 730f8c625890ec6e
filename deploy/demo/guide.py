"""What `demo` prints once everything runs.

Lives here: `guide`, at most thirty lines of plain text. Not here: what staff learn from (`docs/guide`).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from deploy.demo.layout import Ground
from deploy.demo.people import plan
from deploy.demo.programme import STAFF, VILLAGES
from registry.staff.models import StaffRole


def guide(ground: Ground, people: int) -> list[str]:
    """Where to look, who to be, what to try."""
    (clinic,) = ground.clinics
    roles = dict(StaffRole.Kind.choices)
    here, there, office, authority = _("Clinic"), _("Central"), _("programme office"), _("CA")
    return [
        _("Posta runs: a clinic and a central side by side, each with an encrypted database of its own."),
        "",
        f"  {here}   {clinic.url}/   ({clinic.name})",
        f"  {there}  {ground.central.url}/   ({office})",
        f"  {authority}       {_shown(ground.ca)}",
        _("  A browser warns until it trusts that file: go past the warning (Advanced, continue), or"),
        _("  import it for this demo (Settings, Certificates, Authorities). curl: --cacert with that file."),
        "",
        _("User name, password, role (all of it made up for this demo):"),
        *(f"  {one.username:<8}{one.password:<18}{roles[one.role.value]}: {one.does}" for one in STAFF),
        "",
        *_to_try(ground, people),
        "",
        _("Ctrl-C stops everything. `make demo` goes on from here; `make demo ARGS=--fresh` starts over."),
    ]


def _to_try(ground: Ground, people: int) -> list[str]:
    off, on = _switch(ground, "off"), _switch(ground, "on")
    return [
        _("Try first:"),
        _("1. At the clinic as rosa: find %(name)s, spelled as you like; register somebody; start a visit.")
        % {"name": _somebody(people)},
        _("2. As luis, ana and carmen (other browser profiles): take the next patient, record, send on."),
        _("3. As pedro enter a result; as ana look for one that is critical, prescribe, write a letter."),
        _("   As carmen hand out; of some medicines little is left, and some expire soon."),
        _("4. In another terminal: %(off)s") % {"off": off},
        _("   and go on at the clinic, with new log-ins too: nobody there needs central. It all waits."),
        _("5. %(on)s, then as elena: Sync, Sync now, and watch it go down to 0.") % {"on": on},
        _("6. At central as marta: the same people, and the clinic with its last contact."),
    ]


def _somebody(people: int) -> str:
    known = plan(people, datetime.now(UTC), len(VILLAGES)).people
    return f"{known[0].given_name} {known[0].family_name}" if known else _("anybody")


def _switch(ground: Ground, way: str) -> str:
    usual = Path(settings.BASE_DIR) / "data" / "demo"
    where = "" if ground.directory == usual else f" --directory {_shown(ground.directory)}"
    return f'make demo ARGS="--central {way}{where}"'


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)
