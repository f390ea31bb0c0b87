"""Who gets further rounds, and when rounds end; the processes are played here."""

from collections.abc import Sequence
from typing import Any

import pytest

from adabench.harness.compare.margins import Margin
from adabench.harness.contract.record import Cell
from adabench.harness.gate import rounds
from adabench.harness.gate.judge import GateVerdict
from adabench.harness.gate.rounds import Pace, RoundRecords, measure, new_seeds, open_cells


def cell(name: str, seed: int = 0) -> Cell:
    return Cell("task", name, {}, {}, "embedded", seed)


def row(name: str, verdict: Any, evidence: Any = "rounds") -> GateVerdict:
    return GateVerdict(cell(name), "latency_s", verdict, evidence, Margin(0.02, True), True)


CELLS = (cell("fast"), cell("fast", 1), cell("slow"), cell("slow", 1))


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[list[Cell]]:
    """Rounds of ten seconds each, of which only the cells are kept."""
    seen: list[list[Cell]] = []

    def play(_: Any, __: Any, cells: Sequence[Cell], ___: Pace, taken: RoundRecords) -> None:
        seen.append(list(cells))
        taken.count += 1
        taken.spent_s += 10.0

    monkeypatch.setattr(rounds, "run_round", play)
    return seen


def run(pace: Pace, verdicts: Sequence[GateVerdict]) -> RoundRecords:
    look = lambda _: list(verdicts)
    taken, _ = measure((), (), CELLS, pace, look, lambda _: None)
    return taken


def test_only_what_is_ambiguous_gets_further_rounds(played: list[list[Cell]]) -> None:
    taken = run(Pace(first=3, budget_s=100), [row("fast", "same"), row("slow", "ambiguous")])
    assert played[:3] == [list(CELLS)] * 3
    assert all({c.method for c in cells} == {"slow"} for cells in played[3:])
    assert taken.looks == 4
    assert 60 <= taken.spent_s - 30 <= 100


def test_no_look_beyond_those_that_the_levels_allow_for(played: list[list[Cell]]) -> None:
    taken = run(Pace(first=3, looks=2, budget_s=1000), [row("slow", "ambiguous")])
    assert taken.looks == 2


@pytest.mark.parametrize(
    ("budget_s", "verdicts"),
    [
        (0.0, [row("slow", "ambiguous")]),
        (100.0, [row("slow", "same")]),
        (100.0, [row("slow", "ambiguous"), row("fast", "worse")]),
        (100.0, [row("slow", "invalid")]),
    ],
)
def test_what_ends_a_gate_at_once(
    budget_s: float, verdicts: list[GateVerdict], played: list[list[Cell]]
) -> None:
    taken = run(Pace(first=3, budget_s=budget_s), verdicts)
    assert (taken.count, taken.looks) == (3, 1)


def test_an_ambiguous_quality_gets_new_seeds(played: list[list[Cell]]) -> None:
    run(Pace(first=2, budget_s=60), [row("slow", "ambiguous", "cases"), row("fast", "same")])
    seeds = [sorted({c.seed for c in cells}) for cells in played[2:]]
    assert seeds[0] == [0, 1, 2]
    assert seeds[1] == [0, 1, 3]
    assert len({tuple(s) for s in seeds}) == len(seeds)


def test_timings_get_no_new_seeds() -> None:
    judged = [row("slow", "ambiguous")]
    assert new_seeds(judged, open_cells(judged, CELLS), 1) == []


def test_a_process_that_cannot_start_is_a_sentence(tmp_path: Any) -> None:
    import sys
    from pathlib import Path

    from adabench.harness.errors import EnvironmentProblem

    script = tmp_path / "arm.py"
    script.write_text("raise SystemExit('no such module')\n")
    setup = rounds.RevisionSetup("main", Path(sys.executable))
    command = (str(script),)
    with (
        rounds.start_workers([setup], command) as [worker],
        pytest.raises(EnvironmentProblem) as told,
    ):
        worker.receive()
    assert "no such module" in told.value.message
    assert "--install full" in told.value.hint
