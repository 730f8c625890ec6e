"""Taking in what tablets kept while the Wi-Fi was gone.

Lives here: `take_in`, one sealed item to one durable answer. A tablet forgets an item only after `saved`,
`already`, `kept` (for its author, as a draft) or `draft`; after `later`, `prove`, `elsewhere` and
`unreadable` it keeps it. After `prove` it shows its key and comes again: until then nothing of the item is
kept here, for anybody may have brought it. An item is taken in once, however often it comes: by its own id
here, and by its save id in the ledger. Not here: opening the seal (`sealing.py`), who brings it
(`passes.py`), the author's right (`policy.py`), the save itself (`replay.py`).
Read next: `tests/clinic/tablet/test_outbox.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext

from clinic.tablet.models import Delivery
from clinic.tablet.passes import bearer_of, read_pass
from clinic.tablet.policy import REMEMBERED, Bearer, Pass, check_pass
from clinic.tablet.replay import replay
from clinic.tablet.sealing import Sealed, Typed, Unreadable, opened
from clinic.tablet.services import keep_draft, save_id_in
from registry.refusals import Refused
from registry.staff.models import Account
from sync.ledger.recording import Author
from sync.ledger.selectors import was_saved
from sync.node import current_node
from sync.problems import Problem

State = Literal["saved", "already", "kept", "draft", "later", "prove", "elsewhere", "unreadable"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one item. It says nothing of what was in it: somebody else may hold the tablet now."""

    id: UUID
    state: State
    conflicted: bool = False


def take_in(request: HttpRequest, item: Sealed) -> Answer:
    """One item, whoever brings it."""
    try:
        typed = opened(item)
    except Unreadable as unreadable:
        return Answer(item.id, "elsewhere" if unreadable.elsewhere else "unreadable")
    held = read_pass(typed.author_pass)
    if held is None:  # no page of ours seals without a pass
        return Answer(item.id, "unreadable")
    bearer = bearer_of(request, held)
    if bearer is Bearer.UNPROVED:
        return Answer(item.id, "prove")
    if item.kind == "draft":
        return _draft(held, typed, item)
    digest = hashlib.sha256(item.sealed.encode()).digest()
    earlier = Delivery.objects.filter(pk=item.id).first()
    if earlier is not None and bytes(earlier.digest) == digest:
        return Answer(item.id, "kept" if earlier.state == "kept" else "already")
    return _save(request, held, bearer, typed, item, digest)


def _draft(held: Pass, typed: Typed, item: Sealed) -> Answer:
    """What was typed when the Wi-Fi went, for whoever typed it."""
    try:
        keep_draft(by=Author(held.staff_id, held.device), typed=typed)
    except Problem:
        return Answer(item.id, "unreadable")
    return Answer(item.id, "draft")


def _save(
    request: HttpRequest, held: Pass, bearer: Bearer, typed: Typed, item: Sealed, digest: bytes
) -> Answer:
    try:
        check_pass(
            held,
            author=item.author,
            device=item.tablet,
            bearer=bearer,
            sealed_at=item.sealed_at,
            now=current_node().now(),
        )
    except Refused as refused:
        return _kept(held, typed, item, digest, gettext(refused.title))
    account = Account.objects.get(staff_id=held.staff_id)
    before = was_saved(save_id_in(QueryDict(typed.fields)))
    outcome = replay(request, account, held.device, typed)
    if outcome.state == "later":
        return Answer(item.id, "later")
    if outcome.state == "kept":
        return _kept(held, typed, item, digest, outcome.sentence)
    _note(held, item, digest, "saved")
    return Answer(item.id, "already" if before else "saved", outcome.conflicted)


def _kept(held: Pass, typed: Typed, item: Sealed, digest: bytes, sentence: str) -> Answer:
    """Not lost, not trusted: its author finds it, and why."""
    try:
        with transaction.atomic():
            keep_draft(by=Author(held.staff_id, held.device), typed=typed, sentence=sentence)
            _note(held, item, digest, "kept")
    except Problem:  # it names somebody else's draft
        return Answer(item.id, "unreadable")
    return Answer(item.id, "kept")


def _note(held: Pass, item: Sealed, digest: bytes, state: str) -> None:
    now = current_node().now()
    facts = {"digest": digest, "staff_id": held.staff_id, "state": state, "at": now}
    Delivery.objects.update_or_create(pk=item.id, defaults=facts)
    Delivery.objects.filter(at__lt=now - REMEMBERED).delete()
