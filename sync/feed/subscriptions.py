"""Which node follows which scope key, as central keeps it.

Lives here: `follow` (idempotent; each new subscription takes a position in the node's own order, under a
lock) and `followed_by`. A room that knows why a node should follow a patient (catchment, transfer) registers
a route with `route_scopes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from django.db.models import QuerySet

from sync.feed.models import Subscription
from sync.feed.positions import SUBSCRIPTIONS, take
from sync.models import EnrolledNode

Route = Callable[[list[UUID]], Iterable[tuple[UUID, UUID]]]
_routes: list[Route] = []


def route_scopes(route: Route) -> Route:
    """Register who else should follow new scope keys: `route(keys)` → (node uuid, key) pairs. Usable as a
    decorator.
    """
    _routes.append(route)
    return route


def follow(node: EnrolledNode | None, keys: list[UUID]) -> None:
    """The node (and whomever the routes name) follows these keys from now on."""
    if not keys:
        return
    pairs: set[tuple[UUID, UUID]] = set()
    if node is not None and node.mode == EnrolledNode.Mode.SUBSCRIBED:
        pairs |= {(node.uuid, key) for key in keys}
    for route in _routes:
        pairs |= set(route(keys))
    subscribe(pairs)


def follow_places(node: EnrolledNode) -> None:
    """A place's own rows (its stock) are for the nodes that serve it: the place's id is their scope."""
    if node.mode == EnrolledNode.Mode.SUBSCRIBED:
        subscribe((node.uuid, UUID(place)) for place in node.facilities)


def subscribe(pairs: Iterable[tuple[UUID, UUID]]) -> int:
    """Add (node, scope key) pairs that are new; answers how many were."""
    wanted = set(pairs)
    if not wanted:
        return 0
    present = Subscription.objects.filter(scope__in={key for _node, key in wanted})
    wanted -= set(present.values_list("node_uuid", "scope"))
    if not wanted:
        return 0
    run = take({SUBSCRIPTIONS: len(wanted)})[SUBSCRIPTIONS]
    Subscription.objects.bulk_create(
        Subscription(node_uuid=node, scope=key, position=run.take()) for node, key in sorted(wanted)
    )
    return len(wanted)


def followed_by(node: EnrolledNode, upto: int) -> QuerySet[Subscription]:
    """The node's subscriptions up to a bound."""
    return Subscription.objects.filter(node_uuid=node.uuid, position__lte=upto)
