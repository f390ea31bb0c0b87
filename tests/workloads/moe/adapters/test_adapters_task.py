"""The task on the one path on which methods run, and what it refuses."""

import json
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.harness.run.execute import execute
from adabench.harness.run.settings import Settings
from adabench.workloads.moe.adapters import checkpoints, conformance, task
from adabench.workloads.moe.adapters.methods import best_adapter, dynmole, fresh_lora, lora
from adabench.workloads.moe.adapters.recipes import KINDS, SURVEY, recipes
from adabench.workloads.moe.adapters.substrate import pretrained, rank_allocation, tuned_rates
from adabench.workloads.moe.adapters.substrate.adapter import Weights
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora as fresh
from adabench.workloads.moe.adapters.substrate.workbench import (
    AdaptationCase,
    Adapted,
    Start,
    Workbench,
)
from adabench.workloads.moe.adapters.truth import adaptation_scores
from adabench.workloads.moe.adapters.truth.oracle_bench import OracleBench
from tests.workloads.lone_substrate import assert_knows_nothing


def small(**more: Any) -> Any:
    return task.load("embedded", 0, **{**task.CHECK_CONDITIONS, **more})


def test_what_methods_get_has_neither_cases_nor_truth() -> None:
    data = pickle.dumps(small().substrate(), protocol=5)
    assert_knows_nothing([data], "base", counts=True)


METHODS = ("fresh_lora", "lora", "mhr", "mhr_z", "dynmole", "random_count", "best_adapter")


def test_methods_run_and_are_counted() -> None:
    conditions = {**task.CARD.defaults, **task.CHECK_CONDITIONS, "tasks": 1}
    points = {name: registry.find(f"adapters/{name}").card.defaults for name in METHODS}
    cells = [
        Cell("adapters", name, point, conditions, "embedded", 0) for name, point in points.items()
    ]
    records = {
        record.cell.method: record
        for record in execute([Turn(cell, 0) for cell in cells], Settings())
    }
    known = {metric.name for metric in task.CARD.metrics}
    for method in METHODS:
        record = records[method]
        assert record.status == "ok", f"{method}: {record.note}"
        values = record.values
        assert {"accuracy", "accuracy_seen", "gain", "trained_parameters"} <= values.keys()
        assert values["steps_taken"] == task.CHECK_CONDITIONS["steps"]
        assert values["flops_adaptation"] > 0
        assert {name for name in values if name.startswith(("active", "accuracy"))} <= known


@pytest.mark.parametrize(("tasks", "seeds"), [(1, 12), (2, 6)])
def test_so_many_seeds_meet_all_twelve_tasks(tasks: int, seeds: int) -> None:
    loaded = (task.load("embedded", seed, tasks=tasks) for seed in range(seeds))
    met = [known.case.task for one in loaded for known in one.known]
    assert len(met) == len(set(met)) == 12


def test_another_seed_draws_other_examples_of_a_task() -> None:
    one, other = (
        adaptation_scores.known_cases(seed, 12, "named")[0].case.examples.tokens for seed in (0, 1)
    )
    assert not np.array_equal(one, other)


def test_a_changed_adapter_is_refused() -> None:
    loaded = small()
    case = next(loaded.cases())
    start = fresh_lora.prepare(loaded.bench, {"rank": 4}, 0)
    answer = start.adapt(case)
    next(iter(answer.after.weights.values())).add_(1.0)
    with pytest.raises(MethodContractError, match="weights were changed"):
        loaded.score(case, answer)


def test_an_answer_of_another_adaptation_is_refused() -> None:
    loaded = small()
    case = next(loaded.cases())
    start = fresh_lora.prepare(loaded.bench, {"rank": 4}, 0)
    first, _ = start.adapt(case), start.adapt(case)
    with pytest.raises(MethodContractError):
        loaded.score(case, first)


def test_two_ways_of_adapting_to_a_case_are_refused() -> None:
    """A method that tries two rates and answers with the better one."""
    loaded = small()
    case = next(loaded.cases())
    start = fresh_lora.prepare(loaded.bench, {"rank": 4}, 0)
    start.adapt(case)
    answer = replace(start, adapter=fresh(8, loaded.bench.generator("other"))).adapt(case)
    with pytest.raises(MethodContractError, match="two ways"):
        loaded.score(case, answer)


def test_quality_and_work_are_of_one_rule() -> None:
    """Experts that were adapted under a low threshold are not handed in, and counted, under a high one."""
    loaded = small()
    case = next(loaded.cases())
    soft, few = (
        dynmole.prepare(
            loaded.bench, {**dynmole.CARD.defaults, **dynmole.CARD.fixed, "threshold": threshold}, 0
        )
        for threshold in (0.0, 9.0)
    )
    answer = soft.adapt(case)
    thrifty = replace(answer, after=replace(answer.after, linear=few.adapter.linear))
    with pytest.raises(MethodContractError):
        loaded.score(case, thrifty)


class Planted:
    """A method that trains a bias of the keys beside its adapter: counted, still, or out of sight."""

    def __init__(self, way: str) -> None:
        self.way = way

    def prepare(self, bench: Workbench, point: Any, seed: int) -> Start:
        own, hidden = fresh(2, bench.generator("planted")), torch.zeros(48)
        weights = own.weights | {"bias": torch.zeros(48)}

        def rule(weights: Weights, place: str, x: torch.Tensor, run: Pass) -> torch.Tensor:
            bias = hidden if self.way == "out of sight" else weights["bias"]
            return x + bias if place == "0.keys" else x

        def train(trained: dict[str, torch.Tensor], step: int, steps: int) -> None:
            hidden.add_(0.1)

        still = frozenset(() if self.way == "counted" else ("bias",))
        adapter = replace(own, weights=weights, state=rule, still=still, after_step=train)
        return Start(bench, adapter, 1e-2)

    def solve(self, start: Start, case: AdaptationCase, point: Any) -> Adapted:
        answer = start.adapt(case)
        if self.way == "still":
            answer.after.weights["bias"].add_(0.1)
        return answer


@pytest.mark.parametrize(
    ("way", "caught"), [("counted", ""), ("still", "bias"), ("out of sight", "something else")]
)
def test_numbers_that_are_trained_and_not_counted_are_caught(way: str, caught: str) -> None:
    loaded, card = small(), fresh_lora.CARD
    found = conformance.uncounted(loaded.bench, next(loaded.cases()), Planted(way), card)
    assert [caught in problem for problem in found] == [True] * bool(caught)


def test_a_meter_that_a_method_wrote_into_is_refused() -> None:
    loaded = small()
    case = next(loaded.cases())
    answer = fresh_lora.prepare(loaded.bench, {"rank": 4}, 0).adapt(case)
    loaded.meter["flops_adaptation"] -= 1
    with pytest.raises(MethodContractError, match="meter"):
        loaded.score(case, answer)


def test_scores_are_of_the_answers() -> None:
    """An oracle's bench that is told wrong answers credits nothing of what is right."""
    loaded = small()
    bench: OracleBench = loaded.oracle_substrate()
    case = next(loaded.cases())
    bench.enter(case, loaded.oracle_environment(case))
    wrong = bench._targets(1)
    assert not (wrong == bench.answers).any()
    assert np.array_equal(wrong // 7, bench.answers // 7)


@pytest.mark.parametrize("among", best_adapter.KINDS)
def test_the_oracle_says_what_it_gains_by_luck(among: str) -> None:
    loaded = small(tasks=2)
    found = best_adapter.luck(loaded, {"among": among}, wrong=1)
    assert found.keys() == {"by_truth", "by_chance"}
    assert min(found.values()) >= 0


def test_allocations_that_are_chosen_among_have_one_budget() -> None:
    """48 ranks each, at other places."""
    found = best_adapter.prepare(small().oracle_substrate(), {"among": "ranks"}, 0)
    three = [one for one, _ in found.adapters]
    ranks = [rank_allocation.ranks_of(one.weights) for one in three[:2]]
    assert {sum(own.values()) for own in ranks} == {rank_allocation.LAST * 12}
    assert ranks[0] != ranks[1]
    assert all(len(one) == 4 for name, one in three[2].weights.items() if name.startswith("a."))


def test_a_missing_base_is_named_with_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "adapters" / "checkpoints")
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    pretrained.forget()
    try:
        with pytest.raises(EnvironmentProblem, match="base") as raised:
            pretrained.base()
        assert "adabench train base" in raised.value.hint
    finally:
        pretrained.forget()


def test_an_unknown_task_or_scale_is_named() -> None:
    with pytest.raises(SelectionError, match="gpu"):
        task.load("gpu", 0)
    with pytest.raises(SelectionError, match="named"):
        task.load("embedded", 0, task="secret")
    with pytest.raises(SelectionError, match="steps or seconds"):
        task.load("embedded", 0, budget="joules")


def test_the_card_says_how_many_trainings_there_are_recipes_for() -> None:
    for kind in (*KINDS, *SURVEY):
        for ending in ("", "-900", "-hidden", "-seconds"):
            names = [name for name in recipes() if re.fullmatch(rf"{kind}{ending}-s\d+", name)]
            assert len(names) == task.CARD.recipes


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(SelectionError, match="mhr-s99"):
        checkpoints.train("mhr-s99")


@pytest.mark.parametrize(
    "line",
    [
        "from adabench.workloads.moe.adapters.truth.adaptation_scores import known_cases",
        "from adabench.workloads.moe.adapters.training import pretrain",
        "answers = bench.tests",
        "bench.meter.clear()",
        "bench.clock = lambda: 0.0",
    ],
)
def test_sources_that_reach_for_answers_are_refused(line: str) -> None:
    assert list(conformance.RULES.problems(line, "adabench.workloads.moe.adapters.methods.mine"))


def test_a_card_of_a_checkpoint_is_of_its_recipe() -> None:
    cards = sorted(pretrained.FOLDER.glob("*.json"))
    known = recipes()
    for path in cards:
        card = json.loads(path.read_text("utf-8"))
        recipe = known[path.stem]
        assert (card["kind"], card["seed"], card["steps"]) == (
            recipe.kind,
            recipe.seed,
            recipe.steps,
        )


def test_the_base_knows_what_plain_words_ask() -> None:
    card = json.loads((pretrained.FOLDER / "base.json").read_text("utf-8"))
    assert card["held_out"]["accuracy_plain"] > 0.99
    assert (pretrained.FOLDER / "base.safetensors").stat().st_size < 150_000


@pytest.mark.parametrize(
    ("start", "chosen"),
    [
        ("rates-", tuned_rates.PRETRAINING),
        ("few-shot-rates-", tuned_rates.FEW_SHOT),
    ],
)
def test_rates_are_the_best_of_their_grids(start: str, chosen: dict[str, float]) -> None:
    for path in pretrained.FOLDER.glob(f"{start}*.json"):
        scores = json.loads(path.read_text("utf-8"))["held_out"]
        kind = path.stem.removeprefix(start)
        assert list(scores) == [f"{rate:g}" for rate in tuned_rates.grid(path.stem)]
        assert scores[f"{chosen[kind]:g}"] == max(scores.values()), f"{kind}: {scores}"


@pytest.mark.parametrize("start", ["rates-", "few-shot-rates-"])
def test_the_best_of_a_grid_lies_between_two_others(start: str) -> None:
    """Or at an end of the ladder; else the best may be one that was not tried."""
    ends = {f"{tuned_rates.LADDER[0]:g}", f"{tuned_rates.LADDER[-1]:g}"}
    for path in pretrained.FOLDER.glob(f"{start}*.json"):
        scores = json.loads(path.read_text("utf-8"))["held_out"]
        best = max(scores, key=lambda rate: scores[rate])
        assert best in {list(scores)[1], *ends}, f"{path.stem}: {scores}"


def test_forms_of_a_kind_take_its_rate() -> None:
    assert tuned_rates.few_shot_rate("lora-36") == tuned_rates.few_shot_rate("lora-32")
    assert tuned_rates.pretraining_rate("mhr-h4-k4") == tuned_rates.pretraining_rate("mhr")
    assert lora.CARD.role == "static"


THREADS = """
import os, sys, torch
from adabench.workloads.moe.adapters.methods import fresh_lora
from adabench.workloads.moe.adapters.task import load
torch.set_num_threads(3)
loaded = load("embedded", 0, steps=1)
bench = loaded.substrate()
before = len(os.listdir("/proc/self/task"))
bench.warm()
print(torch.get_num_threads(), len(os.listdir("/proc/self/task")) - before)
start = fresh_lora.prepare(bench, {"rank": 4}, 0)
known = set(sys.modules)
start.adapt(next(loaded.cases()))
print(*(set(sys.modules) - known))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_a_warm_bench_has_no_thread_more_and_an_adaptation_imports_nothing() -> None:
    """However many threads torch may have; what an import takes is no adaptation's time or memory."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", THREADS], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["3", "0"], done.stderr or done.stdout
