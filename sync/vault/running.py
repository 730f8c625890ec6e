"""One server per node's directory at a time, and none while its database is swapped.

Lives here: `claim`, a lock that `serve` holds while it runs and `restore` takes before it touches anything.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
