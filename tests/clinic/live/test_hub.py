"""The hub and its streams, with a pretended database: what is asked how often, and who is told what."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Coroutine, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from clinic.live import hub as hubs
from clinic.live.frames import UNKNOWN, Wish, frames, html_of, known_digests
from clinic.live.hub import Hub, HubFull, Listener

PARTS = ("station:triage", "station:lab")
WITHIN_S = 5.0


@dataclass(eq=False)
class Picture:
    said: dict[str, str]
    drawn: list[str] = field(default_factory=list)

    def digest(self, part: str) -> str:
        return self.said[part]

    def html(self, part: str, language: str) -> str:
        self.drawn.append(part)
        return f"<p>{self.said[part]} ({language})</p>"


@dataclass
class Database:
    """What is committed; `fails` makes the next questions fail."""

    said: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PARTS, "0"))
    version: int = 0
    gone: set[Hashable] = field(default_factory=set)
    fails: int = 0
    looked: int = 0
    asked: list[frozenset[Any]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def commit(self, **said: str) -> None:
        self.said = self.said | {f"station:{name}": text for name, text in said.items()}
        self.version += 1

    def ask(self) -> int:
        self.threads.add(threading.get_ident())
        if self.fails:
            self.fails -= 1
            raise OSError("the disk is busy")
        return self.version

    def look(self, topic: Hashable, asks: frozenset[Any]) -> Picture:
        self.looked += 1
        self.asked.append(asks)
        self.pictures.append(Picture(dict(self.said)))
        return self.pictures[-1]

    def living(self, streams: Collection[tuple[Any, Any]]) -> set[tuple[Any, Any]]:
        return {(key, topic) for key, topic in streams if key not in self.gone}

    def hub(self, **more: Any) -> Hub:
        return Hub(version=self.ask, look=self.look, living=self.living, **{"poll_s": 0.02, **more})


def wish(have: Sequence[str] = (UNKNOWN, UNKNOWN), language: str = "en") -> Wish:
    return Wish(PARTS, language, tuple(have), html_of)


async def hear(stream: AsyncIterator[bytes], word: bytes) -> bytes:
    """The next frame with this word in it."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            frame = await anext(stream)
            if word in frame:
                return frame


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_one_look_serves_every_tablet_and_each_part_is_drawn_once() -> None:
    async def day() -> None:
        base = Database()
        feed = base.hub(poll_s=WITHIN_S)
        streams = [frames(feed, feed.join("bocas", number), wish()) for number in range(100)]
        first = await asyncio.gather(*(hear(one, b"event: board") for one in streams))
        assert len(set(first)) == 1
        looked = base.looked
        base.commit(lab="1")
        feed.ring()
        told = await asyncio.gather(*(hear(one, b"event: board") for one in streams))
        assert base.looked == looked + 1
        assert base.pictures[-1].drawn == ["station:lab"]
        assert len(set(told)) == 1
        assert b"station:triage" not in told[0]
        assert b"id: 0.1\n" in told[0]

    run(day())


def test_whoever_shows_more_is_told_nothing_before_a_look_took_it_in() -> None:
    async def day() -> None:
        base = Database()
        feed = base.hub(poll_s=WITHIN_S)
        board = frames(feed, feed.join("bocas", 1), wish())
        await hear(board, b"event: board")
        listener = feed.join("bocas", 2, ["visit:1"])
        assert feed.picture_for(listener) is None
        await hear(frames(feed, listener, wish()), b"event: board")
        assert base.asked[-1] == {"visit:1"}
        feed.join("bocas", 3, ["visit:1"])
        looked = base.looked
        await asyncio.sleep(0.1)
        assert base.looked == looked  # what is taken in already costs no look

    run(day())


def test_what_another_process_wrote_is_found_by_the_poll() -> None:
    async def day() -> None:
        base = Database()
        feed = base.hub()
        stream = frames(feed, feed.join("bocas", 1), wish())
        await hear(stream, b"event: board")
        base.commit(triage="7")
        assert b"<p>7 (en)</p>" in await hear(stream, b"event: board")

    run(day())


def test_a_commit_that_changes_nothing_on_the_board_says_nothing() -> None:
    async def day() -> None:
        base = Database()
        feed = base.hub()
        stream = frames(feed, feed.join("bocas", 1), wish(), heartbeat_s=0.3)
        await hear(stream, b"event: board")
        base.commit()
        async with asyncio.timeout(WITHIN_S):
            assert b"still here" in await anext(stream)
        assert base.looked >= 2

    run(day())


def test_a_busy_day_elsewhere_does_not_silence_the_heartbeat() -> None:
    async def day() -> None:
        base = Database()
        feed = base.hub()
        stream = frames(feed, feed.join("bocas", 1), wish(), heartbeat_s=0.3)
        await hear(stream, b"event: board")

        async def busy() -> None:
            while True:
                base.commit()
                await asyncio.sleep(0.02)

        saves = asyncio.create_task(busy())
        try:
            for _ in range(2):
                async with asyncio.timeout(WITHIN_S):
                    assert b"still here" in await anext(stream)
        finally:
            saves.cancel()

    run(day())


def test_whoever_comes_back_gets_only_what_changed_meanwhile() -> None:
    async def day() -> None:
        base = Database()
        base.commit(lab="1")
        feed = base.hub()
        stream = frames(feed, feed.join("bocas", 1), wish(known_digests("0.0", PARTS)))
        frame = await hear(stream, b"event: board")
        assert b"station:lab" in frame
        assert b"station:triage" not in frame

    run(day())


def test_an_id_of_another_page_is_no_id() -> None:
    assert known_digests("0.1", PARTS) == ("0", "1")
    assert known_digests("0.1.2", PARTS) == (UNKNOWN, UNKNOWN)
    assert known_digests("", PARTS) == (UNKNOWN, UNKNOWN)


def test_each_language_has_its_own_words() -> None:
    async def day() -> None:
        feed = Database().hub()
        streams = [
            frames(feed, feed.join("bocas", language), wish(language=language)) for language in ("en", "ar")
        ]
        english, arabic = [await hear(one, b"event: board") for one in streams]
        assert b"(en)" in english
        assert b"(ar)" in arabic

    run(day())


def test_a_log_in_that_ended_ends_its_streams_and_no_other() -> None:
    async def day() -> None:
        base = Database()
        feed = base.hub(poll_s=WITHIN_S)
        rosa, ana = (frames(feed, feed.join("bocas", name), wish()) for name in ("rosa", "ana"))
        await hear(rosa, b"event: board")
        await hear(ana, b"event: board")
        base.gone = {"rosa"}
        feed.ring(log_ins=True)
        assert b"data: login" in await hear(rosa, b"event: closed")
        with pytest.raises(StopAsyncIteration):
            await anext(rosa)
        base.commit(lab="2")
        feed.ring()
        await hear(ana, b"event: board")
        assert len(feed) == 1

    run(day())


def test_a_database_that_fails_for_a_moment_does_not_end_the_feed() -> None:
    async def day() -> None:
        base = Database(fails=2)
        feed = base.hub()
        stream = frames(feed, feed.join("bocas", 1), wish())
        await hear(stream, b"event: board")
        assert base.fails == 0

    run(day())


def test_a_tablet_that_opens_stream_after_stream_loses_the_oldest() -> None:
    async def day() -> None:
        feed = Database().hub()
        listeners = [feed.join("bocas", "rosa") for _ in range(hubs.MOST_PER_KEY + 2)]
        assert [bool(one.ended) for one in listeners] == [True, True] + [False] * hubs.MOST_PER_KEY

    run(day())


def test_a_process_serves_so_many_streams_and_says_when_it_is_full() -> None:
    async def day() -> None:
        feed = Database().hub()
        listeners: list[Listener] = [feed.join("bocas", number) for number in range(hubs.MOST)]
        with pytest.raises(HubFull):
            feed.join("bocas", "one more")
        feed.leave(listeners[0])
        feed.join("bocas", "one more")

    run(day())


def test_nothing_is_asked_while_nobody_listens() -> None:
    async def day() -> None:
        base = Database()
        closed = threading.Event()
        feed = base.hub(close=closed.set)
        stream = frames(feed, feed.join("bocas", 1), wish())
        await hear(stream, b"event: board")
        await stream.aclose()  # type: ignore[attr-defined]
        assert len(feed) == 0
        assert await asyncio.to_thread(closed.wait, WITHIN_S)
        assert feed.pictures == {}
        feed.ring()  # nobody hears it, and nothing breaks

    run(day())


def test_the_database_is_asked_by_one_thread_that_is_not_the_loops() -> None:
    async def day() -> None:
        base = Database()
        feed = base.hub()
        stream = frames(feed, feed.join("bocas", 1), wish())
        await hear(stream, b"event: board")
        assert len(base.threads) == 1
        assert threading.get_ident() not in base.threads

    run(day())
