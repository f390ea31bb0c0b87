"""What makes a measurement less than it looks: warnings, computed from records and shown
in every report. They cannot be silenced.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adabench.harness.record import Record

CONTENDED = 1.2
"""Wall over CPU time of a serial kernel above which somebody else had the core."""
FEW_SEEDS = 5
SPREAD = 0.10


def warnings(records: Sequence[Record], manifest: Mapping[str, Any]) -> list[str]:
    """Return one sentence per kind of trouble, each with what to do about it."""
    return [
        *_failures(records),
        *_seeds(records),
        *_contention(records),
        *_spread(records),
        *_instruments(manifest),
    ]


def _failures(records: Sequence[Record]) -> Iterator[str]:
    for status in ("error", "timeout", "skipped"):
        failed = [record for record in records if record.status == status]
        if failed:
            names = sorted({record.cell.address for record in failed})
            yield f"{len(failed)} records are {status}: {', '.join(names)}. The notes say why."


def _seeds(records: Sequence[Record]) -> Iterator[str]:
    seeds = defaultdict(set)
    for record in records:
        seeds[record.cell.task].add(record.cell.seed)
    for task, known in sorted(seeds.items()):
        if len(known) < FEW_SEEDS:
            yield (
                f"{task}: {len(known)} seed{'s' * (len(known) > 1)} only; intervals over so few are rough. "
                f"Add --seeds 0..{FEW_SEEDS * 2 - 1} before you quote them."
            )


def _contention(records: Sequence[Record]) -> Iterator[str]:
    timed = [
        record.values
        for record in records
        if record.phase == "solve" and "wall_s" in record.values and "cpu_s" in record.values
    ]
    busy = [v for v in timed if v["cpu_s"] > 0 and v["wall_s"] / v["cpu_s"] > CONTENDED]
    if timed and len(busy) > 0.05 * len(timed):
        yield (
            f"{len(busy)} of {len(timed)} timings had a wall time more than {CONTENDED} times "
            "their CPU time: another process shared the core. Repeat on a quiet machine, or "
            "read the counts and CPU times only."
        )


def _spread(records: Sequence[Record]) -> Iterator[str]:
    repeats = defaultdict(list)
    for record in records:
        if "latency_s" in record.values and record.phase == "solve":
            repeats[record.cell.key, record.case].append(record.values["latency_s"])
    wide = [
        times
        for times in repeats.values()
        if len(times) > 1 and statistics.stdev(times) > SPREAD * statistics.fmean(times)
    ]
    if wide:
        yield (
            f"{len(wide)} of {len(repeats)} cases spread by more than {SPREAD:.0%} over their "
            "repeats; medians are used. More --repeats narrow them."
        )


def _instruments(manifest: Mapping[str, Any]) -> Iterator[str]:
    labels = {item["name"]: item for item in manifest.get("instruments", ())}
    energy = [item for item in labels.values() if any("energy" in key for key in item["keys"])]
    if energy and not any(item["label"] in ("counter", "measured") for item in energy):
        yield (
            "No energy counter could be read here, so joules are estimates of a model (~, est.); "
            "claims and gates refuse them. `adabench doctor` says what is missing."
        )
