"""How a policy learns to revise, and its judge: from which problems, which words, which labels."""

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
from adabench.workloads.shared.language_model.vocabulary import BOS, EOS, IDS
from adabench.workloads.test_time.chain.recipes import (
    DEEPER,
    REVISER,
    REVISION_JUDGE,
    REVISION_TABLE,
    TRAININGS,
    recipes,
)
from adabench.workloads.test_time.chain.substrate import problems as problems_module
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY
from adabench.workloads.test_time.chain.substrate.problems import (
    LONGEST,
    Problem,
    answer,
    split_of,
    stream,
)
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    engine,
    restore,
    reviser,
)
from adabench.workloads.test_time.chain.training import (
    train_judge,
    train_revision_judge,
    train_revisions,
    train_strategies,
)
from adabench.workloads.test_time.chain.training.forms import SPLITS
from adabench.workloads.test_time.chain.training.train_models import IGNORE_INDEX, pad
from adabench.workloads.test_time.chain.truth.worked_solutions import truth
from adabench.workloads.test_time.substrate.strategies import MECHANISMS
from adabench.workloads.test_time.substrate.strategy_store import restored

MARK = IDS["retry"]
PLAN, JUDGE = (recipes()[f"{base}-s0"] for base in (REVISER, REVISION_JUDGE))


@pytest.fixture(scope="module")
def policy():
    return engine("lm-s-s0")


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return SPLITS.problems("train", 3, 24)


@pytest.fixture(scope="module")
def attempts(policy, problems) -> list[train_revisions.Attempts]:
    return train_revisions.collect(policy, problems, 3)


@pytest.fixture
def splits(monkeypatch) -> list[str]:
    drawn: list[str] = []

    def watched(split, seed, lengths):
        drawn.append(split)
        return stream(split, seed, lengths)

    monkeypatch.setattr(problems_module, "stream", watched)
    return drawn


def nothing(done: int, steps: int) -> None:
    """Say nothing."""


def test_a_policy_learns_from_problems_of_the_train_split_and_no_others(splits, policy) -> None:
    plan = replace(PLAN, problems=4, steps=2, batch=2)
    model = train_revisions.train(plan, restore("lm-s-s0"), policy, nothing)
    assert splits == ["train"]
    assert not torch.equal(model.embedding.weight, restore("lm-s-s0").embedding.weight)


def test_a_judge_learns_of_the_prm_split_and_its_trunk_of_the_train_split(
    monkeypatch, splits, policy
) -> None:
    monkeypatch.setattr(train_judge, "HEAD_STEPS", 2)
    monkeypatch.setattr(train_revision_judge, "TRUNK_PROBLEMS", 4)
    plan = replace(JUDGE, problems=2, steps=2, batch=2)
    trunk, _ = train_revision_judge.train(plan, restore("lm-s-s0"), policy, nothing)
    assert splits == ["train", "prm"]
    assert trunk.shape == DEEPER


def test_a_table_of_revisions_is_fitted_to_dev_questions_alone(monkeypatch, policy) -> None:
    drawn: list[str] = []

    def watched(split, seed, lengths):
        drawn.append(split)
        return stream(split, seed, lengths)

    monkeypatch.setattr(train_strategies, "stream", watched)
    monkeypatch.setattr(train_strategies, "DEAR", (2, 4))
    monkeypatch.setattr(train_strategies, "PILOT", 4)
    plan = replace(recipes()[f"{REVISION_TABLE}-s0"], problems=8)
    numbers, dev = train_strategies.train(plan, policy, trained_models.judge("judge-s0"), nothing)
    assert set(drawn) == {"dev"}
    assert dev["missing"] == {}
    table = restored("revisions", {k: v.numpy() for k, v in numbers.items()}).predicted
    assert {name for row in table.choices for name in row} <= set(MECHANISMS["revisions"])
    assert (table.measure, table.budgets) == ("judge", (2, 4))


def test_what_is_learned_from_is_no_question_of_a_run(problems) -> None:
    assert {split_of(problem) for problem in problems} == {"train"}
    many = SPLITS.problems("train", 3, 200)
    assert {len(problem.operations) for problem in many} == set(range(1, LONGEST + 1))


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
    assert not names & {"trace", "apply"}, "no worked solution is shown, only the policy's own"


def test_a_row_ends_in_a_right_attempt_behind_the_wrong_one_that_is_nearest_to_it(
    attempts,
) -> None:
    generator = np.random.default_rng(0)
    counts = set()
    for _ in range(20):
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
    assert counts == {0, 1, 2, 3, 4}


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


def test_a_judge_is_told_whether_an_attempt_was_right_and_nothing_of_its_steps(
    policy,
) -> None:
    asked = SPLITS.problems("prm", 5, 4)
    found = list(train_revision_judge.lessons(policy, asked, 5))
    chains, length = train_revision_judge.CHAINS, train_revision_judge.LENGTH
    assert len(found) == len(asked) * chains * length
    known = {problem.prompt: truth(problem) for problem in asked}
    reading = 0
    for lesson in found:
        begin = len(lesson.prompt) - (*lesson.prompt[::-1], MARK).index(MARK)
        prompt = (BOS, *lesson.prompt[max(1, begin) :])
        assert set(lesson.shares) == {float(answer(lesson.completion) == known[prompt])}
        reading += MARK in lesson.prompt
    assert 0 < reading <= len(asked) * chains * (length - 1), "first attempts read no other"


def test_chains_in_training_read_what_they_read_in_a_run(policy) -> None:
    (problem,) = SPLITS.problems("prm", 6, 1)
    (chain,) = train_revisions.revise(policy, problem.prompt, mix(1, 2), 1, 6)
    bodies = [seq.completion[: -1 if seq.finished else None] for seq in chain]
    for k, seq in enumerate(chain):
        before, asked = RETRY.read(problem.prompt, bodies[max(0, k - 4) : k])
        assert tuple(seq.ids[: seq.start]) == before + asked


def test_there_is_a_recipe_for_each_training_seed_on_the_policy_of_that_seed() -> None:
    known = recipes()
    for s in TRAININGS:
        plan, scorer = known[f"{REVISER}-s{s}"], known[f"{REVISION_JUDGE}-s{s}"]
        assert (plan.trunk, plan.policy, plan.seed) == (f"lm-s-s{s}", f"lm-s-s{s}", s)
        assert (scorer.trunk, scorer.policy) == (plan.name, plan.name)


def test_run_seeds_take_as_many_trainings_as_are_wanted_in_turn_each_with_its_judge(
    monkeypatch,
) -> None:
    there = {f"{REVISER}-s{k}" for k in range(3)}
    monkeypatch.setattr(trained_models.checkpoints, "is_there", lambda name, _: name in there)
    monkeypatch.setattr(trained_models, "engine", lambda name: name)
    monkeypatch.setattr(trained_models, "judge", lambda name: name)
    monkeypatch.setattr(trained_models, "AttemptJudge", lambda judge, _: judge)
    for seed in range(4):
        assert reviser(seed, 1).names == (f"{REVISER}-s0", "judge-s0")
        found = reviser(seed, 3)
        assert found.names == (f"{REVISER}-s{seed % 3}", f"judge-x-s{seed % 3}")
        assert (found.policy, found.judge) == found.names
    assert reviser(0, 5) is None, "two of the five are not there"
    there.remove(f"{REVISER}-s1")
    assert reviser(0, 3) is None, "one of the three is not there"
    assert reviser(0).names == (f"{REVISER}-s0", "judge-s0")
    there.clear()
    assert reviser(0) is None


SHIPPED = sorted(FOLDER.glob("*-revisions-s*.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_card_says_the_recipe_that_made_it(path) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    plan = recipes()[path.stem]
    for key in ("seed", "steps", "batch", "rate", "kind", "trunk", "policy", "problems"):
        assert said[key] == getattr(plan, key), key
    assert path.with_suffix(".safetensors").stat().st_size < 450_000


def test_a_shipped_policy_is_as_often_right_behind_an_attempt_as_at_first() -> None:
    """Behind a question that it does not find there, it was right a tenth as often."""
    dev = json.loads((FOLDER / f"{REVISER}-s0.json").read_text(encoding="utf-8"))["dev"]
    first, second = (
        np.mean([dev[f"attempt{k}_d{d}"] for d in range(1, LONGEST + 1)]) for k in (1, 2)
    )
    assert second > 0.8 * first
    assert dev["mended"] > 0.1
    assert dev["lost"] < 0.6
