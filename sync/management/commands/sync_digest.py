"""`manage.py sync_digest`: the digests of what this database holds; equal digests prove equal data."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sync.commanding import NodeCommand, Result, table_lines
from sync.compare import digest_here
from sync.problems import Problem
from sync.tables import Table, all_tables, table_named


class Command(NodeCommand):
    help = "Digests of the synced tables; two nodes with the same data have the same."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--table", metavar="NAME", help="only this table")
        parser.add_argument("--scope", metavar="UUID", help="only the records of this scope key (a patient)")

    def answer(self, options: dict[str, Any]) -> Result:
        scope = _scope(options["scope"])
        tables = _tables(options["table"])
        if scope is not None:
            tables = [table for table in tables if table.scope_attname is not None]
        roots = {table.name: digest_here(table, scope).root().hex() for table in tables}
        whole = hashlib.sha256("".join(f"{name}={roots[name]};" for name in sorted(roots)).encode())
        digest = whole.hexdigest()[:32]
        rows = [*roots.items(), (_("together"), digest)]
        return Result({"tables": roots, "digest": digest}, table_lines(rows))


def _scope(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Problem("bad-scope", _("A scope key is a UUID.")) from None


def _tables(name: str | None) -> list[Table]:
    if not name:
        return all_tables()
    table = table_named(name)
    if table is None:
        raise Problem(
            "unknown-table", _("There is no synced table %(name)s.") % {"name": name[:40]}, status=404
        )
    return [table]
