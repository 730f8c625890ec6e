"""`make bench`: how many bytes, how fast, how thin a link – ratios measured in one run. Ends with one JSON
line.

Lives here: the measurements and the account of them. Not here: the nodes (`nodes.py`), what they do
(`client.py`), the generated people (`people.py`). The figures of a run and its machine go into
`docs/performance.md` by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.nodes import Bench
from tests.bench.postgres import Databases
from tests.link import ThinLink

RECORDS = 12_000
THIN = 1_000
EDITS = 100
WRITERS, SAVES = 8, 100
Found = dict[str, Any]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def relay(bench: Bench, central: Path, clinic: Path, *options: str, **link: Any) -> tuple[Found, ThinLink]:
    """One synchronisation through a counting relay, with central on `central`."""
    with bench.central(central) as server:
        return through(bench, server.port, clinic, *options, **link)


def through(bench: Bench, port: int, clinic: Path, *options: str, **link: Any) -> tuple[Found, ThinLink]:
    with ThinLink(("127.0.0.1", port), **link) as thin:
        url = f"https://localhost:{thin.port}"
        answer = bench.act(clinic, "clinic", "sync", "--url", url, *options)
        if answer["unsent"]:
            raise SystemExit(f"not everything arrived: {answer}")
        return answer, thin


def total(thin: ThinLink) -> int:
    return thin.counters.taken


def measure_rate(bench: Bench) -> Found:
    """Full upload and first download, direct; the floor of the same rows in the same run; memory of both
    sides. An upload is measured against central's engine, a download against the clinic's.
    """
    central, sender, fresh = bench.copy("central", "sender", "fresh")
    floors = [_floors(bench) for _ in range(2)]
    with bench.central(central) as server:
        up = bench.act(sender, "clinic", "sync", "--url", server.url, "--upload-only", "--batch", "1000")
        down = bench.act(fresh, "clinic", "sync", "--url", server.url)
        peak = max(server.peak_rss_mb(), up["peak_rss_mb"], down["peak_rss_mb"])
    floors.append(_floors(bench))
    for_up, for_down = (_middle(several) for several in zip(*floors, strict=True))
    for words, one, floor in (("upload", up, for_up), ("first download", down, for_down)):
        say(f"rate      {words} {one['seconds']:.2f} s, floor {floor['seconds']:.2f} s on {floor['engine']}")
    say(f"memory    {peak:.0f} MB at the most on either side · digests after the download: {down['digests']}")
    return {
        "upload_rows_per_s": round(RECORDS / up["seconds"]),
        "download_rows_per_s": round(down["fetched"] / down["seconds"]),
        "upload_over_insert_floor": round(up["seconds"] / for_up["seconds"], 2),
        "download_over_insert_floor": round(down["seconds"] / for_down["seconds"], 2),
        "peak_rss_mb": round(peak),
    }


def _middle(several: tuple[Found, ...]) -> Found:
    return sorted(several, key=lambda floor: floor["seconds"])[1]


def _floors(bench: Bench) -> tuple[Found, Found]:
    """What the same rows need on central's engine and on the clinic's; one figure where they are the same."""
    at_clinic = bench.act(bench.copy("fresh")[0], "clinic", "floor")
    if bench.databases is None:
        return at_clinic, at_clinic
    return bench.act(bench.copy("central")[0], "central", "floor"), at_clinic


def measure_bytes(bench: Bench) -> Found:
    """Everything on the wire in both directions – TLS, headers, signatures, receipts – per record."""
    central, sender, fresh = bench.copy("central", "sender", "fresh")
    with bench.central(central) as server:
        _, up = through(bench, server.port, sender, "--upload-only", "--batch", "1000")
        _, down = through(bench, server.port, fresh)
        bench.act(sender, "clinic", "edit")
        _, edits = through(bench, server.port, sender, "--upload-only")
    small_central, small = bench.copy("central", "sender")
    _, hundreds = relay(bench, small_central, small, "--upload-only", "--batch", "100")
    found = {
        "upload_bytes_per_record": round(total(up) / RECORDS, 1),
        "download_bytes_per_record": round(total(down) / RECORDS, 1),
        "upload_bytes_per_record_batch100": round(total(hundreds) / RECORDS, 1),
        "incremental_bytes_per_record": round(total(edits) / EDITS, 1),
    }
    say("bytes     " + " · ".join(f"{name} {value}" for name, value in found.items()))
    return found


def measure_notes(bench: Bench) -> None:
    """The second shape: few fields, long notes; against the whole JSON under zstd -19."""
    import zstandard

    from tests.bench.client import _plain, _shared
    from tests.bench.people import long_notes

    rows = long_notes(_shared(argparse.Namespace(shared=bench.shared)))
    whole = json.dumps([_plain(row) for row in rows], ensure_ascii=False).encode()
    best = len(zstandard.ZstdCompressor(level=19).compress(whole))
    central, clinic = bench.copy("central", "notes")
    _, thin = relay(bench, central, clinic, "--upload-only", "--batch", "1000")
    say(f"notes     {total(thin) / best:.2f} × zstd -19 of the whole JSON ({total(thin)} of {best} bytes)")


def measure_thin_link(bench: Bench, opening: int) -> Found:
    """A thousand records over 40 kbit/s with 600 ms, steady and with drops; then worse; then so many records
    that a drop every 20 s comes several times. `opening` is what a run with nothing to do sends.
    """
    steady = _thin(bench, "steady 40 kbit/s", kbit=40, rtt_ms=600)
    _thin(bench, "40 kbit/s, 2 s away after 4 s", kbit=40, rtt_ms=600, up_s=20, first_up_s=4)
    _thin(bench, "20 kbit/s, 2 s away after 8 s", kbit=20, rtt_ms=600, up_s=20, first_up_s=8)
    _thin(bench, "40 kbit/s, 2 s away every 7 s", kbit=40, rtt_ms=600, up_s=7)
    holes: Found = {"up_s": 8, "first_up_s": 4, "outage": "hole"}
    _thin(bench, "40 kbit/s, black holes after 4 s, then every 8 s", kbit=40, rtt_ms=600, **holes)
    _thin(bench, "40 kbit/s, two answers lost", kbit=40, rtt_ms=600, lose_answers=2)
    long = _thin(bench, f"{RECORDS} records, steady", "sender", kbit=40, rtt_ms=600)
    drops = _thin(bench, f"{RECORDS} records, 2 s away every 20 s", "sender", kbit=40, rtt_ms=600, up_s=20)
    twice = _sent_twice(long, drops, opening)
    say(f"thin link sent twice: {twice:.1%}; bytes up beside no drops: {drops['up'] / long['up'] - 1:+.1%}")
    (edited,) = bench.copy("thin")
    with bench.central(bench.copy("central")[0]) as server:
        bench.act(edited, "clinic", "sync", "--url", server.url)
        bench.act(edited, "clinic", "edit", "--records", str(THIN))
        answer, _ = through(bench, server.port, edited, "--upload-only", kbit=40, rtt_ms=600)
    say(f"thin link {EDITS} edits at 40 kbit/s: {answer['seconds']:.1f} s")
    return {
        "slow_link_over_ideal": steady["over_both"],
        "slow_link_over_busier_direction": steady["over_busier"],
        "slow_link_resent_share": round(twice, 3),
    }


def _thin(bench: Bench, words: str, shape: str = "thin", **link: Any) -> Found:
    """One upload. What the link was to do to it must have happened."""
    central, clinic = bench.copy("central", shape)
    answer, thin = relay(bench, central, clinic, "--upload-only", **link)
    told = thin.counters
    if ("up_s" in link and not told.outages) or told.lost_answers != link.get("lose_answers", 0):
        raise SystemExit(f"{words}: it did not happen ({told})")
    rate = link["kbit"] * 125
    both = round(answer["seconds"] * rate / told.charged, 2)
    busier = round(answer["seconds"] * rate / max(told.up.charged, told.down.charged), 2)
    say(
        f"thin link {words}: {answer['seconds']:.1f} s, {told.up.taken} bytes up, {told.down.taken} down, "
        f"{told.charged} with TCP's headers; over the rate {both:.2f} × both ways, {busier:.2f} × one way; "
        f"{told.connections} connections, {told.outages} outages, {told.lost_answers} lost answers"
    )
    return {
        "up": told.up.taken,
        "connections": told.connections,
        "landed": answer["landed"],
        "over_both": both,
        "over_busier": busier,
    }


def _sent_twice(steady: Found, drops: Found, opening: int) -> float:
    """The share of batches' bytes that left the clinic and were of no use: all that left it, less what opens
    each connection, less each batch once, with headers as in the steady run.
    """
    header = (steady["up"] - opening - sum(steady["landed"])) / len(steady["landed"])
    landed = sum(drops["landed"])
    needed = drops["connections"] * opening + landed + header * len(drops["landed"])
    return float(max(0.0, drops["up"] - needed) / landed)


def measure_quiet(bench: Bench) -> int:
    """A run with nothing to do, which happens every quarter of an hour. Answers the bytes it sends."""
    central, fresh = bench.copy("central", "fresh")
    with bench.central(central) as server:
        bench.act(fresh, "clinic", "sync", "--url", server.url)
        answer, thin = through(bench, server.port, fresh, kbit=40, rtt_ms=600)
    say(f"nothing to do: {total(thin)} bytes, {answer['seconds']:.1f} s at 40 kbit/s")
    return thin.counters.up.taken


def measure_many(bench: Bench, records: int) -> None:
    """Memory with four times the rows, and how long a nurse's save waits while they go up and come down."""
    central, many, fresh = bench.copy("central", "fresh", "thin")
    bench.act(many, "clinic", "fill", "--records", str(records))
    with bench.central(central) as server:
        saving = bench.start(many, "save", "--records", "400", "--pause", "20")
        up = bench.act(many, "clinic", "sync", "--url", server.url)
        out, _ = saving.communicate()
        down = bench.act(fresh, "clinic", "sync", "--url", server.url)
        peak = max(server.peak_rss_mb(), up["peak_rss_mb"], down["peak_rss_mb"])
    waits = sorted(json.loads(out.strip().splitlines()[-1])["ms"])
    say(
        f"many      {records} records up in {up['seconds']:.1f} s, {down['fetched']} down in "
        f"{down['seconds']:.1f} s, {peak:.0f} MB at the most"
    )
    say(
        f"          a save beside the upload: p50 {waits[len(waits) // 2]:.1f} ms, longest {waits[-1]:.1f} ms"
    )


def measure_saves(bench: Bench) -> Found:
    """Forms saved durably by eight processes at once, each through `recording` alone – no rules, no HTTP: the
    95th percentile, in ms.
    """
    (clinic,) = bench.copy("thin")
    writers = [bench.start(clinic, "save", "--records", str(SAVES)) for _ in range(WRITERS)]
    times: list[float] = []
    for writer in writers:
        out, _ = writer.communicate()
        times += json.loads(out.strip().splitlines()[-1])["ms"]
    times.sort()
    p95 = times[int(len(times) * 0.95)]
    say(f"saves     {len(times)} by {WRITERS} writers: p50 {times[len(times) // 2]:.1f} ms, p95 {p95:.1f} ms")
    return {"save_p95_ms": round(p95, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--keep", action="store_true", help="leave the working directory")
    parser.add_argument("--engine", choices=("embedded", "postgres"), default="embedded", help="at central")
    parser.add_argument("--memory", type=int, default=48_000, help="records for the second look at memory")
    options = parser.parse_args()
    bench = Bench(databases=Databases() if options.engine == "postgres" else None)
    began = time.perf_counter()
    try:
        bench.prepare(RECORDS, THIN)
        found = measure_rate(bench) | measure_bytes(bench)
        opening = measure_quiet(bench)
        measure_many(bench, options.memory)
        measure_notes(bench)
        found |= measure_thin_link(bench, opening) | measure_saves(bench)
    finally:
        if not options.keep:
            bench.close()
    say(f"all in {time.perf_counter() - began:.0f} s")
    say(json.dumps(found))


if __name__ == "__main__":
    main()
