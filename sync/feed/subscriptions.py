"""Which node follows which scope key, as central keeps it.

Lives here: `follow` (whom a node registered), `catch_up` (whom it should hold for the places that it serves,
looked up at each hello, so that nothing that changed in between is missed) and the one way in, `subscribe`:
each new subscription takes a position in the order of all, under a lock. A room that knows who belongs to a
place registers a route with `route_scopes`. Not here: the back-fill of what is newly followed (`pages.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from sync.feed.models import Subscription
from sync.feed.positions import SUBSCRIPTIONS, take
from sync.models import EnrolledNode
from sync.node import current_node

AT_ONCE: Final = 1000
Route = Callable[[Collection[UUID]], "Iterable[QuerySet[Any]]"]


@dataclass(frozen=True, slots=True)
class _Standing:
    """Up to where a node was caught up: what it serves, with the lists that say what that means, and the last
    position of each table.
    """

    serves: tuple[Any, ...]
    stood: Mapping[str, int]


_routes: list[Route] = []
_lists: set[str] = set()


def route_scopes(route: Route, *, by: Collection[str]) -> None:
    """Register who belongs to places: `route(places)` answers queries of rows, each of which is reason enough
    for a node that serves one of the places to follow the row's scope key. `by` names the lists that the
    answer depends on besides: when one of them changes, all rows are looked at again, else only new ones.
    """
    if route not in _routes:
        _routes.append(route)
        _lists.update(by)


def follow(node: EnrolledNode | None, keys: list[UUID]) -> None:
    """The node follows these keys, which it has made, from now on."""
    if node is not None and node.mode == EnrolledNode.Mode.SUBSCRIBED:
        subscribe((node.uuid, key) for key in keys)


def follow_places(node: EnrolledNode) -> None:
    """A place's own rows (its stock) are for the nodes that serve it: the place's id is their scope."""
    if node.mode == EnrolledNode.Mode.SUBSCRIBED:
        subscribe((node.uuid, UUID(place)) for place in node.facilities)


def catch_up(node: EnrolledNode, stood: Mapping[str, int]) -> int:
    """In a transaction: the node follows all who by now belong to a place that it serves, whatever made them;
    answers how many are new. `stood` is each table's last position, read before.

    How far it came is remembered by this process only: after a restart everything is looked at once.
    """
    if node.mode != EnrolledNode.Mode.SUBSCRIBED:
        return 0
    kept: dict[UUID, _Standing] = current_node().kept.setdefault("caught_up", {})
    serves = (*sorted(node.facilities), *(stood.get(name, 0) for name in sorted(_lists)))
    known = kept.get(node.uuid)
    since = known.stood if known is not None and known.serves == serves else {}
    if any(stood.get(name, 0) < at for name, at in since.items()):
        since = {}  # central was put back
    if not since:
        follow_places(node)
    places, keys = [UUID(place) for place in node.facilities], set[UUID]()
    for route in _routes if places and since != stood else ():
        for rows in route(places):
            name = rows.model.sync.table
            if since.get(name, 0) < stood.get(name, 0):
                keys.update(_not_followed(node, rows, since.get(name, 0)))
    added = subscribe((node.uuid, key) for key in keys)
    transaction.on_commit(partial(kept.__setitem__, node.uuid, _Standing(serves, dict(stood))))
    return added


def _not_followed(node: EnrolledNode, rows: QuerySet[Any], since: int) -> QuerySet[Any, UUID]:
    """The scope keys of the rows that moved since, without those that the node follows already."""
    column = str(rows.model.sync.scope)
    followed = Subscription.objects.filter(node_uuid=node.uuid, scope=OuterRef(column))
    news = rows.filter(~Exists(followed), position__gt=since).order_by()
    return news.values_list(column, flat=True).distinct()


def subscribe(pairs: Iterable[tuple[UUID, UUID]]) -> int:
    """Add (node, scope key) pairs that are new; answers how many were."""
    wanted = set(pairs)
    keys = sorted({key for _node, key in wanted})
    for start in range(0, len(keys), AT_ONCE):
        present = Subscription.objects.filter(scope__in=keys[start : start + AT_ONCE])
        wanted -= set(present.values_list("node_uuid", "scope"))
    if not wanted:
        return 0
    run = take({SUBSCRIPTIONS: len(wanted)})[SUBSCRIPTIONS]
    Subscription.objects.bulk_create(
        [Subscription(node_uuid=node, scope=key, position=run.take()) for node, key in sorted(wanted)],
        batch_size=AT_ONCE,
        ignore_conflicts=True,  # somebody else may have added the pair before we had the lock
    )
    return len(wanted)


def followed_by(node: EnrolledNode, upto: int) -> QuerySet[Subscription]:
    """The node's subscriptions up to a bound."""
    return Subscription.objects.filter(node_uuid=node.uuid, position__lte=upto)
