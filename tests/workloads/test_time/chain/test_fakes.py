"""Ways to fake the five papers of search and routing that no other file tries.

What each paper's method can be faked by stands in its docstring; most of it is tried where the mechanism
is tested. Here are those that cut across: a verifier that knows, drafts and readings that are not paid
for, a first mode that is bad on purpose, and a choice that has seen the answer.
"""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.contract.protocols import Meter
from adabench.harness.store import used_artefacts
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import encode
from adabench.workloads.test_time.chain.substrate import order_problems, problems, step_modes
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.truth.order_solutions import OrderAnswers
from adabench.workloads.test_time.chain.truth.worked_solutions import Answers
from adabench.workloads.test_time.methods import (
    arbitrage,
    best_of_n,
    compute_optimal,
    judged_vote,
    pass_at_n,
)
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.step_hand_over import Draft, speculate


@pytest.fixture(scope="module")
def loaded() -> GradedTask:
    return load("embedded", 0, problems=8, trainings=1)


def solve(
    where: GradedTask, method: ModuleType, case: Question, **knobs: Scalar
) -> tuple[int, ...]:
    where.meter.clear()
    answer: tuple[int, ...] = method.solve(where, case, {**method.CARD.defaults, **knobs})
    return answer


def test_best_of_n_with_a_verifier_that_knows_is_pass_at_n(loaded, monkeypatch) -> None:
    """That is why whoever is told what is right is an oracle, and no baseline."""
    found, gains = 0, 0
    for case in loaded.cases():
        plain = solve(loaded, best_of_n, case, N=8)

        def knows(session: Session, seqs: list[Seq], case: Question = case) -> list[list[float]]:
            return [[float(loaded.credit(case, seq.completion))] for seq in seqs]

        with monkeypatch.context() as patched:
            patched.setattr(Session, "scores", knows)
            told = solve(loaded, best_of_n, case, N=8)
        right = loaded.credit(case, solve(loaded, pass_at_n, case, N=8))
        assert loaded.credit(case, told) == right
        found += right
        gains += right and not loaded.credit(case, plain)
    assert found
    assert gains, "a judge that is never wrong would make this test say nothing"
    assert pass_at_n.CARD.role == "oracle"


def test_both_sides_of_the_published_saving_are_judged_by_one_judge(loaded) -> None:
    """Not by a larger one on the side that is to win."""
    case, noted = next(loaded.cases()), {}
    for method, knobs in ((judged_vote, {"N": 4}), (compute_optimal, {"N": 4, "pilot": 2})):
        used_artefacts.forget()
        solve(loaded, method, case, **knobs)
        noted[method] = {n: d for n, d in used_artefacts.digests().items() if "judge" in n}
    used_artefacts.forget()
    assert noted[judged_vote] == noted[compute_optimal]
    assert len(noted[judged_vote]) == 1


def test_arbitrage_runs_no_reward_model_and_no_target_to_decide(loaded, monkeypatch) -> None:
    pair = loaded.models.pair
    assert pair is not None
    monkeypatch.setattr(type(pair.judge), "scores", lambda *_: pytest.fail("the judge was asked"))
    for case in loaded.cases():
        solve(loaded, arbitrage, case, tau=1.1)
        assert loaded.meter["generated_target"] == loaded.meter["prefilled_target"] == 0
        assert loaded.meter["judged"] > 0, "the router is on the bill where it hands over nothing"


def test_a_router_that_is_asked_late_pays_for_all_that_it_reads(loaded) -> None:
    """The state before a step is not for free to whoever did not read up to there."""
    case, bills = next(loaded.cases()), {}
    for name, asks in (("always", lambda step: True), ("late", lambda step: step == 2)):

        def rule(draft: Draft, asks: Callable[[int], bool] = asks) -> bool:
            if asks(len(draft.authors)):
                draft.session.advantages([draft.seq], [draft.authors])
            return False

        loaded.meter.clear()
        with loaded.session(case, paired=True) as session:
            speculate(session, rule)
        bills[name] = loaded.meter["judged"]
    assert bills["late"] == len(case.prompt) + 3 * order_problems.STEP_WORDS
    assert bills["always"] > bills["late"]


def once(session: Session) -> None:
    session.decode(session.fork(session.open(), 2))


def in_an_aside(session: Session) -> None:
    """What is no model's work is timed apart there; what is one is counted as ever."""
    with session.aside():
        once(session)


def closed_at_once(session: Session) -> None:
    leaves = session.fork(session.open(), 2)
    session.decode(leaves)
    session.close(leaves)


@pytest.mark.parametrize("draft", [in_an_aside, closed_at_once], ids=lambda one: one.__name__)
def test_a_draft_is_paid_for_wherever_it_is_written_and_whatever_becomes_of_it(
    loaded, draft
) -> None:
    case, bills = next(loaded.cases()), []
    for way in (once, draft):
        loaded.meter.clear()
        with loaded.session(case) as session:
            way(session)
            session.offer(())
        bills.append([loaded.meter[n] for n in ("generated", "prefilled", "flops_counted")])
    assert bills[0] == bills[1]
    assert min(bills[0]) > 0


def test_a_draft_of_another_session_stays_on_the_bill(loaded) -> None:
    case = next(loaded.cases())
    alone = solve(loaded, judged_vote, case, N=4)
    bare = loaded.meter["flops_counted"]
    loaded.meter.clear()
    with loaded.session(case) as session:
        once(session)
        session.offer(())
    drafted = loaded.meter["flops_counted"]
    assert judged_vote.solve(loaded, case, {**judged_vote.CARD.defaults, "N": 4}) == alone
    assert loaded.meter["flops_counted"] == bare + drafted


BLIND: dict[str, dict[str, Scalar]] = {
    "ttspm": {"N": 8},
    "adaptive_consistency": {"N": 8},
    "beam": {"N": 4},
    "lookahead": {"N": 4},
    "rsd": {},
    "drop": {},
    "arbitrage": {},
    "random_escalation": {},
}
MODES = ("scale_rule", "scale_coins")
"""Of the format `splits`."""


@pytest.mark.parametrize("name", [*BLIND, *MODES])
def test_what_a_method_does_depends_on_no_grade(loaded, splits, name) -> None:
    """A grader that finds all wrong, and none at all: the same answers at the same cost."""
    method = registry.load(registry.find(f"chain/{name}"))
    where, grades = (splits, Answers) if name in MODES else (loaded, OrderAnswers)
    others = [
        replace(where, grader=grader, meter=Meter()) for grader in (None, grades(_others(where)))
    ]
    for case in list(where.cases())[:3]:
        answer = solve(where, method, case, **BLIND.get(name, {}))
        bill = where.meter["flops_counted"]
        for other in others:
            assert solve(other, method, case, **BLIND.get(name, {})) == answer
            assert other.meter["flops_counted"] == bill


@pytest.fixture(scope="module")
def splits() -> GradedTask:
    return load("embedded", 0, format="splits", problems=6, trainings=1)


def _others(where: GradedTask) -> tuple:
    """The problems of the questions, each that of the next question."""
    own = where.grader.problems  # type: ignore[union-attr]
    return (*own[1:], own[0])


def test_system_1_really_answers_products_well_above_chance() -> None:
    """A first mode that is bad on purpose would make any choice between two modes look wise."""
    where, grader, right = (
        load("embedded", 1, format="splits", problems=40, trainings=1),
        Answers(()),
        [],
    )
    method, size = registry.load(registry.find("chain/sys1")), problems.STEP_WORDS
    for case in where.cases():
        words = solve(where, method, case)
        steps = [words[i : i + size] for i in range(0, len(words) - 1, size)]
        right += [grader.is_right_step(one) for one in steps if one[2] == step_modes.TIMES]
    assert len(right) > 50
    assert 0.70 <= sum(right) / len(right) <= 0.97


def test_no_part_of_a_judges_score_is_of_a_value_that_was_not_written(loaded) -> None:
    """Two questions with the same words so far are judged alike, whatever their answers are."""
    scores = []
    text = encode("69 * 15 = 65 : 9 17 ? ;")
    for index, group in ((0, "k1"), (77, "k3")):
        case = Question(index, encode("<bos> 69 : 9 17 15 >"), group)
        with loaded.session(case) as session:
            root = session.open()
            session.append([root], [text])
            scores.append(session.scores([root]))
            session.offer(())
    assert scores[0] == scores[1]
