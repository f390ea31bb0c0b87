"""Sessions with several policies, words that were not drawn, contexts of a method's own, and tools."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.domain import Domain, Question
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import (
    EOS,
    IDS,
    OWN_VOCABULARY,
    WORDS,
    encode,
    vocabulary_digest,
)
from adabench.workloads.test_time.chain.substrate.domain import SPLITS
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models

SMALL, LARGE = Shape(1, 16, 2, 32), Shape(2, 32, 4, 48)
QUESTION = Question(0, encode("<bos> 4 7 + 3 8 >"), "d1")
CHILD = encode("<bos> 1 1 + 2 2 >")


def model(shape: Shape, seed: int) -> LanguageModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(shape).eval().requires_grad_(False)


def engine(name: str, shape: Shape, seed: int, vocabulary: str = OWN_VOCABULARY) -> NativeEngine:
    return NativeEngine(model(shape, seed), name, vocabulary=vocabulary)


def models() -> Models:
    target = engine("large", LARGE, 1)
    return Models(engine("small", SMALL, 0), None, others={"target": target})


def task(domain: Domain = SPLITS, **limits: int) -> QuestionTask:
    made = models()
    return QuestionTask(0, domain, lambda: made, **limits)


def step_of(session: Session, seq: Seq, most: int = 4) -> tuple[int, ...]:
    (chunk,) = session.decode([seq], max_new=most)
    return chunk.ids


def test_policies_are_found_by_their_roles_and_calls_by_their_sequences() -> None:
    where = task()
    with where.session(QUESTION) as session:
        assert session.roles == ("policy", "target")
        small, large = session.open(), session.open(policy="target")
        assert small.ids == large.ids == list(QUESTION.prompt)
        children = [*session.fork(small, 2), *session.fork(large, 2)]
        for pair in (children[:2], children[2:]):
            session.decode(pair, max_new=5)
        assert session.hidden(children[0], 0).shape[1] == SMALL.width
        assert session.hidden(children[2], 0).shape[1] == LARGE.width
        (by_large,) = session.score([large], [children[2].completion])
        assert sum(by_large) == pytest.approx(children[2].logprob, abs=1e-4)
        session.offer(children[3].completion)
    assert where.account(QUESTION, session.best) == session.best, "an answer of either is one"


def test_no_two_policies_share_random_numbers() -> None:
    """Two roles of the very same weights draw differently; the first draws as if it were alone."""
    small = engine("small", SMALL, 0)
    twins = Models(small, None, others={"twin": engine("small", SMALL, 0)})
    drawn = []
    for made in (twins, Models(small, None)):
        with QuestionTask(0, SPLITS, lambda made=made: made).session(QUESTION) as session:
            for role in session.roles:
                leaves = session.fork(session.open(policy=role), 4)
                session.decode(leaves, max_new=8)
                drawn.append([leaf.completion for leaf in leaves])
    first, twin, alone = drawn
    assert first == alone
    assert first != twin


def test_an_unknown_role_and_a_call_of_two_models_are_refused() -> None:
    with task().session(QUESTION) as session:
        with pytest.raises(CapabilityMissing, match="A policy called 'targets'") as missing:
            session.open(policy="targets")
        assert "Did you mean target?" in missing.value.hint
        with pytest.raises(CapabilityMissing, match="A policy called 'draft'"):
            session.require("fork", policy="draft")
        mixed = [session.open(), session.open(policy="target")]
        with pytest.raises(MethodContractError, match="of 'target' was handed to 'policy'"):
            session.decode(mixed, max_new=2)


def test_a_further_policy_of_another_vocabulary_is_refused_by_its_role() -> None:
    foreign = engine("foreign", SMALL, 2, vocabulary_digest(WORDS[::-1]))
    made = Models(engine("small", SMALL, 0), None, others={"target": foreign})
    with pytest.raises(SelectionError, match="The target foreign has another vocabulary"):
        QuestionTask(0, SPLITS, lambda: made).session(QUESTION)


def test_costs_are_told_apart_by_role_and_add_up() -> None:
    where = task()
    with where.session(QUESTION) as session:
        leaves = session.fork(session.open(), 3)
        session.decode(leaves, max_new=4)
        large = session.open(policy="target")
        session.append([large], [leaves[0].completion], as_="draft")
        session.decode([large], max_new=2)
        session.offer(large.completion)
    cost = where.meter
    assert cost["generated_policy"] == sum(len(leaf.completion) for leaf in leaves)
    assert cost["generated_target"] == len(large.completion) - len(leaves[0].completion)
    assert cost["prefilled_policy"] == len(QUESTION.prompt)
    assert cost["prefilled_target"] == len(QUESTION.prompt) + len(leaves[0].completion)
    for name in ("generated", "prefilled", "flops_counted"):
        assert cost[f"{name}_policy"] + cost[f"{name}_target"] == cost[name] > 0
    assert cost["flops_counted_target"] > cost["flops_counted_policy"]
    # What the policy drew for nothing: two samples of three.
    assert cost["discarded"] == sum(len(leaf.completion) for leaf in leaves[1:])


def test_what_several_models_hold_at_once_is_added() -> None:
    where = task()
    with where.session(QUESTION) as session:
        roots = [session.open(policy=role) for role in session.roles]
        for root in roots:
            session.decode([root], max_new=6)
    assert where.meter["kv_peak"] >= sum(len(root.ids) - root.finished for root in roots)
    assert where.meter["kv_peak_bytes"] > 0


def test_one_policy_alone_is_counted_as_ever() -> None:
    made = Models(engine("small", SMALL, 0), None)
    where = QuestionTask(0, SPLITS, lambda: made)
    with where.session(QUESTION) as session:
        leaves = session.fork(session.open(), 3)
        session.decode(leaves, max_new=4)
        session.offer(leaves[0].completion)
    odd = {"discarded", "tool_calls"} | {name for name in where.meter if "injected" in name}
    assert not odd & set(where.meter)
    assert not [name for name in where.meter if name.endswith("_policy")]


DIGIT, SIGN = IDS["7"], IDS["+"]


@pytest.mark.parametrize("how", ["forced", "tool"])
def test_words_of_a_method_or_a_tool_are_booked_apart_and_no_answer(how) -> None:
    where = task()
    for part, fine in (((SIGN,), True), ((SIGN, DIGIT), False)):
        where.meter.clear()
        with where.session(QUESTION) as session:
            root = session.open()
            session.append([root], [part], as_=how)
            session.decode([root], max_new=3)
            session.offer(root.completion)
        assert where.meter[f"injected_{how}"] == len(part)
        assert where.meter["prefilled"] == len(QUESTION.prompt) + len(part)
        assert where.meter.get("tool_calls", 0) == (how == "tool")
        if fine:
            assert where.account(QUESTION, session.best)[0] == SIGN
        else:
            with pytest.raises(MethodContractError, match="were forced that the model has to draw"):
                where.account(QUESTION, session.best)


def test_a_draft_that_a_model_drew_is_a_models_answer() -> None:
    where = task(replace(SPLITS, unforced=frozenset(range(len(WORDS)))))
    with where.session(QUESTION) as session:
        small, large = session.open(), session.open(policy="target")
        for _ in range(3):
            words = step_of(session, small)
            session.append([large], [words[:-1]], as_="draft")  # a part of what was drawn
            session.append([large], [words[-1:]], as_="draft")
        more = step_of(session, large)
        session.offer(large.completion)
    assert where.account(QUESTION, session.best) == (*small.completion, *more)
    assert where.meter["injected_draft"] == len(small.completion)
    assert where.meter["discarded"] == 0


def invented(session: Session, small: Seq, large: Seq) -> None:
    session.append([large], [(DIGIT, SIGN, DIGIT)], as_="draft")


def in_another_place(session: Session, small: Seq, large: Seq) -> None:
    words = step_of(session, small)
    session.append([large], [(SIGN,)])
    session.append([large], [words], as_="draft")


def out_of_another_context(session: Session, small: Seq, large: Seq) -> None:
    child = session.open(CHILD)
    words = step_of(session, child)
    session.append([large], [words], as_="draft")


def forced_before(session: Session, small: Seq, large: Seq) -> None:
    """A word of the method's, passed off as another model's draw."""
    session.append([small], [(DIGIT,)])
    session.append([large], [(DIGIT,)], as_="draft")


def forced_and_more(session: Session, small: Seq, large: Seq) -> None:
    session.append([small], [(DIGIT,)])
    words = step_of(session, small)
    session.append([large], [(DIGIT, *words)], as_="draft")


def into_a_child(session: Session, small: Seq, large: Seq) -> None:
    child = session.open(CHILD)
    session.append([child], [step_of(session, small)], as_="draft")


@pytest.mark.parametrize(
    "fake",
    [
        invented, in_another_place, out_of_another_context, forced_before, forced_and_more,
        into_a_child,
    ],
    ids=lambda fake: fake.__name__,
)  # fmt: skip
def test_words_that_no_model_drew_here_are_no_draft(fake) -> None:
    with task().session(QUESTION) as session:
        small, large = session.open(), session.open(policy="target")
        with pytest.raises(MethodContractError, match="These words are no draft"):
            fake(session, small, large)


def test_a_forced_word_stays_forced_when_a_draft_follows_it() -> None:
    where = task()
    with where.session(QUESTION) as session:
        small, large = session.open(), session.open(policy="target")
        session.append([small], [(DIGIT,)])
        words = step_of(session, small)
        session.append([large], [(DIGIT,)])
        session.append([large], [words], as_="draft")
        session.offer(large.completion)
    with pytest.raises(MethodContractError, match="were forced that the model has to draw"):
        where.account(QUESTION, session.best)


def test_a_context_of_the_methods_own_is_paid_for_and_answers_nothing() -> None:
    where = task()
    with where.session(QUESTION) as session:
        children = [session.open(CHILD), session.open(CHILD), session.open(CHILD, policy="target")]
        for child in children:
            session.decode([child], max_new=8)
        assert len({child.completion for child in children}) == 3, "each draws numbers of its own"
        session.offer(children[0].completion)
    assert where.meter["generated"] == sum(len(child.completion) for child in children)
    assert where.meter["discarded"] == where.meter["generated"]
    assert where.meter["prefilled"] >= 2 * len(CHILD), "a stored prompt is not read again"
    with pytest.raises(MethodContractError, match="No engine decoded this completion"):
        where.account(QUESTION, session.best)


def test_what_a_context_drew_is_discarded_also_where_there_is_one_model() -> None:
    made = Models(engine("small", SMALL, 0), None)
    where = QuestionTask(0, SPLITS, lambda: made)
    with where.session(QUESTION) as session:
        root, child = session.open(), session.open(CHILD)
        for seq in (root, child):
            session.decode([seq], max_new=6)
        session.offer(root.completion)
    assert where.meter["discarded"] == len(child.completion) > 0


def test_the_questions_own_prompt_in_a_context_is_no_way_to_other_draws() -> None:
    where = task()
    with where.session(QUESTION) as session:
        again = session.open(QUESTION.prompt)
        session.decode([again], max_new=8)
        session.offer(again.completion)
    with pytest.raises(MethodContractError, match="No engine decoded this completion"):
        where.account(QUESTION, session.best)


def test_a_budget_is_of_all_models_together_and_a_context_is_not_its_answer() -> None:
    where = task(budget=20)
    with where.session(QUESTION) as session:
        root = session.open()
        session.decode([root], max_new=5)
        while True:
            child = session.open(CHILD, policy="target")
            session.decode([child], max_new=4)
            assert session.left is not None
    assert session.spent
    assert (
        where.meter["generated"]
        == where.meter["generated_policy"] + (where.meter["generated_target"])
    )
    assert where.meter["generated"] <= 20
    assert where.account(QUESTION, session.best) == root.completion


def called(session: Session, seqs: Sequence[Seq]) -> None:
    session.append(seqs, [(SIGN,)] * len(seqs), as_="tool")


def test_calls_of_tools_have_a_budget_of_their_own() -> None:
    where = task(tool_budget=3)
    with where.session(QUESTION) as session:
        leaves = session.fork(session.open(), 2)
        session.offer(())
        called(session, leaves)
        assert session.tools_left == 1
        session.decode(leaves, max_new=2)
        session.offer(leaves[1].completion)
        called(session, leaves)
        raise AssertionError("the last call was one too many")
    assert session.spent
    assert where.meter["spent"] == 1
    assert where.meter["tool_calls"] == 2
    assert session.best == leaves[1].completion
    with task().session(QUESTION) as session:
        assert session.tools_left is None


def test_limits_masks_and_watching_reach_the_engine() -> None:
    allowed = np.zeros(len(WORDS), np.bool_)
    allowed[[DIGIT, SIGN]] = True
    where = task()
    with where.session(QUESTION) as session:
        leaves = session.fork(session.open(), 2)
        chunks = session.decode(leaves, max_new=[2, 5], allow=allowed, watch=3)
        (stopped,) = session.decode(
            session.fork(leaves[0], 1), stop=frozenset({SIGN}), allow=allowed
        )
        (step,) = session.step(session.fork(leaves[0], 1), allow=allowed, watch=1)
    assert [len(chunk.ids) for chunk in chunks] == [2, 5]
    assert {word for chunk in chunks for word in chunk.ids} <= {DIGIT, SIGN}
    assert [len(chunk.confidences) for chunk in chunks] == [2, 5]
    assert (stopped.ids[-1], stopped.ids.count(SIGN)) == (SIGN, 1)
    assert len(step.ids) == len(step.entropies) == SPLITS.step_room


class Lacking(NativeEngine):
    """A backend whose `decode` has none of the newer arguments."""

    def decode(self, seqs, *, stop=frozenset(), max_new, temperature=1.0, top_p=1.0):
        return super().decode(
            seqs, stop=stop, max_new=max_new, temperature=temperature, top_p=top_p
        )


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"max_new": [3]}, "limits"),
        ({"allow": np.ones(len(WORDS), np.bool_)}, "allow"),
        ({"watch": 2}, "watch"),
    ],
)
def test_what_a_backend_lacks_is_a_missing_capability_by_name(given, name) -> None:
    lacking = Lacking(model(SMALL, 0), "lacking")
    lacking.caps = lacking.caps - {"limits", "allow", "watch"}
    where = QuestionTask(0, SPLITS, lambda: Models(lacking, None))
    with where.session(QUESTION) as session:
        root = session.open()
        with pytest.raises(CapabilityMissing, match=f"{name}: not supported"):
            session.decode([root], **{"max_new": 3, **given})
        with pytest.raises(CapabilityMissing, match=f"{name}: not supported"):
            session.require(name)
        session.decode([root], max_new=3)
        session.offer(root.completion)
    assert where.account(QUESTION, session.best)


def test_what_was_drawn_may_end_by_force_as_ever() -> None:
    where = task()
    with where.session(QUESTION) as session:
        root = session.open()
        words = step_of(session, root)
        session.append([root], [(EOS,)])
        session.offer(root.completion)
    assert where.account(QUESTION, session.best) == (*words, EOS)
    assert where.meter["injected_forced"] == 1
    assert where.meter["discarded"] == 0
