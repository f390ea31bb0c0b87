"""Methods that fake what they return or what it cost: each is refused, with a sentence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import EOS, Costs
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.vocabulary import encode
from adabench.workloads.test_time.chain.substrate.order_problems import STEP_WORDS
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.substrate.question_task import QuestionTask

Completion = tuple[int, ...]
Solve = Callable[[QuestionTask, Question], Any]
TASK = load("embedded", 0, problems=2, trainings=1)
FIRST, SECOND = TASK.cases()
OWN = encode("1 * 2 = 2 : ? ;")


@pytest.fixture(scope="module")
def warm() -> QuestionTask:
    made = TASK.substrate()
    made.warm()
    return made


@pytest.fixture
def chain(warm: QuestionTask) -> QuestionTask:
    warm.meter.clear()
    return warm


def greedy(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
        session.decode([root], max_new=session.room, temperature=0.0)
        session.offer(root.completion)
    return session.best


def samples(task: QuestionTask, question: Question, n: int = 4) -> list[Completion]:
    with task.session(question) as session:
        leaves = session.fork(session.open(), n)
        session.decode(leaves, max_new=session.room)
    return [leaf.completion for leaf in leaves]


def own_arithmetic(task: QuestionTask, question: Question) -> Completion:
    greedy(task, question)
    return (*OWN, EOS)


def nothing_decoded(task: QuestionTask, question: Question) -> Completion:
    return (*OWN, EOS)


def cut(task: QuestionTask, question: Question) -> Completion:
    return greedy(task, question)[:STEP_WORDS]


def glued(task: QuestionTask, question: Question) -> Completion:
    first = greedy(task, question)
    return (*first[:STEP_WORDS], *first)


def of_another_question(task: QuestionTask, question: Question) -> Completion:
    greedy(task, question)
    return greedy(task, SECOND)


def with_other_luck(task: QuestionTask, question: Question) -> Completion:
    greedy(task, question)
    known = set(samples(task, question))
    others = samples(task, replace(question, index=99))
    return next(completion for completion in others if completion not in known)


def with_another_key(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.policy.open(question.prompt, 7)
        session.decode([root], max_new=session.room)
        session.offer(root.completion)
    return session.best


def forced(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
        session.policy.append([root], [(*OWN, EOS)])
        session.offer(root.completion)
    return session.best


def written_on(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
        root.ids.extend(OWN)
        session.policy.append([root], [()])
        session.decode([root], max_new=session.room)
        session.offer(root.completion)
    return session.best


def judged_after_writing(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
        root.ids.extend(OWN)
        session.scores([root])
    return session.best


def another_draw(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        (leaf,) = session.fork(session.open(), 1)
        leaf.key += 1
        session.decode([leaf], max_new=session.room)
        session.offer(leaf.completion)
    return session.best


def of_another_session(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
    with task.session(question) as session:
        session.decode([root], max_new=session.room)
    return root.completion


def twice_in_a_call(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
        session.decode([root, root], max_new=session.room)
    return root.completion


def lazy(task: QuestionTask, question: Question) -> Completion:
    class Later(tuple[int, ...]):
        __slots__ = ()

    return Later(greedy(task, question))


def meter_patched(task: QuestionTask, question: Question) -> Completion:
    answer = greedy(task, question)
    task.meter["generated"] = 1
    return answer


def meter_lowered_between_sessions(task: QuestionTask, question: Question) -> Completion:
    greedy(task, question)
    task.meter["flops_counted"] = 1
    return greedy(task, question)


def meter_emptied(task: QuestionTask, question: Question) -> Completion:
    answer = greedy(task, question)
    for name in list(task.meter):
        del task.meter[name]
    return answer


def costs_patched(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
        session.decode([root], max_new=session.room)
        session.policy.costs.meter["flops"] = 1
        session.offer(root.completion)
    return session.best


def budget_lifted(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        session.policy.costs.budget = 10**9
        session.decode([session.open()], max_new=session.room)
    return session.best


def counted_elsewhere(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        session.policy.reset(Costs())
    return session.best


def engine_counts_elsewhere(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        task.models.policy.reset(Costs())
        session.decode([session.open()], max_new=session.room)
    return session.best


def worked_on_after_the_end(task: QuestionTask, question: Question) -> Completion:
    with task.session(question) as session:
        root = session.open()
    session.decode([root], max_new=session.room)
    return root.completion


NOT_DECODED, COSTS = "No engine decoded", "wrote into its costs"
FAKES: dict[Solve, str] = {
    own_arithmetic: NOT_DECODED,
    nothing_decoded: NOT_DECODED,
    cut: "cut out of a longer one",
    glued: NOT_DECODED,
    of_another_question: "of another question",
    with_other_luck: "of another question",
    with_another_key: NOT_DECODED,
    forced: "Words of this completion were forced",
    written_on: "not as the engine",
    judged_after_writing: "not as the engine",
    another_draw: "not as the engine",
    of_another_session: "not as the engine",
    twice_in_a_call: "twice in one call",
    lazy: "is no completion: a Later",
    meter_patched: "wrote into the meter",
    meter_lowered_between_sessions: "wrote into the meter",
    meter_emptied: "wrote into the meter",
    costs_patched: COSTS,
    budget_lifted: COSTS,
    counted_elsewhere: "was reset",
    engine_counts_elsewhere: "outside its session",
    worked_on_after_the_end: "outside its session",
}


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.__name__)
def test_a_fake_is_refused(chain: QuestionTask, fake: Solve) -> None:
    with pytest.raises(MethodContractError, match=FAKES[fake]):
        chain.account(FIRST, fake(chain, FIRST))


def test_an_answer_from_before_the_meter_was_cleared_is_refused(chain: QuestionTask) -> None:
    remembered = greedy(chain, FIRST)
    assert chain.account(FIRST, remembered) == remembered
    chain.meter.clear()
    greedy(chain, SECOND)
    with pytest.raises(MethodContractError, match=NOT_DECODED):
        chain.account(FIRST, remembered)


def test_honest_ways_are_accounted_for(chain: QuestionTask) -> None:
    plain = greedy(chain, FIRST)
    assert chain.account(FIRST, plain) == plain  # another session follows, the meter adds up
    for completion in samples(chain, FIRST):
        assert chain.account(FIRST, completion) == completion
    assert chain.account(FIRST, list(plain)) == plain
    assert chain.account(FIRST, ()) == (), "nothing states nothing"


def test_each_step_of_a_search_is_a_completion_as_the_engine_left_it(chain: QuestionTask) -> None:
    with chain.session(FIRST) as session:
        leaf = session.open()
        seen = []
        while not leaf.finished and len(leaf.completion) < session.room:
            (leaf,) = session.fork(leaf, 1)
            session.step([leaf], max_new=2 * STEP_WORDS)
            seen.append(leaf.completion)
    assert len(seen) > 2
    for completion in seen:
        assert chain.account(FIRST, completion) == completion


def test_signs_and_ends_may_be_forced_and_are_paid_for(chain: QuestionTask) -> None:
    with chain.session(FIRST) as session:
        root = session.open()
        session.step([root], max_new=STEP_WORDS)
        session.policy.append([root], [[EOS]])
        session.offer(root.completion)
    assert chain.account(FIRST, session.best)[-1] == EOS
    assert chain.meter["prefilled"] == len(FIRST.prompt) + 1


def test_of_two_equal_completions_the_drawn_one_counts(chain: QuestionTask) -> None:
    drawn = greedy(chain, FIRST)
    with chain.session(FIRST) as session:
        session.policy.append([root := session.open()], [drawn])
    assert root.completion == drawn
    assert chain.account(FIRST, drawn) == drawn


def test_what_a_spent_budget_left_is_accounted_for() -> None:
    tight = load("embedded", 0, problems=2, budget=30, trainings=1)
    with tight.session(FIRST) as session:
        leaves = session.fork(session.open(), 4)
        session.decode(leaves, max_new=session.room)
    assert session.spent
    assert len(session.best) == 7
    assert tight.account(FIRST, session.best) == session.best
