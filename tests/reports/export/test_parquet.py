"""Cases as Parquet: columns that only one of several tasks has, and knobs of several types."""

import io
from dataclasses import replace

import pytest

from adabench.harness.contract.record import Cell, Record
from adabench.harness.store.table import Table, from_records
from adabench.reports.export.parquet import cases

parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")


def record(cell: Cell, case: int, **values: float) -> Record:
    return Record(cell, "solve", case, 0, "ok", dict(values))


@pytest.fixture
def several_tasks() -> Table:
    """Two tasks with one value in common; the knob `size` is a number here and a word there."""
    paging = Cell("paging", "lru", {"size": 3}, {"skew": 1}, "embedded", 0)
    chain = Cell("chain", "ets", {"size": "half"}, {"skew": 0.5}, "embedded", 0)
    other = replace(chain, point={"size": True})
    return from_records(
        [record(paging, case, faults=case, latency_s=0.1) for case in range(3)]
        + [record(chain, case, tokens=2.5 * case, latency_s=0.2) for case in range(2)]
        + [record(other, 0, tokens=1, latency_s=0.3)]
    )


def test_a_value_of_one_task_is_null_in_the_rows_of_another(several_tasks: Table) -> None:
    rows = parquet.read_table(io.BytesIO(cases(several_tasks))).to_pylist()
    found = {(row["task"], row["case"], row["point.size"]): row for row in rows}
    assert len(rows) == len(found) == 6
    assert found["paging", 2, "3"]["values.faults"] == 2.0
    assert found["paging", 2, "3"]["values.tokens"] is None
    assert found["chain", 1, "half"]["values.tokens"] == 2.5
    assert found["chain", 1, "half"]["values.faults"] is None
    assert found["chain", 0, "True"]["values.latency_s"] == 0.3
    assert {row["conditions.skew"] for row in rows} == {1.0, 0.5}


def test_the_same_table_gives_the_same_bytes(several_tasks: Table) -> None:
    assert cases(several_tasks) == cases(several_tasks)
