"""What this node holds: the database, the log, the backups.

Lives here: looks at the database. The first says whether the others can be had. Not here: the whole chain
(`manage.py verify_log`), whether a backup would open (`manage.py verify_backup`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deploy.fitness.finding import Finding, attention, bad, fine
from sync.ledger.models import Replica
from sync.ledger.verify import verify_head
from sync.node import current_node
from sync.vault.rota import is_late, second_is_late, standing

FAULTS_SHOWN: Final = 1


def database_look() -> Finding:
    """It opens, the engine finds it sound, and it has the tables of this version."""
    name = "database"
    connection.ensure_connection()
    if connection.vendor == "sqlite" and not _is_sound():
        return bad(
            name, _("The database file is damaged."), _("Stop the node and restore the newest backup.")
        )
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return attention(
            name,
            _("It has the tables of another version."),
            _("Start the node once: it brings them up to date."),
        )
    return fine(name, _("It opens and is sound."))


def _is_sound() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA quick_check({FAULTS_SHOWN})")
            return bool(cursor.fetchone()[0] == "ok")
    except DatabaseError:
        return False


def log_look() -> Finding:
    """The newest changes are what was written, and this database is the one that the marks remember."""
    name = "log"
    mine, mark = Replica.objects.filter(is_self=True).first(), current_node().marks.read()
    if mine is None:
        return attention(name, _("Nothing has been written here yet."), _("Start the node once."))
    if mark.replica != str(mine.uuid) or mark.head_seq > mine.head_seq:
        return bad(
            name,
            _("This database is older than what this laptop has written, or another's."),
            _("Stop the node; see the runbook on restoring."),
        )
    walk = verify_head(mine)
    if walk.broken is not None:
        return bad(
            name,
            _("The log is not what was written, at change %(seq)d.") % {"seq": walk.broken.seq},
            _("Do not work on. Tell the programme office."),
        )
    return fine(
        name,
        ngettext(
            "It holds %(n)d change, whole up to the last.",
            "It holds %(n)d changes, whole up to the last.",
            mine.head_seq,
        )
        % {"n": mine.head_seq},
    )


def backups_look() -> Finding:
    """Verified ones, here and at the second place; a late one is as bad as none."""
    name = "backups"
    if connection.vendor != "sqlite":
        return fine(name, _("PostgreSQL's own tools make them."))
    now = standing()
    if now.newest is None:
        return attention(name, _("There is no backup on this laptop."), _("Make one now."))
    hours = _hours_since(now.newest)
    sentence = ngettext("The newest is %(n)d hour old.", "The newest is %(n)d hours old.", hours)
    if is_late(now.newest):
        return bad(name, sentence % {"n": hours}, _("Make one now."))
    if not now.is_doubled:
        return attention(
            name,
            _("They lie on this laptop only. A thief takes them along."),
            _("Set a second place: a stick or disk of its own."),
        )
    if second_is_late(now):
        return bad(
            name,
            _("The second place has no backup of the last hours."),
            _("Look whether the stick is there, and has room."),
        )
    return fine(name, sentence % {"n": hours})


def _hours_since(moment: datetime) -> int:
    return max(int((current_node().now() - moment).total_seconds() // 3600), 0)
