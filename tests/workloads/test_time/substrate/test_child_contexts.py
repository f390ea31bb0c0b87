"""Children of a completion: what they return may be put onto it, once, and nothing else may."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import EOS, VOCABULARY, WORDS, encode
from adabench.workloads.test_time.chain.substrate.domain import DIGITS, SPLITS
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models

QUESTION = Question(0, encode("<bos> 4 7 + 3 8 >"), "d1")
OTHER = Question(1, encode("<bos> 1 2 + 3 4 >"), "d1")
CHILD = QUESTION.prompt
DRAWN = 5


def task(budget: int | None = None) -> QuestionTask:
    """Return a task in which every word has to be the model's own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LanguageModel(Shape(1, 16, 2, 32)).eval().requires_grad_(False)
    policy = NativeEngine(model, "small")
    domain = replace(SPLITS, unforced=frozenset(range(len(WORDS))))
    return QuestionTask(0, domain, lambda: Models(policy, None), budget)


def returns(session: Session, child: Seq, most: int = DRAWN) -> tuple[int, ...]:
    """Let a child write a few words and end; return those words."""
    open_ = np.ones(VOCABULARY, np.bool_)
    open_[EOS] = False
    session.decode([child], max_new=most, allow=open_)
    session.decode([child], max_new=1, allow=~open_)
    return child.completion[:-1]


def test_what_a_child_returned_is_its_parents_own_and_booked_as_prefill() -> None:
    where = task()
    with where.session(QUESTION) as session:
        parent = session.open()
        first, second = session.spawn(parent, [CHILD, CHILD])
        words = returns(session, first)
        assert words != returns(session, second), "children of one prompt draw differently"
        before = dict(session._costs.meter)
        assert before["prefilled"] > len(QUESTION.prompt)
        session.append([parent], [words[2:]], as_="child")
        after = session._costs.meter
        assert after["prefilled"] - before["prefilled"] == len(words) - 2
        assert after["generated"] == before["generated"]
        session.offer(parent.completion)
    assert where.account(QUESTION, session.best) == words[2:]
    assert where.meter["injected_child"] == len(words) - 2
    assert where.meter["generated"] == 2 * (DRAWN + 1)
    assert where.meter["discarded"] == where.meter["generated"] - (len(words) - 2)


@pytest.mark.parametrize(
    "fake", ["invented", "the middle", "twice", "cut", "another's", "nothing", "no child", "forced"]
)
def test_words_that_no_child_returned_are_refused(fake: str) -> None:
    with task().session(QUESTION) as session:
        parent = session.open()
        if fake == "another's":
            parent, whose = session.fork(parent, 2)
        else:
            whose = parent
        (child,) = session.spawn(whose, [CHILD])
        if fake == "cut":
            session.decode([child], max_new=2)
            words = child.completion
        elif fake == "no child":
            child = session.open(CHILD)
            words = returns(session, child)
        elif fake == "forced":
            session.append([child], [encode("7")])
            words = returns(session, child)
        else:
            words = returns(session, child)
        if fake == "twice":
            session.append([parent], [words], as_="child")
        part = {"invented": encode("9 9 9 9"), "the middle": words[1:3], "nothing": ()}
        with pytest.raises(MethodContractError, match="These words are no child's") as refused:
            session.append([parent], [part.get(fake, words)], as_="child")
        assert "a child that ended by itself" in refused.value.hint


def test_a_child_of_another_case_is_refused() -> None:
    where = task()
    with where.session(OTHER) as session:
        foreign = session.spawn(session.open(), [OTHER.prompt])
        words = returns(session, foreign[0])
    with where.session(QUESTION) as session:
        parent = session.open()
        with pytest.raises(MethodContractError, match="no child's"):
            session.append([parent], [words], as_="child")
        with pytest.raises(MethodContractError, match="not as the engine of this session"):
            session.append(foreign, [words], as_="child")


def test_a_context_of_a_methods_own_spawns_nothing() -> None:
    with task().session(QUESTION) as session:
        (child,) = session.spawn(session.open(), [CHILD])
        for none in (child, session.open(CHILD)):
            with pytest.raises(MethodContractError, match="Only a completion of the question"):
                session.spawn(none, [CHILD])


@pytest.mark.parametrize("fake", ["a solution", "other words", "glued pieces", "another's"])
def test_a_child_is_told_nothing_that_its_parent_did_not_draw(fake: str) -> None:
    where = task()
    where = replace(where, domain=replace(where.domain, unforced=DIGITS))
    with where.session(QUESTION) as session:
        parent, other = session.fork(session.open(), 2)
        for seq in (parent, other):
            session.decode([seq], max_new=6, allow=np.isin(np.arange(VOCABULARY), list(DIGITS)))
        drew = parent.completion
        assert drew != other.completion
        sign, absent = encode("+ ;"), min(DIGITS - set(drew))
        (child,) = session.spawn(parent, [(*QUESTION.prompt, *sign, *drew[1:4], *sign)])
        assert not child.completion
        before = dict(session._costs.meter)
        prompt = {
            "a solution": (*QUESTION.prompt, *drew[:2], absent),
            "other words": (*encode("<bos>"), absent, *encode("+ >")),
            "glued pieces": (*QUESTION.prompt, *drew, *sign, *drew[:1]),
            "another's": (*QUESTION.prompt, *other.completion),
        }[fake]
        with pytest.raises(MethodContractError, match="that its parent did not draw"):
            session.spawn(parent, [QUESTION.prompt, prompt])
        assert dict(session._costs.meter) == before


def test_a_childs_own_completion_is_no_answer() -> None:
    where = task()
    with where.session(QUESTION) as session:
        (child,) = session.spawn(session.open(), [CHILD])
        session.decode([child], max_new=4)
        session.offer(child.completion)
    with pytest.raises(MethodContractError, match="No engine decoded this completion"):
        where.account(QUESTION, session.best)


def test_a_budget_that_is_spent_within_a_child_leaves_what_the_parent_wrote() -> None:
    where = task(budget=6)
    with where.session(QUESTION) as session:
        (parent,) = session.fork(session.open(), 1)
        session.decode([parent], max_new=3)
        wrote = parent.completion
        session.decode(session.spawn(parent, [CHILD, CHILD]), max_new=8)
    assert (session.spent, session.best) == (True, wrote)
    assert len(wrote) < where.meter["generated"] <= 6
    assert where.account(QUESTION, session.best) == wrote
