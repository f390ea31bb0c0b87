"""What makes a measurement less than it looks: warnings, computed from records and shown
in every report. They cannot be silenced.

What disturbed the timings is summed over the run: samples that were dropped, cells of which
too few samples are left, methods that never became steady, and targets of precision that the
budget did not reach. What this machine cannot watch at all is said once, from the manifest.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adabench.harness.record import Record
from adabench.profilers.disturbance import KEEP_SHARE, cell_verdict

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
        *_disturbed(records),
        *_unsteady(records),
        *_imprecise(records),
        *_spread(records),
        *_unwatched(manifest),
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


def _disturbed(records: Sequence[Record]) -> Iterator[str]:
    cells = defaultdict(list)
    for record in records:
        if record.phase == "solve" and record.status == "ok" and "samples" in record.values:
            cells[record.cell.key].append(record)
    seen = [record.values for own in cells.values() for record in own]
    dropped = sum(values.get("samples_dropped", 0.0) for values in seen)
    if dropped:
        yield (
            f"{dropped:,.0f} of {sum(values['samples'] for values in seen):,.0f} timed samples were "
            "disturbed (the thread waited for a processor, or it was throttled); where others "
            "remain they are left out."
        )
    verdicts = {key: cell_verdict(record.values for record in own) for key, own in cells.items()}
    invalid = [key for key, verdict in verdicts.items() if verdict == "invalid"]
    if invalid:
        names = sorted({cells[key][0].cell.address for key in invalid})
        yield (
            f"The timing of {len(invalid)} of {len(cells)} cells is invalid, since fewer than "
            f"{KEEP_SHARE:.0%} of their samples ran undisturbed: {', '.join(names)}. Their counts "
            "stand, their times do not. Repeat on a quiet machine."
        )
    unwatched = [key for key, verdict in verdicts.items() if verdict == "unwatched"]
    if unwatched:
        yield (
            f"The timing of {len(unwatched)} of {len(cells)} cells was not watched for disturbance, "
            "which is not the same as undisturbed."
        )


def _unsteady(records: Sequence[Record]) -> Iterator[str]:
    names = sorted({record.cell.address for record in records if "not steady" in record.note})
    if names:
        yield (
            f"The times of {', '.join(names)} did not become steady before they were measured; "
            "the notes say how. More --steady seconds may help."
        )


def _imprecise(records: Sequence[Record]) -> Iterator[str]:
    asked = [record for record in records if "latency_half_width" in record.values]
    missed = [r for r in asked if "budget spent" in r.note or "disturbed" in r.note.split("; ")]
    if missed:
        worst = max(record.values["latency_half_width"] for record in missed)
        yield (
            f"{len(missed)} of {len(asked)} cases did not reach the asked precision within their "
            f"budget; the worst half-width is {worst:.1%}. More --budget narrows them."
        )


def _unwatched(manifest: Mapping[str, Any]) -> Iterator[str]:
    absent = manifest.get("unwatched") or {}
    if absent:
        reasons: dict[str, list[str]] = defaultdict(list)
        for name, reason in absent.items():
            reasons[reason].append(name)
        told = " ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        yield f"Not watched on this machine, so a timing may suffer from it unseen. {told}"


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
