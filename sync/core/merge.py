"""The merge: what a record's state is, and how two states become one.

Here: dots, pasts, writes, heads; `merge` and what it rests on; which head is shown and which fields need a
person; a plain form of a whole state for a blob or the wire. Nothing reads a clock, a database or a model.

Not here: how a change travels and is digested (protocol.py), how stamps are made (clock.py), how rows are
written (sync/apply.py).

Three things callers owe the merge, or replicas diverge:

- each replica's changes to one record merge in `seq` order, and a change merges only where its past is held;
- an amended change carries the original's past with the original's dot in `also`, and sets every field that
  the original set; nothing is amended before what its past covers has been merged or amended itself;
- a `past` is what `seen` gave for the record, now or when a form was opened; never composed field by field.

Read next: digest.py, then protocol.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

Value: TypeAlias = bool | int | float | str | bytes | list[Any] | dict[str, Any] | None
Rule: TypeAlias = Literal["fixed", "latest", "ask", "central"]

GONE: Final = "_gone"
LARGEST: Final = 2**63 - 1  # of a seq or a stamp: what both databases hold

_canonical: Final = msgspec.msgpack.Encoder(order="deterministic").encode


class Dot(NamedTuple):
    """Names one change for ever. Orders by the replica's bytes, then seq, as UUIDs compare big-endian."""

    replica: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Past:
    """What an author had seen of a record. Kept normal: `also` holds no dot that `highest` covers."""

    highest: Mapping[UUID, int] = field(default_factory=dict)
    also: frozenset[Dot] = frozenset()

    def __post_init__(self) -> None:
        if self.also:
            beyond = frozenset(dot for dot in self.also if dot.seq > self.highest.get(dot.replica, 0))
            object.__setattr__(self, "also", beyond)

    def __hash__(self) -> int:
        return hash((frozenset(self.highest.items()), self.also))

    @property
    def is_empty(self) -> bool:
        return not self.highest and not self.also

    def covers(self, dot: Dot) -> bool:
        return dot.seq <= self.highest.get(dot.replica, 0) or dot in self.also

    def join(self, other: Past) -> Past:
        return _join_pasts((self, other))

    def including(self, dot: Dot) -> Past:
        return self if self.covers(dot) else Past(self.highest, self.also | {dot})


def _join_pasts(pasts: Iterable[Past], dots: Iterable[Dot] = ()) -> Past:
    highest: dict[UUID, int] = {}
    also: set[Dot] = set()
    for past in pasts:
        also |= past.also
        for replica, seq in past.highest.items():
            if seq > highest.get(replica, 0):
                highest[replica] = seq
    for replica, seq in dots:
        if seq > highest.get(replica, 0):
            highest[replica] = seq
    return Past(highest, frozenset(also))


@dataclass(frozen=True, slots=True)
class Write:
    """Everything about a change but its values; shared by all the heads the change left."""

    dot: Dot
    past: Past
    stamp: int
    received: int | None
    author: UUID | None
    device: str
    clock_offset_ms: int = 0

    def __hash__(self) -> int:
        return hash(self.dot)

    @property
    def effective(self) -> int:
        return self.stamp if self.received is None else min(self.stamp, self.received)


@dataclass(frozen=True, slots=True)
class Head:
    write: Write
    value: Value

    def __hash__(self) -> int:
        return hash(self.write.dot)


Heads: TypeAlias = tuple[Head, ...]
State: TypeAlias = Mapping[str, Heads]


# Values


def canonical_value(value: Value) -> bytes:
    """Equal bytes exactly when values are the same: types count, the order of keys does not."""
    return _canonical(value)


def same_value(one: Value, other: Value) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, (float, list, dict)):
        return _canonical(one) == _canonical(other)
    return one == other


# Merge


def state_of(write: Write, fields: Mapping[str, Value]) -> State:
    return {name: (Head(write, value),) for name, value in fields.items()}


def supersedes(later: Write, earlier: Write) -> bool:
    """`later` saw `earlier`. Two writes that each claim to have seen the other are a lie; both are kept."""
    return later.past.covers(earlier.dot) and not earlier.past.covers(later.dot)


def merge(a: State, b: State) -> State:
    """The versions of both that no other version of the same field has seen."""
    if a is b or not b:
        return a
    merged = dict(a)
    for name, heads in b.items():
        mine = merged.get(name)
        merged[name] = heads if mine is None else _merge_heads(mine, heads)
    return merged


def _merge_heads(mine: Heads, theirs: Heads) -> Heads:
    if mine is theirs:
        return mine
    if len(mine) == 1 == len(theirs):
        return _merge_pair(mine, theirs)
    by_dot = {head.write.dot: head for head in mine}
    for head in theirs:
        twin = by_dot.get(head.write.dot)
        by_dot[head.write.dot] = head if twin is None else _join_twins(twin, head)
    return _maximal([by_dot[dot] for dot in sorted(by_dot)])


def _merge_pair(mine: Heads, theirs: Heads) -> Heads:
    (x,), (y,) = mine, theirs
    if x.write.dot == y.write.dot:
        joined = _join_twins(x, y)
        return mine if joined is x else theirs if joined is y else (joined,)
    if supersedes(x.write, y.write):
        return mine
    if supersedes(y.write, x.write):
        return theirs
    return (x, y) if x.write.dot < y.write.dot else (y, x)


def _maximal(heads: Sequence[Head]) -> Heads:
    if len(heads) < 2:
        return tuple(heads)
    survivors = tuple(
        head for head in heads if not any(supersedes(other.write, head.write) for other in heads)
    )
    return survivors or tuple(heads)  # only forged pasts form a ring; even then a field never vanishes


def _join_twins(x: Head, y: Head) -> Head:
    """One dot, met twice: the smallest `received` stands.

    Content that differs is a fork: intake raises the alarm, here the choice only must not depend on order.
    """
    received = _earlier(x.write.received, y.write.received)
    if _same_work(x.write, y.write) and same_value(x.value, y.value):
        return x if x.write.received == received else y
    chosen = min(x, y, key=_content)
    return Head(replace(chosen.write, received=received), chosen.value)


def _same_work(x: Write, y: Write) -> bool:
    return x is y or (
        (x.stamp, x.author, x.device, x.clock_offset_ms) == (y.stamp, y.author, y.device, y.clock_offset_ms)
        and x.past == y.past
    )


def _content(head: Head) -> bytes:
    return _canonical([head.value, _plain_write(head.write, lambda replica: replica.bytes)])


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((received for received in (one, other) if received is not None), default=None)


def rewrite_received(state: State, dot: Dot, received: int) -> State:
    """A receipt named this dot: it was received then, unless it is known to have been received earlier."""
    rewritten: dict[Write, Write] = {}
    for heads in state.values():
        for head in heads:
            write = head.write
            if write.dot == dot and (write.received is None or received < write.received):
                rewritten.setdefault(write, replace(write, received=received))
    if not rewritten:
        return state
    return {name: tuple(_moved(head, rewritten) for head in heads) for name, heads in state.items()}


def _moved(head: Head, rewritten: Mapping[Write, Write]) -> Head:
    write = rewritten.get(head.write)
    return head if write is None else Head(write, head.value)


def seen(state: State) -> Past:
    """What somebody who sees this record now has seen of it: the past of the next write."""
    writes = {id(head.write): head.write for heads in state.values() for head in heads}.values()
    return _join_pasts((write.past for write in writes), (write.dot for write in writes))


# What people see


def shown(heads: Sequence[Head], rule: Rule, central: UUID | None = None) -> Head:
    if len(heads) == 1:
        return heads[0]
    if rule == "fixed":
        return min(heads, key=_age)
    if rule == "central":
        return max([head for head in heads if head.write.dot.replica == central] or heads, key=_age)
    return max(heads, key=_age)


def _age(head: Head) -> tuple[int, Dot]:
    return head.write.effective, head.write.dot


def is_conflict(heads: Sequence[Head], rule: Rule) -> bool:
    if rule != "ask" or len(heads) < 2:
        return False
    return any(not same_value(heads[0].value, head.value) for head in heads[1:])


def conflicts(state: State, rule_of: Callable[[str], Rule]) -> list[str]:
    """The fields a person must settle, by name; GONE stands for a deletion against what it did not see."""
    names = [
        name
        for name, heads in state.items()
        if len(heads) > 1 and name != GONE and is_conflict(heads, rule_of(name))
    ]
    if _deletion_contested(state):
        names.append(GONE)
    return sorted(names)


def _deletion_contested(state: State) -> bool:
    """Whatever the rules: an edit is not lost to a deletion that did not see it, nor the reverse."""
    tombstones = [head.write for head in state.get(GONE, ()) if head.value is True]
    if not tombstones:
        return False
    others = {
        id(head.write): head.write
        for name, heads in state.items()
        for head in heads
        if name != GONE or head.value is not True
    }
    return any(_concurrent(tombstone, other) for tombstone in tombstones for other in others.values())


def _concurrent(x: Write, y: Write) -> bool:
    return x.dot != y.dot and not supersedes(x, y) and not supersedes(y, x)


# Plain form: ids, writes by first use, fields. Each stands once, in order: equal states have equal bytes.

_Place: TypeAlias = int
_Seq: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
_Stamp: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
_Offset: TypeAlias = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
_Dots: TypeAlias = list[tuple[_Place, _Seq]]
_PlainWrite: TypeAlias = tuple[_Place, _Seq, _Dots, _Dots, _Stamp, _Place | None, str, _Offset, _Stamp | None]
_PlainField: TypeAlias = tuple[str, Annotated[list[tuple[_Place, Any]], msgspec.Meta(min_length=1)]]
_PlainState: TypeAlias = tuple[list[bytes], list[_PlainWrite], list[_PlainField]]


def state_to_plain(state: State) -> list[Any]:
    """Lists, bytes, ints and the values themselves: what msgpack can carry."""
    names = sorted(state)
    writes = list({head.write: None for name in names for head in state[name]})
    ids = sorted({one for write in writes for one in _ids_in(write)})
    places = {one: place for place, one in enumerate(ids)}
    place_of = {write: place for place, write in enumerate(writes)}
    return [
        [one.bytes for one in ids],
        [_plain_write(write, places.__getitem__) for write in writes],
        [[name, [[place_of[head.write], head.value] for head in state[name]]] for name in names],
    ]


def _ids_in(write: Write) -> Iterable[UUID]:
    yield write.dot.replica
    yield from write.past.highest
    yield from (dot.replica for dot in write.past.also)
    if write.author is not None:
        yield write.author


def _plain_write(write: Write, name: Callable[[UUID], object]) -> list[Any]:
    return [
        name(write.dot.replica),
        write.dot.seq,
        [[name(replica), seq] for replica, seq in sorted(write.past.highest.items())],
        [[name(replica), seq] for replica, seq in sorted(write.past.also)],
        write.stamp,
        None if write.author is None else name(write.author),
        write.device,
        write.clock_offset_ms,
        write.received,
    ]


def state_from_plain(plain: object) -> State:
    """The exact inverse of `state_to_plain`. Raises ValueError on anything that it would not have written."""
    try:
        ids, writes, fields = msgspec.convert(plain, _PlainState)
        known = [UUID(bytes=one) for one in ids]
        made = [_write_in(one, known) for one in writes]
        state = {name: _heads_in(heads, made) for name, heads in fields}
        if _canonical(state_to_plain(state)) == _canonical(plain):
            return state
    except (msgspec.ValidationError, IndexError, OverflowError, RecursionError, TypeError) as error:
        raise ValueError(f"not a plain state: {error}") from error
    raise ValueError("not a plain state in its one order")


def _write_in(plain: _PlainWrite, known: Sequence[UUID]) -> Write:
    replica, seq, highest, also, stamp, author, device, offset, received = plain
    return Write(
        dot=Dot(known[replica], seq),
        past=Past(
            {known[place]: seen_seq for place, seen_seq in highest},
            frozenset(Dot(known[place], seen_seq) for place, seen_seq in also),
        ),
        stamp=stamp,
        received=received,
        author=None if author is None else known[author],
        device=device,
        clock_offset_ms=offset,
    )


def _heads_in(plain: Sequence[tuple[int, Any]], writes: Sequence[Write]) -> Heads:
    heads = tuple(Head(writes[place], _checked(value)) for place, value in plain)
    if any(x.write.dot >= y.write.dot for x, y in pairwise(heads)) or _maximal(heads) != heads:
        raise ValueError("heads out of order, repeated or superseded")
    return heads


def _checked(value: Value) -> Value:
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            _checked(part)
    elif value is not None and type(value) not in (bool, int, float, str, bytes):
        raise ValueError(f"{type(value).__name__} is not a wire value")
    return value
