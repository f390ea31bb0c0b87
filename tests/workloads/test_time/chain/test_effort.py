"""Policies that take an effort: what a completion is paid for, what the words do, and that nothing is cut at inference."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain import task as chain
from adabench.workloads.test_time.chain.methods import cut, e1
from adabench.workloads.test_time.chain.recipes import (
    EFFORT,
    EFFORT_START,
    EFFORTS,
    ORDERS,
    recipes,
)
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.order_problems import Product
from adabench.workloads.test_time.chain.substrate.trained_models import engine, restore
from adabench.workloads.test_time.chain.substrate.tries import (
    BETWEEN,
    FULL,
    TEMPERATURE,
    TRAINED,
    WORDS,
    answer,
    room,
    tries,
    try_words,
    word_of,
)
from adabench.workloads.test_time.chain.training import train_effort
from adabench.workloads.test_time.chain.training.train_effort import (
    MEMORY,
    EffortReward,
    UsualLengths,
)
from adabench.workloads.test_time.chain.truth.order_solutions import tries_trace, truth
from adabench.workloads.test_time.substrate.question_task import GradedTask

PROBLEMS = (Product(69, (9, 7, 5, 3)), Product(12, (8, 6, 4)))
POINT = {**e1.CARD.fixed, **e1.CARD.defaults}
RIGHT = (0.0, 0.0)
"""What a teacher misremembers who knows all products."""


def solution(problem: Product, count: int = 1) -> tuple[int, ...]:
    """Return a right solution of so many tries."""
    return tries_trace(problem, np.random.default_rng(0), count, RIGHT)


def reward_of(objective: str, usual: tuple[float, float] = (91.0, 33.0)) -> EffortReward:
    """Return a reward whose prompts are each question at all efforts in turn."""
    pairs = list(product(range(2), TRAINED))
    return EffortReward(objective, PROBLEMS, pairs, UsualLengths(np.array(usual)))


def place(question: int, effort: float) -> int:
    return question * len(TRAINED) + TRAINED.index(effort)


SHORT, MIDDLE, LONG = (solution(PROBLEMS[0], count) for count in (1, 2, 3))
"""Of 47, 91 and 135 words."""


def test_a_right_answer_is_paid_up_to_its_share_of_the_usual_length() -> None:
    reward = reward_of("e1")
    wrong = solution(PROBLEMS[1])
    group = [SHORT, MIDDLE, LONG, wrong, SHORT[:-1]]
    assert reward(place(0, 0.5), group) == [0, 0, 0, 0, 0]
    assert reward(place(0, 0.75), group) == [1, 0, 0, 0, 0]
    assert reward(place(0, 1.0), group) == [1, 1, 0, 0, 0]
    assert reward(place(0, 1.5), group) == [1, 1, 1, 0, 0]
    assert reward(place(0, FULL), [*group, LONG]) == [1, 1, 1, 0, 0, 1]


def test_the_usual_length_is_that_of_the_policy_now_at_no_limit_alone() -> None:
    reward = reward_of("e1")
    assert reward(place(0, 1.0), [LONG]) == [0]
    for _ in range(3):
        reward(place(0, 1.5), [LONG, LONG])
        reward(place(1, FULL), [LONG, LONG])
    assert reward.usual.mean[0] == 91
    for _ in range(60):
        reward(place(0, FULL), [LONG, LONG])
    assert reward.usual.mean[0] == pytest.approx(135 - 44 * MEMORY**60)
    assert reward(place(0, 1.0), [SHORT]) == [1]
    for _ in range(100):
        reward(place(0, FULL), [SHORT, SHORT])
    assert reward(place(0, 1.0), [MIDDLE]) == [0]


def test_budgets_are_the_same_words_for_each_question_and_stay() -> None:
    reward = reward_of("l1")
    first, second = (solution(problem) for problem in PROBLEMS)
    for _ in range(60):
        reward(place(0, FULL), [LONG, LONG])
    assert reward(place(0, 1.0), [first, MIDDLE]) == [1, 0]
    assert reward(place(1, 1.0), [second]) == [1]
    assert reward(place(0, 1.5), [MIDDLE]) == [1]
    assert reward(place(1, 0.5), [second]) == [0]


def test_other_objectives_pay_by_their_own_group_by_no_length_or_by_words() -> None:
    group = [SHORT, SHORT, MIDDLE]
    assert reward_of("e1-group")(place(0, 1.0), group) == [1, 1, 0]
    assert reward_of("e1-group")(place(0, 0.75), group) == [0, 0, 0]
    assert reward_of("outcome")(place(0, FULL), group) == [1, 1, 1]
    whole, half = (reward_of(f"length-{w}")(place(0, FULL), group) for w in (100, 50))
    assert whole == pytest.approx([1 - 47 / 124, 1 - 47 / 124, 1 - 91 / 124])
    assert half == pytest.approx([(1 + one) / 2 for one in whole])


def test_a_permuted_effort_is_not_that_of_the_word() -> None:
    reward = reward_of("permuted")
    paid = [np.mean([reward(place(0, e), [SHORT] * 8) for _ in range(100)]) for e in (0.25, 1.5)]
    # 47 of 91 words are more than 0.25 and 0.5 of the usual ones: four of six efforts pay them.
    assert paid == pytest.approx([4 / 6, 4 / 6], abs=0.06)


def test_a_solution_states_the_value_that_came_up_most_and_its_own_alone_is_graded() -> None:
    for seed in range(40):
        words = tries_trace(Product(69, (17, 13, 19)), np.random.default_rng(seed), 4, (0.0, 0.5))
        found = tries(words)
        assert len(found) == 4
        assert found.count(answer(words)) == max(map(found.count, found))
    words = solution(PROBLEMS[0], 2)
    assert answer((*words[:-2], 5, EOS)) == 5 - IDS["0"]
    assert answer(words) == truth(PROBLEMS[0])


def test_only_whole_tries_and_a_stated_value_are_a_solution() -> None:
    words, size = solution(PROBLEMS[0], 2), try_words(4)
    known = truth(PROBLEMS[0])
    assert {answer((word, *words)) for word in WORDS.values()} == {known}
    for broken in (
        (), (EOS,), words[:-1], words[-3:], (word_of(1.0), word_of(1.0), *words),
        (*words[: size // 2], *words[-3:]), words[:size], (*words[:-2], IDS["?"], EOS),
        (IDS["<spare2>"], *words), (*words[:size], *solution(PROBLEMS[1])),
    ):  # fmt: skip
        assert answer(broken) is None
    assert room(PROBLEMS[0].prompt) == 1 + len(solution(PROBLEMS[0], 4))
    with pytest.raises(SelectionError, match=r"No word says the effort 0\.6"):
        word_of(0.6)


@pytest.fixture(scope="module")
def task() -> GradedTask:
    return chain.load("embedded", 900, format="tries", lengths="4", problems=24)


def solved(task: GradedTask, **knobs: float | str) -> list[tuple[int, ...]]:
    return [e1.solve(task, question, {**POINT, **knobs}) for question in task.cases()]


def test_a_solution_is_what_the_policy_writes_behind_the_word_and_nothing_is_cut(
    task: GradedTask,
) -> None:
    policy = engine(f"{EFFORT}-e1-s0")
    for effort in (0.5, 0.35, FULL):
        policy.reset(Costs())
        seqs = [policy.open(one.prompt, mix(900, one.index)) for one in task.cases()]
        seqs = [policy.fork(seq, 1)[0] for seq in seqs]
        policy.append(seqs, [[WORDS[effort]]] * len(seqs))
        policy.decode(seqs, max_new=400, temperature=TEMPERATURE)
        assert solved(task, effort=effort) == [seq.completion for seq in seqs]


def test_words_order_lengths(task: GradedTask) -> None:
    for objective in ("start", "e1"):
        small, full = (solved(task, objective=objective, effort=one) for one in (0.5, FULL))
        assert sum(map(len, small)) < 0.9 * sum(map(len, full))


def test_words_that_nobody_was_trained_on_lie_between_their_neighbours() -> None:
    weight = restore(f"{EFFORT}-e1-s0").embedding.weight
    for effort, neighbours in BETWEEN.items():
        mean = weight[[WORDS[one] for one in neighbours]].mean(0)
        # Four bits of the difference are stored.
        assert (weight[WORDS[effort]] - mean).abs().max() < 0.2 * weight[WORDS[1.0]].abs().max()


def test_a_cut_solution_states_a_value_after_its_tries(task: GradedTask) -> None:
    whole = solved(task, objective="outcome", effort=FULL)
    for question, longer in zip(task.cases(), whole, strict=True):
        assert cut.solve(task, question, {"tries": 9}) == longer
        shorter = cut.solve(task, question, {"tries": 1})
        assert shorter[: 1 + try_words(4)] == longer[: 1 + try_words(4)]
        assert len(shorter) <= 4 + try_words(4)
        assert task.account(question, shorter) == shorter


def test_questions_have_as_many_factors_as_is_asked() -> None:
    found = chain.load("embedded", 1, format="tries", lengths="3,5", large="0..7", problems=20)
    kinds = {(len(one.prompt) - 4, one.group) for one in found.cases()}
    assert kinds == {(n, f"k{k}") for n in (3, 5) for k in range(n + 1)}
    absent = chain.missing_abilities({"format": "tries"})
    assert "efforts" not in absent
    assert {"scores", "orders", "successors"} <= absent.keys()
    with pytest.raises(SelectionError, match="policy"):
        chain.load("embedded", 1, format="tries", policy="lm-l")


def test_controls_and_rivals_are_the_method_at_other_objectives() -> None:
    names = {"e1": "e1", "permuted_efforts": "permuted", "l1": "l1", "grpo_length": "length"}
    names |= {"effort_more": "more", "effort_start": "start", "outcome_reward": "outcome"}
    for name, objective in names.items():
        card = registry.find(f"chain/{name}").card
        assert card.fixed["objective"] == objective
        assert (card.role == "control") is (objective in ("permuted", "more"))
        made = [f"{objective}-{w}" for w in card.knob("weight").values] if name == "grpo_length" else [objective]  # fmt: skip
        assert set(made) <= EFFORTS.keys()


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A short training under the name of one that ships."""
    name = f"{EFFORT}-e1-s0"
    short = replace(recipes()[name], problems=2, words=3000, batch=3, rate=3e-2)
    known = {**recipes(), name: short}
    monkeypatch.setattr(checkpoints, "recipes", lambda: known)
    monkeypatch.setattr(trained_models, "recipes", lambda: known)
    monkeypatch.setattr(train_effort, "DEV_QUESTIONS", 4)
    restore.cache_clear()
    yield name
    restore.cache_clear()


def test_a_training_writes_differences_to_the_start_and_figures_of_each_effort(
    plan: str, tmp_path: Path
) -> None:
    checkpoints.train(plan, folder=tmp_path)
    card = json.loads((tmp_path / f"{plan}.json").read_text(encoding="utf-8"))
    assert card["policy"] == EFFORT_START
    assert {f"{what}_{effort:g}" for what in ("accuracy", "words") for effort in WORDS} == set(card["dev"])  # fmt: skip
    assert (tmp_path / f"{plan}.safetensors").stat().st_size < 70_000
    read, start = restore(plan, tmp_path), restore(EFFORT_START)
    assert any((a != b).any() for a, b in zip(read.parameters(), start.parameters(), strict=True))


def test_a_pool_of_one_question_has_too_few_prompts(
    plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {**recipes(), plan: replace(recipes()[plan], problems=1)}
    monkeypatch.setattr(checkpoints, "recipes", lambda: known)
    with pytest.raises(SelectionError, match="A pool of 6 cannot fill updates of 16"):
        checkpoints.train(plan, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_policies_that_take_efforts_go_on_from_one_start() -> None:
    own = {name: one for name, one in recipes().items() if name.startswith(EFFORT)}
    assert len(own) == sum(EFFORTS.values())
    assert own[EFFORT_START].start == f"lm-s{ORDERS}-s0"
    assert {one.start for name, one in own.items() if name != EFFORT_START} == {EFFORT_START}
    assert max(one.forecast_s for one in own.values()) <= 180
