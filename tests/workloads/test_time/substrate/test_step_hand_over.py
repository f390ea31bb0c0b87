"""Steps handed over from a draft to a target: who is run when, what is booked, and whose words stand."""

from collections.abc import Callable, Sequence
from functools import cache

import pytest
import torch

from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.step_router import RouterHead, StepRouter
from adabench.workloads.test_time.chain.substrate.domain import ORDERS
from adabench.workloads.test_time.chain.substrate.order_problems import STEP_WORDS, questions
from adabench.workloads.test_time.chain.substrate.trained_models import engine, judge
from adabench.workloads.test_time.methods import random_escalation
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.step_hand_over import Draft, compare, speculate

PROBLEM = questions("dev", 3, 1, [4])[0]
QUESTION = Question(0, PROBLEM.prompt, "k4")


@cache
def pair() -> Models:
    torch.manual_seed(0)
    router = StepRouter(judge("judge-orders-s0"), RouterHead(64).eval(), "router")
    return Models(
        engine("lm-s-orders-s0"),
        judge("judge-orders-s0"),
        others={"target": engine("lm-l-orders-s0")},
        router=router,
    )


def task() -> QuestionTask:
    return QuestionTask(0, ORDERS, lambda: Models(pair().policy, pair().judge, pair=pair()))


def written(rule: Callable[[Draft], bool]) -> tuple[tuple[int, ...], QuestionTask]:
    where = task()
    with where.session(QUESTION, paired=True) as session:
        speculate(session, rule)
    return where.account(QUESTION, session.best), where


def alone(role: str) -> tuple[int, ...]:
    with task().session(QUESTION, paired=True) as session:
        root = session.open(policy=role)
        session.decode([root], temperature=0.0)
    return root.completion


def at(*steps: int) -> Callable[[Draft], bool]:
    return lambda draft: len(draft.authors) in steps


def test_without_escalation_the_draft_writes_and_the_target_does_not_even_read_the_question() -> (
    None
):
    answer, where = written(at())
    assert answer == alone("policy")
    assert where.meter["generated_target"] == where.meter["prefilled_target"] == 0
    assert where.meter["flops_counted_target"] == where.meter["discarded"] == 0
    assert where.meter["target_share"] == 0


def test_with_every_step_escalated_the_target_writes_and_every_draft_is_discarded() -> None:
    answer, where = written(lambda draft: True)
    assert answer == alone("target")
    assert where.meter["target_share"] == 1
    assert where.meter["generated_target"] == len(answer)
    assert where.meter["discarded"] == where.meter["generated_policy"] > 0


def test_the_target_reads_late_and_only_what_stands_before_its_own_step() -> None:
    _, where = written(at(2))
    assert where.meter["generated_target"] == STEP_WORDS
    assert where.meter["prefilled_target"] == len(QUESTION.prompt) + 2 * STEP_WORDS
    # The draft reads the target's step in turn.
    assert where.meter["prefilled_policy"] == len(QUESTION.prompt) + STEP_WORDS
    _, twice = written(at(0, 3))
    # Of the target's own step nothing is read again; of the question's, two drafts.
    assert twice.meter["prefilled_target"] == len(QUESTION.prompt) + 2 * STEP_WORDS
    assert twice.meter["injected_draft"] == 2 * STEP_WORDS + 2 * STEP_WORDS


def test_a_discarded_step_stays_on_the_bill() -> None:
    answer, where = written(at(1))
    assert (
        where.meter["generated_policy"] + where.meter["generated_target"]
        == where.meter["generated"]
    )
    assert where.meter["generated"] == len(answer) + where.meter["discarded"]
    assert where.meter["discarded"] == STEP_WORDS
    assert where.meter["target_share"] == pytest.approx(STEP_WORDS / len(answer))


def test_what_comes_back_in_the_same_words_is_counted() -> None:
    same = 0
    for step in range(3):
        seen: list[Sequence[int]] = []

        def rule(draft: Draft, step: int = step, seen: list[Sequence[int]] = seen) -> bool:
            if len(draft.authors) == step:
                seen.append(draft.seq.completion[step * STEP_WORDS :])
            return len(draft.authors) == step

        answer, where = written(rule)
        alike = answer[step * STEP_WORDS : (step + 1) * STEP_WORDS] == tuple(seen[0])
        same += alike
        share = STEP_WORDS / len(answer) if alike else 0
        assert where.meter["redrawn_share"] == pytest.approx(share)
        assert where.meter["target_share"] == pytest.approx(STEP_WORDS / len(answer)), (
            "whose step it is depends on who was asked, not on the words"
        )
    assert same, "two models that never agree show nothing"


def test_a_rule_is_asked_before_the_target_has_written() -> None:
    where = task()
    with where.session(QUESTION, paired=True) as session:
        spent: list[float] = []

        def rule(draft: Draft) -> bool:
            spent.append(session._costs.meter["generated"] - len(draft.seq.completion))
            return False

        speculate(session, rule)
    assert set(spent) == {0}, "nobody else had drawn a word"


def test_the_router_is_charged_and_the_judges_head_is_not_asked(monkeypatch) -> None:
    monkeypatch.setattr(
        type(pair().judge), "scores", lambda *_: pytest.fail("the reward model was run")
    )

    def rule(draft: Draft) -> bool:
        (chance,) = draft.session.advantages([draft.seq], [draft.authors])
        assert 0 < chance < 1
        return False

    answer, where = written(rule)
    read = len(QUESTION.prompt) + len(answer) - 1  # the end is no word that is run
    assert where.meter["judged"] == read
    policies = where.meter["flops_counted_policy"] + where.meter["flops_counted_target"]
    assert where.meter["flops_counted"] > policies


def test_rewards_are_of_the_step_and_of_the_one_before() -> None:
    found: list[tuple[float, float]] = []

    def rule(draft: Draft) -> bool:
        found.append(draft.rewards())
        return len(draft.authors) == 1

    written(rule)
    assert found[0][0] == 1.0
    assert found[1][0] == found[0][1], "before the second step stands the score of the first"
    assert found[2][0] != found[1][1], "the second was written anew, and has another score"


def test_the_oracle_takes_the_target_at_any_gain_and_the_draft_at_none() -> None:
    answers = {}
    for name, takes in (("target", lambda o, t: True), ("policy", lambda o, t: False)):
        where = task()
        with where.session(QUESTION, paired=True) as session:
            compare(session, takes)
        answers[name] = where.account(QUESTION, session.best)
        # An end that both wrote counts as the draft's.
        share = (name == "target") * (len(answers[name]) - 1) / len(answers[name])
        assert where.meter["target_share"] == pytest.approx(share)
        assert where.meter["generated_target"] >= len(answers[name]) - STEP_WORDS
    assert answers == {"target": alone("target"), "policy": alone("policy")}


def test_the_die_hands_over_at_its_rate_and_at_higher_ones_what_it_did_at_lower() -> None:
    places = [(seed, case, step) for seed in range(3) for case in range(300) for step in range(9)]
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 1.0)):
        few, more = (
            {place for place in places if random_escalation.is_handed_over(*place, rate)}
            for rate in (low, high)
        )
        assert few < more
        assert len(more) / len(places) == pytest.approx(high, abs=0.02)


def test_a_task_without_a_pair_says_so() -> None:
    where = QuestionTask(0, ORDERS, lambda: Models(pair().policy, None))
    with pytest.raises(CapabilityMissing, match="a target: lm-s is the draft of no other"):
        where.session(QUESTION, paired=True)


def test_a_pair_without_a_router_says_so() -> None:
    models = Models(pair().policy, None, others=pair().others)
    where = QuestionTask(0, ORDERS, lambda: Models(pair().policy, None, pair=models))
    with (
        where.session(QUESTION, paired=True) as session,
        pytest.raises(CapabilityMissing, match="no router was trained for lm-s"),
    ):
        session.advantages([session.open()], [()])


def test_sessions_of_one_policy_are_as_ever() -> None:
    where = task()
    with where.session(QUESTION) as session:
        root: Seq = session.open()
        session.decode([root], temperature=0.0)
        session.offer(root.completion)
    assert session.roles == ("policy",)
    odd = {"target_share", "redrawn_share", "discarded", "generated_policy"}
    assert not odd & set(where.meter)
