"""The only writers of drafts.

Lives here: keeping what somebody typed, and dropping it once it was saved or given up. What was typed and
never saved goes after two weeks; what was saved on a tablet and needs its author stays until they have
decided. Not here: how it is offered (`desk.py`), how sealed ones come in (`outbox.py`).
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from clinic.tablet.models import Draft
from clinic.tablet.policy import KEPT_TYPED
from clinic.tablet.sealing import Typed
from sync.ledger.recording import Author
from sync.ledger.selectors import was_saved
from sync.node import current_node
from sync.problems import Problem

_OF_THE_PAGE = ("csrfmiddlewaretoken", "kept", "draft_id", "draft")


def keep_draft(*, by: Author, typed: Typed, sentence: str = "") -> Draft | None:
    """Keep a form as it stands. Saved meanwhile, there is nothing to keep; of two the later page wins.

    `sentence` says why a save could not be taken in: then it is for its author to decide.
    """
    posted, now = QueryDict(typed.fields, mutable=True), current_node().now()
    for name in _OF_THE_PAGE:
        posted.pop(name, None)
    if not sentence and was_saved(save_id_in(posted)):
        return None
    kind = Draft.Kind.SENT if sentence else Draft.Kind.TYPED
    with transaction.atomic():
        present = Draft.objects.select_for_update().filter(pk=typed.id).first()
        if present is not None and present.staff_id != _person(by):
            raise Problem("not-yours", _("This draft is somebody else's."), status=403)
        if present is not None and present.number > typed.number and not sentence:
            return present
        _prune()
        kept, _made = Draft.objects.update_or_create(
            pk=typed.id,
            defaults={
                "staff_id": _person(by),
                "address": typed.address[:300],
                "title": typed.title[:200],
                "fields": posted.urlencode(),
                "number": min(max(typed.number, 0), 2**31 - 1),
                "kind": kind if present is None or sentence else present.kind,
                "sentence": sentence[:400] or (present.sentence if present else ""),
                "device": by.device,
                "at": now,
            },
        )
    return kept


def drop_draft(*, by: Author, draft_id: UUID) -> None:
    """It was saved, or its author gave it up."""
    Draft.objects.filter(pk=draft_id, staff_id=_person(by)).delete()


def drop_typed(*, by: Author, address: str) -> None:
    """The form at this address was saved: what its author had begun there before is over."""
    Draft.objects.filter(staff_id=_person(by), address=address, kind=Draft.Kind.TYPED).delete()


def _person(by: Author) -> UUID:
    if by.staff_id is None:
        raise Problem("not-allowed", _("Only a person keeps a draft."), status=403)
    return by.staff_id


def save_id_in(posted: QueryDict) -> UUID | None:
    """The save id that a form carried."""
    try:
        return UUID(posted.get("save_id", ""))
    except ValueError:
        return None


def _prune() -> None:
    old = Draft.objects.filter(kind=Draft.Kind.TYPED, at__lt=current_node().now() - KEPT_TYPED)
    old.delete()
