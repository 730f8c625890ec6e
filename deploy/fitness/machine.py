"""The machine that this node runs on: settings, disk, clock, certificates, secrets.

Lives here: looks that need no database. Not here: what the limits of a start are (`deploy/readiness.py`), how
certificates are made (`deploy/certificates.py`).
"""

from __future__ import annotations

import os
import shutil
import stat
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from django.conf import settings
from django.core import checks
from django.utils.translation import gettext as _

from deploy.fitness.finding import Finding, attention, bad, fine
from sync.core.clock import millis_of
from sync.enrolment import CENTRAL_CA, PINNED_CA
from sync.node import current_node
from sync.vault.datakey import UNSAFE_PASSPHRASE, WRAPPED
from sync.vault.keys import lying_open

TIGHT, FULL = 0.15, 0.05
WARN_DAYS: Final = 30
CLOCK_SLACK_MS: Final = 10 * 60_000
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
CERTIFICATES: Final = ("tls.pem", CENTRAL_CA, PINNED_CA)


def configuration_look() -> Finding:
    """Django's own checks, those about security among them, and what a real clinic must not leave open."""
    name = "configuration"
    found = checks.run_checks() + checks.run_checks(
        tags=[checks.Tags.security], include_deployment_checks=True
    )
    heard = [one for one in found if not one.is_silenced()]
    if heard:
        worst = max(heard, key=lambda one: one.level)
        say = bad if worst.level >= checks.ERROR else attention
        return say(
            name,
            _("The program finds fault with its settings: %s") % worst.msg,
            _("Tell whoever set it up."),
        )
    if settings.POSTA_SECOND_FACTOR == "offered":
        return attention(
            name,
            _("Coordinators may log in without a second step."),
            _("Set POSTA_SECOND_FACTOR to required."),
        )
    return fine(name, _("Nothing is wrong with them."))


def disk_look() -> Finding:
    name = "disk"
    usage = shutil.disk_usage(current_node().data_dir)
    share = usage.free / usage.total
    sentence = _("%(free).1f GB are free, %(share)d %% of the disk.") % {
        "free": usage.free / 1e9,
        "share": share * 100,
    }
    if share < FULL:
        return bad(name, sentence, _("Delete what is not Posta's before you start the day."))
    if share < TIGHT:
        return attention(name, sentence, _("Delete what is not Posta's soon."))
    return fine(name, sentence)


def clock_look() -> Finding:
    """Against what this node has written and what central has signed; both only go forward."""
    name = "clock"
    node = current_node()
    mark = node.marks.read()
    known = max(millis_of(mark.clock_floor), mark.heard_ms)
    if node.wall() + CLOCK_SLACK_MS < known:
        return bad(
            name,
            _("The clock says %(now)s, but it has been later before.") % {"now": _at(node.now())},
            _("Set date and time, then look again."),
        )
    return fine(name, _("It is %(now)s UTC, later than anything known here.") % {"now": _at(node.now())})


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def certificates_look() -> Finding:
    """The certificate that tablets trust, and the authorities behind it; the one that ends first counts."""
    name = "certificates"
    keys = current_node().path("keys")
    renew = _("Have it renewed: see the runbook on installing a laptop.")
    if not (keys / "tls.pem").exists():
        return attention(name, _("There is no certificate yet."), _("Install one, or start the node once."))
    try:
        found = {one: _certificate(keys / one) for one in CERTIFICATES if (keys / one).exists()}
    except (OSError, ValueError):
        return bad(name, _("A certificate cannot be read."), renew)
    first, soonest = min(found.items(), key=lambda one: one[1].not_valid_after_utc)
    now = current_node().now()
    days = (soonest.not_valid_after_utc - now).days
    if any(one.not_valid_before_utc > now for one in found.values()):
        return bad(name, _("A certificate is not valid yet."), _("Look at the clock first."))
    if days < 0:
        return bad(name, _("The certificate %(name)s has ended.") % {"name": first}, renew)
    sentence = _("The first to end, %(name)s, has %(days)d days left.") % {"name": first, "days": days}
    return attention(name, sentence, renew) if days <= WARN_DAYS else fine(name, sentence)


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def keys_look() -> Finding:
    """Whether only this node's own user can read its keys, and whoever carries off the disk cannot."""
    name = "keys"
    keys = current_node().path("keys")
    if not keys.exists():
        return bad(name, _("The directory of keys is missing."), _("Put it back from its copy."))
    paths = [keys, *(one for one in keys.rglob("*"))]
    loose = [one.name for one in paths if one.stat().st_mode & OTHERS or one.stat().st_uid != os.geteuid()]
    if loose:
        return bad(
            name,
            _("Others of this machine can read %(name)s.") % {"name": loose[0]},
            _("Run chmod -R go= on the directory of keys, as its owner."),
        )
    if in_clear := lying_open(current_node().data_dir):
        return bad(
            name,
            _("%(name)s lies on the disk in clear.") % {"name": in_clear[0]},
            _("Stop the node and start it: it seals them."),
        )
    return fine(name, _("Only the program itself can read them."))


def passphrase_look() -> Finding:
    """Whether the disk alone opens the database."""
    name = "passphrase"
    keys = current_node().path("keys")
    if (keys / UNSAFE_PASSPHRASE).exists() or "POSTA_TEST_DATA_KEY" in os.environ:
        return bad(
            name,
            _("This is a trial: the passphrase lies beside the key."),
            _("Never put patients on it. For real work: manage.py unlock --new-passphrase."),
        )
    if not (keys / WRAPPED).exists():
        return fine(name, _("The database has none of its own; its server keeps it."))
    return fine(name, _("Without it this disk shows no patient."))
