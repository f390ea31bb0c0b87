"""A frame as CSV, JSON and Parquet: all digits, and nothing where there is nothing."""

import csv
import io
import json
import sys

import pandas as pd
import pytest

from adabench.harness.errors import MissingExtra, StoreError
from adabench.reports.export.table_files import table_bytes, write_table

FRAME = pd.DataFrame({"task": ["a,b", "c"], "value": [0.1 + 0.2, None], "seed": [1, 2]})


def test_csv_and_json_hold_all_digits_and_no_word_for_nothing() -> None:
    rows = list(csv.DictReader(io.StringIO(table_bytes(FRAME, "csv").decode())))
    assert [row["task"] for row in rows] == ["a,b", "c"]
    assert float(rows[0]["value"]) == 0.1 + 0.2
    assert rows[1]["value"] == ""
    found = json.loads(table_bytes(FRAME, "json"))
    assert found == [{"task": "a,b", "value": 0.1 + 0.2, "seed": 1},
                     {"task": "c", "value": None, "seed": 2}]  # fmt: skip


def test_parquet_reads_back_as_the_same_frame() -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    back = pd.read_parquet(io.BytesIO(table_bytes(FRAME, "parquet")))
    pd.testing.assert_frame_equal(back, FRAME)


def test_parquet_without_pyarrow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra) as missing:
        table_bytes(FRAME, "parquet")
    assert "adabench[parquet]" in missing.value.hint


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_table(tmp_path / "file" / "x.csv", b"")
