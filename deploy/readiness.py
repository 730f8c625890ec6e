"""What must be true before a node serves, each with one clear sentence where it is not.

Lives here: `check_port`, `check_disk`, `prepare` (keys, certificate, schema, replica). Not here: running
(`deploy/supervisor.py`).
"""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.utils.translation import gettext as _

from deploy.certificates import issue, make_ca
from registry.staff.revocations import reapply
from sync.download import apply_kept
from sync.ledger.birth import ensure_replica
from sync.problems import Problem
from sync.vault.datakey import UNSAFE_PASSPHRASE, WRAPPED, create_wrapped_key
from sync.vault.durable import write_private
from sync.vault.keys import seal_secrets

LEAST_FREE_BYTES = 200 * 1024 * 1024


def check_port(port: int) -> None:
    """Refuse, in one sentence, a port that somebody else uses."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104  where the server will listen
        except OSError:
            raise Problem(
                "port-in-use",
                _("Port %(port)d is in use by another program; stop it or choose another with POSTA_PORT.")
                % {"port": port},
                status=503,
            ) from None


def check_disk(directory: Path) -> None:
    """Refuse to start on a disk that is about to be full."""
    free = shutil.disk_usage(directory).free
    if free < LEAST_FREE_BYTES:
        raise Problem(
            "disk-full",
            _("The disk has %(free)d MB left; Posta needs %(need)d MB to start safely.")
            % {"free": free // 2**20, "need": LEAST_FREE_BYTES // 2**20},
            status=503,
        )


def make_unsafe_demo_key(data_dir: Path, passphrase: str) -> None:
    """For the demo only: a wrapped data key with its passphrase beside it, in a file whose name says what
    that is worth.
    """
    keys = data_dir / "keys"
    if not (keys / WRAPPED).exists():
        create_wrapped_key(keys, passphrase)
    if not (keys / UNSAFE_PASSPHRASE).exists():
        write_private(keys / UNSAFE_PASSPHRASE, passphrase.encode() + b"\n")


def prepare(ca_directory: Path | None = None) -> None:
    """Secrets, certificate, schema and replica of this node; safe to repeat."""
    keys = Path(settings.POSTA_DATA) / "keys"
    seal_secrets()
    if not (keys / "tls.pem").exists():
        directory = ca_directory or Path(settings.POSTA_DATA) / "ca"
        make_ca(directory)
        issue(directory, keys)
    call_command("migrate", verbosity=0, interactive=False)
    ensure_replica()
    apply_kept()
    reapply()
