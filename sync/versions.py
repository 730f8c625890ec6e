"""The opaque `version` token: what a form's reader had seen of a record.

Lives here: `token_of(row)` and `past_in(token, row)`. The token is the record's version vector with a MAC
bound to the record, so a stale form is a concurrent writer like any remote clinic, and nobody can invent a
past. Read next: `sync/core/merge.py`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from sync.core.merge import Dot, Past, seen
from sync.problems import Problem
from sync.rowstate import made_write, state_of_row
from sync.tables import table_of

if TYPE_CHECKING:
    from sync.records import SyncedModel

_MAC_BYTES = 10
_decode = msgspec.msgpack.Decoder(tuple[dict[bytes, int], list[tuple[bytes, int]]]).decode


def past_of(row: SyncedModel) -> Past:
    """Everything there is to see of this record now."""
    if row.versions is None:
        return Past({made_write(row).dot.replica: row.made_seq})
    return seen(state_of_row(table_of(type(row)), row))


def token_of(row: SyncedModel) -> str:
    """The token for a form that shows this row as it is."""
    past = past_of(row)
    body = msgspec.msgpack.encode(
        (
            {replica.bytes: seq for replica, seq in sorted(past.highest.items())},
            [(dot.replica.bytes, dot.seq) for dot in sorted(past.also)],
        )
    )
    return base64.urlsafe_b64encode(body + _mac(row.pk, body)).decode().rstrip("=")


def past_in(token: str, row: SyncedModel) -> Past:
    """The past inside a token given for this record; a `Problem` where it is not one of ours."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(row.pk, body)):
            raise ValueError(token)
        highest, also = _decode(body)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise Problem(
            "bad-version",
            _("This form does not belong to this record."),
            detail=_("Open the record again; what is saved is safe."),
            status=400,
        ) from None
    return Past(
        {UUID(bytes=replica): seq for replica, seq in highest.items()},
        frozenset(Dot(UUID(bytes=replica), seq) for replica, seq in also),
    )


def _mac(record_id: UUID, body: bytes) -> bytes:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), person=b"posta-version").digest()
    return hmac.new(key, record_id.bytes + body, hashlib.sha256).digest()[:_MAC_BYTES]
