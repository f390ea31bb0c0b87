"""How a policy learns to revise: from which problems, and from which words of whose attempts."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS
from adabench.workloads.test_time.chain.recipes import (
    ORDERS,
    REVISER,
    REVISION_TABLE,
    TRAININGS,
    recipes,
)
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY
from adabench.workloads.test_time.chain.substrate.order_problems import (
    LONGEST,
    Product,
    answer,
    questions,
    room,
)
from adabench.workloads.test_time.chain.substrate.problems import split_of_text
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    engine,
    restore,
    reviser,
)
from adabench.workloads.test_time.chain.training import train_revisions, train_strategies
from adabench.workloads.test_time.chain.training.train_models import IGNORE_INDEX, pad
from adabench.workloads.test_time.chain.truth.order_solutions import truth
from adabench.workloads.test_time.substrate.strategies import MECHANISMS
from adabench.workloads.test_time.substrate.strategy_store import restored

MARK = IDS["retry"]
SMALL = f"lm-s{ORDERS}-s0"
PLAN, TABLE = (recipes()[f"{base}{ORDERS}-s0"] for base in (REVISER, REVISION_TABLE))
READABLE = 2
"""Attempts of all seven steps that leave room for another one in the context."""


@pytest.fixture(scope="module")
def policy():
    return engine(SMALL)


@pytest.fixture(scope="module")
def problems() -> list[Product]:
    return questions("train", 3, 10)


@pytest.fixture(scope="module")
def attempts(policy, problems) -> list[train_revisions.Attempts]:
    return train_revisions.collect(policy, problems, 3)


@pytest.fixture
def splits(monkeypatch) -> list[str]:
    """The splits that a training draws from."""
    drawn: list[str] = []

    def watched(split, seed, count):
        drawn.append(split)
        return questions(split, seed, count)

    monkeypatch.setattr(train_revisions, "questions", watched)
    monkeypatch.setattr(train_strategies.order_problems, "questions", watched)
    return drawn


def nothing(done: int, steps: int) -> None:
    """Say nothing."""


def test_a_policy_learns_from_problems_of_the_train_split_and_no_others(splits, policy) -> None:
    plan = replace(PLAN, problems=4, steps=2, batch=2)
    model = train_revisions.train(plan, restore(SMALL), policy, nothing)
    assert splits == ["train"]
    assert not torch.equal(model.embedding.weight, restore(SMALL).embedding.weight)


def test_a_table_of_revisions_is_fitted_to_dev_questions_alone(monkeypatch, splits, policy) -> None:
    monkeypatch.setattr(train_strategies, "DEAR", (2, 4))
    monkeypatch.setattr(train_strategies, "PILOT", 4)
    scorer = trained_models.judge(TABLE.trunk)
    numbers, dev = train_strategies.train(replace(TABLE, problems=5), policy, scorer, nothing)
    assert splits == ["dev"]
    assert dev["missing"] == {}
    table = restored("revisions", {k: v.numpy() for k, v in numbers.items()}).predicted
    assert {name for row in table.choices for name in row} <= set(MECHANISMS["revisions"])
    assert (table.measure, table.budgets) == ("judge", (2, 4))


def test_what_is_learned_from_is_no_question_of_a_run() -> None:
    many = questions("train", PLAN.seed, 80)
    assert {split_of_text(f"{one.first} {one.factors}") for one in many} == {"train"}
    assert {one.large for one in many} == set(range(LONGEST + 1))


def test_attempts_are_the_policys_own_and_are_told_apart_by_their_answers(
    policy, problems, attempts
) -> None:
    known = {problem.prompt: truth(problem) for problem in problems}
    for one in attempts:
        assert one.right
        assert {answer((*words, EOS)) for words in one.right} == {known[one.prompt]}
        said = {answer((*words, EOS)) for words in one.wrong}
        assert not said & {known[one.prompt], None}
    tree = ast.parse(Path(train_revisions.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not names & {"trace", "belief", "product"}, (
        "no worked solution is shown, only the policy's own"
    )


def test_a_row_ends_in_a_right_attempt_behind_the_wrong_one_that_is_nearest_to_it(
    attempts,
) -> None:
    generator = np.random.default_rng(0)
    counts = set()
    for _ in range(10):
        for one in attempts:
            read, written = train_revisions.row(one, generator)
            assert written[-1] == EOS
            assert written[:-1] in one.right
            shown = _shown(read, one.prompt)
            assert set(shown) <= set(one.wrong)
            assert len(set(shown)) == len(shown)
            counts.add(len(shown))
            if shown:
                far = [train_revisions.distance(words, written[:-1]) for words in one.wrong]
                assert train_revisions.distance(shown[-1], written[:-1]) == min(far)
            assert len(read) + len(written) <= RETRY.context
    assert counts == set(range(READABLE + 1))


def _shown(read: tuple[int, ...], prompt: tuple[int, ...]) -> list[tuple[int, ...]]:
    rest = read[1 : len(read) - len(prompt) + 1]
    assert (*read[:1], *read[len(rest) + 1 :]) == prompt
    found: list[tuple[int, ...]] = []
    while rest:
        end = rest.index(MARK)
        found.append(rest[:end])
        rest = rest[end + 1 :]
    return found


def test_only_the_last_attempt_is_learned(attempts) -> None:
    generator = np.random.default_rng(1)
    rows = [train_revisions.row(one, generator) for one in attempts]
    ids, targets = pad(rows)
    for (read, written), wanted in zip(rows, targets, strict=True):
        learned = wanted[wanted != IGNORE_INDEX]
        assert tuple(learned.tolist()) == written
        assert (wanted[: len(read) - 1] == IGNORE_INDEX).all()
    assert not (targets == MARK).any()
    assert (ids == MARK).any()


words = st.lists(st.integers(3, 6), max_size=9).map(tuple)


@given(words, words, words)
def test_an_edit_distance_is_one(one, other, third) -> None:
    far = train_revisions.distance
    assert far(one, one) == 0
    assert far(one, other) == far(other, one)
    assert far(one, third) <= far(one, other) + far(other, third)
    assert abs(len(one) - len(other)) <= far(one, other) <= max(len(one), len(other))
    assert far((*one, 3), (*other, 3)) == far(one, other)
    assert (far(one, other) > 0) == (one != other)


def test_an_edit_is_a_word_that_is_put_in_left_out_or_changed() -> None:
    assert train_revisions.distance((1, 2, 3, 4), (1, 9, 3)) == 2
    assert train_revisions.distance((1, 2, 3), ()) == 3
    assert train_revisions.distance((1, 2, 3), (2, 3, 1)) == 2


def test_chains_in_training_read_what_they_read_in_a_run(policy) -> None:
    (problem,) = questions("prm", 6, 1)
    (chain,) = train_revisions.revise(policy, problem.prompt, mix(1, 2), 1, 4)
    bodies = [seq.completion[: -1 if seq.finished else None] for seq in chain]
    for k, seq in enumerate(chain):
        before, asked = RETRY.read(problem.prompt, bodies[max(0, k - 4) : k])
        assert tuple(seq.ids[: seq.start]) == before + asked
        if all(len(body) == room(problem.prompt) - 1 for body in bodies):
            assert before.count(MARK) == min(k, READABLE)


def test_there_is_a_recipe_for_each_training_seed_on_the_policy_of_that_seed() -> None:
    for s in TRAININGS:
        plan, table = (recipes()[f"{base}{ORDERS}-s{s}"] for base in (REVISER, REVISION_TABLE))
        own = f"lm-s{ORDERS}-s{s}"
        assert (plan.trunk, plan.policy, plan.seed) == (own, own, s)
        assert (table.policy, table.trunk) == (plan.name, f"judge{ORDERS}-s{s}")
        assert table.mechanism == "revisions"


def test_run_seeds_take_as_many_trainings_as_are_wanted_in_turn_each_with_its_judge(
    monkeypatch,
) -> None:
    there = {f"{REVISER}{ORDERS}-s{k}" for k in range(3)}
    monkeypatch.setattr(trained_models.checkpoints, "is_there", lambda name, _: name in there)
    monkeypatch.setattr(trained_models, "engine", lambda name: name)
    monkeypatch.setattr(trained_models, "judge", lambda name: name)
    monkeypatch.setattr(trained_models, "AttemptJudge", lambda judge, _: judge)
    for seed in range(4):
        assert reviser(seed, 1).names == (f"{REVISER}{ORDERS}-s0", f"judge{ORDERS}-s0")
        found = reviser(seed, 3)
        assert found.names == tuple(f"{base}{ORDERS}-s{seed % 3}" for base in (REVISER, "judge"))
        assert (found.policy, found.judge) == found.names
    assert reviser(0, 5) is None, "two of the five are not there"
    there.remove(f"{REVISER}{ORDERS}-s1")
    assert reviser(0, 3) is None, "one of the three is not there"
    assert reviser(0).names == (f"{REVISER}{ORDERS}-s0", f"judge{ORDERS}-s0")
    there.clear()
    assert reviser(0) is None


@pytest.mark.parametrize("seed", TRAININGS)
def test_a_shipped_policy_is_as_often_right_behind_an_attempt_as_at_first(seed) -> None:
    """Behind a question that it does not find there, it was right a tenth as often."""
    path = FOLDER / f"{REVISER}{ORDERS}-s{seed}.json"
    dev = json.loads(path.read_text(encoding="utf-8"))["dev"]
    assert dev["attempt2"] > 0.8 * dev["attempt1"]
    assert dev["attempt8"] > 0.8 * dev["attempt1"]
    assert dev["mended"] > 0.05
    assert dev["lost"] < 0.3
