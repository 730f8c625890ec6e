"""The marks outside the database when several writers come at once. Not here: what they are for
(`test_birth.py`).
"""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest

from sync.marks import Marks

pytestmark = pytest.mark.once


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    made = Marks(tmp_path / "marks")
    made.raise_to(head_seq=1)
    return made


def test_who_waited_writes_for_the_others_too(marks: Marks) -> None:
    asked = threading.Event()

    def newest() -> dict[str, int]:
        asked.set()
        return {"head_seq": 9, "clock_floor": 3}

    writer = threading.Thread(target=lambda: marks.raise_to(newest=newest, head_seq=5, clock_floor=7))
    with marks.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer.start()
        assert not asked.wait(0.3)
    writer.join()
    assert asked.is_set()
    assert (marks.read().head_seq, marks.read().clock_floor) == (9, 7)


def test_who_comes_after_that_goes_to_no_disk(marks: Marks) -> None:
    marks.raise_to(head_seq=9)
    before = marks.read().generation
    marks.raise_to(newest=dict, head_seq=8)
    assert marks.read().generation == before


def test_alone_nobody_is_asked(marks: Marks) -> None:
    def newest() -> dict[str, int]:
        raise AssertionError("nobody waits")

    assert marks.raise_to(newest=newest, head_seq=4).head_seq == 4
