"""Policies that go on from that of `splits`: which one a seed takes, and that a sample is of no other."""

from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.harness.store import used_artefacts
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs, mix
from adabench.workloads.test_time.chain import task as chain
from adabench.workloads.test_time.chain.methods import rl_pass_at_n, rl_policy
from adabench.workloads.test_time.chain.recipes import REWARDED, SUCCESSORS
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.trained_models import (
    engine,
    splits_models,
    successors,
)
from adabench.workloads.test_time.substrate.question_task import GradedTask
from tests.workloads.planted_module import load_module

GRPO = {**rl_policy.CARD.defaults, "recipe": "grpo", "staleness": 0}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the checkpoints that are there; none is read."""
    names = {"lm-s-s0", "lm-s-s1"}

    def is_there(name: str, folder: Path) -> bool:
        return name in names

    monkeypatch.setattr("adabench.workloads.shared.training.checkpoints.is_there", is_there)
    monkeypatch.setattr(trained_models, "engine", lambda name: name)
    return names


@pytest.fixture(scope="module")
def task() -> GradedTask:
    return chain.load("embedded", 0, format="splits", trainings=1, problems=6, lengths="1,2")


def solved(task: GradedTask, point: Point = GRPO, method: Any = rl_policy) -> list[tuple[int, ...]]:
    return [method.solve(task, question, point) for question in task.cases()]


def test_seeds_take_the_trainings_that_are_there_in_turn(there: set[str]) -> None:
    there |= {"rl-grpo-s0", "rl-grpo-s3", "sft-more-s1", "rl-grpo-s99"}
    taken = [successors(seed) for seed in range(3)]
    assert [one["rl-grpo"].names for one in taken] == [
        ("rl-grpo-s0",), ("rl-grpo-s3",), ("rl-grpo-s0",),
    ]  # fmt: skip
    assert all(one.keys() == {"rl-grpo", "sft-more"} for one in taken)
    assert all(one["sft-more"].names == ("sft-more-s1",) for one in taken)


def test_a_policy_has_no_successors_of_another_training(there: set[str]) -> None:
    there.add("rl-grpo-s0")
    assert splits_models("lm-s", 2, 2).successors.keys() == {"rl-grpo"}
    assert not splits_models("lm-s", 1, 2).successors


def test_a_sample_is_the_successors_own(task: GradedTask) -> None:
    used_artefacts.forget()
    found = solved(task)
    assert list(used_artefacts.digests()) == ["rl-grpo-s0"]
    alone, before = (engine(name) for name in ("rl-grpo-s0", "lm-s-s0"))
    for policy, is_same in ((alone, True), (before, False)):
        policy.reset(Costs())
        roots = [policy.open(one.prompt, mix(0, one.index)) for one in task.cases()]
        seqs = [policy.fork(root, 1)[0] for root in roots]
        policy.decode(seqs, max_new=80, temperature=1.0)
        assert ([seq.completion for seq in seqs] == found) is is_same


def test_sessions_side_by_side_have_successors_too(task: GradedTask) -> None:
    found = dict[int, tuple[int, ...]]()

    def job(question: Any) -> Any:
        return lambda copy: found.update({question.index: rl_policy.solve(copy, question, GRPO)})

    questions = list(task.cases())
    task.substrate().solve_batched([job(question) for question in questions], 3)
    assert [found[question.index] for question in questions] == solved(task)


def test_one_of_several_samples_is_right_if_any_is(task: GradedTask) -> None:
    point = {**rl_pass_at_n.CARD.defaults, "N": 4}
    pairs = zip(task.cases(), solved(task), solved(task, point, rl_pass_at_n), strict=True)
    for question, one, best in pairs:
        assert task.credit(question, best) >= task.credit(question, one)


def test_what_was_not_trained_is_refused_with_what_trains_it(
    task: GradedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for recipe, staleness, name in (
        ("dapo", 8, "rl-dapo-stale"), ("scale-rl", 0, "rl-scale-rl"), ("sft-more", 0, "sft-more"),
    ):  # fmt: skip
        monkeypatch.setitem(task.models.__dict__, "successors", {})
        with pytest.raises(CapabilityMissing, match=f"{name} was not trained") as missing:
            solved(task, {**GRPO, "recipe": recipe, "staleness": staleness})
        assert f"adabench train 'chain/{name}-s*'" in missing.value.hint


def test_every_recipe_has_trainings_of_its_name() -> None:
    knob = rl_policy.CARD.knob("recipe")
    assert knob is not None
    names = {*knob.values, *knob.also, "permuted"}
    assert names == REWARDED.keys()
    stale = {f"rl-{name}-stale" for name in names - {"permuted"}}
    assert {f"rl-{name}" for name in names} | stale | {"sft-more"} == SUCCESSORS.keys()


def test_controls_are_the_method_at_other_recipes() -> None:
    for name, recipe in (("permuted_rewards", "permuted"), ("sft_more", "sft-more")):
        card = registry.find(f"chain/{name}").card
        assert card.role == "control"
        assert (card.fixed["recipe"], card.fixed["staleness"]) == (recipe, 0)
        assert card.conditions == {"format": "splits", "trainings": 1}


def test_a_reward_that_is_read_where_questions_are_answered_is_named(tmp_path: Path) -> None:
    """Training may read what is right; a method that does, to reward its own samples, is refused."""
    planted = load_module(
        tmp_path / "planted.py",
        "from adabench.workloads.test_time.chain.training.train_by_reward import exactness\n"
        "from adabench.workloads.test_time.chain.truth.worked_solutions import truth\n"
        "def solve(task, question, point):\n"
        "    return task.grader\n",
    )
    found = list(chain.check(planted, rl_policy.CARD))
    for word in ("training", "truth", "grader"):
        assert any(word in problem for problem in found), found
