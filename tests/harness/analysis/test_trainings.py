"""Seeds of one trained model are no replicates of its training."""

import re
from dataclasses import replace

import numpy as np
import pytest

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.analysis.independent_units import with_units
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.contract.card import Card, Claim, Difference, Knob, Metric
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.store import journal, run_folder
from adabench.harness.store.table import from_records, read

TASK = Card(
    "Toy",
    role="static",
    metrics=(
        Metric("work", "blocks", "lower", "work", primary=True),
        Metric("gain", "points", "higher", "quality", primary=True),
    ),
)
CLAIM = Claim("c-1", "It gains.", "measured", "+1", 1.0, Difference("gain", against="fixed"))
CARDS = {
    "toy/fixed": Card("Fixed", role="static"),
    "toy/learnt": Card("Learnt", role="adaptive", claims=(CLAIM,)),
}
CASES = 20


def records(seeds: int, models: int, luck: list[float]) -> list[Record]:
    """Records of a method whose gain is the luck of its training, and noise of the cases."""
    noise = np.random.default_rng(3).normal(0, 0.1, (seeds, CASES))
    found = []
    for seed in range(seeds):
        model = seed % models
        for method, trained in (("fixed", {}), ("learnt", {f"m-s{model}": f"{model:04x}"})):
            cell = Cell("toy", method, {}, {}, "embedded", seed)
            for case in range(CASES):
                gain = luck[model] + noise[seed, case] if trained else 0.0
                values = {"work": 1.0, "gain": gain}
                found.append(Record(cell, "solve", case, 0, "ok", values, trained=trained))
    return found


def test_more_seeds_of_three_models_decide_no_more_than_three_seeds() -> None:
    luck = [0.2, 1.4, 2.2]
    (few,) = (r for r in verdicts(records(3, 3, luck), {"toy": TASK}, CARDS) if r.id == "c-1")
    (many,) = (r for r in verdicts(records(30, 3, luck), {"toy": TASK}, CARDS) if r.id == "c-1")
    assert few.trainings == many.trainings == 3
    assert many.verdict == few.verdict == "undecided"
    assert "trainings" in many.reason
    assert many.low is not None
    assert many.low < 0.5, "thirty seeds of three models are three replicates"


def test_the_command_of_an_open_claim_asks_for_trainings_where_they_are_a_condition() -> None:
    luck = [0.2, 1.4, 2.2]
    task = replace(TASK, knobs=(Knob("trainings", (1,), 1, open=True, low=1, high=5),))
    for known, wanted in ((task, True), (TASK, False)):
        (row,) = (r for r in verdicts(records(3, 3, luck), {"toy": known}, CARDS) if r.id == "c-1")
        assert row.verdict == "undecided"
        assert ("--set trainings=5 --alone --seeds 0..4" in row.run_with) == wanted


def test_a_task_with_more_recipes_asks_for_as_many_trainings_as_would_tell() -> None:
    luck = [0.2, 1.4, 2.2]
    task = replace(TASK, recipes=40)
    (row,) = (r for r in verdicts(records(3, 3, luck), {"toy": task}, CARDS) if r.id == "c-1")
    wanted = int(re.search(r"about (\d+) more trainings", row.reason)[1]) + 3
    assert 5 < wanted <= 40
    assert f"--seeds 0..{wanted - 1}" in row.run_with


def test_as_many_trainings_decide() -> None:
    luck = [1.0 + 0.1 * (k % 3) for k in range(30)]
    (row,) = (r for r in verdicts(records(30, 30, luck), {"toy": TASK}, CARDS) if r.id == "c-1")
    assert row.trainings == 30
    assert row.verdict == "reproduced"


def test_of_one_training_the_seeds_are_units_and_the_row_says_so() -> None:
    (row,) = (r for r in verdicts(records(6, 1, [1.0]), {"toy": TASK}, CARDS) if r.id == "c-1")
    assert row.trainings == 1


def test_where_nothing_is_trained_there_is_no_training() -> None:
    plain = [r for r in records(4, 2, [1.0, 1.0]) if r.cell.method == "fixed"]
    found = collapse(plain)
    dots = with_units(found, found, TASK, ())
    assert dots[0].places.trainings == 0
    assert dots[0].places.clusters == 4


def test_runs_of_before_took_their_trainings_in_turn() -> None:
    bare = [
        Record(r.cell, r.phase, r.case, r.repeat, r.status, r.values)
        for r in records(6, 3, [1.0, 1.0, 1.0])
    ]
    found = collapse(bare)
    dots = with_units(found, found, replace(TASK, trainings=3), ())
    assert dots[0].places.trainings == dots[0].places.clusters == 3


def test_a_journal_says_once_a_cell_what_was_trained(tmp_path) -> None:
    found = records(2, 2, [1.0, 2.0])
    turns = [Turn(cell, 0) for cell in {r.cell.key: r.cell for r in found}.values()]
    with run_folder.create(tmp_path, turns, {}) as run:
        for turn in turns:
            for record in found:
                if record.cell == turn.cell:
                    run.append(record)
            run.end_turn(turn)
    text = (tmp_path / run_folder.RECORDS).read_text()
    assert text.count('"trained":{"m-s0":"0000"}') == 2  # and again at the end of its turn
    assert {r.unit: r for r in run_folder.records(tmp_path)} == {r.unit: r for r in found}
    assert read(tmp_path).trained == from_records(found).trained
    assert {tuple(own.items()) for own in read(tmp_path).trained.values()} == {
        (("m-s0", "0000"),),
        (("m-s1", "0001"),),
    }


@pytest.mark.parametrize("trained", [{"a": 1}, ["a"], None, {"a": None}])
def test_an_artefact_that_is_no_text_is_damage(trained: object) -> None:
    with pytest.raises(TypeError):
        journal.artefacts_of({"k": "0" * 16, "trained": trained})
