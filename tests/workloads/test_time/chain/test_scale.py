"""SCALE and its rivals on the chain: what each mode writes, what choosing costs, and how it is faked."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Ratio, Scalar
from adabench.harness.contract.protocols import Meter
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import decode, encode, steps
from adabench.workloads.test_time.chain.methods import scale, scale_oracle
from adabench.workloads.test_time.chain.substrate import step_modes
from adabench.workloads.test_time.chain.substrate.domain import MECHANICS, SPLITS, with_modes
from adabench.workloads.test_time.chain.substrate.problems import STEP_WORDS, answer
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, TrainingMissing
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.truth.worked_solutions import Answers
from adabench.workloads.test_time.substrate.dual_modes import SubProblem, modes_of, thrown, work
from adabench.workloads.test_time.substrate.question_task import GradedTask

CHOOSERS = ("scale", "scale_rule", "scale_coins", "scale_oracle")
EASY_END = Question(900, encode("<bos> 4 7 + 3 8 * 0 3 >"), "")
"""Ends in a product that System 1 never misses."""

HARD = tuple(
    Question(1000 + i, encode(f"<bos> {i} 7 * 1 9 + 3 8 * 1 8 * 1 7 >"), "") for i in range(4)
)
"""Products that System 1 often misses."""


@cache
def chain(problems: int = 4, **conditions: Scalar) -> GradedTask:
    return load("embedded", 0, format="splits", trainings=1, problems=problems, **conditions)  # type: ignore[arg-type]


def solve(
    name: str, where: GradedTask, case: Question, **knobs: Scalar
) -> tuple[tuple[int, ...], Counter[str]]:
    method = registry.load(registry.find(f"chain/{name}"))
    where.meter.clear()
    completion = method.solve(where, case, {**method.CARD.defaults, **knobs})
    assert where.account(case, completion) == completion
    return completion, Counter(where.meter)


def products(question: Question) -> int:
    return decode(question.prompt).count("*")


def operations(question: Question) -> int:
    return (len(question.prompt) - 4) // 3


def test_system_1_takes_a_step_for_each_operation_and_system_2_three_for_a_product():
    where = chain()
    for case in where.cases():
        for name, each in (("sys1", 1), ("sys2", 3)):
            completion, cost = solve(name, where, case)
            assert answer(completion) is not None
            extra = (each - 1) * products(case)
            assert len(steps(completion[:-1])) == operations(case) + extra
            split = products(case) if name == "sys2" else 0
            assert cost["sys2_share"] == pytest.approx(split / operations(case))


@pytest.mark.parametrize("effort", [1, 3, 5])
def test_effort_is_in_how_many_ways_a_product_is_split(effort):
    where = chain()
    for case in where.cases():
        _, alone = solve("sys1", where, case)
        _, cost = solve("sys2", where, case, effort=effort)
        ways = [min(effort, goal_factor - 1) for goal_factor in factors(case)]
        # All but value and sign is written anew in each way; System 1's step has nine words.
        parts = sum(3 + 24 * count - STEP_WORDS for count in ways)
        assert cost["generated"] - alone["generated"] == parts


def factors(question: Question) -> list[int]:
    text = decode(question.prompt).split()
    return [int(text[i + 1] + text[i + 2]) for i, word in enumerate(text) if word == "*"]


@pytest.mark.parametrize(("factor", "count"), [(2, 5), (3, 5), (6, 5), (7, 3), (19, 1), (19, 5)])
def test_ways_are_ranges_of_parts_that_share_none_and_leave_none_out(factor, count):
    ranges = step_modes._ranges(factor, count)
    assert [part for span in ranges for part in span] == list(range(1, factor))
    assert len(ranges) == min(count, factor - 1)
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1


def test_the_parts_of_a_split_are_two_factors_and_add_up():
    where = chain(2)
    for case in HARD:
        completion, _ = solve("sys2", where, case)
        for place, factor in ((0, 19), (36, 18), (63, 17)):
            first, second, total = (
                decode(completion[start : start + STEP_WORDS]).replace(" ", "")
                for start in range(place, place + 27, STEP_WORDS)
            )
            assert first[:3] == second[:3], "of one value"
            assert 0 < int(first[3:5]) < factor
            assert int(first[3:5]) + int(second[3:5]) == factor
            assert total.partition("=")[0] == f"{first[6:8]}+{second[6:8]}"


def test_a_result_is_always_the_models_own(monkeypatch):
    """Held words are operands, signs and marks: where a result stands, all ten digits may be drawn."""
    original, results = Session.decode, []

    def watched(self: Session, seqs: list[Seq], **how: object) -> object:
        places = [(len(seq.ids) - seq.start) % STEP_WORDS for seq in seqs]
        allow = np.atleast_2d(np.asarray(how["allow"]))
        for row, place in enumerate(places):
            if place in (6, 7):
                mask = allow[min(row, len(allow) - 1)]
                results.append(set(np.flatnonzero(mask)) == step_modes.DIGITS)
        return original(self, seqs, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "decode", watched)
    where = chain()
    for case in where.cases():
        for name in ("sys1", "sys2", *CHOOSERS):
            solve(name, where, case, **({"outlines": 0} if name == "scale" else {}))
    assert len(results) > 100
    assert all(results)


def test_no_difficulty_is_system_2_throughout_and_all_of_it_system_1():
    where = chain()
    for case in where.cases():
        for tau, name in ((0.0, "sys2"), (1.0, "sys1")):
            other, bare = solve(name, where, case)
            for chooser in ("scale", "scale_rule"):
                assert solve(chooser, where, case, tau=tau)[0] == other
            one, cost = solve("scale_coins", where, case, share=1 - tau)
            assert one == other
            assert cost["generated"] == bare["generated"], "a coin costs nothing"


def test_what_was_begun_in_vain_is_paid_for():
    """Of a direct answer that System 2 replaces: two digits of the factor, `=`, the first digit."""
    where = chain()
    for case in where.cases():
        _, cost = solve("scale", where, case, tau=0.0, outlines=0)
        _, bare = solve("sys2", where, case)
        assert cost["generated"] - bare["generated"] == 4 * products(case)
        if products(case):
            assert cost["flops_counted"] > bare["flops_counted"]


def test_outlines_are_paid_for_and_change_nothing():
    where = chain()
    for case in where.cases():
        bare, free = solve("scale", where, case, outlines=0)
        followed, cost = solve("scale", where, case)
        assert followed == bare
        assert cost["generated"] - free["generated"] == 8 * 4 * operations(case)
        assert cost["flops_counted"] > free["flops_counted"]
    assert scale.CARD.defaults["outlines"] == 8, "the paper's eight are the default"


def test_the_likeliest_outline_is_followed(monkeypatch):
    """Outlines that differ: what is worked out is what the chosen one says."""
    case = Question(0, encode("<bos> 4 7 + 3 8 * 0 3 >"), "")
    other = encode("+ 3 8 ; * 0 4 ;")
    original = step_modes.write

    def planted(session: Session, seqs: list[Seq], rows: list[tuple[int, ...]]) -> None:
        if len(seqs) == 8 and seqs[0].completion == encode("+ 3 8 ;"):
            rows = [rows[0]] * 7 + [other[4:]]
            original(session, seqs, rows)
            seqs[7].logprob = 0.0
        else:
            original(session, seqs, rows)

    monkeypatch.setattr(step_modes, "write", planted)
    where = chain()
    completion, _ = solve("scale", where, case)
    assert decode(completion).split(" ; ")[1].startswith("8 5 * 0 4 =")


def test_the_last_steps_override_is_off_by_default_and_is_the_releases_if_asked():
    where = chain()
    shares = {
        (last, tau): solve("scale", where, EASY_END, last=last, tau=tau)[1]["sys2_share"]
        for last in ("score", "system2")
        for tau in (0.05, 0.89, 0.9)
    }
    assert scale.CARD.defaults["last"] == "score"
    assert {tau: shares["score", tau] for tau in (0.05, 0.89, 0.9)} == {0.05: 0, 0.89: 0, 0.9: 0}
    assert [shares["system2", tau] for tau in (0.05, 0.89, 0.9)] == [0.5, 0.5, 0]


def test_a_choice_sees_nothing_but_the_prompt():
    """Neither the group nor the number of a question, nor its answer, changes a difficulty."""
    where = chain()
    for case in where.cases():
        other = Question(case.index + 500, case.prompt, "another")
        assert chosen(where, case) == chosen(where, other)
    blind = replace(where, grader=None, meter=Meter())
    for case in where.cases():
        assert chosen(blind, case) == chosen(where, case)


def chosen(where: GradedTask, case: Question) -> list[float]:
    """Difficulties of the products of a question that is answered in System 1."""
    found: list[float] = []

    def note(problem: SubProblem) -> bool:
        found.append(problem.difficulty())
        return False

    with where.session(case) as session:
        work(session, modes_of(where), note, effort=1)
    return found


def test_system_1_is_no_straw_man():
    dev = json.loads((FOLDER / "scale-score-s0.json").read_text(encoding="utf-8"))["dev"]
    assert 0.70 <= dev["system1_right"] <= 0.95
    assert dev["score_auc"] > dev["rule_auc"] > 0.7, "and both difficulties say something"


def test_the_papers_saving_is_held_against_uniform_thinking():
    claim = next(claim for claim in registry.find("chain/scale").card.claims if claim.id == "SC-3")
    assert isinstance(claim.expect, Ratio)
    assert claim.expect.against == "sys2"
    assert "InftyThink" in claim.paper
    assert "outlines" not in claim.expect.where, "the paper's bill has them"


def test_the_oracle_works_out_in_parts_what_system_1_gets_wrong():
    where, grader, errors = chain(2), Answers(()), 0
    for case in HARD:
        completion, cost = solve("scale_oracle", where, case)
        wrong = scale_oracle.errors_of_system1(where, case, 5)
        errors += len(wrong)
        assert cost["sys2_share"] == pytest.approx(len(wrong) / operations(case))
        place = 0
        for number in range(operations(case)):
            step = completion[place : place + STEP_WORDS]
            if number not in wrong and step[2] == step_modes.TIMES:
                assert grader.is_right_step(step), "System 1 only where it is right"
            place += STEP_WORDS * (3 if number in wrong else 1)
    assert 0 < errors < 3 * len(HARD)


def test_the_oracles_hindsight_is_not_on_its_bill():
    where = chain()
    for case in where.cases():
        errors = scale_oracle.errors_of_system1(where, case, 5)
        _, cost = solve("scale_oracle", where, case)
        where.meter.clear()
        with where.session(case) as session:
            work(session, modes_of(where), partial(_is_in, errors), effort=5)
        assert cost["generated"] == where.meter["generated"]
        assert cost["flops_counted"] == where.meter["flops_counted"]


def _is_in(numbers: frozenset[int], problem: SubProblem) -> bool:
    return problem.number in numbers


def test_coins_know_neither_question_nor_mode():
    throws = [thrown(0, index, number) for index in range(500) for number in range(4)]
    assert np.mean(np.array(throws) < 0.3) == pytest.approx(0.3, abs=0.03)
    assert len(set(throws)) == len(throws)
    assert thrown(1, 0, 0) != thrown(0, 0, 0)


def test_the_rule_knows_the_factor_and_asks_nothing():
    modes = modes_of(chain())
    goals = modes.goals(encode("<bos> 4 7 + 3 8 * 0 3 * 1 2 * 1 9 >"))
    assert [goal.has_modes for goal in goals] == [False, True, True, True]
    rising = [modes.rule_difficulty(goal) for goal in goals[1:]]
    assert rising == sorted(rising)
    assert rising[0] < 0.02
    assert rising[-1] > 0.2


def test_methods_without_modes_say_nothing_of_system_2():
    """Records of before stay what they were."""
    where = chain(2)
    for case in where.cases():
        for name in ("greedy", "sample", "majority", "pass_at_n"):
            assert "sys2_share" not in solve(name, where, case, **SMALL.get(name, {}))[1]


SMALL: dict[str, dict[str, Scalar]] = {name: {"N": 4} for name in ("majority", "pass_at_n")}


def test_a_policy_that_no_score_was_fitted_to_is_refused_where_one_is_needed():
    where = replace(chain(2), domain=with_modes(SPLITS, "lm-m-s0"))
    solve("sys2", where, EASY_END)
    for name in ("scale", "scale_rule"):
        with pytest.raises(CapabilityMissing, match="no score is fitted to lm-m-s0"):
            solve(name, where, EASY_END)


def test_a_score_that_was_not_made_yet_is_named_with_what_makes_it(monkeypatch):
    there = step_modes.checkpoints.is_there
    monkeypatch.setattr(
        step_modes.checkpoints, "is_there",
        lambda name, folder: "scale-score" not in name and there(name, folder),
    )  # fmt: skip
    where = replace(chain(2), domain=with_modes(SPLITS, "lm-s-s4"))
    for name in ("scale", "scale_rule"):
        with pytest.raises(TrainingMissing, match="scale-score-x-s4 is not here") as missing:
            solve(name, where, EASY_END)
        assert missing.value.hint.endswith("adabench train chain/scale-score-x-s4")


def test_a_task_without_modes_is_refused():
    where = replace(chain(2), domain=MECHANICS)
    for name in ("sys1", "sys2", *CHOOSERS):
        with pytest.raises(CapabilityMissing, match="Two modes"):
            solve(name, where, EASY_END)


@pytest.mark.parametrize("name", ["sys1", "sys2", "scale", "scale_rule", "scale_coins"])
def test_a_spent_budget_ends_a_solution(name):
    where = chain(2, budget=20)
    for case in where.cases():
        completion, cost = solve(name, where, case)
        assert cost["spent"] == 1
        assert cost["generated"] <= 20
        assert answer(completion) is None
        assert cost["sys2_share"] == 0


@pytest.mark.parametrize(
    ("completion", "share"),
    [
        ("4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 2 0 ; <eos>", 0.0),
        ("4 7 + 3 8 = 8 5 ; 8 5 * 0 5 = 2 5 ; 8 5 * 0 7 = 9 5 ; 2 5 + 9 5 = 2 0 ; <eos>", 0.5),
        ("4 7 + 3 8 = 8 5 ; 8 5 * 0 5", 0.0),
        ("", 0.0),
    ],
)
def test_the_share_of_system_2_is_read_off_the_solution(completion, share):
    prompt = encode("<bos> 4 7 + 3 8 * 1 2 >")
    assert step_modes.shares(prompt, encode(completion)) == {"sys2_share": share}
