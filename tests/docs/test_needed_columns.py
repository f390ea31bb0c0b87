"""A reproduction that is kept has the columns of its claims, and the same verdicts with them."""

from pathlib import Path

from adabench.harness.contract.papers import papers
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.store import run_folder
from docs.needed_columns import needed_names, write_needed

CELL = Cell("chain", "ets", {"N": 16}, {}, "embedded", 0)
VALUES = {"accuracy": 1.0, "kv_before": 3.0, "flops_counted": 2.0, "prefilled": 7.0}


def test_what_claims_and_plots_need_stays_and_nothing_else(tmp_path: Path) -> None:
    claims = papers()["ets"].claims["chain/ets"]
    names = needed_names(claims, ("chain",))
    turn = Turn(CELL, 0, True)
    records = [
        Record(CELL, "solve", 0, 0, "ok", VALUES, group="d4", trained={"lm": "a"}),
        Record(CELL, "solve", 1, 0, "error", {}, "ValueError: no"),
    ]
    with run_folder.create(tmp_path / "whole", (turn,), {"command": ["adabench"]}) as run:
        for record in records:
            run.append(record)
        run.end_turn(turn)
    write_needed(tmp_path / "whole", tmp_path / "thin", names)
    first, second = run_folder.records(tmp_path / "thin")
    assert dict(first.values) == {name: VALUES[name] for name in VALUES if name != "prefilled"}
    assert (first.group, dict(first.trained)) == ("d4", {"lm": "a"})
    assert (second.status, second.note) == ("error", "ValueError: no")
    about = [run_folder.read_manifest(tmp_path / name) for name in ("whole", "thin")]
    assert about[0] == about[1]
