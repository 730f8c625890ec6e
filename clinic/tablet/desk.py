"""How a page finds what somebody began: the answers to `registry/drafts.py`.

Lives here: `DraftDesk`. A draft belongs to one person and one address; whatever its save id was spent on
is no draft any more. Not here: writing drafts (`services.py`).
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, QueryDict

from clinic.tablet.models import Draft
from clinic.tablet.services import drop_draft, drop_typed, save_id_in
from registry.drafts import UnfinishedForm
from registry.staff.selectors import account_of, author_of
from sync.ledger.selectors import was_saved


def drafts_of(request: HttpRequest) -> list[Draft]:
    """What the person who asks began and did not finish, the newest first."""
    account = account_of(request)
    return list(Draft.objects.filter(staff_id=account.staff_id).order_by("-at")) if account else []


def needing_you(request: HttpRequest) -> int:
    """How many saves of this person came in from a tablet and could not be taken in as they are."""
    account = account_of(request)
    return Draft.objects.filter(staff_id=account.staff_id, kind=Draft.Kind.SENT).count() if account else 0


def posted_draft_id(request: HttpRequest) -> UUID | None:
    """The draft that a form carried along."""
    try:
        return UUID(request.POST.get("draft_id", ""))
    except ValueError:
        return None


class DraftDesk:
    """Everybody's own drafts."""

    def offered(self, request: HttpRequest) -> UnfinishedForm | None:
        account = account_of(request)
        if account is None:
            return None
        found = Draft.objects.filter(staff_id=account.staff_id, address=request.path).order_by("-at")
        return next((form for form in map(_unfinished, found) if form is not None), None)

    def continued(self, request: HttpRequest) -> UnfinishedForm | None:
        account, draft_id = account_of(request), posted_draft_id(request)
        if account is None or draft_id is None:
            return None
        found = Draft.objects.filter(pk=draft_id, staff_id=account.staff_id, address=request.path).first()
        return _unfinished(found) if found is not None else None

    def finished(self, request: HttpRequest) -> None:
        draft_id, match = posted_draft_id(request), request.resolver_match
        if draft_id is not None:
            drop_draft(by=author_of(request), draft_id=draft_id)
        if match is not None and match.kwargs:  # the address names one record, and that is saved now
            drop_typed(by=author_of(request), address=request.path)


def _unfinished(draft: Draft) -> UnfinishedForm | None:
    """None where it was saved meanwhile, on another way. What was sent and came back is offered whatever
    happened: its author decides.
    """
    posted = QueryDict(draft.fields, mutable=True)
    if was_saved(save_id_in(posted)):
        if draft.kind == Draft.Kind.TYPED:
            return None
        posted.pop("save_id", None)
    return UnfinishedForm(draft.pk, draft.at, draft.address, posted, draft.sentence)
