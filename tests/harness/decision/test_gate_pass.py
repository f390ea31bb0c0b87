"""The gates of a task, measured on cases that were really solved."""

from dataclasses import replace
from pathlib import Path

import pytest

from adabench.harness.analysis.claims.room_gate import without_room
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract import gates_file, registry
from adabench.harness.contract.card import Card, Claim, Gates, OutOfReach, Ratio
from adabench.harness.contract.gates_file import GateFigures
from adabench.harness.contract.registry import Entry
from adabench.harness.contract.task_gates import GateRow
from adabench.harness.decision import gate_pass
from adabench.harness.errors import MethodContractError
from adabench.harness.plan import gate_settings
from adabench.harness.run.guards import gate_figures
from adabench.harness.run.settings import Settings

READS = ("tests/plugin/adabench_toy/task.py",)
"""For tests/suite/dependencies.py."""
pytestmark = pytest.mark.usefixtures("toy")
GATES = Gates("fixed", seeds=2, repairs=("early",))


def roots(home: Path, *gates: Gates) -> Entry:
    """Return the task with gates, as if it stood in a folder."""
    entry = registry.find("roots")
    return replace(entry, path=home / "task.py", card=replace(entry.card, gates=gates))


@pytest.fixture
def kinds(toy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roots whose task tells an answer that stopped too early from others."""
    from adabench_toy.task import DIGITS, Number, Roots

    def kind(self: Roots, case: Number, answer: float) -> str:
        return "early" if abs(answer * answer - case.value) > DIGITS * case.value else ""

    monkeypatch.setattr(Roots, "kind", kind, raising=False)


@pytest.mark.usefixtures("kinds")
def test_gates_are_measured_on_every_static_setting_and_the_oracle(tmp_path: Path) -> None:
    task, said = roots(tmp_path, GATES), list[str]()
    found = gate_pass.measure(task, Settings(), 1, said.append)
    by_name = {row.name: row for row in found.rows}
    room = by_name["room (hindsight)"]
    assert (room.word, room.n) == ("passes", 24)
    assert room.figure is not None
    assert room.figure > 0.2
    assert "fixed(steps_each=4)" in room.says or "fixed(steps_each=8)" in room.says
    failures = by_name["failures"]
    assert (failures.word, failures.figure) == ("passes", 1.0)
    assert by_name["saturation"].word == "passes"
    assert by_name["strategies"].figure is not None
    assert room.at == {"spread": 4.0}
    assert any("roots/hindsight" in line for line in said)


def test_figures_are_read_back_and_refused_once_the_declaration_is_another(tmp_path: Path) -> None:
    task = roots(tmp_path, GATES)
    assert list(gate_figures.problems(task)) == []
    row = GateRow("room", "fails", "says", 0.0, 0.01, oracle="hindsight", at={"spread": 4.0})
    gate_pass.write(task, GateFigures(gate_settings.digest(task), {}, (row,)))
    again = gates_file.recorded(tmp_path)
    assert again is not None
    assert again.rows == (row,)
    assert list(gate_figures.problems(task)) == []
    [stale] = gate_figures.problems(roots(tmp_path, replace(GATES, seeds=4)))
    assert "adabench check roots --gates" in stale
    (tmp_path / gates_file.FILE).write_text("{}")
    with pytest.raises(MethodContractError, match="no figures of gates"):
        gates_file.recorded(tmp_path)


def test_figures_of_other_weights_are_refused(tmp_path: Path) -> None:
    home = tmp_path / "family" / "roots"
    (home / "checkpoints").mkdir(parents=True)
    (home / "checkpoints" / "model.npz").write_bytes(b"weights")
    task = roots(home, GATES)
    gate_pass.write(task, GateFigures(gate_settings.digest(task), {"model": "0" * 16}, ()))
    [stale] = gate_figures.problems(task)
    assert "other weights of model" in stale


def test_what_gates_name_must_be_there(tmp_path: Path) -> None:
    task = roots(tmp_path, Gates("residual", pool=("fixt",), without={"romo": "why"}))
    found = " ".join(gate_figures.problems(task))
    for word in ("residual", "fixt", "romo", "repairs="):
        assert word in found


def test_where_nothing_is_compared_the_default_alone_is_run(tmp_path: Path) -> None:
    why = {"room": "why", "strategies": "why"}
    [one] = gate_settings.selections(roots(tmp_path), replace(GATES, without=why))
    assert (one.method.name, len(one.settings)) == ("fixed", 1)
    every = gate_settings.selections(roots(tmp_path), GATES)
    assert {one.method.name: len(one.settings) for one in every} == {"fixed": 4, "hindsight": 1}


def test_an_oracle_that_wins_by_luck_shows_no_room(tmp_path: Path) -> None:
    task = roots(tmp_path)
    names = [gap.oracle for gap in gate_settings.gaps_of(task, GATES)]
    assert names == ["hindsight"]
    assert gate_settings.gaps_of(task, replace(GATES, without={"room": "why"})) == []


def test_verdicts_that_were_recorded_without_records_are_closed_too() -> None:
    claims = (
        Claim("A", "says", "headline", "", 2.0, Ratio("steps", "fixed", high=1.0)),
        Claim("B", "says", "own", "", 2.0, Ratio("steps", "fixed", high=1.0)),
        Claim("C", "says", "headline", "", None, OutOfReach("why")),
    )
    words = {"A": "reproduced", "B": "reproduced", "C": "not testable here"}
    rows = [
        ClaimRow(one.id, "roots", "residual", words[one.id], 1.0, 0.9, 1.1, 2.0, 36, source=one.source)
        for one in claims
    ]  # fmt: skip
    task = Card("roots", shown=(GateRow("failures", "fails", "says", 0.2, 0.8),))
    own = {"roots/residual": Card("residual", claims=claims)}
    first, *others = without_room(rows, {"roots": task}, own)
    assert (first.verdict, first.estimate) == ("not testable here", None)
    assert first.reason == "no room: failures 0.200, bar 0.8"
    assert others == rows[1:]


def test_seeds_of_gates_are_the_first_of_development_or_each_by_itself() -> None:
    assert gate_settings.seeds_of(GATES) == (800, 801)
    assert gate_settings.seeds_of(replace(GATES, seeds=(850, 853))) == (850, 853)
