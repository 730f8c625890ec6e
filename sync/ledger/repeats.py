"""A repeat is told what was said the first time.

Lives here: `first_outcome` (what became of an edit), and the answers that nobody could find again by looking:
`keep_answer` notes one in the transaction of what it answers, `told_before` finds it. Not here: whether a
save was made before (`recording.py`: `save.repeated`), what was answered (each service).
Read next: `tests/sync/review/test_repeats.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from sync.apply import Outcome
from sync.ledger.models import Answer
from sync.ledger.models import Change as ChangeRow
from sync.problems import Problem
from sync.records import SyncedModel


def first_outcome(row: SyncedModel, save_id: UUID, *beside: QuerySet[Any]) -> Outcome:
    """What became of an edit of this row when it was first made. `beside` are rows that the same save may
    have written while it left this one as it was.
    """
    kept = Answer.objects.filter(save_id=save_id, about=row.pk.hex).first()
    if kept is not None:
        return cast(Outcome, kept.word)
    own = ChangeRow.objects.filter(save_id=save_id, replica__is_self=True)
    written = set(own.values_list("record_id", flat=True))
    if row.pk in written or any(rows.filter(pk__in=written).exists() for rows in beside):
        return "applied"
    raise save_id_used()


def keep_outcomes(save_id: UUID, by: UUID | None, outcomes: Mapping[UUID, Outcome]) -> None:
    """Note what a save's edits met. Nearly all of them met nothing, and then there is nothing to note."""
    Answer.objects.bulk_create(
        Answer(save_id=save_id, about=record_id.hex, by=by, word=outcome)
        for record_id, outcome in outcomes.items()
        if outcome != "applied"
    )


def keep_answer(
    save_id: UUID | None, about: str, by: UUID | None, word: str, *, code: str = "", sentence: str = ""
) -> None:
    """Note what was answered; without a save id nobody can ask again."""
    if save_id is not None:
        Answer.objects.create(save_id=save_id, about=about, by=by, word=word, code=code, sentence=sentence)


def told_before(save_id: UUID | None, about: str, by: UUID | None) -> Answer | None:
    """What whoever asks was answered to the same; refused where the save id stands for something else."""
    kept = [] if save_id is None else list(Answer.objects.filter(save_id=save_id))
    same = next((one for one in kept if (one.about, one.by) == (about, by)), None)
    if kept and same is None:
        raise save_id_used()
    return same


def save_id_used() -> Problem:
    return Problem("save-id-used", _("This save id was used for something else."), status=409)
