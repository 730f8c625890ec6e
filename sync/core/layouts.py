"""How records lie in a page: which fields, and which of the record's writes is behind each value.

Here: `Layout` with its columns. Most records were written once, and their layout is a shape like a change's.

Not here: the values and the writes (pages.py).

Read next: pages.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sync.core.ints import pick, read_ints, write_ints
from sync.core.rows import SMALL, Shape, bounded, read_names, read_shapes, write_names, write_shapes
from sync.core.wire import Reader, Writer


@dataclass(frozen=True, slots=True)
class Layout:
    """A field stands in `shape` once for each head; `writers` has the number of each head's write."""

    shape: Shape
    writers: tuple[int, ...]
    writes: int = field(init=False, compare=False)
    is_plain: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        fields = self.shape.fields
        object.__setattr__(self, "writes", max(self.writers, default=0) + 1)
        object.__setattr__(self, "is_plain", self.writes == 1 and len(set(fields)) == len(fields))


def plain_first(layouts: Sequence[Layout], chosen: Sequence[int]) -> tuple[list[Layout], list[int]]:
    order = sorted(range(len(layouts)), key=lambda place: not layouts[place].is_plain)
    moved = {old: new for new, old in enumerate(order)}
    return [layouts[place] for place in order], [moved[place] for place in chosen]


def write_layouts(writer: Writer, layouts: Sequence[Layout]) -> None:
    """Plain ones as shapes; of the others the number of heads of each field and the write of each head."""
    plain = [layout.shape for layout in layouts if layout.is_plain]
    others = layouts[len(plain) :]
    names = write_names(writer, [layout.shape for layout in layouts])
    tables = {table: place for place, table in enumerate(names)}
    write_shapes(writer, plain, names)
    writer.varint(len(others))
    write_ints(writer, [tables[one.shape.table] for one in others])
    write_ints(writer, bounded([one.shape.schema for one in others], 0, SMALL, "a schema version"))
    counts = [one.shape.fields.count(name) for one in others for name in names[one.shape.table]]
    writer.charge(len(counts) + sum(counts))
    write_ints(writer, counts)
    write_ints(writer, [number for one in others for number in one.writers])


def read_layouts(reader: Reader, most: int) -> list[Layout]:
    names = read_names(reader)
    plain = [Layout(shape, (0,) * len(shape.fields)) for shape in read_shapes(reader, names, most)]
    number = reader.count(most)
    tables = pick(list(names), read_ints(reader, number))
    schemas = bounded(read_ints(reader, number), 0, SMALL, "a schema version")
    width = sum(len(names[table]) for table in tables)
    reader.charge(width)
    counts = bounded(read_ints(reader, width), 0, SMALL, "a count of heads")
    total = sum(counts)
    reader.charge(total)
    many = iter(counts)
    writers = iter(bounded(read_ints(reader, total), 0, total, "the number of a write"))
    others = []
    for table, schema in zip(tables, schemas, strict=True):
        fields = tuple([name for name in names[table] for _ in range(next(many))])
        others.append(Layout(Shape(table, schema, fields), tuple([next(writers) for _ in fields])))
    return [*plain, *others]
