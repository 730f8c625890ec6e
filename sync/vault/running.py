"""One server per node's directory at a time, and none while its database is swapped.

Lives here: `claim`, a lock that `serve` holds while it runs and `restore` takes before it touches anything;
`is_served`, whether somebody holds it; and `fold_in`, which leaves the database one whole file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.utils.translation import gettext as _

from sync.problems import Problem


@contextmanager
def claim(data_dir: Path) -> Iterator[None]:
    """Hold this node's directory; a `Problem` where another process serves from it."""
    descriptor = os.open(data_dir / "serving.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(
                "already-serving",
                _("This node is running already; stop it first."),
                status=409,
            ) from None
        yield
    finally:
        os.close(descriptor)


def is_served(data_dir: Path) -> bool:
    """Whether a process serves from this directory now."""
    try:
        with claim(data_dir):
            return False
    except Problem:
        return True


def fold_in() -> bool:
    """Copy the write-ahead log into the database file; whether nothing of it is left beside. SQLite does so
    by itself now and then, and whenever the last process closes the file as it should.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return connection.vendor != "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy, _in_log, _copied = cursor.fetchone()
    return not busy
