"""What this node needs of others: central, its broker and worker, tablets.

Lives here: looks at the link and what waits for it, at registration numbers, tablets, the recovery key, the
broker and the worker. Those of a clinic only are marked so in `looking.py`. Not here: the status itself
(`sync/status.py`), how processes are started again (`deploy/supervisor.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import redis
from celery import Celery
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from kombu.exceptions import OperationalError

from deploy.environment import celery_url
from deploy.fitness.finding import Finding, attention, bad, fine
from registry.numbers.blocks import numbers_left, pool_size
from registry.staff.credentials import LIFETIME, WARN_AT_DAYS
from registry.tablets.selectors import labels_in_use
from sync.node import current_node
from sync.nodes import silent_nodes
from sync.run import lease_holder
from sync.status import Status, read_status
from sync.vault.broker import socket_path
from sync.vault.datakey import is_wrapped
from sync.vault.keys import pinned
from sync.vault.recovery import held_id
from sync.vault.running import is_served

DAY_MS: Final = 86_400_000
LAST_DAYS: Final = LIFETIME.days
WARN_DAYS: Final = LAST_DAYS - max(WARN_AT_DAYS)
FEW: Final = 0.25
PATIENCE_S: Final = 1.0
CLOCK_OFF_S: Final = 300.0


def link_look() -> Finding:
    """Whether central takes this laptop, and when it last did."""
    name = "link"
    if pinned() is None:
        return attention(name, _("This laptop has not joined central."), _("Have a joining code made there."))
    found = read_status(by_group=False)
    if found.link.state == "refused":
        return bad(
            name, _("Central refuses this laptop: %s") % found.link.reason, _("Call the programme office.")
        )
    if found.digests == "differ":
        return bad(name, _("What is here differs from central."), _("Call the programme office."))
    heard = current_node().marks.read().heard_ms
    days = (current_node().wall() - heard) // DAY_MS
    if not heard:
        return attention(name, _("Central was never heard of."), _("Sync once while there is internet."))
    sentence = ngettext(
        "Central was heard of less than %(n)d day ago.",
        "Central was heard of less than %(n)d days ago.",
        days + 1,
    ) % {"n": days + 1}
    if days >= LAST_DAYS:
        return bad(name, sentence, _("Log-ins without internet have ended. Sync first."))
    if days >= WARN_DAYS:
        return attention(name, sentence, _("Log-ins without internet end soon. Sync."))
    return _about_the_clock(name, found) or fine(name, sentence)


def _about_the_clock(name: str, found: Status) -> Finding | None:
    off = abs(found.clock_offset_s or 0.0)
    if off < CLOCK_OFF_S:
        return None
    sentence = _("At the last contact this clock was %(n)d minutes off.") % {"n": off // 60}
    return attention(name, sentence, _("Set date and time."))


def backlog_look() -> Finding:
    """What waits to be sent, and what waits for a person."""
    name = "backlog"
    found = read_status(by_group=False)
    needs = found.quarantined + found.conflicts
    if needs:
        sentence = ngettext("%(n)d save needs a person.", "%(n)d saves need a person.", needs) % {"n": needs}
        return attention(name, sentence, _("Open the page “Review”."))
    if found.files_refused:
        return attention(name, _("Central has refused a photo."), _("Open the page “Sync”."))
    if not found.unsent and not found.files_waiting:
        return fine(name, _("Nothing waits to be sent."))
    sentence = ngettext(
        "%(n)d change waits for the next sync.", "%(n)d changes wait for the next sync.", found.unsent
    ) % {"n": found.unsent}
    return fine(name, sentence)


def clinics_look() -> Finding:
    """At central: clinics that have not been heard of."""
    name = "clinics"
    silent = silent_nodes().count()
    if not silent:
        return fine(name, _("Every clinic was heard of within a day."))
    sentence = ngettext("%(n)d clinic is silent.", "%(n)d clinics are silent.", silent) % {"n": silent}
    return attention(name, sentence, _("Open the page “Clinics”."))


def numbers_look() -> Finding:
    name = "numbers"
    left, full = numbers_left(), pool_size()
    sentence = ngettext("%(n)d number is left.", "%(n)d numbers are left.", left) % {"n": left}
    if left < full * FEW:
        return attention(name, sentence, _("Sync brings more. Without one people get a provisional code."))
    return fine(name, sentence)


def tablets_look() -> Finding:
    name = "tablets"
    if settings.POSTA_TABLETS == "open":
        return attention(name, _("Every device on the Wi-Fi is let in."), _("Set POSTA_TABLETS to enrolled."))
    known = len(labels_in_use())
    if not known:
        return attention(name, _("No tablet is let in yet."), _("Add them on the page “Tablets”."))
    return fine(name, ngettext("%(n)d tablet is let in.", "%(n)d tablets are let in.", known) % {"n": known})


def recovery_look() -> Finding:
    name = "recovery"
    keys = current_node().path("keys")
    if not is_wrapped(keys):
        return fine(name, _("This node has no passphrase to forget."))
    if key_id := held_id(keys):
        return fine(name, _("Central holds it: id %(id)s.") % {"id": key_id})
    return attention(
        name,
        _("Central holds none. A forgotten passphrase loses what is unsent."),
        _("The next sync leaves one there."),
    )


# --- processes -------------------------------------------------------------------------------------------


def _broker_address() -> str:
    """As this process was told, or where `serve` puts it; '' where there is none."""
    if told := getattr(settings, "POSTA_BROKER", None):
        return str(told)
    path = socket_path(Path(settings.POSTA_DATA))
    return f"unix://{path}" if path.exists() else ""


def broker_look() -> Finding:
    name = "broker"
    if not is_served(Path(settings.POSTA_DATA)):
        return attention(name, _("This node is not running."), _("Start it."))
    if _answers(_broker_address()):
        return fine(name, _("It answers."))
    return bad(name, _("It does not answer, so nothing syncs by itself."), _("Restart the node."))


def _answers(address: str) -> bool:
    if not address:
        return False
    client = redis.Redis.from_url(address, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def worker_look() -> Finding:
    """Whether somebody does what pages ask for. It says nothing while it is busy with a run."""
    name = "worker"
    address = _broker_address()
    if not is_served(Path(settings.POSTA_DATA)) or not address:
        return attention(name, _("This node is not running."), _("Start it."))
    if lease_holder() is not None:
        return fine(name, _("It is busy with a sync."))
    if _heard_of_workers(address):
        return fine(name, _("It answers."))
    return attention(
        name, _("It did not answer within a second."), _("Look again in a minute, then restart.")
    )


def _heard_of_workers(address: str) -> bool:
    """Asked by an application of its own: a command in a shell has no broker of its own to ask through."""
    asks = Celery("check-node", broker=celery_url(address), set_as_current=False, fixups=[])
    try:
        return bool(asks.control.ping(timeout=PATIENCE_S, limit=1))
    except (OperationalError, redis.RedisError):
        return False
    finally:
        asks.close()
