"""The 32-byte key of the clinic's database: where a process gets it, and how it is kept wrapped on disk.

Lives here: `data_key()` for this process, `hold()` to hand it to child processes through memory only, and
wrapping under a passphrase (`create_wrapped_key`, `unwrap`, `wrap_again`). Not here: asking a person for the
passphrase (`unlock`), the recovery key (`sync/vault/recovery.py`), the engine that uses the key
(`sync/vault/sqlcipher/base.py`), the node's signing keys.

A process inherits the key as an open descriptor of an unnamed memory file (`POSTA_KEY_FD`). On the disk is
only the wrapped key, useless without the passphrase, except on a demo node: there the passphrase lies
beside it, in a file whose name says what that is worth.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.problems import Problem
from sync.vault.durable import write_once, write_private

KEY_BYTES: Final = 32
WRAPPED: Final = "datakey.wrapped"
UNSAFE_PASSPHRASE: Final = "UNSAFE-demo-passphrase"  # noqa: S105  a file's name
_PURPOSE: Final = b"posta data key 1"
_COST: Final = {"time_cost": 3, "memory_cost": 64 * 1024, "parallelism": 4}

_cached: bytes | None = None


def data_key() -> bytes:
    """This process's data key, found once; a `Problem` says what to do where there is none."""
    global _cached
    if _cached is None:
        _cached = _find()
    return _cached


def forget() -> None:
    """Drop the cached key, so that the next use looks for it again."""
    global _cached
    _cached = None


def _find() -> bytes:
    if fixed := os.environ.get("POSTA_TEST_DATA_KEY"):
        return _checked(_from_hex(fixed), "POSTA_TEST_DATA_KEY")
    if number := os.environ.get("POSTA_KEY_FD"):
        return _inherited(number)
    keys = _keys_dir()
    passphrase = keys / UNSAFE_PASSPHRASE
    if passphrase.exists():
        return unwrap(keys, passphrase.read_text().strip())
    if (keys / WRAPPED).exists():
        raise Problem(
            "locked",
            "This node is locked: its database cannot be opened yet.",
            detail="Run `manage.py unlock` and type the coordinator's passphrase.",
            status=503,
        )
    raise Problem(
        "no-data-key",
        f"This node has no data key in {keys}.",
        detail="Set the node up first, or put its keys directory back from a backup; nothing was created.",
        status=503,
    )


def _keys_dir() -> Path:
    from django.conf import settings

    return Path(settings.POSTA_DATA) / "keys"


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _checked(key: bytes, source: str) -> bytes:
    if len(key) != KEY_BYTES:
        raise Problem("bad-data-key", f"{source} does not hold a data key of {KEY_BYTES} bytes.", status=503)
    return key


def _inherited(number: str) -> bytes:
    if not number.isdigit():
        raise Problem(
            "bad-data-key", f"POSTA_KEY_FD must be a descriptor's number, not {number!r}.", status=503
        )
    descriptor = int(number)
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return _adopt_pipe(descriptor)
        return _checked(os.pread(descriptor, KEY_BYTES + 1, 0), "The descriptor in POSTA_KEY_FD")
    except OSError:
        raise Problem("bad-data-key", "The descriptor in POSTA_KEY_FD cannot be read.", status=503) from None


def _adopt_pipe(descriptor: int) -> bytes:
    """A pipe can be read only once: keep what came in a memory file, for this process's own children."""
    with os.fdopen(descriptor, "rb") as pipe:
        key = _checked(pipe.read(KEY_BYTES + 1), "The pipe in POSTA_KEY_FD")
    os.environ["POSTA_KEY_FD"] = str(hold(key))
    return key


def hold(key: bytes) -> int:
    """An inheritable memory file with the key: `POSTA_KEY_FD` and `pass_fds` of a child process."""
    descriptor = os.memfd_create("posta-data-key", os.MFD_CLOEXEC)
    os.write(descriptor, _checked(key, "The key to hold"))
    os.set_inheritable(descriptor, True)
    return descriptor


def wrong_key(database: str) -> Problem:
    """The answer where a database file exists and this key does not open it."""
    return Problem(
        "wrong-data-key",
        f"The database {database} does not open with this node's data key.",
        detail="It is another node's, its keys were replaced, or the file is damaged. Nothing was changed.",
        status=503,
    )


# --- wrapped on disk ---------------------------------------------------------------------------------------


def is_wrapped(keys: Path) -> bool:
    """Whether this node has a data key that a passphrase opens. It is asked without the key."""
    return (keys / WRAPPED).exists()


def create_wrapped_key(keys: Path, passphrase: str) -> bytes:
    """Make this node's data key and write it, wrapped, into `keys`; an existing one is never replaced."""
    if not passphrase:
        raise Problem("empty-passphrase", "The passphrase is empty.")
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, path = secrets.token_bytes(KEY_BYTES), keys / WRAPPED
    if not write_once(path, json.dumps(wrapped_under(key, passphrase), indent=1).encode()):
        raise Problem("data-key-exists", f"There already is a data key at {path}; it was left alone.")
    return key


def wrap_again(keys: Path, key: bytes, passphrase: str) -> None:
    """The same data key under another passphrase. Until the new file is in place the old one counts."""
    if not passphrase:
        raise Problem("empty-passphrase", "The passphrase is empty.")
    write_private(keys / WRAPPED, json.dumps(wrapped_under(key, passphrase), indent=1).encode())


def unwrap(keys: Path, passphrase: str, name: str = WRAPPED) -> bytes:
    """The data key that lies wrapped in `keys`."""
    try:
        wrapped = json.loads((keys / name).read_bytes())
        secret = _derive(passphrase, b64decode(wrapped["salt"]), wrapped["argon2id"])
        return AESGCM(secret).decrypt(b64decode(wrapped["nonce"]), b64decode(wrapped["key"]), _PURPOSE)
    except FileNotFoundError:
        raise Problem("no-data-key", f"There is no wrapped data key in {keys}.", status=503) from None
    except InvalidTag:
        raise Problem("wrong-passphrase", "The passphrase does not open this node.", status=403) from None
    except (ValueError, KeyError, TypeError):
        raise Problem("bad-data-key", f"The file {keys / name} is damaged.", status=503) from None


def wrapped_under(key: bytes, passphrase: str) -> dict[str, Any]:
    """The data key as a file holds it."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_derive(passphrase, salt, _COST)).encrypt(nonce, key, _PURPOSE)
    texts = {"salt": salt, "nonce": nonce, "key": sealed}
    return {"version": 1, "argon2id": _COST} | {
        name: b64encode(part).decode() for name, part in texts.items()
    }


def _derive(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    return hash_secret_raw(passphrase.encode(), salt, hash_len=KEY_BYTES, type=Type.ID, **cost)
