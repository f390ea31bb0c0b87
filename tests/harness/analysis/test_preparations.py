"""Values of a preparation stand beside the cases that were solved with what was prepared."""

import math

from adabench.harness.analysis.operating_points import OperatingPoint, collapse
from adabench.harness.contract.card import Point
from adabench.harness.contract.record import Cell, Record


def solved(seed: int, point: Point, **values: float) -> Record:
    return Record(Cell("toy", "m", point, {}, "embedded", seed), "solve", 0, 0, "ok", values)


def prepared(seed: int, point: Point, status: str = "ok", **values: float) -> Record:
    cell = Cell("toy", "m", point, {}, "embedded", seed)
    return Record(cell, "prepare", -1, 0, status, values)  # type: ignore[arg-type]


def only(dots: tuple[OperatingPoint, ...], **point: float) -> OperatingPoint:
    (dot,) = (dot for dot in dots if dot.point == point)
    return dot


def test_cases_hold_what_their_own_preparation_took() -> None:
    dots = collapse(
        [
            *(prepared(s, {"width": w, "shift": 0}, cpu_s=w + s) for s in (0, 1) for w in (2, 4)),
            *(
                solved(s, {"width": w, "shift": shift}, work=1.0)
                for s in (0, 1) for w in (2, 4) for shift in (0, 5)
            ),
        ]
    )  # fmt: skip
    for shift in (0, 5):  # turned at `solve`: one preparation serves both
        assert only(dots, width=2, shift=shift).column("prepare_cpu_s").tolist() == [2.0, 3.0]
        assert only(dots, width=4, shift=shift).column("prepare_cpu_s").tolist() == [4.0, 5.0]


def test_one_preparation_serves_all_its_cases() -> None:
    (dot,) = collapse([prepared(0, {"width": 2}, cpu_s=7.0), solved(0, {"width": 2}, cpu_s=1.0)])
    assert dot.column("prepare_cpu_s").tolist() == [7.0]
    assert dot.column("cpu_s").tolist() == [1.0]


def test_what_was_not_prepared_or_failed_holds_nothing() -> None:
    failed = prepared(0, {"width": 2}, "error", cpu_s=7.0)
    (dot,) = collapse([failed, solved(0, {"width": 2}, work=1.0)])
    assert math.isnan(dot.column("prepare_cpu_s")[0])
    assert math.isnan(dot.column("prepare_latency_s")[0])
    assert not len(dot.holding("prepare_cpu_s"))
