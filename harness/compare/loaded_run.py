"""A run as one side of a comparison, and two of them made ready to be compared.

`load_run` reads a run folder: its manifest, its table, and the labels of joules (`energy_labels.py`).
`RunPair` collapses the repeats of both tables to one row a case and adds the share of a case's timed
samples that ran undisturbed (`KEPT`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from adabench.harness.contract.card import Card
from adabench.harness.errors import StoreError
from adabench.harness.provenance import environment_diff, worker_environment
from adabench.harness.stats.intervals import FloatArray
from adabench.harness.store import energy_labels, run_folder, table
from adabench.harness.store.table import Table

KEPT = "kept_share"
SAMPLES, DROPPED = "samples", "samples_dropped"


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """One run of a comparison."""

    name: str
    manifest: Mapping[str, Any]
    table: Table
    energy: Mapping[str, str]
    """Which instrument each metric comes from, by `energy_labels.label`; read of joules only."""
    cards: Mapping[str, Card] = field(default_factory=dict)
    """Of tasks that are another harness's, by name."""
    labels: Mapping[int, str] = field(default_factory=dict)
    """What a case is called there."""


@dataclass(frozen=True, eq=False)
class RunPair:
    """Two sides, and whether they are of unlike hardware."""

    base: LoadedRun
    other: LoadedRun
    across: bool

    @cached_property
    def a(self) -> Table:
        """The base's table with one row a case."""
        return _ready(self.base.table)

    @cached_property
    def b(self) -> Table:
        """The other's table with one row a case."""
        return _ready(self.other.table)

    @cached_property
    def unchanged(self) -> frozenset[str]:
        """The methods whose times nothing known can have changed, by address."""
        return environment_diff.unchanged(self.base.manifest, self.other.manifest)


def load_run(folder: Path) -> LoadedRun:
    """Read a run.

    Raises:
        StoreError: if it is not one, is damaged, or holds no record that ended well.
    """
    manifest = worker_environment.measured(run_folder.read_manifest(folder))
    found = table.read(folder)
    if not len(found):
        raise StoreError(
            f"{folder} holds no record of solving that ended well: there is nothing to compare.",
            f"Its records say why; go on with: adabench run --resume {folder}",
        )
    return LoadedRun(str(folder), manifest, found, label_joules(found, manifest))


def label_joules(whole: Table, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return which instrument each metric of a table comes from, as far as it is in joules."""
    return energy_labels.labels(whole.columns, whole.kinds, manifest)


def _ready(whole: Table) -> Table:
    """Return the table with one row a case and the share of samples that were kept."""
    return replace(whole, columns={**whole.columns, **_kept(whole.columns)}).collapsed()


def _kept(columns: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    if SAMPLES not in columns:
        return {}
    taken = columns[SAMPLES][:]  # a slice, since a column may be kept narrower than it reads
    dropped = np.nan_to_num(columns[DROPPED][:]) if DROPPED in columns else np.zeros_like(taken)
    share = np.full_like(taken, math.nan)
    np.divide(dropped, taken, out=share, where=taken > 0)
    return {KEPT: 1 - share}
