"""The recovery key: a second way to the data key, for the day on which the passphrase is forgotten.

Lives here: the laptop's side of it, all in `POSTA_DATA/keys`. The laptop makes a random recovery key, wraps
its data key under it as it does under the passphrase, and seals the recovery key to central; of the recovery
key itself nothing stays here. So this disk alone opens nothing, and neither does what central holds: it takes
both. One is used once: `use_up` forgets it, and the next contact brings central a new one. Not here: how the
sealed key travels and who is given it (`sync/recovery.py`), the passphrase (`datakey.py`), asking people
(`manage.py unlock`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sync.problems import Problem
from sync.vault.datakey import data_key, is_wrapped, unwrap, wrap_again, wrapped_under
from sync.vault.durable import write_private
from sync.vault.envelope import seal_to
from sync.vault.keys import Pinned

LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that reads like something else
GROUPS, GROUP_LETTERS = 7, 4  # 28 letters of 5 bits: 140 bits, nobody guesses it
HELD, WAITING = "datakey.recovery", "datakey.recovery.next"
PURPOSE: Final = "posta recovery 1"
_LOOKALIKES: Final = str.maketrans("OIL", "011")


class Inside(msgspec.Struct, array_like=True):
    """What is sealed to central. Node and id are named again: it is of no use in another node's name."""

    purpose: str
    node: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    key_id: str
    recovery_key: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recovery key on its way to central."""

    key_id: str
    sealed: bytes


def mint() -> str:
    """A fresh recovery key, in groups."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(GROUPS * GROUP_LETTERS))
    return _grouped(letters)


def typed_key(typed: str) -> str:
    """A recovery key as it was shown, however it was typed. Raises a `Problem` where none looks like this."""
    letters = "".join(typed.upper().split()).replace("-", "").translate(_LOOKALIKES)
    if len(letters) != GROUPS * GROUP_LETTERS or set(letters) - set(LETTERS):
        raise Problem(
            "bad-recovery-key",
            "This is not a recovery key.",
            detail="It has seven groups of four letters and digits. Have it read to you again.",
        )
    return _grouped(letters)


def _grouped(letters: str) -> str:
    return "-".join(letters[at : at + GROUP_LETTERS] for at in range(0, len(letters), GROUP_LETTERS))


def id_of(recovery_key: str) -> str:
    """What names a recovery key without giving it away: two groups that people compare."""
    digest = hashlib.sha256(b"posta-recovery-id" + recovery_key.encode()).hexdigest().upper()
    return f"{digest[:4]}-{digest[4:8]}"


# --- kept ready ------------------------------------------------------------------------------------------


def held_id(keys: Path) -> str:
    """The id of the recovery key that central holds for this laptop; '' where it holds none."""
    return str(_read(keys / HELD).get("id", ""))


def to_deliver(keys: Path, known: Pinned) -> Waiting | None:
    """The recovery key that this central does not have yet, made at the first question and then the same;
    None where there is nothing to bring.
    """
    if not is_wrapped(keys) or _read(keys / HELD).get("to") == _to(known):
        return None
    waiting = _read(keys / WAITING)
    if waiting.get("to") != _to(known):
        waiting = _prepare(keys, known)
    return Waiting(waiting["id"], b64decode(waiting["sealed"]))


def _to(known: Pinned) -> str:
    return f"{known.key_id} {known.node}"


def _prepare(keys: Path, known: Pinned) -> dict[str, Any]:
    fresh = mint()
    inside = Inside(PURPOSE, bytes.fromhex(known.node.replace("-", "")), id_of(fresh), fresh)
    to = Ed25519PublicKey.from_public_bytes(bytes.fromhex(known.receipt_key))
    sealed = seal_to(to, msgspec.msgpack.encode(inside))
    told = {"id": id_of(fresh), "to": _to(known), "sealed": b64encode(sealed).decode()}
    _write(keys / WAITING, wrapped_under(data_key(), fresh) | told)
    return dict(told)


def delivered(keys: Path, key_id: str) -> None:
    """Central has it: from here on this one counts, and the one before opens nothing."""
    waiting = _read(keys / WAITING)
    if waiting.get("id") == key_id:
        del waiting["sealed"]
        _write(keys / HELD, waiting)
        (keys / WAITING).unlink()


# --- used ------------------------------------------------------------------------------------------------


def recover(keys: Path, typed: str) -> bytes:
    """The data key, by the recovery key that central gave out. One whose delivery was not confirmed may be
    at central all the same.
    """
    ready, recovery_key = ids_ready(keys), typed_key(typed)
    if id_of(recovery_key) not in ready:
        raise Problem(
            "wrong-recovery-key",
            f"This recovery key does not open this laptop. The one wanted has the id {' '.join(ready)}.",
            status=403,
        )
    return unwrap(keys, recovery_key, ready[id_of(recovery_key)])


def ids_ready(keys: Path) -> dict[str, str]:
    """The recovery keys that open this laptop: id → file. Raises a `Problem` where there is none."""
    ready = {str(_read(keys / name).get("id")): name for name in (WAITING, HELD) if (keys / name).exists()}
    if not ready:
        raise Problem(
            "no-recovery-key",
            "This laptop has no recovery key.",
            detail="It has not met central since it was set up or last recovered.",
            status=404,
        )
    return ready


def use_up(keys: Path, key: bytes, passphrase: str) -> None:
    """A new passphrase, then the recovery key that was read aloud is worth nothing any more. The next contact
    brings central another.
    """
    wrap_again(keys, key, passphrase)
    for name in (HELD, WAITING):
        (keys / name).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Problem("bad-data-key", f"The file {path} is damaged.", status=503) from None
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    write_private(path, json.dumps(content, indent=1).encode())
