"""What the environment may say to a node, checked value by value.

Lives here: one function per variable (each refuses a malformed value in one sentence that names the
variable and never repeats a password) and the secrets that a node makes for itself once. Not here: what is
done with the values (`deploy/settings.py`), the key of the database (`sync/vault/datakey.py`).
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

Environment = Mapping[str, str]
Role = Literal["clinic", "central"]
Tablets = Literal["enrolled", "open"]
SecondFactor = Literal["required", "offered"]

DEFAULT_PORTS: Mapping[Role, int] = {"clinic": 8000, "central": 9000}
_HOST = re.compile(r"^\.?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$|^\[[0-9a-f:]+\]$")


def role(env: Environment) -> Role:
    value = env.get("POSTA_ROLE", "clinic")
    if value not in DEFAULT_PORTS:
        raise ImproperlyConfigured(f"POSTA_ROLE must be clinic or central, not {value!r}.")
    return cast("Role", value)


def data_dir(env: Environment, base: Path) -> Path:
    """The node's directory, absolute, made on first use and closed to other users of the machine."""
    value = env.get("POSTA_DATA", str(base / "data"))
    if not value.strip():
        raise ImproperlyConfigured("POSTA_DATA is empty; it must name this node's directory.")
    path = Path(value).expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / "keys").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"POSTA_DATA is {value!r}, which cannot be used as a directory: {error.strerror}."
        ) from None
    return path


def port(env: Environment, of: Role) -> int:
    value = env.get("POSTA_PORT", str(DEFAULT_PORTS[of]))
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise ImproperlyConfigured(f"POSTA_PORT must be a number from 1 to 65535, not {value!r}.")
    return int(value)


def hosts(env: Environment) -> list[str]:
    """Further names and addresses this node answers to; anything else is refused before a page is built."""
    names = [name.strip().lower() for name in env.get("POSTA_HOSTS", "").split(",") if name.strip()]
    for name in names:
        if not _HOST.match(name):
            raise ImproperlyConfigured(f"POSTA_HOSTS must be names separated by commas; {name!r} is not one.")
    return names


def tablets(env: Environment) -> Tablets:
    """Whom a clinic lets in: tablets that were enrolled, or for a trial every device on its Wi-Fi."""
    value = env.get("POSTA_TABLETS", "enrolled")
    if value not in ("enrolled", "open"):
        raise ImproperlyConfigured(f"POSTA_TABLETS must be enrolled or open, not {value!r}.")
    return cast("Tablets", value)


def hsts(env: Environment) -> bool:
    """Whether browsers are told to come by HTTPS only, for half a year."""
    value = env.get("POSTA_HSTS", "no")
    if value not in ("yes", "no"):
        raise ImproperlyConfigured(f"POSTA_HSTS must be yes or no, not {value!r}.")
    return value == "yes"


def postgres(env: Environment) -> dict[str, object] | None:
    """Django's description of the PostgreSQL database, or None for the embedded one."""
    value = env.get("DATABASE_URL")
    if value is None:
        return None
    wrong = ImproperlyConfigured("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    if not value.startswith(("postgres://", "postgresql://")):
        raise wrong
    try:
        described = dj_database_url.parse(value, conn_max_age=600, conn_health_checks=True)
    except ValueError:
        raise wrong from None
    if not described["NAME"]:
        raise wrong
    return dict(described)


def broker(env: Environment) -> str | None:
    """The Redis address (`redis://host…`, `unix:///path`), or None where no broker runs."""
    if value := env.get("REDIS_URL"):
        parts = urlsplit(value)
        if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.hostname or parts.path.strip("/")):
            raise ImproperlyConfigured(
                "REDIS_URL must look like redis://host:6379/0 or unix:///run/redis.sock."
            )
        return value
    if socket := env.get("POSTA_BROKER_SOCKET"):
        if not socket.startswith("/"):
            raise ImproperlyConfigured(f"POSTA_BROKER_SOCKET must be an absolute path, not {socket!r}.")
        return f"unix://{socket}"
    return None


def time_zone(env: Environment) -> str:
    """The zone whose clock the clinic lives by: what "today" means on its pages. Stored times are UTC."""
    value = env.get("POSTA_TIME_ZONE", "UTC")
    if value not in available_timezones():
        raise ImproperlyConfigured(f"POSTA_TIME_ZONE must be a zone such as America/Panama, not {value!r}.")
    return value


def idle_minutes(env: Environment) -> int:
    """How long a screen stays open that nobody touches."""
    value = env.get("POSTA_IDLE_MINUTES", "15")
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 120):
        raise ImproperlyConfigured(f"POSTA_IDLE_MINUTES must be a number from 1 to 120, not {value!r}.")
    return int(value)


def second_factor(env: Environment) -> SecondFactor:
    """Whether coordinators and the programme office must have a second step of the log-in, or may."""
    value = env.get("POSTA_SECOND_FACTOR", "required")
    if value not in ("required", "offered"):
        raise ImproperlyConfigured(f"POSTA_SECOND_FACTOR must be required or offered, not {value!r}.")
    return cast("SecondFactor", value)


def backup_to(env: Environment) -> Path | None:
    """The second place of backups: a stick or disk of its own. None where there is none."""
    value = env.get("POSTA_BACKUP_TO", "")
    if value and not value.startswith("/"):
        raise ImproperlyConfigured(f"POSTA_BACKUP_TO must be an absolute path, not {value!r}.")
    return Path(value) if value else None


def backup_hours(env: Environment) -> int:
    """How old the newest backup may become."""
    value = env.get("POSTA_BACKUP_HOURS", "4")
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 24):
        raise ImproperlyConfigured(f"POSTA_BACKUP_HOURS must be a number from 1 to 24, not {value!r}.")
    return int(value)


def power_off(env: Environment) -> Path | None:
    """The file by which a page asks that the laptop be switched off; None where that is done by hand."""
    value = env.get("POSTA_POWER_OFF", "")
    if value and not value.startswith("/"):
        raise ImproperlyConfigured(f"POSTA_POWER_OFF must be an absolute path, not {value!r}.")
    return Path(value) if value else None


def celery_url(address: str) -> str:
    """Celery spells a unix socket differently from everyone else."""
    return address.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")


def secret(keys: Path, name: str) -> str:
    """A secret that this node makes at the first question; the same for every process ever after."""
    path = keys / name
    if not path.exists():
        try:
            _make_secret(path)
        except OSError as error:
            raise ImproperlyConfigured(f"The secret {path} cannot be written: {error.strerror}.") from None
    value = path.read_text().strip()
    if len(value) < 32:
        raise ImproperlyConfigured(f"The secret {path} is damaged; restore it from a backup of the keys.")
    return value


def _make_secret(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)  # the first of several starting processes wins; all then read the winner's
    finally:
        fresh.unlink()
