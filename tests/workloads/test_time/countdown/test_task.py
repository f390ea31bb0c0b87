"""Countdown from the outside: conditions, what a cap does, and what the shipped policies can."""

import json

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.test_time.countdown.methods import cut
from adabench.workloads.test_time.countdown.recipes import FOLDER
from adabench.workloads.test_time.countdown.substrate import number_problems as form
from adabench.workloads.test_time.countdown.substrate.trained_models import policy_name
from adabench.workloads.test_time.countdown.task import CARD, load, missing_abilities

SHIPPED = int(CARD.defaults["trainings"])


@pytest.mark.parametrize("numbers", ["5", "7", "3,5", "", "three", "0"])
def test_sizes_that_no_policy_knows_are_refused_with_a_sentence(numbers: str) -> None:
    with pytest.raises(SelectionError, match="trained on 3 and 4 numbers") as caught:
        load("embedded", 0, numbers=numbers)
    assert "numbers=3,4" in str(caught.value.hint)


def test_questions_come_in_the_sizes_asked_for_and_differ_by_seed() -> None:
    groups = [question.group for question in load("embedded", 0, problems=4).cases()]
    assert groups == ["k3", "k4", "k3", "k4"]
    prompts = [{q.prompt for q in load("embedded", seed, problems=20).cases()} for seed in (0, 1)]
    assert not prompts[0] & prompts[1]
    assert {q.group for q in load("embedded", 0, numbers="4", problems=3).cases()} == {"k4"}


@pytest.mark.parametrize("budget", [1, 5, 20])
def test_a_budget_that_is_spent_within_a_thought_leaves_what_was_written(budget: int) -> None:
    task = load("embedded", 0, problems=4, budget=budget)
    for question in task.cases():
        answered = cut.solve(task.substrate(), question, {"cap": 96})
        assert len(answered) <= budget + 1  # `ans` is forced, and not generated


def test_seeds_take_the_trainings_in_turn() -> None:
    assert [policy_name(seed, 5) for seed in (0, 4, 5)] == ["cd-s0", "cd-s4", "cd-s0"]
    assert set(missing_abilities({})) == {"scores", "draft", "pool", "revisions"}


def test_a_sample_that_is_cut_answers_with_one_attempt_of_the_policy_s_own() -> None:
    task = load("embedded", 0, problems=8)
    lengths = []
    for cap in (1, 32):
        for question in task.cases():
            answered = cut.solve(task.substrate(), question, {"cap": cap})
            before = answered.index(form.ANSWER) if form.ANSWER in answered else len(answered)
            assert before <= max(cap, 1)
            assert len(answered) <= cap + 1 + form.LAST_WORDS
            lengths.append(before)
            if cap == 1:
                assert answered[0] == form.ANSWER
    assert max(lengths) > 10


@pytest.mark.parametrize("name", [f"cd-s{k}" for k in range(SHIPPED)])
def test_policies_are_in_the_band_and_search(name: str) -> None:
    """The gate of every method here: something is left to be gained, by searching and not by form."""
    figures = json.loads((FOLDER / f"{name}.json").read_text())["dev"]
    assert 0.3 <= figures["greedy_k3"] <= 0.7
    assert figures["pass8_k3"] - figures["sampled_k3"] >= 0.15
    assert figures["malformed_sampled_k3"] <= 0.2
    assert figures["attempts_k3"] >= 2
    assert figures["sampled_k4"] >= 0.1


def test_a_majority_is_over_expressions() -> None:
    task = load("embedded", 1, problems=1)
    (question,) = task.cases()
    with task.substrate().session(question) as session:
        leaves = session.fork(session.open(), 4)
        session.decode(leaves)
        ended = [leaf.completion for leaf in leaves if leaf.completion[-1] == EOS]
        assert ended
        assert all(session.answer(one) == form.answer(one) for one in ended)
