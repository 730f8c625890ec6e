"""One measured action of a node, in a process of its own so that its memory is its own. Prints one JSON line.

`python -m tests.bench.client ACTION [options]` with the environment of `tests/bench/nodes.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from sync.enrolment import join, offer  # noqa: E402
from sync.ledger.birth import ensure_replica  # noqa: E402
from sync.ledger.models import Change, Receipt, Replica  # noqa: E402
from sync.ledger.recording import Author, recording  # noqa: E402
from sync.pace import Pace  # noqa: E402
from sync.run import make_run  # noqa: E402
from sync.tables import table_named  # noqa: E402
from sync.upload import Batch, Outbox  # noqa: E402
from sync.vault.keys import pin, pinned  # noqa: E402
from tests.bench.people import Shared, edits, everyday, long_notes  # noqa: E402
from tests.bench.seed import changes_of, log_rows, store  # noqa: E402

Answer = dict[str, Any]
BATCH = 1_000


def prepare_central(options: argparse.Namespace) -> Answer:
    """An empty central with the lists that rows refer to, and a code for each clinic."""
    from clinic.programs.examples import example
    from clinic.programs.services import publish
    from registry.places.models import Area, Facility

    call_command("migrate", verbosity=0, interactive=False)
    ensure_replica()
    by = Author(None, "bench")
    with recording(by=by) as save:
        top = save.add(Area, name="Region", code="R", level=1)
    villages = []
    for index in range(20):
        with recording(by=by) as save:
            villages.append(save.add(Area, name=f"Village {index}", code=f"V{index}", level=2, parent=top))
    with recording(by=by) as save:
        facility = save.add(Facility, name="Bench clinic", code="B1", area=top)
    published = publish(document=example("outpatient"), by=by)
    return {
        "codes": [offer(name=f"clinic {index}", facilities=[], mode="everything") for index in range(4)],
        "villages": [str(one.pk) for one in villages],
        "facility": str(facility.pk),
        "version": str(published.version.pk),
    }


def _shared(options: argparse.Namespace) -> Shared:
    given = json.loads(options.shared)
    return Shared(
        tuple(UUID(one) for one in given["villages"]),
        UUID(given["facility"]),
        UUID(given["version"]),
        ("triage", "consultation", "pharmacy"),
    )


def prepare_clinic(options: argparse.Namespace) -> Answer:
    """A clinic that has joined and downloaded the lists; with `--shape`, it has generated rows to send."""
    call_command("migrate", verbosity=0, interactive=False)
    ensure_replica()
    join(options.url, options.code)
    run = make_run("bench")
    if run.outcome != "done":
        raise SystemExit(f"the first sync failed: {run.reason}")
    if options.shape:
        shared = _shared(options)
        rows = long_notes(shared) if options.shape == "notes" else everyday(shared, *_size(options))
        return {
            "head": store(rows),
            "json": len(json.dumps([_plain(row) for row in rows], ensure_ascii=False)),
        }
    return {}


def _size(options: argparse.Namespace) -> tuple[int, int]:
    return options.records // 6, options.records - options.records // 6


def _plain(row: Any) -> Any:
    return {key: value.hex() if isinstance(value, bytes) else value for key, value in row.fields.items()}


def synchronise(options: argparse.Namespace) -> Answer:
    """Runs until nothing is unsent and nothing is left to fetch, as the worker would; `--batch` fixes the
    batch size.
    """
    known = pinned()
    if known is None:
        raise SystemExit("this clinic has not joined")
    pin(replace(known, url=options.url))
    pace = Pace()
    pace.fixed_changes = options.batch or None
    if options.target:
        pace.target = options.target
    sizes = _sizes_of_batches()
    acked = Replica.objects.get(is_self=True).acked_seq
    began = time.perf_counter()
    runs = 0
    while runs < 200:
        run = make_run("bench", upload_only=options.upload_only, pace=pace)
        runs += 1
        if run.outcome == "done":
            break
        time.sleep(0.2)
    took = time.perf_counter() - began
    replica = Replica.objects.get(is_self=True)
    landed = Receipt.objects.filter(replica=replica, seq_from__gt=acked).values_list("seq_from", "seq_to")
    return {
        "seconds": took,
        "runs": runs,
        "landed": [sizes[one] for one in landed],
        "unsent": replica.head_seq - replica.acked_seq,
        "fetched": run.fetched,
        "digests": run.digests,
        "reason": run.reason,
    }


def _sizes_of_batches() -> dict[tuple[int, int], int]:
    """First and last seq → bytes of every batch that is cut from now on."""
    sizes: dict[tuple[int, int], int] = {}
    cut = Outbox._cut

    def measured(outbox: Outbox) -> Batch:
        batch = cut(outbox)
        sizes[batch.seq_from, batch.seq_to] = len(batch.blob)
        return batch

    Outbox._cut = measured  # type: ignore[method-assign, assignment]  # in this process, which measures
    return sizes


def fill(options: argparse.Namespace) -> Answer:
    """Rows to send, in a clinic that has joined."""
    return {"head": store(everyday(_shared(options), *_size(options)))}


def edit(options: argparse.Namespace) -> Answer:
    """A hundred later edits of events."""
    rows = everyday(_shared(options), *_size(options))
    table = table_named("events")
    if table is None:
        raise SystemExit("there is no table of events")
    replica = Replica.objects.get(is_self=True)
    ids = [change.record_id for change in changes_of(rows, replica.uuid, 1)]
    for index, changes in edits(rows):
        row = table.model.objects.get(pk=ids[index])
        with recording(by=Author(UUID(int=index), "tablet-1")) as save:
            save.edit(row, changes)
    return {"head": Replica.objects.get(is_self=True).head_seq}


def floor(options: argparse.Namespace) -> Answer:
    """What Django's `bulk_create` needs for the same rows plus their log rows, in batches of 1,000, one
    transaction each.
    """
    replica = Replica.objects.get(is_self=True)
    rows = everyday(_shared(options), *_size(options))
    changes = changes_of(rows, replica.uuid, replica.head_seq + 1)
    from sync.apply import arrival_of
    from sync.records import door
    from sync.rowstate import plain_row, write_columns

    arrivals = [arrival_of(change, replica.number, None) for change in changes]
    built = [
        (
            arrival.table,
            plain_row(arrival.table, arrival.record_id, write_columns(change.write()), arrival.fields),
        )
        for arrival, change in zip(arrivals, changes, strict=True)
    ]
    logged = log_rows(replica, changes)
    began = time.perf_counter()
    for start in range(0, len(changes), BATCH):
        with transaction.atomic(), door():
            part = built[start : start + BATCH]
            for name in ("patients", "events"):
                of_table = [row for table, row in part if table.name == name]
                if of_table:
                    type(of_table[0]).objects.bulk_create(of_table)
            Change.objects.bulk_create(logged[start : start + BATCH])
    took = time.perf_counter() - began
    engine = "PostgreSQL" if connection.vendor == "postgresql" else "embedded SQLite"
    return {"seconds": took, "records": len(changes), "engine": engine}


def save_one_by_one(options: argparse.Namespace) -> Answer:
    """One writer of several: forms saved durably, one after the other; every time in ms."""
    rows = everyday(_shared(options), 50, 250)
    table = table_named("events")
    if table is None:
        raise SystemExit("there is no table of events")
    patient = table_named("patients")
    person = patient.model.objects.first() if patient else None
    times = []
    for row in [row for row in rows if row.table == "events"][: options.records]:
        values = {key.partition(".")[2]: value for key, value in row.fields.items() if "." in key}
        began = time.perf_counter()
        with recording(by=Author(UUID(int=1), "tablet-2")) as save:
            save.add(
                table.model,
                patient=person,
                program_version_id=UUID(bytes=row.fields["program_version"]),  # type: ignore[arg-type]
                facility_id=UUID(bytes=row.fields["facility"]),  # type: ignore[arg-type]
                stage=row.fields["stage"],
                occurred_at=_now(),
                values=values,
            )
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(options.pause / 1000)
    return {"ms": times}


def _now() -> Any:
    from sync.node import current_node

    return current_node().now()


ACTIONS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "central": prepare_central,
    "clinic": prepare_clinic,
    "sync": synchronise,
    "edit": edit,
    "fill": fill,
    "floor": floor,
    "save": save_one_by_one,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--url", default="")
    parser.add_argument("--code", default="")
    parser.add_argument("--shape", default="")
    parser.add_argument("--shared", default="{}")
    parser.add_argument("--records", type=int, default=12_000)
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--target", type=int, default=0)
    parser.add_argument("--pause", type=int, default=0, help="ms between two saves")
    parser.add_argument("--upload-only", action="store_true")
    options = parser.parse_args()
    answer = ACTIONS[options.action](options)
    answer["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    connection.close()
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
