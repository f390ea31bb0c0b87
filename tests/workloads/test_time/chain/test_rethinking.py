"""Rounds of rethinking: how many there are, which one answers, what they cost, and who knows what is right."""

from collections import Counter

import pytest

from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.chain.methods import random_rounds, rethinking, revisions
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY, AttemptJudge
from adabench.workloads.test_time.chain.substrate.domain import ORDERS
from adabench.workloads.test_time.chain.substrate.order_problems import stream
from adabench.workloads.test_time.chain.substrate.trained_models import engine, judge
from adabench.workloads.test_time.chain.truth.order_solutions import OrderAnswers
from adabench.workloads.test_time.substrate.agreement_prior import agreement
from adabench.workloads.test_time.substrate.attempt_chains import write_chains
from adabench.workloads.test_time.substrate.question_task import GradedTask, QuestionTask
from adabench.workloads.test_time.substrate.saturation_law import Prior, saturation_point
from adabench.workloads.test_time.substrate.search_models import Models

PROBLEMS = tuple(next(stream("test", i, (3,), i // 2)) for i in range(6))
QUESTIONS = [Question(i, problem.prompt, "") for i, problem in enumerate(PROBLEMS)]
GRADER = OrderAnswers(PROBLEMS)
USUAL = rethinking.CARD.defaults


@pytest.fixture(scope="module")
def revising_task() -> GradedTask:
    """The task with a policy that was never trained to revise: whatever it writes will do."""
    own = Models(
        engine("lm-s-orders-s0"), judge("judge-orders-s0"),
        reviser=Models(engine("lm-s-orders-s0"), AttemptJudge(judge("judge-orders-s0"), RETRY)),
    )  # fmt: skip
    return GradedTask(0, ORDERS, lambda: own, questions=tuple(QUESTIONS), grader=GRADER)


@pytest.fixture
def task(revising_task: GradedTask) -> GradedTask:
    revising_task.meter.clear()
    return revising_task


def chain_of(task: QuestionTask, question: Question, length: int) -> list[tuple[int, ...]]:
    with task.session(question, revising=True) as session:
        (chain,) = write_chains(session, 1, length)
    return [seq.completion for seq in chain]


def test_rounds_are_those_of_the_law_and_the_last_one_answers(task) -> None:
    prior, counts = Prior(USUAL["alpha"], USUAL["beta"]), Counter[int]()
    for question in QUESTIONS:
        for epsilon in (0.1, 0.01, 1e-9):
            written = chain_of(task, question, 8)
            stated = [task.domain.answer(words) for words in written[:4]]
            count = saturation_point(prior.mean(agreement(stated), 4), epsilon)
            count = min(8, max(4, count))
            task.meter.clear()
            answer = rethinking.solve(task, question, {**USUAL, "epsilon": epsilon})
            assert task.account(question, answer) == written[count - 1]
            assert task.meter["generated"] == sum(map(len, written[:count])), (
                "the pilot is paid for"
            )
            counts[count] += 1
    assert len(counts) > 1


def test_where_no_gain_is_too_small_it_is_a_chain_of_all_rounds(task) -> None:
    for question in QUESTIONS:
        ours = rethinking.solve(task, question, {**USUAL, "epsilon": 1e-9})
        whole = {"N": 8, "ratio": 1.0, "by": "last"}
        assert ours == revisions.solve(task, question, whole)


def test_fewer_rounds_than_a_pilot_are_all_there_are(task) -> None:
    for question in QUESTIONS[:3]:
        answer = rethinking.solve(task, question, {**USUAL, "N": 2})
        assert answer == chain_of(task, question, 2)[-1]


def test_no_round_knows_what_is_right(task) -> None:
    """A chain does not end at the first right attempt, nor is the best round taken for the last."""
    blind = QuestionTask(0, ORDERS, task.load_models)
    for question in QUESTIONS:
        for method in (rethinking, random_rounds):
            point = method.CARD.defaults
            assert method.solve(blind, question, point) == method.solve(task, question, point)


def test_a_die_deals_all_numbers_of_rounds_alike(task) -> None:
    throws = [random_rounds.rounds(0, index, 8) for index in range(1600)]
    assert set(throws) == set(range(1, 9))
    assert [throws.count(n) for n in range(1, 9)] == pytest.approx([200] * 8, abs=60)
    assert throws != [random_rounds.rounds(1, index, 8) for index in range(1600)]
    for question in QUESTIONS[:4]:
        count = random_rounds.rounds(0, question.index, 8)
        answer = random_rounds.solve(task, question, {"N": 8})
        assert answer == chain_of(task, question, count)[-1]
