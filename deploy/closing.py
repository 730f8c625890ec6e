"""The end of the clinic day: what is not finished, the backup, and the slip that says what is safe.

Lives here: `unfinished` (what to look at before the laptop goes off), `put_away` (a verified backup, and the
database folded into one file), `slip` and `switch_off`. Not here: closing the day itself
(`clinic/board/services.py`), the pages (`deploy/laptop_pages.py`), the unit that switches off
(`deploy/laptop`). Nothing here stops a process: the slip must be seen and printed first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from clinic.board.selectors import clinic_day, still_open
from clinic.tablet.models import Draft
from registry.places.models import Facility
from registry.tablets.selectors import all_tablets
from sync.ledger.replicas import self_replica
from sync.node import current_node
from sync.problems import Problem
from sync.progress import groups_of
from sync.run import lease_holder
from sync.status import moment, node_name, read_status
from sync.vault.backup import newest_backup, read_manifest
from sync.vault.rota import make_round
from sync.vault.running import fold_in

SHIFT: Final = timedelta(hours=16)
CHECK_LETTERS: Final = 16


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What somebody may want to finish first. None of it is lost if they do not."""

    day_open: bool
    visits: int
    drafts: int
    sent_back: int
    unsent: int
    needs_you: int
    syncing: bool
    tablets: list[tuple[str, datetime]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest backup. `changes` is how far it goes, `later` what was written since."""

    at: datetime | None
    changes: int
    later: int
    place: str
    megabytes: float
    check: str


@dataclass(frozen=True, slots=True)
class Slip:
    """What is safe, and where."""

    at: datetime
    node: str
    total: int
    at_central: int
    waiting: list[tuple[str, int]]
    needs_you: int
    last_contact: datetime | None
    backup: Kept | None


def unfinished(facility: Facility) -> Unfinished:
    """As the laptop sees it. What waits on a tablet it cannot know: it names those that were here today."""
    found, now = read_status(by_group=False), current_node().now()
    drafts = Draft.objects.values_list("kind", flat=True)
    sent_back = drafts.filter(kind=Draft.Kind.SENT).count()
    here = [one for one in all_tablets() if one.revoked_at is None and now - one.last_seen < SHIFT]
    return Unfinished(
        day_open=clinic_day(facility).is_open,
        visits=len(still_open(facility)),
        drafts=drafts.count() - sent_back,
        sent_back=sent_back,
        unsent=found.unsent,
        needs_you=found.quarantined + found.conflicts,
        syncing=lease_holder() is not None,
        tablets=[(one.label, one.last_seen) for one in here],
    )


def put_away() -> Path | None:
    """A backup that was opened and checked, then the database as one file. None on PostgreSQL, which has
    tools of its own. Raises a `Problem`, with the backups before untouched.
    """
    if connection.vendor != "sqlite":
        return None
    try:
        made = make_round()
    except OSError as error:
        raise Problem(
            "no-backup",
            _("The backup could not be written: %s") % error.strerror,
            detail=_("What was saved is safe on this laptop. Earlier backups are as they were."),
            status=503,
        ) from None
    fold_in()
    return made


def slip() -> Slip:
    """Of now: the same page printed an hour later says what has changed."""
    found = read_status()
    groups = groups_of(found)
    return Slip(
        at=current_node().now(),
        node=node_name(),
        total=sum(one.sent + one.waiting + one.needs_you for one in groups),
        at_central=sum(one.sent for one in groups),
        waiting=[(one.label, one.waiting) for one in groups if one.waiting],
        needs_you=sum(one.needs_you for one in groups) + found.conflicts,
        last_contact=found.last_good_sync,
        backup=_kept(),
    )


def _kept() -> Kept | None:
    newest = newest_backup()
    if newest is None or connection.vendor != "sqlite":
        return None
    manifest, _start = read_manifest(newest)
    mine = self_replica()
    same = manifest.replica == mine.uuid.bytes
    check = manifest.sha256.hex()[:CHECK_LETTERS].upper()
    return Kept(
        at=moment(manifest.made_at),
        changes=manifest.head_seq,
        later=mine.head_seq - manifest.head_seq if same else mine.head_seq,
        place=str(newest),
        megabytes=newest.stat().st_size / 1e6,
        check=" ".join(check[start : start + 4] for start in range(0, CHECK_LETTERS, 4)),
    )


def may_switch_off() -> bool:
    """Whether this installation lets a page switch the laptop off."""
    return settings.POSTA_POWER_OFF is not None


def switch_off() -> None:
    """Ask the unit that watches for this file. It ends the program as it should, then the machine."""
    asked: Path | None = settings.POSTA_POWER_OFF
    if asked is None:
        raise Problem(
            "no-switch", _("This laptop is switched off by hand."), detail=_("It is safe now."), status=409
        )
    try:
        asked.touch(mode=0o600)
    except OSError as error:
        raise Problem(
            "no-switch",
            _("The laptop could not be switched off: %s") % error.strerror,
            detail=_("Switch it off by hand. It is safe now."),
            status=503,
        ) from None
