import math

from adabench.harness.contract.record import Cell, Record
from adabench.reports.export.records_frame import IDENTITY, records_frame


def record(method, point, values, **more):
    cell = Cell("paging", method, point, {"slots": 10}, "embedded", 3)
    return Record(cell, "solve", 0, 0, more.get("status", "ok"), values, group="zipf")


def test_one_row_per_record_with_knobs_conditions_and_values():
    frame = records_frame([record("mark", {"trust": 0.5}, {"faults": 7})])
    row = frame.iloc[0]
    assert (row["method"], row["group"], row["seed"]) == ("mark", "zipf", 3)
    assert (row["point.trust"], row["conditions.slots"], row["faults"]) == (0.5, 10, 7.0)


def test_what_was_not_measured_is_nan_and_not_zero():
    frame = records_frame(
        [
            record("lru", {}, {"faults": 7, "latency_s": 0.1}),
            record("mark", {"trust": 0.5}, {"faults": 0}),
            record("mark", {"trust": 0.5}, {}, status="error"),
        ]
    )
    assert frame["latency_s"].dtype == "float64"
    assert [math.isnan(v) for v in frame["latency_s"]] == [False, True, True]
    assert frame["faults"].tolist()[:2] == [7.0, 0.0]
    assert math.isnan(frame["faults"][2])
    assert math.isnan(frame["point.trust"][0])


def test_a_value_cannot_hide_an_identity_column():
    frame = records_frame([record("lru", {}, {"seed": 99})])
    assert frame["seed"].tolist() == [3]
    assert frame["values.seed"].tolist() == [99.0]


def test_no_records_give_an_empty_frame_with_its_columns():
    frame = records_frame([])
    assert frame.empty
    assert list(frame.columns) == list(IDENTITY)


def test_all_records_of_a_run_are_there():
    failed = [record("lru", {}, {}, status=status) for status in ("error", "skipped")]
    frame = records_frame([record("lru", {}, {"faults": 1}), *failed])
    assert len(frame) == 3
    assert set(frame["status"]) == {"ok", "error", "skipped"}
