"""Sessions on questions: whose words they are read in, where they end, what they state."""

import pickle
from dataclasses import dataclass, replace

import pytest
import torch

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.domain import Domain, Question
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Head, Judge
from adabench.workloads.shared.language_model.vocabulary import (
    IDS,
    WORDS,
    WordCodec,
    encode,
    vocabulary_digest,
)
from adabench.workloads.test_time.chain.substrate.domain import SPLITS
from adabench.workloads.test_time.methods import best_of_n, greedy, majority, rebase
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models

SHAPE = Shape(1, 16, 2, 32)
FOREIGN = vocabulary_digest(reversed(WORDS))
QUESTION = Question(0, encode("<bos> 4 7 + 3 8 >"), "d1")


def engine(seed: int = 0, vocabulary: str = SPLITS.codec.vocabulary) -> NativeEngine:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LanguageModel(SHAPE).eval().requires_grad_(False)
    return NativeEngine(model, f"tiny-{seed}", vocabulary=vocabulary)


def judge(vocabulary: str = SPLITS.codec.vocabulary) -> Judge:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Judge(engine(1, vocabulary), Head(SHAPE.width).eval())


def task(models: Models, domain: Domain = SPLITS) -> QuestionTask:
    return QuestionTask(0, domain, lambda: models)


@pytest.mark.parametrize(
    ("models", "who"),
    [
        (Models(engine(vocabulary=FOREIGN), None), "policy tiny-0"),
        (Models(engine(vocabulary=FOREIGN), judge(FOREIGN)), "policy tiny-0"),
        (Models(engine(), judge(FOREIGN)), "judge tiny-1"),
    ],
    ids=["policy", "both", "judge"],
)
@pytest.mark.parametrize("method", [greedy, majority, best_of_n, rebase])
def test_ids_of_the_chain_on_a_foreign_engine_are_refused(models: Models, who: str, method) -> None:
    models.policy.reset(costs := Costs())
    with pytest.raises(SelectionError, match=f"{who} has another vocabulary") as refused:
        method.solve(task(models), QUESTION, method.CARD.defaults)
    assert "Choose a model of the question's vocabulary" in refused.value.hint
    assert not costs.meter, "nothing was read, and nothing decoded"


def test_questions_of_the_engines_own_vocabulary_are_read() -> None:
    foreign = replace(SPLITS, codec=WordCodec(FOREIGN))
    assert greedy.solve(task(Models(engine(vocabulary=FOREIGN), None), foreign), QUESTION, {})
    with pytest.raises(SelectionError, match="policy tiny-0"):
        greedy.solve(task(Models(engine(), None), foreign), QUESTION, {})


@dataclass(frozen=True)
class LastWord:
    """A completion states its last word before the end mark."""

    end: int

    def __call__(self, completion) -> int | None:
        return completion[-2] if len(completion) > 1 and completion[-1] == self.end else None


def worded(mark: int, **more) -> Domain:
    """A domain whose completions are over at a word of its own, after any model's."""
    return replace(
        SPLITS, answer=LastWord(mark), room=lambda prompt: 40, end_marks=frozenset({mark}), **more
    )


def most_used(policy: NativeEngine) -> int:
    """A word that greedy decoding says early on, and not at once."""
    with task(Models(policy, None)).session(QUESTION) as session:
        root = session.open()
        session.decode([root], max_new=30, temperature=0.0)
    return next(word for word in root.completion if word != root.completion[0])


def test_a_completion_ends_at_the_marks_of_its_domain_and_states_what_that_says() -> None:
    policy = engine()
    mark = most_used(policy)
    with task(Models(policy, None), worded(mark)).session(QUESTION) as session:
        root = session.open()
        assert not session.ended(root)
        session.decode([root], temperature=0.0)
        assert root.completion[-1] == mark
        assert mark not in root.completion[:-1]
        assert session.ended(root)
        assert not root.finished
        assert session.answer(root.completion) == root.completion[-2]
        assert session.answer(root.completion[:-1]) is None


def test_a_search_steps_by_the_marks_of_its_domain() -> None:
    """Neither the chain's `;` nor its nine words: steps of at most three words of another kind."""
    digits = frozenset(IDS[digit] for digit in "0123456789")
    policy, depths = engine(), []
    other = worded(IDS["+"], step_marks=digits, step_room=3, deepest=5)
    where = task(Models(policy, judge()), other)
    with where.session(QUESTION) as session:
        (leaf,) = session.fork(session.open(), 1)
        while not session.ended(leaf) and len(depths) < session.deepest:
            before = len(leaf.ids)
            (leaf,) = session.fork(leaf, 1)
            session.step([leaf])
            depths.append(leaf.ids[before:])
    assert all(1 <= len(step) <= 3 for step in depths)
    assert any(len(step) == 3 for step in depths)
    for step in depths:
        assert not set(step[:-1]) & (digits | {IDS["+"]})
    answer = rebase.solve(where, QUESTION, rebase.CARD.defaults | {"N": 4})
    assert len(answer) <= 3 * 5
    assert where.account(QUESTION, answer) == answer


def test_a_domain_says_at_what_temperature_words_are_drawn_unless_a_method_does() -> None:
    drawn = {}
    for heat in (0.0, 1.0):
        cold = replace(SPLITS, temperature=heat)
        with task(Models(engine(), None), cold).session(QUESTION) as session:
            leaves = session.fork(session.open(), 3)
            session.decode(leaves[:1], max_new=9)
            session.step(leaves[1:2], max_new=9)
            session.decode(leaves[2:], max_new=9, temperature=0.0)
        drawn[heat] = [leaf.completion for leaf in leaves]
    assert len(set(drawn[0.0])) == 1, "always the most probable word"
    assert drawn[1.0][2] == drawn[0.0][0] != drawn[1.0][0]


def test_the_policys_score_is_a_sessions() -> None:
    policy = engine()
    with task(Models(policy, None)).session(QUESTION) as session:
        root = session.open()
        (chunk,) = session.decode([session.fork(root, 1)[0]], max_new=5)
        (scored,) = session.score([root], [chunk.ids])
    assert scored == pytest.approx(chunk.logprobs, abs=1e-5)


def test_what_is_stored_is_how_it_is_made() -> None:
    made = QuestionTask(3, SPLITS, engine, budget=40, on_device=True, tool_budget=2)  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    assert (again.budget, again.on_device, again.tool_budget) == (40, True, 2)
    assert again.meter is not made.meter
