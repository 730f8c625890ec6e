"""What browsers say that our content policy made them refuse.

Lives here: reading a report and keeping what it teaches (`note_blocked`): the rule, the host or kind of what
was refused, our page by its name, our script by its file. Whatever else a report says, addresses of records
and pieces of script, is let go. Reports are counted, not collected; anybody may send them, so their number
has limits. Not here: the policy (`deploy/settings.py`), the page (`clinic/tablet/blocked.py`).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec
from django.core.cache import cache
from django.db.models import F
from django.urls import Resolver404, resolve

from registry.tablets.models import Blocked
from sync.node import current_node

MOST_BYTES: Final = 16 * 1024
MOST_ROWS: Final = 100
MOST_A_MINUTE: Final = 60
_COUNTED: Final = "registry.tablets.blocked"
_WORD: Final = re.compile(r"[a-z][a-z-]{0,39}")
_OURS: Final = re.compile(r"/(?:static/[\w./-]{1,100}|worker\.js)")


class _Violation(msgspec.Struct, rename="kebab"):
    """The part of a report that is read."""

    document_uri: str = ""
    effective_directive: str = ""
    violated_directive: str = ""
    blocked_uri: str = ""
    source_file: str = ""


class _Report(msgspec.Struct, rename="kebab"):
    csp_report: _Violation


def note_blocked(body: bytes) -> bool:
    """Count what a report says; False where it is none, or where too many came."""
    if len(body) > MOST_BYTES or not _few():
        return False
    try:
        said = msgspec.json.decode(body, type=_Report).csp_report
    except (msgspec.MsgspecError, ValueError):
        return False
    rule = (said.effective_directive or said.violated_directive).partition(" ")[0]
    if not _WORD.fullmatch(rule):
        return False
    _count(rule, _what(said.blocked_uri), _page(said.document_uri), _script(said.source_file))
    return True


def _few() -> bool:
    if cache.add(_COUNTED, 1, 60):
        return True
    try:
        return cache.incr(_COUNTED) <= MOST_A_MINUTE
    except ValueError:  # the minute was over in between
        return True


def _what(address: str) -> str:
    """`inline`, `eval`, or where it would have come from: never the whole address."""
    if _WORD.fullmatch(address):
        return address
    try:
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.hostname}"[:120] if parts.hostname else parts.scheme[:40]
    except ValueError:
        return ""


def _page(address: str) -> str:
    """The name of our page; empty where it is not one."""
    try:
        return (resolve(urlsplit(address).path).url_name or "")[:80]
    except (Resolver404, ValueError):
        return ""


def _script(address: str) -> str:
    try:
        found = _OURS.fullmatch(urlsplit(address).path)
    except ValueError:
        return ""
    return found[0] if found else ""


def _count(rule: str, what: str, page: str, script: str) -> None:
    now = current_node().now()
    row, new = Blocked.objects.get_or_create(
        rule=rule, what=what, page=page, script=script, defaults={"first_at": now, "last_at": now}
    )
    if not new:
        Blocked.objects.filter(pk=row.pk).update(count=F("count") + 1, last_at=now)
        return
    kept = Blocked.objects.order_by("-last_at", "-pk").values_list("pk", flat=True)[:MOST_ROWS]
    Blocked.objects.exclude(pk__in=list(kept)).delete()
