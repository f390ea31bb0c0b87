"""The tidy frame: a row a value, in a reader's order, with units and with settings as columns."""

import math
from dataclasses import replace

import pandas as pd

from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record
from adabench.harness.store.table import from_records
from adabench.reports.export.tidy_frame import COLUMNS, MORE, tidy_frame

CARDS = {"paging": Card("Paging", metrics=(Metric("faults", "faults", "lower", "cost", True),))}


def record(cell: Cell, case: int = 0, **values: float) -> Record:
    return Record(cell, "solve", case, 0, "ok", dict(values), group="zipf")


def frame(*records: Record) -> pd.DataFrame:
    return tidy_frame(from_records(records), {}, CARDS)


LRU = Cell("paging", "lru", {"k": 10}, {"slots": 3, "kind": "drop"}, "embedded", 1)


def test_columns_stand_in_their_order_and_a_row_is_a_value() -> None:
    found = frame(record(LRU, faults=2.0, latency_s=0.5))
    assert tuple(found.columns[: len(COLUMNS + MORE)]) == COLUMNS + MORE
    assert list(found.columns[len(COLUMNS + MORE) :]) == [
        "point.k", "conditions.kind", "conditions.slots",
    ]  # fmt: skip
    rows = found.set_index("metric")
    assert list(rows.index) == ["energy_j", "faults", "latency_s"]
    assert (rows.loc["faults", "value"], rows.loc["faults", "unit"]) == (2.0, "faults")
    assert (rows.loc["latency_s", "unit"], rows.loc["latency_s", "label"]) == ("s", "")
    assert rows.loc["faults", "point"] == "k=10"
    assert rows.loc["faults", "conditions"] == "slots=3, kind=drop"
    assert (rows.loc["faults", "seed"], rows.loc["faults", "group"]) == (1, "zipf")


def test_a_missing_joule_is_a_row_and_no_zero() -> None:
    energy = ({"key": "energy_j", "kind": "counter.rapl", "label": "counter", "j": 3.0},)
    measured = replace(record(LRU, 0, energy_j=3.0, faults=1), energy=energy)
    rows = frame(measured, record(LRU, 1, faults=1)).query("metric == 'energy_j'")
    assert rows.label.tolist() == ["counter", "unavailable"]
    assert rows.value.tolist()[0] == 3.0
    assert math.isnan(rows.value.tolist()[1])


def test_a_joule_of_one_task_is_not_missed_in_another() -> None:
    other = replace(LRU, task="chain")
    found = frame(record(LRU, energy_gpu_j=1.0), record(LRU, 1), record(other, tokens=2))
    missed = found[(found.metric == "energy_gpu_j")]
    assert missed.task.tolist() == ["paging", "paging"]
    assert missed.label.tolist()[1] == "unavailable"


def test_settings_are_in_the_order_of_numbers_and_can_be_computed_with() -> None:
    cells = [replace(LRU, point={"k": k}, seed=seed) for k in (10, 9) for seed in (2, 0)]
    cells.append(replace(LRU, method="fifo", point={}))
    found = frame(*(record(cell, faults=1.0) for cell in cells)).query("metric == 'faults'")
    assert list(zip(found.method, found["point.k"].fillna(-1), found.seed, strict=True)) == [
        ("fifo", -1, 1), ("lru", 9, 0), ("lru", 9, 2), ("lru", 10, 0), ("lru", 10, 2),
    ]  # fmt: skip
    assert found["point.k"].max() == 10


def test_failures_hold_no_values_and_an_empty_run_is_an_empty_frame() -> None:
    failed = replace(record(LRU), status="error", note="no")
    for found in (frame(failed), frame()):
        assert len(found) == 0
        assert tuple(found.columns[: len(COLUMNS)]) == COLUMNS
