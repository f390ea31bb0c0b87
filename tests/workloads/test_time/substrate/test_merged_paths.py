"""Paths of a question are merged by a session: what is drawn behind them is an answer, and nothing but its own paths is read."""

import pytest
import torch

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS, encode
from adabench.workloads.test_time.chain.substrate.domain import SPLITS
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models

QUESTION = Question(0, encode("<bos> 4 7 + 3 8 >"), "d1")
OTHER = Question(1, encode("<bos> 1 2 + 3 4 >"), "d1")
THINK = encode("<think1> <think2>")
PATH = 5


def task(
    engine: type[PooledEngine | NativeEngine] = PooledEngine, *, several: bool = False
) -> QuestionTask:
    """Return a task whose policy merges, if its engine does; beside a second one if there are several."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LanguageModel(Shape(1, 16, 2, 32)).eval().requires_grad_(False)
    policy, second = (engine(model, name) for name in ("small", "second"))
    models = Models(policy, None, others={"second": second} if several else {})
    return QuestionTask(0, SPLITS, lambda: models)


def paths_of(session: Session, prompt: tuple[int, ...] | None = None) -> list[Seq]:
    """Return two paths of a question, or of a context of the method's own."""
    paths = session.fork(session.open(prompt), 2)
    session.append(paths, [[word] for word in THINK])
    session.decode(paths, max_new=PATH)
    return paths


def test_what_is_drawn_behind_paths_is_an_answer_and_runs_nothing_again() -> None:
    where = task()
    with where.session(QUESTION) as session:
        paths = paths_of(session)
        before = dict(session._costs.meter)
        merged = session.merge(paths)
        assert dict(session._costs.meter) == before
        session.append([merged], [[IDS["<summary>"]]])
        session.decode([merged], max_new=3)
        after = dict(session._costs.meter)
        assert after["prefilled"] - before["prefilled"] == 1
        session.offer(merged.completion)
    drawn = len(where.account(QUESTION, session.best)) - 1
    assert drawn == after["generated"] - before["generated"]
    assert where.meter["discarded"] == where.meter["generated"] - drawn
    held = len(QUESTION.prompt) + sum(len(p.completion) - p.finished for p in paths)
    assert merged.start == held


@pytest.mark.parametrize(
    "fake", ["none", "of another prompt", "a child's", "a number that was forced", "mixed"]
)
def test_what_is_no_path_of_the_question_is_not_merged(fake: str) -> None:
    with task().session(QUESTION) as session:
        paths = paths_of(session)
        if fake == "none":
            paths = []
        elif fake == "of another prompt":
            paths = paths_of(session, OTHER.prompt)
        elif fake == "a child's":
            paths = session.spawn(paths[0], [QUESTION.prompt])
            session.decode(paths, max_new=PATH)
        elif fake == "a number that was forced":
            (leaf,) = session.fork(session.open(), 1)
            session.append([leaf], [encode("<think1> 8 5")])
            paths = [*paths, leaf]
        else:
            paths = [*paths, paths_of(session, OTHER.prompt)[0]]
        before = dict(session._costs.meter)
        with pytest.raises(MethodContractError, match="Only paths of this question can be merged"):
            session.merge(paths)
        assert dict(session._costs.meter) == before


def test_paths_behind_other_merged_paths_are_no_paths_beside_them() -> None:
    with task().session(QUESTION) as session:
        paths = paths_of(session)
        merged = session.merge(paths)
        with pytest.raises(MethodContractError, match="completions of its prompt"):
            session.merge([merged, paths[0]])


def test_a_path_of_another_case_one_twice_and_one_that_was_written_on_are_refused() -> None:
    where = task()
    with where.session(OTHER) as session:
        foreign = paths_of(session)
    with where.session(QUESTION) as session:
        paths = paths_of(session)
        for wrong, sentence in (
            ([paths[0], foreign[1]], "not as the engine of this session"),
            ([paths[0], paths[0]], "handed to the engine twice"),
        ):
            with pytest.raises(MethodContractError, match=sentence):
                session.merge(wrong)
        paths[1].ids.append(EOS)
        with pytest.raises(MethodContractError, match="not as the engine of this session"):
            session.merge(paths)


def test_paths_of_two_policies_are_not_merged() -> None:
    with task(several=True).session(QUESTION) as session:
        (own,) = session.fork(session.open(), 1)
        (other,) = session.fork(session.open(policy="second"), 1)
        session.decode([own], max_new=PATH)
        session.decode([other], max_new=PATH)
        with pytest.raises(MethodContractError, match="was handed to 'policy'"):
            session.merge([own, other])


def test_an_engine_that_merges_nothing_says_so() -> None:
    with (
        task(NativeEngine).session(QUESTION) as session,
        pytest.raises(CapabilityMissing) as missing,
    ):
        session.merge(paths_of(session))
    assert "merge" in str(missing.value)
