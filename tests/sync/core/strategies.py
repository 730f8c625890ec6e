"""What the core's tests are drawn from: wire values, single writes, and whole histories of one record.

Here: `Clinics`, three replicas living through writes, stale forms, repeats, quarantine, amendments, receipts
and state transfer. Beside each vector it keeps the full set of changes an author had really seen, so that a
test can ask what is truly concurrent without trusting any vector.

Not here: the code under test does not appear except to carry states about. Read next: test_merge.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sync.core.merge import (
    GONE,
    Dot,
    Past,
    Rule,
    State,
    Value,
    Write,
    merge,
    rewrite_received,
    seen,
    state_of,
    state_to_plain,
)

CENTRAL: Final = UUID(int=0xC << 124)
NORTH: Final = UUID(int=1)
SOUTH: Final = UUID(int=0xF << 124)
CLINICS: Final = (NORTH, SOUTH)  # one sorts before central, one after
REPLICAS: Final = (CENTRAL, *CLINICS)
NURSES: Final = (UUID(int=0xA0), UUID(int=0xB0), None)
POOL: Final[tuple[Value, ...]] = (None, True, False, 0, 1, 1.0, "", "1", b"1", [1], [True], {"k": 1})
RULES: Final[tuple[Rule, ...]] = ("fixed", "latest", "ask", "central")
FIELD_SETS: Final = (("dose",), ("name",), ("dose", "name"), (GONE,), ("dose", GONE))

History = frozenset[Dot]
thorough: Final = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
quick: Final = settings(thorough, max_examples=100)


def typed(value: Value) -> tuple[Any, ...]:
    """A value with its types, said another way than the code under test says it."""
    if isinstance(value, dict):
        return ("dict", tuple(sorted((key, typed(part)) for key, part in value.items())))
    if isinstance(value, list):
        return ("list", tuple(typed(part) for part in value))
    if isinstance(value, float):
        return ("float", struct.pack(">d", value))
    return (type(value).__name__, value)


def values() -> st.SearchStrategy[Value]:
    whole = st.integers(-(2**63), 2**64 - 1)
    scalars = st.none() | st.booleans() | whole | st.floats() | st.text() | st.binary()
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )


def seqs() -> st.SearchStrategy[int]:
    return st.integers(1, 6) | st.just(2**63 - 1)


def dots() -> st.SearchStrategy[Dot]:
    return st.builds(Dot, st.sampled_from(REPLICAS), seqs())


def pasts() -> st.SearchStrategy[Past]:
    return st.builds(
        Past, st.dictionaries(st.sampled_from(REPLICAS), seqs()), st.frozensets(dots(), max_size=4)
    )


def stamps() -> st.SearchStrategy[int]:
    return st.integers(0, 9)  # few, so that clocks tie and run against causality


@dataclass(frozen=True)
class Made:
    """One change with what no replica keeps: every change its author had truly seen."""

    write: Write
    fields: Mapping[str, Value]
    history: History

    @property
    def state(self) -> State:
        return state_of(self.write, self.fields)


@dataclass
class Replica:
    id: UUID
    state: State = field(default_factory=dict)
    merged: History = frozenset()
    seq: int = 0
    forms: list[tuple[Past, History]] = field(default_factory=list)


@dataclass
class Clinics:
    replicas: dict[UUID, Replica] = field(default_factory=lambda: {one: Replica(one) for one in REPLICAS})
    made: dict[Dot, Made] = field(default_factory=dict)
    quarantined: set[Dot] = field(default_factory=set)
    snapshots: list[tuple[State, History]] = field(default_factory=list)

    def known(self, replica: Replica) -> History:
        """What it merged, and what it need not merge because an amendment it merged stands for it."""
        return replica.merged.union(*(self.made[dot].history for dot in replica.merged))

    def write(self, at: UUID, names: Sequence[str], pick: int, stamp: int, form: int = 0) -> Made:
        """Somebody saves: from what is there now (form 0) or from a form opened a while ago."""
        replica = self.replicas[at]
        open_forms = [(seen(replica.state), self.known(replica)), *replica.forms]
        past, history = open_forms[form % len(open_forms)]
        return self._commit(replica, past, history, _filled(names, pick), stamp)

    def _commit(
        self, replica: Replica, past: Past, history: History, fields: Mapping[str, Value], stamp: int
    ) -> Made:
        replica.seq += 1 + stamp % 2  # other records take a seq now and then
        dot = Dot(replica.id, replica.seq)
        nurse = NURSES[stamp % len(NURSES)]
        made = Made(Write(dot, past, stamp, None, nurse, f"tablet-{stamp}", stamp - 5), fields, history)
        self.made[dot] = made
        self._take(replica, made.state, frozenset({dot}))
        return made

    def _take(self, replica: Replica, state: State, merged: History) -> None:
        replica.state = merge(replica.state, state)
        replica.merged |= merged
        self.snapshots.append((replica.state, replica.merged))

    def open_form(self, at: UUID) -> None:
        replica = self.replicas[at]
        replica.forms.append((seen(replica.state), self.known(replica)))

    def next_from(self, origin: UUID, to: UUID) -> Made | None:
        """The first change of the origin that the other lacks, if what its author had seen is there."""
        known = self.known(self.replicas[to])
        lacking = [made for dot, made in self.made.items() if dot.replica == origin and dot not in known]
        return lacking[0] if lacking and lacking[0].history <= known else None

    def deliver(self, origin: UUID, to: UUID) -> None:
        made = self.next_from(origin, to)
        if made is not None and not (to == CENTRAL and made.write.dot in self.quarantined):
            self._take(self.replicas[to], made.state, frozenset({made.write.dot}))

    def repeat(self, to: UUID, which: int) -> None:
        """A change arrives once more, as it was first sent."""
        replica = self.replicas[to]
        if replica.merged:
            dot = sorted(replica.merged)[which % len(replica.merged)]
            self._take(replica, self.made[dot].state, frozenset())

    def quarantine(self, origin: UUID) -> None:
        made = self.next_from(origin, CENTRAL)
        if made is not None and origin != CENTRAL:
            self.quarantined.add(made.write.dot)

    def amend(self, which: int, pick: int, stamp: int) -> None:
        """Central answers for a quarantined change with its own: other values, perhaps a tombstone too."""
        central = self.replicas[CENTRAL]
        known = self.known(central)
        open_ones = [dot for dot in sorted(self.quarantined - known) if self.made[dot].history <= known]
        if not open_ones:
            return
        original = self.made[open_ones[which % len(open_ones)]]
        dot = original.write.dot
        names = [*original.fields, *([GONE] if pick % 3 == 0 and GONE not in original.fields else [])]
        past = original.write.past.including(dot)
        self._commit(central, past, original.history | {dot}, _filled(names, pick), stamp)

    def transfer(self, source: UUID, to: UUID) -> None:
        origin = self.replicas[source]
        self._take(self.replicas[to], origin.state, origin.merged)

    def receipt(self, at: UUID, which: int, received: int) -> None:
        replica = self.replicas[at]
        if replica.merged:
            dot = sorted(replica.merged)[which % len(replica.merged)]
            replica.state = rewrite_received(replica.state, dot, received)
            self.snapshots.append((replica.state, replica.merged))

    def everything(self) -> list[State]:
        """All that could arrive anywhere: single changes and states of any moment."""
        return [*(made.state for made in self.made.values()), *(state for state, _ in self.snapshots)]


def _filled(names: Sequence[str], pick: int) -> dict[str, Value]:
    return {name: pick % 2 == 0 if name == GONE else POOL[pick % len(POOL)] for name in names}


def _live(world: Clinics, rng: Random) -> None:
    """One thing happens. Writing is the commonest, and what a form shows is often stale."""
    at, other, which = rng.choice(REPLICAS), rng.choice(REPLICAS), rng.randrange(12)
    names, stamp = rng.choice(FIELD_SETS), rng.randrange(10)
    steps: list[tuple[int, Callable[[], object]]] = [
        (6, lambda: world.write(at, names, which, stamp, rng.randrange(3))),
        (2, lambda: world.open_form(at)),
        (3, lambda: world.deliver(at, CENTRAL)),
        (1, lambda: world.deliver(at, other)),
        (2, lambda: world.transfer(at, other)),
        (1, lambda: world.repeat(at, which)),
        (2, lambda: world.quarantine(rng.choice(CLINICS))),
        (2, lambda: world.amend(which, rng.randrange(12), stamp)),
        (2, lambda: world.receipt(at, which, stamp)),
    ]
    (step,) = rng.choices([step for _, step in steps], [weight for weight, _ in steps])
    step()


def _lived(seeds: Sequence[int]) -> Clinics:
    world = Clinics()
    for seed in seeds:
        _live(world, Random(seed))
    return world


def histories() -> st.SearchStrategy[Clinics]:
    """A seed per step: mostly long lives, since short ones contest little, that shrink step by step."""
    seeds = st.integers(0, 2**32)
    return st.builds(
        _lived,
        st.lists(seeds, max_size=8)
        | st.lists(seeds, min_size=20, max_size=40)
        | st.lists(seeds, min_size=40, max_size=60),
    )


def true_heads(world: Clinics, merged: History) -> dict[str, set[Dot]]:
    """The oracle: by brute force over full causal sets, what nobody has seen and overwritten."""
    heads: dict[str, set[Dot]] = {}
    for dot in merged:
        for name in world.made[dot].fields:
            if not any(name in world.made[o].fields and dot in world.made[o].history for o in merged):
                heads.setdefault(name, set()).add(dot)
    return heads


def write_of(
    replica: UUID, seq: int, past: Past | None = None, stamp: int = 5, received: int | None = None
) -> Write:
    return Write(Dot(replica, seq), past or Past(), stamp, received, NURSES[0], "tablet-1")


def saved(
    replica: UUID,
    seq: int,
    value: Value,
    past: Past | None = None,
    stamp: int = 5,
    received: int | None = None,
) -> State:
    return state_of(write_of(replica, seq, past, stamp, received), {"dose": value})


def exactly(state: State) -> bytes:
    """All of a state: `==` would take True for 1."""
    return msgspec.msgpack.encode(state_to_plain(state), order="deterministic")


def merge_all(states: list[State]) -> State:
    merged: State = {}
    for state in states:
        merged = merge(merged, state)
    return merged


def always(rule: Rule) -> Callable[[str], Rule]:
    return lambda name: rule
