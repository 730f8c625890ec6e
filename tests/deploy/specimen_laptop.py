"""The pages about the laptop itself and its recovery key, with what their views would give them.

Not here: what must be true of them (`test_pages.py`, `test_reach.py`), how they are drawn (`drawing.py`).
"""

from __future__ import annotations

from typing import Any, Final

from deploy.closing import Kept, Slip, Unfinished
from deploy.fitness.finding import attention, bad, fine
from deploy.recovery_pages import GiveOutForm
from sync.models import RecoveryKey
from tests.deploy.specimen_people import Names, ago

NODE: Final = "01963c7e-0000-7000-8000-0000000000cc"
PLACE: Final = "/var/lib/posta/backups/posta-1790000000000-1284.posta-backup"


def of_coordinators(names: Names) -> dict[str, tuple[str, dict[str, Any]]]:
    """By a short name: template and context."""
    found = [
        bad("keys", "Others of this machine can read tls.key.", "Run chmod -R go= on the directory of keys."),
        attention("backups", "The newest is 31 hours old.", "Make one now."),
        fine("database", "It opens and is sound."),
        fine("disk", "69.9 GB are free, 25 % of the disk."),
    ]
    left = Unfinished(
        day_open=True,
        visits=2,
        drafts=3,
        sent_back=1,
        unsent=142,
        needs_you=1,
        syncing=True,
        tablets=[("Tablet 1", ago(4)), ("لوح الصيدلية", ago(190))],
    )
    kept = Kept(ago(1), 1284, 2, PLACE, 18.4, "9F3A 02C7 51DE 8B40")
    slip = Slip(ago(0), names.node, 1284, 1142, [("Visits", 120), ("Prescriptions", 22)], 1, ago(600), kept)
    safe = Slip(ago(0), names.node, 1284, 1284, [], 0, ago(5), None)
    return {
        "laptop-check": ("laptop/check.html", {"fit": False, "attention": True, "found": found}),
        "laptop-close": ("laptop/close.html", {"left": left}),
        "laptop-slip": ("laptop/slip.html", {"slip": slip, "may_switch_off": True}),
        "laptop-slip-safe": ("laptop/slip.html", {"slip": safe, "may_switch_off": False}),
        "laptop-off": ("laptop/off.html", {}),
    }


def of_the_office(names: Names) -> dict[str, tuple[str, dict[str, Any]]]:
    about = {"id": NODE, "name": names.node, "revoked": True}
    ids = ("3FA9-12C0", "77D2-0B4E")
    held = [
        {
            "key_id": one,
            "received_at": ago(6000),
            "given_at": ago(3) if one == ids[1] else None,
            "given_by": names.nurse,
            "given_why": "Nobody remembers it",
        }
        for one in ids
    ]
    form = GiveOutForm({"reason": ""}, [RecoveryKey(key_id=one) for one in ids])
    key = "7K2M-Q0XW-5DTE-91HB-4ZPV-C3RN-8YAJ"
    return {
        "central-recovery": ("central/recovery.html", {"node": about, "held": held, "form": form}),
        "central-recovery-key": ("central/recovery.html", {"node": about, "key": key, "key_id": ids[0]}),
        "central-recovery-none": ("central/recovery.html", {"node": about, "held": [], "form": form}),
    }
