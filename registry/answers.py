"""From a policy's refusal to an answer in the reader's language.

Lives here: `answering()`, which services and views put around their policy's checks. Not here: the refusals
themselves (`registry/refusals.py`, each room's `policy.py`) and their rendering (`sync/problems.py`).
Read next: `registry/people/services.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext

from registry.refusals import Refused
from sync.problems import Problem


def problem_from(refused: Refused) -> Problem:
    """The same refusal as a `Problem`, translated."""
    fields = {name: gettext(sentence) for name, sentence in refused.fields.items()}
    return Problem(refused.code, gettext(refused.title), status=refused.status, fields=fields)


@contextmanager
def answering() -> Iterator[None]:
    """Whatever a policy refuses inside leaves as a `Problem`."""
    try:
        yield
    except Refused as refused:
        raise problem_from(refused) from None
