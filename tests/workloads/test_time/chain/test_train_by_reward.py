"""How a policy learns by reward: from which problems, by which signal, and that its file holds what was learned."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from adabench.workloads.shared.language_model.model import LM_S
from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.shared.training import reward_curve
from adabench.workloads.shared.training.reinforce import Plan
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.recipes import (
    EXPERTS,
    MORE,
    START,
    SUCCESSORS,
    Recipe,
    recipes,
)
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.problems import LONGEST, Problem, stream
from adabench.workloads.test_time.chain.substrate.trained_models import restore
from adabench.workloads.test_time.chain.training import short_training, train_by_reward
from adabench.workloads.test_time.chain.training.train_by_reward import (
    OBJECTIVES,
    exactness,
    permuted,
)
from adabench.workloads.test_time.chain.truth.worked_solutions import trace

PLAN = Recipe(
    "rl-grpo-s0", LM_S, 0, 10, 3, 3e-2, kind="rewarded", policy=START,
    problems=6, objective="grpo", words=3000, format="splits",
)  # fmt: skip
PROBLEMS = [Problem(47, (("+", 38), ("*", 12))), Problem(5, (("-", 9), ("*", 3)))]


def completion(problem: Problem) -> tuple[int, ...]:
    return trace(problem, np.random.default_rng(0))


def test_a_reward_is_for_the_right_answer_to_the_prompt_alone() -> None:
    reward = exactness(PROBLEMS)
    first, second = map(completion, PROBLEMS)
    assert reward(0, [first, second, first[:-1], (EOS,), ()]) == [1, 0, 0, 0, 0]
    assert reward(1, [first, second]) == [0, 1]


def test_permuted_rewards_are_those_of_the_group_and_say_nothing_of_its_completions() -> None:
    right, wrong = map(completion, PROBLEMS)
    reward = permuted(exactness(PROBLEMS), 3)
    dealt = [reward(0, [right, wrong, wrong, wrong]) for _ in range(200)]
    assert {sum(one) for one in dealt} == {1.0}
    assert sum(one[0] for one in dealt) == pytest.approx(50, abs=25)


def test_each_objective_leaves_out_one_part_of_the_whole() -> None:
    whole = OBJECTIVES["scale-rl"]
    parts = ("loss", "aggregation", "deviation", "filtered")
    for name, part in zip(("clip", "sample", "group", "whole"), parts, strict=True):
        other = OBJECTIVES[f"scale-rl-{name}"]
        assert replace(other, **{part: getattr(whole, part)}) == whole != other


def test_prompts_are_of_the_train_split_and_validation_of_the_dev_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, plans = list[str](), list[Plan]()

    def watched(split, *rest):
        asked.append(split)
        return islice(stream(split, *rest), 99)

    monkeypatch.setattr(train_by_reward, "stream", watched)
    monkeypatch.setattr(train_by_reward.reinforce, "train", lambda *given: plans.append(given[4]))
    train_by_reward.train(replace(PLAN, staleness=8), restore(PLAN.policy))
    assert asked == ["train"]
    assert (plans[0].staleness, plans[0].words, plans[0].prompts) == (8, 3000, 3)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a short training; the questions that it is held to are few."""
    known = {**recipes(), PLAN.name: PLAN}
    monkeypatch.setattr(checkpoints, "recipes", lambda: known)
    monkeypatch.setattr(trained_models, "recipes", lambda: known)
    monkeypatch.setattr(train_by_reward, "DEV_QUESTIONS", 8)
    monkeypatch.setattr(checkpoints, "DEV_PROBLEMS", 1)
    restore.cache_clear()
    checkpoints.train(PLAN.name, folder=tmp_path)
    yield tmp_path
    restore.cache_clear()


def test_a_training_writes_differences_a_card_and_a_curve(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == {
        f"{PLAN.name}{suffix}" for suffix in (".safetensors", ".json", reward_curve.SUFFIX)
    }
    card = json.loads((written / f"{PLAN.name}.json").read_text(encoding="utf-8"))
    assert (card["objective"], card["policy"], card["remarks"]) == ("grpo", START, [])
    first, *_, last = reward_curve.read(written / f"{PLAN.name}{reward_curve.SUFFIX}")
    assert first.words == 0
    assert last.words >= PLAN.words
    assert {point.drift for point in (first, last)} == {0.0}
    assert len(last.bits) == 8


def test_what_is_read_is_what_was_learned_but_for_four_bits_of_the_difference(
    written: Path,
) -> None:
    learned = train_by_reward.train(PLAN, restore(PLAN.policy)).model.state_dict()
    read, start = (restore(*name).state_dict() for name in ((PLAN.name, written), (PLAN.policy,)))
    for key, value in learned.items():
        moved = (value - start[key]).abs().max()
        assert moved > 0
        assert (read[key] - value).abs().max() <= moved / 13


def test_further_solutions_are_as_hard_from_the_start_and_stored_as_differences(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = replace(recipes()["sft-more-s0"], steps=2, batch=2)
    asked = list[int]()

    pooled = short_training.pooled

    def watched(generator, recipe, longest, *rest):
        asked.append(longest)
        return pooled(generator, recipe, longest, *rest)

    monkeypatch.setattr(short_training, "pooled", watched)
    monkeypatch.setattr(checkpoints, "recipes", lambda: {**recipes(), plan.name: plan})
    monkeypatch.setattr(checkpoints, "DEV_PROBLEMS", 1)
    checkpoints.train(plan.name, folder=tmp_path)
    assert set(asked) == {LONGEST}
    size = (tmp_path / f"{plan.name}.safetensors").stat().st_size
    assert size < 70_000
    read, start = (restore(*name).state_dict() for name in ((plan.name, tmp_path), (START,)))
    assert any((read[key] != value).any() for key, value in start.items())
    restore.cache_clear()


def test_recipes_go_on_from_one_policy_at_equal_words() -> None:
    own = [
        plan for plan in recipes().values()
        if plan.start and plan.format == "splits" and not plan.name.startswith(EXPERTS)
    ]  # fmt: skip
    assert len(own) == sum(SUCCESSORS.values())
    assert {plan.start for plan in own} == {START}
    assert {plan.words for plan in own if not plan.name.startswith(MORE)} == {1_200_000}
    stale = [plan for plan in own if "-stale-" in plan.name]
    assert {plan.staleness for plan in stale} == {8}
    assert sum(plan.forecast_s for plan in own) <= 90 * 60
