"""The second wall at central: what PostgreSQL itself lets a node's request see and write.

Lives here: `walled(node)`, inside which the connection is another role that owns nothing and sees, of every
synced table with a scope, only the rows of what this node follows; `build_wall`, which makes role, grants and
policies from the `Sync` declarations after each migration; `what_is_wrong` and `check_wall`, which say where
it does not stand. The code's own checks (`sync/checks.py`, `pages.py`) stand in front and are what refuses in
words: a row that slips past them is not there, or cannot be written. Not on the embedded engine, and not for
nodes that see everything.
See docs/adr/0029-row-level-security.md.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection, connections, transaction

from sync.feed.models import Subscription
from sync.models import EnrolledNode
from sync.node import current_node
from sync.records import SyncedModel
from sync.tables import all_tables

log = logging.getLogger(__name__)

ROLE: Final = "posta_node"
POLICY, OTHERS = "posta_scope", "posta_others"
PAGE: Final = "See docs/adr/0029-row-level-security.md."
NODE, NEW = "posta.node", "posta.new_scopes"
SECRETS: Final = frozenset({"staff", "account", "mfa", "usersessions", "sessions", "tablets"})
HIDDEN: Final = "sync.RecoveryKey"
FOLLOWED: Final = """(
    SELECT scope FROM {subscriptions}
    WHERE node_uuid = (SELECT NULLIF(current_setting('{node}', true), '')::uuid)
)"""
# The inner cast reads its text once for each statement. The outer one only says that it is a list.
JUST_MADE: Final = "((SELECT NULLIF(current_setting('{new}', true), '')::uuid[])::uuid[])"
MAKE_ROLE: Final = """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN
            CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS;
        END IF;
        IF NOT pg_has_role(current_user, '{role}', '{may_become}') THEN
            EXECUTE format('GRANT {role} TO %I', current_user);
        END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
        WHEN insufficient_privilege THEN RAISE NOTICE 'posta: no right to make {role}';
    END $$;
"""


@contextmanager
def walled(node: EnrolledNode, new: Iterable[UUID] = ()) -> Iterator[None]:
    """In a transaction: until the end of the block the database shows and takes only what this node follows,
    and `new`, the scope keys that it is about to make.
    """
    if node.mode == EnrolledNode.Mode.EVERYTHING or not wall_stands():
        yield
        return
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("the wall stands for one transaction")
    made = "{" + ",".join(str(key) for key in new) + "}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT set_config('{NODE}', %s, true), set_config('{NEW}', %s, true)", [str(node.uuid), made]
        )
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
    try:
        yield
    except DatabaseError:
        raise  # the transaction (or its savepoint) is over, and the role with it
    except BaseException:
        _step_out()
        raise
    else:
        _step_out()


def _step_out() -> None:
    if connection.needs_rollback:
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")


def wall_stands() -> bool:
    """Whether this database has the wall and this connection may stand behind it; asked once per process."""
    if connection.vendor != "postgresql":
        return False
    kept: dict[str, Any] = current_node().kept
    name = str(connection.settings_dict["NAME"])
    if kept.get("wall") != name:
        if wrong := what_is_wrong():
            if kept.get("no_wall") != wrong:
                log.error("row-level security is off: %s", wrong)
            kept["no_wall"] = wrong
            return False
        kept["wall"] = name
    return True


def what_is_wrong() -> str:
    """Why there is no second wall, in a sentence; empty where it stands."""
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        if cursor.fetchone() is None:
            return f"The database has no role {ROLE}. Run migrate as a user who may create roles."
        cursor.execute("SELECT pg_has_role(current_user, %s, %s)", [ROLE, _may_become(connection)])
        if not cursor.fetchone()[0]:
            return f"This node's database user is no member of {ROLE}."
        if _mark(cursor) != _plan_id():
            return "The policies are not those of this version. Run migrate."
    return ""


def is_superuser() -> bool:
    """Whether the node works as somebody whom the database refuses nothing."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def check_wall(**_asked: Any) -> list[checks.CheckMessage]:
    """Central's database must be able to refuse; `manage.py check --database default` says if not."""
    found: list[checks.CheckMessage] = []
    if settings.POSTA_ROLE == "central":
        if wrong := what_is_wrong():
            found.append(checks.Warning(wrong, hint=PAGE, id="feed.W001"))
        if is_superuser():
            told = "The database user of this node may do everything. Give it a user of its own."
            found.append(checks.Warning(told, hint=PAGE, id="feed.W002"))
    return found


# --- building --------------------------------------------------------------------------------------------


def build_wall(*, using: str = "default", **_signal: Any) -> None:
    """After a migration: role, grants and policies, unless they are those of this version already."""
    database = connections[using]
    if database.vendor != "postgresql":
        return
    with database.cursor() as cursor:
        if not _ensure_role(cursor) or _mark(cursor) == _plan_id():
            return
        with transaction.atomic(using=using):
            for statement in _plan():
                cursor.execute(statement)
            cursor.execute(f"COMMENT ON TABLE {_subscriptions()} IS '{_plan_id()}'")


def _ensure_role(cursor: Any) -> bool:
    """The role, if we may make it. It cannot log in and owns nothing."""
    cursor.execute(MAKE_ROLE.format(role=ROLE, may_become=_may_become(cursor.db)))
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
    there = cursor.fetchone() is not None
    if not there:
        log.error("row-level security is off: this user may not create the role %s", ROLE)
    return there


def _may_become(database: Any) -> str:
    """The privilege without which `SET ROLE` is refused; before PostgreSQL 16 membership was enough."""
    return "SET" if database.pg_version >= 160_000 else "MEMBER"


def _plan() -> list[str]:
    """Every statement, from the declarations."""
    followed = FOLLOWED.format(subscriptions=_subscriptions(), node=NODE)
    made_now = JUST_MADE.format(new=NEW)
    plan: list[str] = []
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.managed or model._meta.proxy:
            continue
        table = f'"{model._meta.db_table}"'
        ours = model._meta.app_label in SECRETS or model._meta.label == HIDDEN
        secret = ours and not issubclass(model, SyncedModel)
        rights = "REVOKE ALL ON {} FROM {}" if secret else "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}"
        plan.append(rights.format(table, ROLE))
    not_a_node = f"(current_user <> '{ROLE}')"
    plan.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")
    for synced in all_tables():
        if synced.scope_attname is None:
            continue
        table = f'"{synced.model._meta.db_table}"'
        scope = next(one for one in synced.model._meta.concrete_fields if one.attname == synced.scope_attname)
        column = f'"{scope.column}"'
        seen = f"({column} IN {followed} OR {column} = ANY {made_now})"
        plan += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS {POLICY} ON {table}",
            f"CREATE POLICY {POLICY} ON {table} TO {ROLE} USING {seen} WITH CHECK {seen}",
            f"DROP POLICY IF EXISTS {OTHERS} ON {table}",
            f"CREATE POLICY {OTHERS} ON {table} USING {not_a_node} WITH CHECK {not_a_node}",
        ]
    return plan


def _subscriptions() -> str:
    return f'"{Subscription._meta.db_table}"'


def _plan_id() -> str:
    return "posta wall " + hashlib.sha256("\n".join(_plan()).encode()).hexdigest()[:16]


def _mark(cursor: Any) -> str:
    cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [_subscriptions()])
    row = cursor.fetchone()
    return str(row[0] or "") if row else ""
