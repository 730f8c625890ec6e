"""Codes by telephone: somebody whose thirty days without central are over is let in for a day more.

Lives here: the question that the laptop shows (`question_for`), the office's answer to it (`make_code`) and
the laptop's check (`take_code`). Both sides compute the answer with a key that follows from the node's
pepper, which central is given sealed with each roster; so nothing has to travel but what two people read to
each other. The question is drawn for one person at one laptop and answered once; its last two digits say
whether it was read right. A code never stands for the password. Not here: the log-in that asks for it
(`adapter.py`), what such a log-in may not do (`bounds.py`), the office's page (`breakglass_views.py`).
See docs/adr/0031-codes-by-telephone.md.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from registry.staff.credentials import latest_known_time
from registry.staff.models import (
    Credential,
    Question,
    StaffMember,
    TelephoneCode,
    TelephoneKey,
    Visitor,
)
from registry.staff.pins import digits_in
from registry.staff.sealing import sealed, unsealed
from registry.staff.services import staff_serving
from sync.ledger.recording import Author
from sync.ledger.replicas import self_uuid
from sync.models import EnrolledNode, SecurityEvent
from sync.node import current_node
from sync.problems import Problem
from sync.vault.keys import pepper, pinned

DRAWN: Final = 6
CHECK: Final = 2
CODE: Final = 10
LENT: Final = timedelta(hours=24)
ASKED_FOR: Final = timedelta(hours=24)
_CONTEXT: Final = b"posta code by telephone 1"


# --- both sides ------------------------------------------------------------------------------------------


def key_of(node_pepper: bytes) -> bytes:
    """The key of a node's codes. It tells nothing of the pepper."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=_CONTEXT).derive(node_pepper)


def answer_to(key: bytes, node: UUID, staff_id: UUID, question: str) -> str:
    """The one code that answers this question of this person at this node."""
    return _digits(key, b"code", node, staff_id, question, CODE)


def whole(key: bytes, node: UUID, staff_id: UUID, drawn: str) -> str:
    """A question with the two digits that say whether it was read right."""
    return drawn + _digits(key, b"check", node, staff_id, drawn, CHECK)


def in_groups(digits: str) -> str:
    """As it is read aloud: in pairs."""
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _digits(key: bytes, word: bytes, node: UUID, staff_id: UUID, text: str, length: int) -> str:
    told = b"\0".join((_CONTEXT, word, node.bytes, staff_id.bytes, text.encode()))
    number = int.from_bytes(hmac.digest(key, told, "sha256"))
    return f"{number % 10**length:0{length}d}"


def plain_digits(text: str) -> str:
    """What was typed, in whatever script and groups."""
    return "".join(one for one in digits_in(text) if one in "0123456789")


# --- clinic ----------------------------------------------------------------------------------------------


def question_for(staff_id: UUID) -> str:
    """The number to read to the office. It stays the same for a day, and none comes twice."""
    known = pinned()
    if known is None:
        return ""
    with transaction.atomic():
        present = _open_question(staff_id)
        if present is not None:
            return present.number
        before = set(Question.objects.filter(staff_id=staff_id).values_list("number", flat=True))
        number, key = "", key_of(pepper())
        while not number or number in before:
            drawn = f"{secrets.randbelow(10**DRAWN):0{DRAWN}d}"
            number = whole(key, UUID(known.node), staff_id, drawn)
        now = current_node().now()
        Question.objects.create(staff_id=staff_id, number=number, replica=self_uuid(), asked_at=now)
        return number


def _open_question(staff_id: UUID) -> Question | None:
    """The one that still may be answered. A database that was put back has none: it may have been."""
    now = current_node().now()
    rows = Question.objects.select_for_update().filter(
        staff_id=staff_id,
        used_at=None,
        replica=self_uuid(),
        asked_at__gt=now - ASKED_FOR,
        asked_at__lte=now + ASKED_FOR,
    )
    return rows.order_by("-pk").first()


def take_code(staff_id: UUID, text: str) -> bool:
    """Whether this is the office's answer. If so, what the laptop keeps of the password holds a day more."""
    known = pinned()
    with transaction.atomic():
        question = _open_question(staff_id) if known is not None else None
        if known is None or question is None:
            return False
        right = answer_to(key_of(pepper()), UUID(known.node), staff_id, question.number)
        if not hmac.compare_digest(right, plain_digits(text)):
            return False
        Question.objects.filter(pk=question.pk).update(used_at=current_node().now())
        Credential.objects.filter(staff_id=staff_id, kind=Credential.Kind.NODE).update(
            lent_until=latest_known_time() + LENT, lent_on=question.number
        )
        _note("break-glass-used", f"A code by telephone let somebody in: {staff_id}.")
        return True


# --- central ---------------------------------------------------------------------------------------------


def keep_key(node_uuid: UUID, node_pepper: bytes) -> None:
    """The node has sent its pepper, sealed. Only what follows from it is kept, and not in clear."""
    key = key_of(node_pepper)
    kept = TelephoneKey.objects.filter(node_uuid=node_uuid).first()
    if kept is None or unsealed(bytes(kept.sealed), _CONTEXT) != key:
        TelephoneKey.objects.update_or_create(node_uuid=node_uuid, defaults={"sealed": sealed(key, _CONTEXT)})


def nodes_of(staff: StaffMember) -> list[EnrolledNode]:
    """The clinics at which somebody may log in: those of their places, and where they have been a visitor."""
    visited = set(Visitor.objects.filter(staff_id=staff.pk).values_list("node_uuid", flat=True))
    nodes = EnrolledNode.objects.exclude(joined_at=None).filter(revoked_at=None).order_by("name")
    return [
        node
        for node in nodes
        if node.uuid in visited or staff.pk in staff_serving([UUID(one) for one in node.facilities])
    ]


def make_code(*, by: Author, staff: StaffMember, node: EnrolledNode, question: str) -> str:
    """The answer to a question that was read over the telephone. That it was made is kept."""
    if not current_node().is_central:
        raise Problem("only-central", _("Only central makes codes."), status=404)
    if not staff.active or staff.gone or node.uuid not in {one.uuid for one in nodes_of(staff)}:
        raise Problem("not-here", _("This person does not work at this clinic."), status=409)
    kept = TelephoneKey.objects.filter(node_uuid=node.uuid).first()
    key = unsealed(bytes(kept.sealed), _CONTEXT) if kept is not None else None
    if key is None:
        raise Problem("no-key", _("This laptop must sync once before codes work for it."), status=409)
    number = plain_digits(question)
    if whole(key, node.uuid, staff.pk, number[:DRAWN]) != number:
        sentence = _("This number is not right for this person and clinic. Have it read again.")
        raise Problem("wrong-number", sentence, fields={"question": sentence})
    if by.staff_id is None:
        raise Problem("not-allowed", _("Only the programme office does this."), status=403)
    TelephoneCode.objects.get_or_create(
        node_uuid=node.uuid,
        staff_id=staff.pk,
        question=number,
        defaults={"made_by": by.staff_id, "made_at": current_node().now()},
    )
    told = f"A code by telephone was made. By {by.staff_id}, for {staff.pk}."
    _note("break-glass-made", told, node.uuid)
    return answer_to(key, node.uuid, staff.pk, number)


def _note(code: str, sentence: str, node_uuid: UUID | None = None) -> None:
    SecurityEvent.objects.create(at=current_node().wall(), code=code, node_uuid=node_uuid, sentence=sentence)
