"""What makes a measurement less than it looks: warnings, computed from records and shown
in every report. They cannot be silenced.

What disturbed the timings is summed over the run: samples that were dropped, cells of which
too few samples are left, methods that never became steady, and targets of precision that the
budget did not reach. What this machine cannot watch at all is said once, from the manifest.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from adabench.harness.analysis.independent_units import fitted_for
from adabench.harness.analysis.invalid_timings import column, judge_timings
from adabench.harness.contract import registry
from adabench.harness.contract.load import asks_server
from adabench.harness.contract.protocols import SHARED_BATCH
from adabench.harness.contract.record import Cell, Record
from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.store.prepared_states import cached_checkpoints
from adabench.harness.store.table import Table, from_records
from adabench.profilers.compute.flops import UNCOUNTED
from adabench.profilers.timing.disturbance import KEEP_SHARE

CONTENDED = 1.2
"""Wall over CPU time of a serial kernel above which somebody else had the core."""
FIRST_LAP = "the first lap took"
"""Words of a note (`harness/run/measurement.py`)."""
SKIPPED = ": skipped. "
"""Words between the names of skipped methods and what they lack."""
FEW_SEEDS = 5
_SEED = re.compile(r"-s\d+$")
"""The training seed, in which a recipe's name ends."""
SPREAD = 0.10


def warnings(records: Iterable[Record] | Table, manifest: Mapping[str, Any]) -> list[str]:
    """Return one sentence per kind of trouble, each with what to do about it."""
    table = records if isinstance(records, Table) else from_records(records)
    return [
        *_failures(table),
        *_skipped(table),
        *_seeds(table),
        *_contention(table),
        *_disturbed(table),
        *_unsteady(table),
        *_first_laps(table),
        *_imprecise(table),
        *_batched(table),
        *_spread(table),
        *_uncounted(table),
        *_unwatched(manifest),
        *_instruments(manifest),
    ]


def _failures(table: Table) -> Iterator[str]:
    for status in ("error", "timeout"):
        failed = [record for record in table.others if record.status == status]
        if failed:
            names = sorted({record.cell.address for record in failed})
            yield f"{len(failed)} records are {status}: {', '.join(names)}. The notes say why."


def _skipped(table: Table) -> Iterator[str]:
    """Name the methods that cannot run here, each with what they lack."""
    names = defaultdict(set)
    for record in table.others:
        if record.status == "skipped":
            names[record.note.partition("\n")[0].partition(": ")[2]].add(record.cell.address)
    for lacks, skipped in sorted(names.items()):
        yield f"{', '.join(sorted(skipped))}{SKIPPED}{lacks}"


def _seeds(table: Table) -> Iterator[str]:
    seeds = defaultdict(set)
    for cell in table.all_cells:
        seeds[cell.task].add(cell.seed)
    for task, known in sorted(seeds.items()):
        trainings = _trainings(table, task)
        wanted = min(FEW_SEEDS, len(known) + 1)
        few = {method: number for method, number in trainings.items() if number < wanted}
        if few:
            number = min(few.values())
            whose = "each model" if len(few) == len(trainings) else ", ".join(sorted(few))
            yield (
                f"{task}: {number} training{'s' * (number > 1)} of {whose} only, and seeds of one model "
                f"are no replicates of it. {_more_trainings(table, task, few)}"
            )
        elif len(known) < FEW_SEEDS and not _pools(task):
            yield (
                f"{task}: {len(known)} seed{'s' * (len(known) > 1)} only; intervals over so few are rough. "
                f"Add --seeds 0..{FEW_SEEDS * 2 - 1} before you quote them."
            )


def _more_trainings(table: Table, task: str, methods: Collection[str]) -> str:
    """Say how more trainings are had: by files alone, or by the condition of a task that has one."""
    seeds = f"--seeds 0..{FEW_SEEDS - 1}"
    if any("trainings" in cell.conditions for cell in table.all_cells if cell.task == task):
        wanted = f"--set trainings={FEW_SEEDS} {seeds}"
        return f"{wanted} takes {FEW_SEEDS}, and names what is missing of them."
    patterns = _recipe_patterns(table, task, methods)
    if not patterns:
        return "Each has one recipe, without a training seed, so that there are no more."
    return (
        f"`adabench train {patterns} --missing` makes what is missing of {FEW_SEEDS}; then {seeds}."
    )


def _recipe_patterns(table: Table, task: str, methods: Collection[str]) -> str:
    """Return patterns of the first trainings of what methods used, under the tasks that have them.

    A recipe whose name does not end in a training seed has no others.
    """
    used = {
        name
        for cell in table.all_cells
        if cell.task == task and cell.method in methods
        for name in table.trained.get(cell.key, ())
    }
    seeded = [name for name in used if _SEED.search(name)]
    stems = {f"{_recipe_owner(name) or task}/{name.rstrip('0123456789')}" for name in seeded}
    return " ".join(f"'{stem}[0-{FEW_SEEDS - 1}]'" for stem in sorted(stems))


def _recipe_owner(name: str) -> str:
    """Return the task in whose folder a checkpoint lies, or its card; empty where it lies nowhere."""
    for task in registry.tasks().values():
        shipped = task.path.with_name("checkpoints")
        places = (shipped, cached_checkpoints(task.path.parent))
        if any((place / f"{name}.json").is_file() for place in places):
            return task.name
    return ""


def _trainings(table: Table, task: str) -> dict[str, int]:
    """Count the trained models of each method of a task that uses any.

    On a task with exchangeable cases those that every method is given are no unit of anything.
    """
    known = registry.tasks().get(task) if _pools(task) else None
    found: dict[str, set[str]] = defaultdict(set)
    for cell in table.all_cells:
        used = table.trained.get(cell.key, {}) if cell.task == task else {}
        if known is not None:
            used = {name: used[name] for name in fitted_for(used, known.card)}
        if used:
            found[cell.method].add(repr(sorted(used.items())))
    return {method: len(models) for method, models in found.items()}


def _pools(task: str) -> bool:
    """Say whether a seed of a task draws further cases and nothing else, or copies of a list."""
    known = registry.tasks().get(task)
    return known is not None and known.card.cases != "nested"


def _contention(table: Table) -> Iterator[str]:
    wall, cpu = _held(table, "wall_s", "cpu_s")
    busy = int((wall[cpu > 0] / cpu[cpu > 0] > CONTENDED).sum())
    if len(wall) and busy > 0.05 * len(wall):
        yield (
            f"{busy} of {len(wall)} timings had a wall time more than {CONTENDED} times "
            "their CPU time: another process shared the core. Repeat on a quiet machine, or "
            "read the counts and CPU times only."
        )


def _held(table: Table, *names: str) -> list[FloatArray]:
    """Return the values of all solving here that holds all `names`, ended well or not; no server's."""
    own = [column(table, name) for name in names]
    here = np.array([not asks_server(cell.conditions) for cell in table.cells], bool)
    held = ~np.isnan(own).any(axis=0) & here[table.cell]
    more = [
        [record.values[name] for name in names]
        for record in table.others
        if record.phase == "solve"
        and all(name in record.values for name in names)
        and not asks_server(record.cell.conditions)
    ]
    extra = np.array(more, np.float64).reshape(len(more), len(names)).T
    return [np.append(column[held], late) for column, late in zip(own, extra, strict=True)]


def _disturbed(table: Table) -> Iterator[str]:
    samples, lost = column(table, "samples"), column(table, "samples_dropped")
    timed = ~np.isnan(samples)
    dropped = float(np.nansum(lost[timed]))
    if dropped:
        yield (
            f"{dropped:,.0f} of {samples[timed].sum():,.0f} timed samples were "
            "disturbed (the thread waited for a processor, others had it, or it was throttled); where others "
            "remain they are left out."
        )
    retakes = column(table, "retakes")
    if np.nansum(retakes):
        yield (
            f"{np.sum(retakes > 0):,} of {timed.sum():,} timed cases were disturbed and measured again "
            "(a block each time, the last of at most three counts)."
        )
    invalid, unwatched = (_those(table, which) for which in judge_timings(table))
    cells = len(np.unique(table.cell[timed]))
    if invalid:
        names = sorted({cell.address for cell in invalid})
        yield (
            f"The timing of {len(invalid)} of {cells} configurations is invalid, since fewer than "
            f"{KEEP_SHARE:.0%} of their samples ran undisturbed: {', '.join(names)}. Their counts "
            "stand, their times are left out of every figure. Repeat on a quiet machine."
        )
    if unwatched:
        yield (
            f"The timing of {len(unwatched)} of {cells} configurations was not watched for disturbance, "
            "which is not the same as undisturbed."
        )


def _those(table: Table, which: npt.NDArray[np.bool_]) -> list[Cell]:
    return [table.cells[i] for i in np.flatnonzero(which)]


def _unsteady(table: Table) -> Iterator[str]:
    drifting = [i for i, note in enumerate(table.notes) if "not steady" in note]
    cells = np.unique(table.cell[np.isin(table.note, drifting)])
    names = {table.cells[i].address for i in cells}
    names |= {record.cell.address for record in table.others if "not steady" in record.note}
    if names:
        yield (
            f"The times of {', '.join(sorted(names))} did not become steady before they were "
            "measured; the notes say how. More --warmup seconds may help."
        )


def _with_note(table: Table, words: str) -> tuple[int, list[str]]:
    """Return how many records have a note with some words, and whose they are."""
    rows = np.isin(table.note, [i for i, note in enumerate(table.notes) if words in note])
    return int(rows.sum()), sorted({table.cells[i].address for i in np.unique(table.cell[rows])})


def _first_laps(table: Table) -> Iterator[str]:
    count, names = _with_note(table, FIRST_LAP)
    if count:
        yield (
            f"The first lap of {count} cases took more than twice as long as the later "
            f"ones: {', '.join(names)}. Something is compiled or loaded for each of them; the times "
            "are those of the later laps."
        )


def _batched(table: Table) -> Iterator[str]:
    """Say which answers were decoded together with others, on models whose numbers that can change."""
    count, names = _with_note(table, SHARED_BATCH)
    if count:
        yield (
            f"{count} answers of {', '.join(names)} were decoded in batches with others. That "
            "changes the last bits of the model's numbers, and so a word that is drawn near a boundary; "
            "--sessions 1, or on a server a run without --concurrency, decodes each alone."
        )


def _imprecise(table: Table) -> Iterator[str]:
    widths = column(table, "latency_half_width")
    short = [i for i, note in enumerate(table.notes) if _missed(note)]
    others = [r for r in table.others if "latency_half_width" in r.values]
    missed = widths[~np.isnan(widths) & np.isin(table.note, short)].tolist()
    missed += [r.values["latency_half_width"] for r in others if _missed(r.note)]
    if missed:
        asked = int((~np.isnan(widths)).sum()) + len(others)
        yield (
            f"{len(missed)} of {asked} cases did not reach the asked precision within their "
            f"budget; the worst half-width is {max(missed):.1%}. More --max-time-per-case narrows them."
        )


def _missed(note: str) -> bool:
    return "budget spent" in note or "disturbed" in note.split("; ")


def _unwatched(manifest: Mapping[str, Any]) -> Iterator[str]:
    absent = manifest.get("unwatched") or {}
    if absent:
        reasons: dict[str, list[str]] = defaultdict(list)
        for name, reason in absent.items():
            reasons[reason].append(name)
        told = "; ".join(
            f"{' and '.join(names)} ({reason.rstrip('.')})" for reason, names in reasons.items()
        )
        yield (
            "These were not watched on this machine, so that a timing may suffer from them unseen: "
            f"{told}."
        )


def _spread(table: Table) -> Iterator[str]:
    cell, case, times = _timed(table)
    by_case = np.lexsort((case, cell))
    cell, case, times = cell[by_case], case[by_case], times[by_case]
    start = np.flatnonzero(
        np.append(True, (np.diff(cell) != 0) | (np.diff(case) != 0))[: len(cell)]
    )
    sizes = np.diff(np.append(start, len(cell)))
    wide = 0
    for size in np.unique(sizes[sizes > 1]):
        repeats = times[start[sizes == size][:, None] + np.arange(size)]
        wide += int((repeats.std(axis=1, ddof=1) > SPREAD * repeats.mean(axis=1)).sum())
    if wide:
        yield (
            f"{wide} of {len(start)} cases spread by more than {SPREAD:.0%} over their "
            "repeats; medians are used. More --repeats narrow them."
        )


def _uncounted(table: Table) -> Iterator[str]:
    """Name the operators whose work the FLOPs of a method lack."""
    methods = defaultdict(set)
    for name in table.columns:
        if name.endswith(UNCOUNTED):
            for at in np.unique(table.cell[~np.isnan(column(table, name))]):
                methods[name.removesuffix(UNCOUNTED)].add(table.cells[at].address)
    if methods:
        told = "; ".join(
            f"{name} of {', '.join(sorted(methods[name]))}" for name in sorted(methods)
        )
        yield (
            f"The FLOPs lack the work of operators that have no formula: {told}. They are a lower "
            "bound; compare these methods by time, or by what their task counts."
        )


def _timed(table: Table) -> tuple[IntArray, IntArray, FloatArray]:
    """Return cell, case and latency of all solving that was timed, ended well or not."""
    latency = column(table, "latency_s")
    held = ~np.isnan(latency)
    index = {cell.key: i for i, cell in enumerate(table.cells)}
    more = [r for r in table.others if r.phase == "solve" and "latency_s" in r.values]
    return (
        np.append(
            table.cell[held], [index.setdefault(r.cell.key, len(index)) for r in more]
        ).astype(np.intp),
        np.append(table.case[held], [r.case for r in more]).astype(np.intp),
        np.append(latency[held], [r.values["latency_s"] for r in more]),
    )


def _instruments(manifest: Mapping[str, Any]) -> Iterator[str]:
    labels = {item["name"]: item for item in manifest.get("instruments", ())}
    energy = [item for item in labels.values() if any("energy" in key for key in item["keys"])]
    if energy and not any(item["label"] in ("counter", "measured") for item in energy):
        yield (
            "No energy counter could be read here, so joules are estimates of a model (~, est.); "
            "claims and gates refuse them. `adabench doctor` says what is missing."
        )
