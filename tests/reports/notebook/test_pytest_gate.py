"""The fixture of pytest: a regression fails a test, and what is ambiguous does so where it is asked for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adabench.harness.errors import SelectionError
from adabench.harness.gate import session
from adabench.reports.notebook.pytest_gate import Gate


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the gate finds, and what it was asked."""
    row = SimpleNamespace(
        cell=SimpleNamespace(address="a/b"), metric="m", verdict="worse", note="!"
    )
    outcome = SimpleNamespace(code=0, rows=[row], asked=[])

    def run_gate(request: Any) -> SimpleNamespace:
        outcome.asked.append(request)
        return outcome

    monkeypatch.setattr(session, "run_gate", run_gate)
    return outcome


def test_the_fixture_is_found_by_its_entry_point(adabench_gate: Gate, tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="two run folders"):
        adabench_gate(tmp_path)


@pytest.mark.parametrize(
    ("code", "strict", "fails"),
    [(0, True, False), (1, False, True), (3, False, True), (5, False, False), (5, True, True)],
)
def test_a_regression_fails_and_an_open_verdict_only_a_strict_test(
    found: SimpleNamespace, adabench_gate: Gate, code: int, strict: bool, fails: bool
) -> None:
    found.code = code
    if fails:
        with pytest.raises(pytest.fail.Exception, match=f"ends with {code}:\na/b m: worse !"):
            adabench_gate("x", "y", strict=strict)
    else:
        assert adabench_gate("x", "y", strict=strict) is found


def test_words_are_those_of_the_command(found: SimpleNamespace, adabench_gate: Gate) -> None:
    adabench_gate("paging/lru", rev="a..b", margin=("latency_s=3%",), budget="5m", seeds=(1,))
    (asked,) = found.asked
    assert (asked.places, asked.rev, asked.budget_s, asked.seeds) == (
        ("paging/lru",), "a..b", 300.0, (1,),
    )  # fmt: skip
    assert set(asked.margins) == {"latency_s"}
