"""Leaves of a run's records what verdicts rest on: the metrics of some claims, and primary ones.

Records on which claims are judged stay in the repository. They hold twenty numbers a case, of which claims
use a few; the others follow from the command, and are left out.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from adabench.harness.analysis.operating_points import IDENTITY
from adabench.harness.contract import registry
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import metric_names
from adabench.harness.contract.record import Record
from adabench.harness.store import run_folder

SAMPLES = ("samples", "samples_dropped")
"""What says whether the times of a cell are valid."""


def needed_names(claims: Iterable[Claim], tasks: Iterable[str]) -> frozenset[str]:
    """Return the metrics of claims, the primary ones of tasks, and what says that two cases are one."""
    metrics = [metric for task in tasks for metric in registry.find(task).card.metrics]
    primary = {metric.name for metric in metrics if metric.primary}
    spoken = {name for claim in claims for name in metric_names(claim.expect)}
    errors = {f"{name}_se" for name in spoken}
    return frozenset({*primary, *spoken, *errors, *SAMPLES, IDENTITY})


def write_needed(folder: Path, out: Path, names: frozenset[str]) -> None:
    """Write a run anew with some of its columns.

    Raises:
        StoreError: if one cannot be read or the other written.
    """
    manifest = run_folder.read_manifest(folder)
    turns = run_folder.read_plan(manifest)
    records: dict[str, list[Record]] = defaultdict(list)
    for record in run_folder.records(folder):
        values = {name: value for name, value in record.values.items() if name in names}
        records[record.cell.key].append(replace(record, values=values))
    about = {key: value for key, value in manifest.items() if key not in ("schema", "plan")}
    with run_folder.create(out, turns, about) as run:
        for turn in turns:
            for record in records.get(turn.cell.key, ()):
                run.append(record)
            run.end_turn(turn)
