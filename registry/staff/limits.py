"""How slow guessing is: who may try a password now, and who has to wait.

Lives here: the rule (`wait_after`) and the counters of failed log-ins. They lie in a small file of their own
beside the database (`POSTA_DATA/guesses.db`), so that neither a restart nor a restored backup forgets a lock;
names stand in it only as keyed digests. An attempt counts as failed before the password is looked at, and is
taken back when it fits: thirty guesses at the same moment are thirty guesses. A browser in which a person has
logged in before has a counter of its own for that person, so that whoever guesses elsewhere does not shut the
owner out; so has each clinic at central, and beside it a sum over all names, so that one copied key does not
try one password on everybody. Not here: the limits by address and minute (`deploy/settings.py`), shift PINs
(`pins.py`).
Read next: `adapter.py`, which asks.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync.models import SecurityEvent
from sync.node import Node, current_node
from sync.vault.keys import pepper

FREE: Final = 5
FREE_ON_A_DEVICE: Final = 20  # several people mistype on the same tablet
# In a day, of all names: a tablet on which somebody guesses all day stays below it, and shuts no clinic out.
FREE_OF_A_NODE: Final = 100
FIRST_S: Final = 30
LONGEST_S: Final = 15 * 60
LOCKED_AT: Final = 10
LOCKED_S: Final = 30 * 60
DAY_MS: Final = 24 * 3_600_000
FORGOTTEN_MS: Final = DAY_MS
_CONTEXT: Final = b"posta guesses 1\0"
_TABLE: Final = """CREATE TABLE IF NOT EXISTS guesses (key TEXT PRIMARY KEY, name TEXT NOT NULL,
    failures INTEGER NOT NULL, until INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID"""


class TooManyGuesses(Exception):
    """This attempt is not looked at; `seconds` until the next one is. `everybody`: whoever else comes from
    there waits as well.
    """

    def __init__(self, seconds: int, *, locked: bool, everybody: bool = False) -> None:
        super().__init__(seconds)
        self.seconds, self.locked, self.everybody = seconds, locked, everybody


@dataclass(frozen=True, slots=True)
class Attempt:
    """Counters that were charged for one attempt: of the account, and of the device or node."""

    account: str
    device: str = ""


def wait_after(failures: int, free: int = FREE, locked_at: int | None = LOCKED_AT) -> int:
    """Seconds until the next attempt after so many failures in a row."""
    if failures < free:
        return 0
    if locked_at is not None and failures >= locked_at:
        return LOCKED_S
    return int(min(FIRST_S * 2 ** min(failures - free, 10), LONGEST_S))


def begin(name: str, *, device: str = "", browser: str = "", node: str = "") -> Attempt:
    """Charge one attempt to log in as `name`, or raise `TooManyGuesses`.

    `browser` is the secret of a browser in which this person has logged in before, else empty; `node` the
    clinic that asks central.
    """
    digest, together = _digest("name", name), FREE_OF_A_NODE if node else FREE_ON_A_DEVICE
    if node:
        today = str(current_node().wall() // DAY_MS)
        charged = Attempt(_digest("browser", name, f"node {node}"), _digest("node", node, today))
    elif browser:
        charged = Attempt(_digest("browser", name, browser))
    else:
        charged = Attempt(_digest("account", name), _digest("device", device) if device else "")
    with _store() as kept:
        rules = [(charged.account, digest, FREE, LOCKED_AT), (charged.device, "", together, None)]
        for key, owner, free, locked_at in rules:
            if key:
                _check(kept, key, owner, free, locked_at)
        for key, owner, free, locked_at in rules:
            if key:
                _charge(kept, key, owner, free, locked_at)
    return charged


def _check(kept: sqlite3.Connection, key: str, name: str, free: int, locked_at: int | None) -> None:
    failures, until = _standing(kept, key)
    # A clock that was ahead for an hour must not lock anybody out for a year.
    longest = wait_after(failures, free, locked_at) * 1000
    left = min(until - current_node().wall(), longest)
    if left > 0:
        shut = locked_at is not None and failures >= locked_at
        raise TooManyGuesses(-(-left // 1000), locked=shut, everybody=not name)


def _charge(kept: sqlite3.Connection, key: str, name: str, free: int, locked_at: int | None) -> None:
    now, failures = current_node().wall(), _standing(kept, key)[0] + 1
    until = now + 1000 * wait_after(failures, free, locked_at)
    kept.execute("INSERT OR REPLACE INTO guesses VALUES (?, ?, ?, ?, ?)", (key, name, failures, until, now))
    kept.execute("DELETE FROM guesses WHERE last < ?", (now - FORGOTTEN_MS,))


def _standing(kept: sqlite3.Connection, key: str) -> tuple[int, int]:
    row = kept.execute("SELECT failures, until, last FROM guesses WHERE key = ?", (key,)).fetchone()
    if row is None or abs(current_node().wall() - row[2]) > FORGOTTEN_MS:
        return 0, 0
    return int(row[0]), int(row[1])


def succeeded(attempt: Attempt) -> None:
    """The password was right. The account starts anew; the device only takes this attempt back, or whoever
    knows one password could guess others for ever.
    """
    with _store() as kept:
        kept.execute("DELETE FROM guesses WHERE key = ?", (attempt.account,))
        kept.execute(
            "UPDATE guesses SET failures = failures - 1, until = 0 WHERE key = ? AND failures > 0",
            (attempt.device,),
        )


def unlock(name: str) -> bool:
    """A supervisor vouches for a person; answers whether anything was locked."""
    with _store() as kept:
        gone = kept.execute(
            "DELETE FROM guesses WHERE name = ? AND failures >= ?", (_digest("name", name), FREE)
        )
        return gone.rowcount > 0


def locked(names: Iterable[str]) -> set[str]:
    """Who of these has to wait now, in whatever browser."""
    by_digest = {_digest("name", name): name for name in names}
    now = current_node().wall()
    with _store() as kept:
        rows = kept.execute(
            "SELECT DISTINCT name FROM guesses WHERE until > ? AND until <= ? AND failures >= ?",
            (now, now + 1000 * LOCKED_S, FREE),
        ).fetchall()
    return {by_digest[row[0]] for row in rows if row[0] in by_digest}


def _digest(*words: str) -> str:
    """What stands in the file instead of a name: whoever types a password as the name leaves no trace."""
    return hmac.new(
        pepper(), _CONTEXT + "\0".join(words).encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()[:32]


@contextmanager
def _store() -> Iterator[sqlite3.Connection]:
    """The file, in a transaction of its own that is on the disk when it ends."""
    node = current_node()
    with closing(_opened(node)) as kept:
        kept.execute("BEGIN IMMEDIATE")
        try:
            yield kept
        except BaseException:
            kept.execute("ROLLBACK")
            raise
        kept.execute("COMMIT")


def _opened(node: Node) -> sqlite3.Connection:
    path = node.path("guesses.db")
    try:
        return _connected(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        # Damaged: nobody may be shut out of the clinic by it, and somebody should know.
        path.rename(path.with_suffix(".damaged"))
        sentence = (
            "The file that counts failed log-ins was damaged. It was put aside, and counting starts anew."
        )
        SecurityEvent.objects.create(at=node.wall(), code="guesses-damaged", sentence=sentence)
        return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    kept = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        kept.execute("PRAGMA synchronous = FULL")
        kept.execute(_TABLE)
    except BaseException:
        kept.close()
        raise
    return kept
