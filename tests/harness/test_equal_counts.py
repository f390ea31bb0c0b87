"""Whether two runs counted the same (`benchmarks/equal_counts.py`)."""

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.record import Cell, Record, Unit

SCRIPTS = str(Path(__file__).parents[2] / "benchmarks")
CELL = Cell("paging", "lru", {}, {"slots": 50}, "embedded", 7001)
FIRST = Record(CELL, "solve", 0, 0, "ok", {"faults": 3.0, "latency_s": 0.1})


@pytest.fixture
def how(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Record], list[Record]], list[str]]:
    monkeypatch.syspath_prepend(SCRIPTS)
    sys.modules.pop("equal_counts", None)
    compare = import_module("equal_counts").differences

    def differences(old: list[Record], new: list[Record]) -> list[str]:
        sides: list[dict[Unit, Record]] = [{one.unit: one for one in side} for side in (old, new)]
        return [words for _, words in compare(*sides)]

    return differences


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"values": {"faults": 3.0, "latency_s": 0.2}}, []),
        ({"values": {"faults": 3.0000000000000004}}, ["faults: 3.0 before, 3.0000000000000004 now"]),
        ({"values": {"faults": 3.0, "hits": 1.0}}, ["hits: None before, 1.0 now"]),
        ({"status": "error"}, ["ok before, error now"]),
        ({"case": 1}, ["only the old run has it", "only the new run has it"]),
    ],
)  # fmt: skip
def test_what_differs_is_told_and_clocks_are_left_out(
    changed: dict[str, Any], says: list[str], how: Callable[..., list[str]]
) -> None:
    assert how([FIRST], [replace(FIRST, **changed)]) == says
