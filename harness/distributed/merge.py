"""`adabench merge`: parts of one plan, run in several places or at several times, into one run.

    merge([shard, shard, ...] or [run, run, ...], out)

**What may be merged.** Parts of the same plan, measured by the same sources on machines of the same
kind, as precisely as each other. A run that raced is no part: its certificate speaks of its own
samples. Everything else is refused and every difference named: records that
could not have come from one run must not look as if they had. Shards of a fanned-out run
(`fan_out.py`) carry the plan of the whole run; a run's own plan is its whole.

**A unit is there once.** Of several records of a unit an ok one is kept, of several ok ones that
which the result has already, else the one of the part that started first; the order in which parts
are named says nothing. Duplicates are counted, and so are those whose quality or counts differ,
which a seed should have ruled out.

**Idempotent.** The result may exist: it is then one more part, and gets what it lacks. Merging the
same parts again adds nothing and leaves the file as it is. A turn that no part finished is left
open, so that `adabench run --resume` goes on with it.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adabench.harness.analysis.operating_points import TIMED
from adabench.harness.contract.record import Record, Turn, Unit
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.provenance import environment, run_sources, worker_environment
from adabench.harness.store import packed_run, run_folder
from adabench.harness.store.journal_reader import SCHEMA

log = logging.getLogger(__name__)

CIRCUMSTANCES = (
    "loops",
    "samples",
    "samples_dropped",
    "retakes",
    "cpu_pressure",
    "latency_half_width",
)
"""What differs from run to run beside `TIMED`: how long was measured, and what disturbed it."""
PRECISION = ("precision", "budget_s", "steady_s")
"""What was asked of a run, beyond its plan, that its numbers depend on."""
UNSHARED = frozenset({"schema", "plan", "whole", worker_environment.KEY})
"""Keys of a part's manifest that the result does not take over."""
Name = tuple[str, int]


@dataclass(frozen=True)
class RunPart:
    """A run folder, read."""

    folder: Path
    manifest: Mapping[str, Any]
    plan: Mapping[str, Any]
    """Of the whole run that it is a part of."""
    finished: frozenset[Name]
    records: tuple[Record, ...]


@dataclass(frozen=True)
class MergeResult:
    """What came of a merge."""

    folder: Path
    records: int
    added: int
    collapsed: int
    """Units that more than one part had."""
    differing: int
    """Of these, ok ones that do not agree in quality or counts."""
    unfinished: int
    """Turns of the plan."""


def merge(runs: Sequence[Path], out: Path) -> MergeResult:
    """Merge runs into `out`, which may exist if it is of the same plan.

    Raises:
        SelectionError: if no run is named.
        StoreError: if they are not parts of one plan, or one cannot be read or written.
    """
    if not runs:
        raise SelectionError("There is nothing to merge.", "adabench merge RUN RUN --out DIR")
    out = out.resolve()
    folders = [folder for folder in dict.fromkeys(run.resolve() for run in runs) if folder != out]
    parts = sorted(map(read, folders), key=_age)
    if (out / run_folder.MANIFEST).exists():
        parts.insert(0, read(out))
    elif not parts:
        raise StoreError(f"{out} is not a run.")
    _refuse_raced(parts)
    _require_alike(parts)
    had = (
        {r.unit for r in parts[0].records if r.status == "ok"} if parts[0].folder == out else set()
    )
    chosen, collapsed, differing = _chosen(parts)
    if parts[0].folder != out:
        _create(parts[0], out)
    _copy_errors(parts, out)
    new = [part for part in _placed(parts, chosen) if part[1].unit not in had]
    added = _append(out, new, frozenset().union(*(part.finished for part in parts)))
    with closing(run_folder.resume(out)) as run:
        unfinished = len(run.remaining)
    return MergeResult(out, len(chosen), added, collapsed, differing, unfinished)


def counts_of(record: Record) -> dict[str, float]:
    """Return the values that do not come from a clock or a meter: equal wherever it was run."""
    return {
        name: value
        for name, value in record.values.items()
        if not name.endswith(TIMED) and name not in CIRCUMSTANCES
    }


def read(folder: Path) -> RunPart:
    """Read a part.

    Raises:
        StoreError: if it is not a run, is damaged, or is being written.
    """
    manifest = worker_environment.measured(run_folder.read_manifest(folder))
    turns = run_folder.read_plan(manifest)
    finished = frozenset(map(_name, turns)) - set(map(_name, _remaining(folder, manifest)))
    records = tuple(run_folder.records(folder))
    return RunPart(folder, manifest, manifest.get("whole", manifest["plan"]), finished, records)


def _remaining(folder: Path, manifest: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Return what is not finished of a run that nobody writes; one of today loses its cut line.

    Raises:
        StoreError: if it is packed, or is being written.
    """
    if manifest["schema"] != SCHEMA and not packed_run.is_packed(folder / run_folder.RECORDS):
        return run_folder.remaining(folder)
    with closing(run_folder.resume(folder)) as run:
        return run.remaining


def differences(a: RunPart, b: RunPart) -> list[str]:
    """Return what keeps two parts from being of one run, in words."""
    found = []
    if a.plan != b.plan:
        cells, others = a.plan["cells"], b.plan["cells"]
        alone, other = len(cells.keys() - others.keys()), len(others.keys() - cells.keys())
        found.append(
            f"plan (configurations in the first alone: {alone}, in the second: {other}; runs: "
            f"{len(a.plan['turns'])} and {len(b.plan['turns'])})"
        )
    then, now = a.manifest.get("sources", {}), b.manifest.get("sources", {})
    both = {name: then[name] for name in sorted(then.keys() & now.keys())}
    found += [f"source of {name}" for name in run_sources.changed(both, now)]
    machines = environment.differences(a.manifest["environment"], b.manifest["environment"])
    found += [f"{key} ({x} and {y})" for key, (x, y) in machines.items()]
    asked, wanted = a.manifest.get("asked", {}), b.manifest.get("asked", {})
    found += [
        f"{key} ({asked.get(key)} and {wanted.get(key)})"
        for key in PRECISION
        if asked.get(key) != wanted.get(key)
    ]
    if a.manifest.get("profile") != b.manifest.get("profile"):
        found.append("hardware profile")
    return found


def _refuse_raced(parts: Sequence[RunPart]) -> None:
    raced = [str(part.folder) for part in parts if part.manifest.get("asked", {}).get("race_s")]
    if raced:
        raise StoreError(
            f"A race decided what was measured in {', '.join(raced)}, and its certificate holds for "
            "those samples alone: with others beside them it would not.",
            "Read them side by side instead: adabench compare.",
        )


def _require_alike(parts: Sequence[RunPart]) -> None:
    first = parts[0]
    said = []
    for part in parts[1:]:
        found = differences(first, part)
        if found:
            said.append(f"{part.folder} and {first.folder} differ in {', '.join(found)}")
    if said:
        raise StoreError(
            f"These are not parts of one run: {'; '.join(said)}.",
            "Read them side by side instead: adabench compare.",
        )


def _age(part: RunPart) -> tuple[str, str]:
    """Order parts whatever the order in which they are named."""
    text = json.dumps([record.to_json() for record in part.records[:100]])
    return str(part.manifest.get("started", "")), hashlib.sha256(text.encode()).hexdigest()


def _chosen(parts: Sequence[RunPart]) -> tuple[dict[Unit, Record], int, int]:
    """Return one record a unit, how many units were there twice, and how many of them differ."""
    chosen: dict[Unit, Record] = {}
    twice: set[Unit] = set()
    differing: set[Unit] = set()
    for part in parts:
        for record in part.records:
            known = chosen.setdefault(record.unit, record)
            if known is record:
                continue
            twice.add(record.unit)
            if known.status == record.status == "ok" and counts_of(known) != counts_of(record):
                differing.add(record.unit)
                log.info("%s differs in %s.", record.unit, part.folder)
            if known.status != "ok" and record.status == "ok":
                chosen[record.unit] = record
    return chosen, len(twice), len(differing)


def _placed(parts: Sequence[RunPart], chosen: Mapping[Unit, Record]) -> list[tuple[int, Record]]:
    """Order the chosen records by the plan; a preparation stands where its part had it."""
    index = {(key, repeat): at for at, (key, repeat, *_) in enumerate(parts[0].plan["turns"])}
    placed: list[tuple[int, Record]] = []
    for part in parts:
        at = len(index)
        own = []
        for record in reversed(part.records):
            if record.phase == "solve":
                at = index[record.cell.key, record.repeat]
            if chosen[record.unit] is record:
                own.append((at, record))
        placed += reversed(own)
    return sorted(placed, key=lambda item: item[0])


def _append(out: Path, new: Iterable[tuple[int, Record]], finished: frozenset[Name]) -> int:
    """Append records; a turn that no part finished is left open for `--resume`.

    A run takes a turn for finished once a record of another one follows. So open turns come
    last, each in an opening of its own.
    """
    closed: list[Record] = []
    left: dict[Name, list[Record]] = {}
    for _, record in new:
        name = (record.cell.key, record.repeat)
        if record.phase == "prepare" or name in finished:
            closed.append(record)
        else:
            left.setdefault(name, []).append(record)
    with run_folder.resume(out) as run:
        for record in closed:
            run.append(record)
        for turn in run.remaining:
            if _name(turn) in finished:
                run.end_turn(turn)
    for records in left.values():
        with closing(run_folder.resume(out)) as run:
            for record in records:
                run.append(record)
    return len(closed) + sum(map(len, left.values()))


def _create(first: RunPart, out: Path) -> None:
    kept = {k: v for k, v in first.manifest.items() if k not in UNSHARED}
    with run_folder.create(out, run_folder.read_plan({"plan": first.plan}), kept):
        pass


def _copy_errors(parts: Sequence[RunPart], out: Path) -> None:
    for part in parts:
        if part.folder != out and (part.folder / "errors").is_dir():
            shutil.copytree(part.folder / "errors", out / "errors", dirs_exist_ok=True)


def _name(turn: Turn) -> Name:
    return turn.cell.key, turn.repeat
