"""Backups by the clock: made, copied to a second place, old ones cleared away, and what came of it.

Lives here: `make_round` (a verified backup here, its copy and the files at the second place, the rotation),
`is_due`, and `standing`, the truth about both places for pages and checks. What came of the last round lies
beside the backups, outside the database that they may replace. Not here: one backup and its trial opening
(`backup.py`), putting one back (`manage.py restore`), the clock itself (`sync/tasks.py`).
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from sync.crash import crash_point
from sync.node import current_node
from sync.problems import Problem
from sync.vault.backup import SUFFIX, backups_dir, backups_in, made_at, make_backup, sha256_of
from sync.vault.durable import alone, sync_folder, write_private
from sync.vault.keys import pinned

HOUR_MS: Final = 3_600_000
TRY_AGAIN_MS: Final = 15 * 60_000
DAY_MS: Final = 24 * HOUR_MS
KEPT_IN_FULL: Final = 6
KEPT_DAYS, KEPT_WEEKS = 7, 4
LATE_H: Final = 6
ROUND: Final = "round"
NO_ROOM_LEFT: Final = 28
log = logging.getLogger(__name__)


class Round(msgspec.Struct, frozen=True):
    """What came of a round: codes of what went wrong here and at the second place, '' where nothing did.
    `copied` is when the newest backup at the second place was made: a stick that is away cannot be asked.
    """

    at: int
    here: str = ""
    second: str = ""
    copied: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The backups at both places: the newest ones that were verified, and how many. What is known of a
    stick that is away is when its newest was made.
    """

    newest: datetime | None
    count: int
    second: datetime | None
    second_count: int
    is_doubled: bool
    last: Round | None


def is_due() -> bool:
    """Whether the newest backup is older than the programme wants it. A clock that was put back makes one."""
    if connection.vendor != "sqlite":
        return False
    newest = max((made_at(path) for path in backups_in(backups_dir())), default=None)
    age = None if newest is None else current_node().wall() - newest
    return age is None or not 0 <= age < settings.POSTA_BACKUP_HOURS * HOUR_MS or _owes_the_second(newest)


def _owes_the_second(newest: int | None) -> bool:
    """The stick was not there, and is now: what it lacks is copied soon and not only in some hours."""
    place = second_place()
    if place is None or newest is None or _why_not(place):
        return False
    return newest > max((made_at(path) for path in backups_in(place)), default=0)


def second_place() -> Path | None:
    """This node's own folder at the second place; several laptops may share one stick."""
    if settings.POSTA_BACKUP_TO is None:
        return None
    return Path(settings.POSTA_BACKUP_TO) / f"posta-{_own_name()}"


def _own_name() -> str:
    known = pinned()
    return known.node[-12:] if known else current_node().role


def make_round(*, anew: bool = True) -> Path:
    """A backup that was opened and checked, its copy, and the files. Answers the backup. `anew=False` copies
    the newest one where it is young enough.

    What fails here is raised, after it was noted; what fails at the second place is only noted, for the
    backup here is good. Older backups go only after the new one is safe.
    """
    folder = backups_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(folder):
        newest = max(backups_in(folder), key=made_at, default=None)
        try:
            made = newest if newest is not None and not (anew or _is_old(newest)) else make_backup()
        except (OSError, Problem) as error:
            _note(here=_code_of(error))
            raise
        crash_point("backup.before-copy")
        problem = _carry(made)
        _note(second=problem)
        crash_point("backup.before-rotation")
        clear_away(folder)
    return made


def _is_old(path: Path) -> bool:
    return not 0 <= current_node().wall() - made_at(path) < settings.POSTA_BACKUP_HOURS * HOUR_MS


def _code_of(error: OSError | Problem) -> str:
    if isinstance(error, Problem):
        return error.code
    return "full" if error.errno == NO_ROOM_LEFT else "not-written"


def _carry(made: Path) -> str:
    """The copy at the second place, and the files that are not there yet. '' or what went wrong."""
    place = second_place()
    if place is None:
        return ""
    if problem := _why_not(place):
        return problem
    try:
        place.mkdir(exist_ok=True)
        _copy(made, place / made.name, sha256_of(made))
        _carry_files(place / "files")
        clear_away(place)
    except OSError as error:
        log.warning("the backup was not copied: %s", error.strerror)
        return _code_of(error)
    return ""


def _why_not(place: Path) -> str:
    """A stick that is not plugged in leaves an empty folder of the same disk behind."""
    if not place.parent.is_dir():
        return "not-there"
    here = current_node().path("backups").parent
    return "not-there" if _device(place.parent) == _device(here) else ""


def _device(path: Path) -> int:
    return path.stat().st_dev


def _copy(source: Path, to: Path, digest: bytes) -> None:
    """Whole and read back, or not there at all."""
    if to.is_file():
        return
    part = to.with_name(f".{to.name}.part")
    try:
        with source.open("rb") as read, part.open("wb") as out:
            shutil.copyfileobj(read, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
            os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # so that it is read from the disk
        if sha256_of(part) != digest:
            raise OSError(None, "the copy is not what was written")
        crash_point("backup.before-copy-name")
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(to.parent)


def _carry_files(to: Path) -> None:
    """Photos and files, sealed as they lie here. What is there already never changes: its name is its
    content.
    """
    source = current_node().path("files")
    to.mkdir(exist_ok=True)
    for file in sorted(source.glob("[0-9a-f][0-9a-f]/*")):
        there = to / file.parent.name / file.name
        if not there.is_file():
            there.parent.mkdir(exist_ok=True)
            _copy(file, there, sha256_of(file))


def fetch_files(place: Path) -> int:
    """Put back the files that a backup's place has and this node has not. Answers how many."""
    own, fetched = current_node().path("files"), 0
    for file in sorted((place / "files").glob("[0-9a-f][0-9a-f]/*")):
        here = own / file.parent.name / file.name
        if not here.is_file():
            here.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _copy(file, here, sha256_of(file))
            here.chmod(0o600)
            fetched += 1
    return fetched


# --- rotation --------------------------------------------------------------------------------------------


def to_keep(made: Iterable[int]) -> set[int]:
    """Which backups stay, of those made at these moments (ms): the newest six, the last of each of the seven
    newest days that have one, and of the four newest weeks.
    """
    newest_first = sorted(set(made), reverse=True)
    return {
        *newest_first[:KEPT_IN_FULL],
        *_last_of_each(newest_first, DAY_MS, KEPT_DAYS),
        *_last_of_each(newest_first, 7 * DAY_MS, KEPT_WEEKS),
    }


def _last_of_each(newest_first: list[int], span: int, most: int) -> list[int]:
    last: dict[int, int] = {}
    for moment in newest_first:
        last.setdefault(moment // span, moment)
    return list(last.values())[:most]


def clear_away(folder: Path) -> None:
    """What the rotation does not keep, and what a power cut left half-written."""
    found = backups_in(folder)
    kept = to_keep(made_at(path) for path in found)
    for path in found:
        if made_at(path) not in kept:
            path.unlink()
    for torn in folder.glob(f".*{SUFFIX}.part"):
        torn.unlink(missing_ok=True)
    for scratch in folder.glob(".backup-*"):
        shutil.rmtree(scratch, ignore_errors=True)
    sync_folder(folder)


# --- what is told ------------------------------------------------------------------------------------------


def _note(*, here: str = "", second: str = "") -> None:
    told = Round(current_node().wall(), here, second, max(_copied(), default=0))
    try:
        write_private(backups_dir() / ROUND, msgspec.json.encode(told))
    except OSError:  # a full disk: that no new backup came is seen by its age
        log.warning("what came of the backup could not be noted")


def last_round() -> Round | None:
    try:
        return msgspec.json.decode((backups_dir() / ROUND).read_bytes(), type=Round)
    except (OSError, msgspec.MsgspecError):
        return None


def failed_just_now() -> bool:
    """Whether the last round failed within these minutes: a full disk is not asked every minute."""
    last = last_round()
    if last is None or not (last.here or last.second):
        return False
    return 0 <= current_node().wall() - last.at < TRY_AGAIN_MS


def standing() -> Standing:
    """Read now, from the directories themselves."""
    here, there = [made_at(path) for path in backups_in(backups_dir())], _copied()
    return Standing(
        newest=_moment(here),
        count=len(here),
        second=_moment(there),
        second_count=len(there),
        is_doubled=second_place() is not None,
        last=last_round(),
    )


def _copied() -> list[int]:
    """When the backups at the second place were made; of a stick that is away, what was noted of it."""
    place, last = second_place(), last_round()
    if place is not None and not _why_not(place):
        return [made_at(path) for path in backups_in(place)]
    return [last.copied] if last is not None and last.copied else []


def _moment(made: list[int]) -> datetime | None:
    return datetime.fromtimestamp(max(made) / 1000, tz=UTC) if made else None


def worry() -> str:
    """One sentence for every page of a coordinator, where the backups are late; '' otherwise. A node that has
    just been made is not late: its first round comes within a minute.
    """
    if connection.vendor != "sqlite":
        return ""
    now = standing()
    if now.newest is None and now.last is None:
        return ""
    if is_late(now.newest):
        return _("There is no backup of the last hours.")
    return _("The second place has no backup of the last hours.") if second_is_late(now) else ""


def second_is_late(now: Standing) -> bool:
    return now.is_doubled and is_late(now.second)


def is_late(newest: datetime | None) -> bool:
    """Six hours and more; or made in a time that has not come."""
    if newest is None:
        return True
    return not 0 <= (current_node().now() - newest).total_seconds() < LATE_H * HOUR_MS / 1000
