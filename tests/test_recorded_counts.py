"""Recorded counts: what differs is named, and rounding of another machine is no difference."""

from dataclasses import replace
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from tests import recorded_counts
from tests.recorded_counts import RecordedCounts, counts_file, is_exact, machine, read_counts

READS = ("tests/workloads/*/*/counts.json", "<all cards>")
"""For tests/suite/dependencies.py."""

LRU = registry.find("paging/lru")
THEN = ({"faults": 12.0, "ratio": 1.5}, {"faults": 7.0})


def problems(counts, where: str = "", entry=LRU) -> list[str]:
    recorded = RecordedCounts(Path(), where or machine(), {"lru": THEN, "greedy": THEN})
    return list(recorded.problems(entry, counts))


def test_each_count_that_changed_is_named() -> None:
    assert problems(THEN) == []
    assert problems([{"faults": 12.0, "ratio": 1.5 + 1e-12}, {"faults": 7.0}]) == []
    now = [{"faults": 13.0, "ratio": 1.5}, {"faults": 7.0, "more": 1.0}]
    assert problems(now) == [
        "faults of case 0 was 12.0 and is 13.0",
        "more of case 1 was None and is 1.0",
    ]


def test_a_method_without_counts_is_named_with_the_remedy() -> None:
    (said,) = problems(THEN, entry=replace(LRU, address="paging/new"))
    assert "make counts ARGS='-k paging/new'" in said
    assert (
        problems([], entry=replace(LRU, address="paging/new")) == []
    )  # it could not be tried here


def test_elsewhere_only_whole_numbers_are_compared() -> None:
    other = [{"faults": 13.0, "ratio": 1.5}, {"faults": 7.0}]
    assert problems(other, where="another") != []
    assert problems(other, where="another", entry=registry.find("chain/greedy")) == []
    assert not is_exact(registry.find("mip/roulette"))


def test_what_is_written_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recorded_counts, "counts_file", lambda task: tmp_path / f"{task}.json")
    recorded_counts.write_counts("paging", {"lru": THEN, "gone": THEN})
    recorded_counts.write_counts("paging", {"belady": THEN})
    found = read_counts("paging")
    assert found.machine == machine()
    assert found.methods == {"lru": list(THEN), "belady": list(THEN)}  # `gone` is no method


def test_every_method_is_recorded() -> None:
    missing = [
        method.address for task in registry.tasks() for method in registry.methods(task).values()
        if counts_file(task).exists() and method.name not in read_counts(task).methods
    ]  # fmt: skip
    assert missing == []
