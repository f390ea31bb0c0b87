"""A run opened as one side of a comparison: labels of joules, and the share of kept samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adabench.harness.compare import loaded_run
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import StoreError
from adabench.harness.store import run_folder
from adabench.harness.store.table import from_records

CELL = Cell("roots", "fixed", {}, {}, "embedded", 0)
COUNTER = {"key": "energy_cpu_j", "label": "counter", "j": 1.0, "kind": "counter.rapl"}


def record(case: int, *energy: dict[str, Any], **values: float) -> Record:
    return Record(CELL, "solve", case, 0, "ok", {"latency_s": 1.0, **values}, energy=energy)


def written(folder: Path, *records: Record) -> Path:
    with run_folder.create(folder, [Turn(CELL, 0)], {"environment": {}}) as run:
        for own in records:
            run.append(own)
    return folder


def test_a_run_is_opened_with_its_name_and_labels(tmp_path: Path) -> None:
    found = loaded_run.load_run(written(tmp_path / "r", record(0, COUNTER, energy_cpu_j=2.0)))
    assert found.name == str(tmp_path / "r")
    assert found.energy["energy_cpu_j"] == "counter"
    assert found.table.columns["energy_cpu_j"][:].tolist() == [2.0]


def test_a_run_in_which_nothing_ended_well_is_refused(tmp_path: Path) -> None:
    failed = Record(CELL, "solve", 0, 0, "error", {}, "ValueError: no")
    with pytest.raises(StoreError, match="nothing to compare"):
        loaded_run.load_run(written(tmp_path / "r", failed))


def test_kept_samples_are_a_share_of_each_case() -> None:
    table = from_records(
        [
            record(0, samples=10.0, samples_dropped=4.0),
            record(1, samples=10.0),
            record(2, samples=0.0, samples_dropped=0.0),
            record(3),
        ]
    )
    side = loaded_run.LoadedRun("a", {}, table, {})
    found = loaded_run.RunPair(side, side, across=False).a.columns[loaded_run.KEPT]
    assert found[:2].tolist() == [0.6, 1.0]
    assert np.isnan(found[2:]).all()
