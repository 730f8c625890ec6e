"""What goes down one stream.

Lives here: `frames`, from a listener to bytes of `text/event-stream`. An event holds the parts that look
different from what this tablet has, and its id is the digests of all that it asked for: a tablet that comes
back says the last id, and gets only what has changed since, whichever server process answers and however long
it slept. Bytes are made once for all who need the same. Not here: who may listen (`admission.py`).
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from clinic.live.hub import Hub, Listener

HEARTBEAT_S: Final = 15.0
RECONNECT_MS: Final = 1500
LONGEST_S: Final = 3600.0
UNKNOWN: Final = "-"
Tell = Callable[[Any, Sequence[str], str], str]
_made: weakref.WeakKeyDictionary[Any, dict[Any, asyncio.Task[str]]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a tablet shows: parts, the language, and the digests of what it has. `tell(picture, parts,
    language)` makes the event's data.
    """

    parts: tuple[str, ...]
    language: str
    have: tuple[str, ...]
    tell: Tell


def known_digests(text: str, parts: Sequence[str]) -> tuple[str, ...]:
    """The digests in an event's id; none where it belongs to other parts."""
    digests = tuple(text.split("."))
    return digests if len(digests) == len(parts) else (UNKNOWN,) * len(parts)


async def frames(
    hub: Hub, listener: Listener, wish: Wish, heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[bytes]:
    """Everything that this tablet must know, until it goes or may no longer listen."""
    clock = asyncio.get_running_loop().time
    ends, spoke, have = clock() + LONGEST_S, clock(), wish.have
    try:
        yield f"retry: {RECONNECT_MS}\n\n".encode()
        while not listener.ended and clock() < ends:
            listener.wake.clear()
            picture = hub.picture_for(listener)
            if picture is not None:
                now = tuple(picture.digest(part) for part in wish.parts)
                changed = tuple(
                    part for part, old, new in zip(wish.parts, have, now, strict=True) if old != new
                )
                if changed:
                    told = await _told_once(hub, picture, changed, wish)
                    yield f"id: {'.'.join(now)}\nevent: board\ndata: {told}\n\n".encode()
                    spoke = clock()
                have = now
            # Whoever is woken again and again for what they do not show must hear that we are here, too.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(spoke + heartbeat_s):
                    await listener.wake.wait()
            if clock() >= spoke + heartbeat_s:
                yield b": still here\n\nevent: beat\ndata: {}\n\n"
                spoke = clock()
        yield f"event: closed\ndata: {listener.ended or 'again'}\n\n".encode()
    finally:
        hub.leave(listener)


async def _told_once(hub: Hub, picture: Any, changed: tuple[str, ...], wish: Wish) -> str:
    """The same words for everybody who needs them: drawn by the first who asks, in the hub's thread."""
    kept = _made.setdefault(picture, {})
    key = (changed, wish.language, wish.tell)
    if key not in kept:
        kept[key] = asyncio.ensure_future(hub.in_thread(wish.tell, picture, changed, wish.language))
    return await asyncio.shield(kept[key])


def html_of(picture: Any, parts: Sequence[str], language: str) -> str:
    """For tablets: each changed part's digest and HTML."""
    told = {part: {"digest": picture.digest(part), "html": picture.html(part, language)} for part in parts}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
