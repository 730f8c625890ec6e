"""Backups of the embedded database: an encrypted snapshot with a signed manifest, and what it takes to
believe one.

Lives here: `make_backup` (the engine's own backup call, so a running clinic may write on), `verify_backup`
(signature, hash, trial opening, integrity, chain) and `put_back` (the file swap of a restore; the damaged
file is kept). Not here: the new identity that a restored database takes (`sync/ledger/birth.py`), the
commands. PostgreSQL has its own tools: these refuse it in one sentence.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from sqlcipher3 import dbapi2

from sync.core.protocol import chain_digest, first_digest
from sync.crash import crash_point
from sync.node import current_node
from sync.problems import Problem
from sync.vault.datakey import data_key
from sync.vault.durable import sync_folder
from sync.vault.keys import node_key, own_public_keys, public_bytes

MAGIC: Final = b"POSTABK1"
SUFFIX: Final = ".posta-backup"
_LENGTH_BYTES: Final = 4
_MOST_MANIFEST: Final = 64 * 1024
_CHUNK: Final = 1 << 20


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself, signed by the node that made it."""

    format: int
    software: str
    node_key: bytes
    replica: bytes
    head_seq: int
    head_digest: bytes
    made_at: int
    size: int
    sha256: bytes


def backups_dir() -> Path:
    return current_node().path("backups")


def make_backup(directory: Path | None = None) -> Path:
    """Write one backup and read it back; answers its path. A half-written file is never left under a backup's
    name.
    """
    _require_embedded()
    folder = directory or backups_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=folder) as scratch:
        snapshot = Path(scratch) / "snapshot.db"
        _snapshot(snapshot)
        manifest = _manifest(snapshot)
        part = Path(scratch) / "part"
        _write(part, manifest, snapshot)
        final = folder / f"posta-{manifest.made_at}-{manifest.head_seq}{SUFFIX}"
        verify_backup(part)
        crash_point("backup.before-name")
        part.replace(final)
    sync_folder(folder)
    return final


def _require_embedded() -> None:
    if connection.vendor != "sqlite":
        raise Problem(
            "not-embedded",
            _("This node's database is on PostgreSQL; back it up with PostgreSQL's own tools."),
            status=409,
        )


def _open(path: Path) -> Any:
    opened = dbapi2.connect(str(path), isolation_level=None)
    opened.execute(f"PRAGMA key = \"x'{data_key().hex()}'\"")
    return opened


def _snapshot(path: Path) -> None:
    connection.ensure_connection()
    target = _open(path)
    try:
        connection.connection.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        target.close()


def _self_replica(opened: Any) -> tuple[str, int, bytes, str | None, bytes | None]:
    row = opened.execute(
        "SELECT uuid, head_seq, head_digest, follows, follows_digest FROM ledger_replica WHERE is_self"
    ).fetchone()
    if row is None:
        raise Problem("empty-backup", _("There is no replica in this database."), status=409)
    return str(row[0]), int(row[1]), bytes(row[2]), row[3], row[4]


def _manifest(snapshot: Path) -> Manifest:
    opened = _open(snapshot)
    try:
        uuid, head_seq, head_digest, _follows, _digest = _self_replica(opened)
    finally:
        opened.close()
    return Manifest(
        format=1,
        software=str(settings.POSTA_VERSION),
        node_key=public_bytes(node_key()),
        replica=bytes.fromhex(uuid.replace("-", "")),
        head_seq=head_seq,
        head_digest=head_digest,
        made_at=current_node().wall(),
        size=snapshot.stat().st_size,
        sha256=sha256_of(snapshot),
    )


def sha256_of(path: Path, skip: int = 0) -> bytes:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(skip)
        while chunk := file.read(_CHUNK):
            hashed.update(chunk)
    return hashed.digest()


def _write(part: Path, manifest: Manifest, snapshot: Path) -> None:
    packed = msgspec.msgpack.encode(manifest)
    sealed = msgspec.msgpack.encode([packed, node_key().sign(MAGIC + packed)])
    with part.open("wb") as out, snapshot.open("rb") as source:
        out.write(MAGIC + len(sealed).to_bytes(_LENGTH_BYTES, "big") + sealed)
        shutil.copyfileobj(source, out, _CHUNK)
        out.flush()
        os.fsync(out.fileno())
    part.chmod(0o600)


def read_manifest(path: Path) -> tuple[Manifest, int]:
    """The manifest, its signature checked, and where the snapshot starts. Raises `Problem`."""
    try:
        with path.open("rb") as file:
            opening = file.read(len(MAGIC) + _LENGTH_BYTES)
            length = int.from_bytes(opening[len(MAGIC) :], "big")
            if not opening.startswith(MAGIC) or length > _MOST_MANIFEST:
                raise ValueError(path)
            packed, signature = msgspec.msgpack.decode(file.read(length), type=tuple[bytes, bytes])
        manifest = msgspec.msgpack.decode(packed, type=Manifest)
        Ed25519PublicKey.from_public_bytes(manifest.node_key).verify(signature, MAGIC + packed)
    except OSError as error:
        raise Problem("unreadable-backup", _("The backup cannot be read: %s") % error.strerror) from None
    except (ValueError, InvalidSignature, msgspec.MsgspecError):
        raise Problem(
            "damaged-backup", _("This is not a whole backup of Posta; nothing was changed.")
        ) from None
    if manifest.node_key not in own_public_keys():
        raise Problem("foreign-backup", _("This backup was made by another node; nothing was changed."))
    if manifest.format > 1:
        raise Problem("newer-backup", _("This backup was made by a newer Posta; upgrade first."))
    return manifest, len(MAGIC) + _LENGTH_BYTES + length


def verify_backup(path: Path) -> Manifest:
    """Believe a backup only after opening it: signature, hash, engine's integrity check, our chain to its
    head.
    """
    manifest, start = read_manifest(path)
    if path.stat().st_size - start != manifest.size or sha256_of(path, start) != manifest.sha256:
        raise Problem("damaged-backup", _("This is not a whole backup of Posta; nothing was changed."))
    with tempfile.TemporaryDirectory(prefix="posta-verify-", dir=path.parent) as scratch:
        snapshot = Path(scratch) / "snapshot.db"
        _extract(path, start, snapshot)
        opened = _open(snapshot)
        try:
            _check_inside(opened, manifest)
        finally:
            opened.close()
    return manifest


def _extract(path: Path, start: int, to: Path) -> None:
    with path.open("rb") as source, to.open("wb") as out:
        source.seek(start)
        shutil.copyfileobj(source, out, _CHUNK)
        out.flush()
        os.fsync(out.fileno())
    to.chmod(0o600)


def _check_inside(opened: Any, manifest: Manifest) -> None:
    try:
        sound = opened.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        uuid, head_seq, head_digest, follows, follows_digest = _self_replica(opened)
    except dbapi2.DatabaseError:
        raise Problem("damaged-backup", _("The backup does not open; nothing was changed.")) from None
    closed = (UUID(str(follows)), bytes(follows_digest or b"")) if follows else None
    digest = first_digest(UUID(uuid), closed)
    rows = opened.execute(
        "SELECT body FROM ledger_change c JOIN ledger_replica r ON r.number = c.replica_id"
        " WHERE r.is_self ORDER BY c.seq"
    )
    for (body,) in rows:
        digest = chain_digest(digest, bytes(body))
    if not sound or digest != head_digest or head_seq != manifest.head_seq:
        raise Problem("damaged-backup", _("The backup's log does not verify; nothing was changed."))


def backups_in(folder: Path) -> list[Path]:
    """Whole backups of a directory; one that is being written has another name."""
    return list(folder.glob(f"posta-*{SUFFIX}"))


def newest_backup() -> Path | None:
    """The newest backup on this laptop. A file gets its name only after it has been verified."""
    return max(backups_in(backups_dir()), key=made_at, default=None)


def made_at(path: Path) -> int:
    """When, by this node's clock in ms: its name says so."""
    return int(path.name.split("-")[1])


def backups_told() -> dict[str, Any]:
    """For the status: how many verified backups there are here, and when the newest was made."""
    made = [made_at(path) for path in backups_in(backups_dir())]
    newest = datetime.fromtimestamp(max(made) / 1000, tz=UTC).isoformat() if made else None
    return {"newest_verified_at": newest, "count": len(made)}


def put_back(path: Path) -> Path:
    """Swap the database file for the backup's. The replaced one is kept; answers where. The node must be
    stopped.
    """
    _require_embedded()
    _manifest_seen, start = read_manifest(path)
    database = Path(str(connection.settings_dict["NAME"]))
    connection.close()
    kept = Path(tempfile.mkdtemp(prefix=f"replaced-{current_node().wall()}-", dir=database.parent))
    fresh = database.with_name(f".{database.name}.restoring")
    _extract(path, start, fresh)
    for suffix in ("", "-wal", "-shm"):
        old = database.with_name(database.name + suffix)
        if old.exists():
            old.replace(kept / old.name)
    fresh.replace(database)
    sync_folder(database.parent)
    return kept
