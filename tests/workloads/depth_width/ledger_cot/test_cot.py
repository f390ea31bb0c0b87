"""Layout `cot`: scores, baselines, controls and the oracle, on the shipped models."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger_cot import task as cot_task
from adabench.workloads.depth_width.ledger_cot.methods import random_shortcuts, step_oracle
from adabench.workloads.depth_width.ledger_cot.recipes import FOLDER
from adabench.workloads.depth_width.ledger_cot.substrate import traces
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.traces import Reckoned
from adabench.workloads.depth_width.substrate.questions import Exam

METHODS = [name for name, entry in registry.methods("ledger_cot").items()]


def task(seed: int = 0, **conditions: Any) -> cot_task.LedgerCot:
    made = cot_task.load("embedded", seed, **{"batches": 1, "sequences": 16, **conditions})
    assert isinstance(made, cot_task.LedgerCot)
    return made


def answered(made: cot_task.LedgerCot, name: str, **point: Any) -> Solution:
    """Answer the first exam with a method."""
    entry = registry.find(f"ledger_cot/{name}")
    method, full = registry.load(entry), {**entry.card.defaults, **point}
    return method.solve(method.prepare(made, full, made.seed), next(made.cases()), full)


def test_what_is_scored_is_what_was_counted() -> None:
    made = task()
    exam = next(made.cases())
    found = answered(made, "prepared_shortcuts")
    values = made.score(exam, found)
    ran = sum(found.executions(phase).sum() for phase in ("question", "latent", "language"))
    tokens = int(exam.questions.lengths.sum()) + len(exam.questions.lengths)
    assert values["executions"] == pytest.approx(float(ran) / tokens)
    keys = made.exams[0].keys
    assert values["accuracy"] == (found.said.numpy() == keys.answers).mean()
    assert values["steps_latent"] == keys.steps.mean()
    critical = [
        int(found.exits[row, step])
        for row in range(len(keys.steps))
        for step in range(keys.steps[row])
        if keys.critical[row, step]
    ]
    assert values["depth_critical"] == pytest.approx(np.mean(critical))


def test_latent_steps_and_pauses_are_compute() -> None:
    made = task()
    exam = next(made.cases())
    scored = {n: made.score(exam, answered(made, n)) for n in ("latent_cot", "pause_tokens")}
    steps = made.exams[0].keys.steps.mean()
    for values in scored.values():
        assert values["executions_latent"] == pytest.approx(6 * steps)
        assert values["tokens_language"] == 1
    least = made.score(exam, answered(made, "no_cot"))
    gap = scored["latent_cot"]["executions"] - least["executions"]
    assert gap * least["tokens"] == pytest.approx(6 * steps * len(made.exams[0].keys.steps))


def test_a_terse_trace_stands_beside_the_verbose_one() -> None:
    made = task()
    exam, n = next(made.cases()), made.exams[0].keys.steps
    for trace, per_step in (("verbose", 7), ("terse", 1)):
        found = answered(made, "cot", trace=trace)
        right = found.said.numpy() == made.exams[0].keys.answers
        assert right.mean() > 0.9
        assert (found.spoken.numpy() == per_step * n + 2)[right].mean() > 0.95
        assert made.score(exam, found)["steps_latent"] == 0


def test_the_task_needs_its_steps() -> None:
    shipped = sorted(FOLDER.glob("cot-direct-s*.json"))
    assert shipped
    for path in shipped:
        direct = json.loads(path.read_text())["held_out"]
        words = json.loads((path.parent / path.name.replace("direct", "words")).read_text())
        assert direct["accuracy_at_once"] < 0.6
        assert direct["accuracy_pauses"] < 0.6
        assert words["held_out"]["accuracy_verbose"] > 0.9


def test_labels_do_not_reach_a_decision() -> None:
    made = task()
    posed = made.exams[0]
    keys = dataclasses.replace(
        posed.keys,
        critical=~posed.keys.critical,
        answers=np.roll(posed.keys.answers, 1),
        running=np.roll(posed.keys.running, 1),
    )
    other = dataclasses.replace(made, exams=(Reckoned(posed.questions, keys),))
    for name in ("prepared_shortcuts", "system_1_5", "random_shortcuts", "latent_cot"):
        one, two = answered(made, name), answered(other, name)
        assert torch.equal(one.said, two.said)
        assert torch.equal(one.exits, two.exits)


def test_the_step_shortcut_is_not_a_smaller_number_of_steps() -> None:
    made = task()
    exam = next(made.cases())
    half = answered(made, "latent_cot", per_step=2)
    scored, ours = made.score(exam, half), answered(made, "prepared_shortcuts")
    steps = made.exams[0].keys.steps
    assert (ours.steps.numpy() == steps).all(), "every step keeps its place"
    assert (half.steps.numpy() == (steps + 1) // 2).all()
    assert "depth_critical" not in scored or (steps == 1).any()
    patterns = {
        tuple(row[:n].tolist()) for row, n in zip(ours.exits, steps, strict=True) if n == steps[0]
    }
    assert len(patterns) > 1, "questions of one length take different ways"


def test_coins_leave_as_often() -> None:
    made = task(sequences=64)
    point = {"lambda_depth": 0.5}
    exam = next(made.cases())
    method = registry.load(registry.find("ledger_cot/prepared_shortcuts"))
    ours = method.solve(method.prepare(made, point, 0), exam, point)
    coins = random_shortcuts.prepare(made, point, 0)
    theirs = random_shortcuts.solve(coins, exam, point)
    assert coins.rates[0] == 0
    ran = [float(found.executions("latent").double().mean()) for found in (ours, theirs)]
    assert ran[1] == pytest.approx(ran[0], rel=0.25)
    again = random_shortcuts.solve(coins, exam, point)
    assert torch.equal(theirs.exits, again.exits)


def test_the_plan_runs_critical_steps_counted_from_the_end() -> None:
    critical = np.array([[1, 0, 1, 1, 0, 1, 0, 0]], bool)
    ways = {every: step_oracle.Way(every=every) for every in (1, 2, 8)}
    runs = {every: (step_oracle.plan(critical, way) == 99)[0] for every, way in ways.items()}
    assert runs[1].tolist() == critical[0].tolist()
    assert np.flatnonzero(runs[2]).tolist() == [2, 5]
    assert np.flatnonzero(runs[8]).tolist() == [5]


def test_a_trivial_step_that_was_handed_over_leaves_later_and_hands_nothing_on() -> None:
    critical = np.array([[1, 0, 0, 0, 1, 0, 1, 0]], bool)
    exits = step_oracle.plan(critical, step_oracle.WAYS["once"])[0].tolist()
    assert exits == [99, 2, 3, 2, 99, 2, 99, 2]


def test_the_oracle_is_cheaper_and_checked_for_luck() -> None:
    made = task(sequences=64)
    exam = next(made.cases())
    hindsight = step_oracle.prepare(made, {}, 0)
    values = made.score(exam, step_oracle.solve(hindsight, exam, {}))
    full = made.score(exam, answered(made, "latent_cot"))
    assert values["executions"] < full["executions"]
    assert values["accuracy"] >= full["accuracy"] - 0.03
    found = step_oracle.luck(made, hindsight, wrong=1)
    assert found["by_truth"] > 0.8
    assert found["by_chance"] < 0.05


def test_parts_are_put_back_in_order() -> None:
    made = task()
    exam = next(made.cases())
    solver = made.solver("cot-latent")
    whole = solver.think(exam)
    parts = []
    for odd in (1, 0):
        rows = np.arange(odd, len(exam.questions.lengths), 2)
        part = traces.Questions(exam.questions.tokens[rows], exam.questions.lengths[rows])
        parts.append((torch.from_numpy(rows), solver.think(Exam(-1, part))))
    merged = solver.joined(parts)
    assert torch.equal(merged.said, whole.said)
    assert torch.equal(merged.exits, whole.exits)
    assert torch.equal(merged.executions("question"), whole.executions("question"))


@pytest.mark.parametrize("mode", ["decode1", "decode16"])
def test_answers_do_not_depend_on_the_mode(mode: str) -> None:
    made = task(mode=mode, sequences=4)
    whole = dataclasses.replace(made, mode="prefill")
    one, other = answered(made, "prepared_shortcuts"), answered(whole, "prepared_shortcuts")
    assert torch.equal(one.said, other.said)
    assert torch.equal(one.exits, other.exits)


def test_models_of_other_tasks_are_refused() -> None:
    made = task()
    for other in ("reader", "unit_reader", "path_reader", "guided"):
        assert not hasattr(made, other)
    with pytest.raises(SelectionError, match="no recipe called 'vanilla-6-s0'"):
        made.solver("vanilla-6")
