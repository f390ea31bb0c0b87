"""Strategies, their tables and the estimate of difficulty, on a tiny random model with a judge."""

import math
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Chunk, Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.chain.methods import lookahead as lookahead_method
from adabench.workloads.test_time.methods import (
    beam,
    best_strategy,
    compute_optimal,
    judged_vote,
    majority,
    random_strategy,
)
from adabench.workloads.test_time.substrate import strategies, strategy_fit
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.strategies import (
    MECHANISMS,
    STRATEGIES,
    Plan,
    StrategyTable,
    estimated_ease,
    pilot_samples,
)
from adabench.workloads.test_time.substrate.strategy_fit import Trial, plan_of, report, trial
from adabench.workloads.test_time.substrate.strategy_store import restored, stored
from adabench.workloads.test_time.substrate.tree_search import Node
from tests.workloads.test_time.substrate.test_tree_search import chain, untimed

TABLE = StrategyTable(
    "judge",
    (0.5, 0.4),
    (2, 8),
    (("judged_vote", "beam_4"), ("beam_sqrt", "beam_sqrt"), ("beam_4", "lookahead_1")),
)
PLAN = Plan(TABLE, replace(TABLE, cuts=(0.9, 0.1)))


def like(task: GradedTask, **changes: Any) -> GradedTask:
    """The task with something changed, and a meter of its own."""
    return replace(task, meter=Meter(), **changes)


def planned(plan: Plan = PLAN, task: GradedTask | None = None) -> GradedTask:
    """The tiny task, with a table."""
    task = task or chain()
    models = replace(task.models, plans={"search": lambda: plan})
    return like(task, load_models=lambda: models)


def first(task: GradedTask) -> Question:
    return next(task.cases())


def run(task: GradedTask, name: str, budget: int, question: Question) -> tuple[Any, dict[str, Any]]:
    task.meter.clear()
    with task.session(question) as session:
        STRATEGIES[name](session, budget)
    return session.best, untimed(dict(task.meter))


@pytest.mark.parametrize(
    ("name", "method", "knobs"),
    [
        ("judged_vote", judged_vote, {}),
        ("beam_sqrt", beam, {}),
        ("majority", majority, {}),
        ("likelihood", majority, {"weight": "likelihood"}),
        ("lookahead_1", lookahead_method, {"k": 1}),
        ("lookahead_3", lookahead_method, {"k": 3}),
    ],
)
def test_a_strategy_is_the_method_of_that_name(
    name: str, method: ModuleType, knobs: dict[str, Any]
) -> None:
    task = chain()
    for question in task.cases():
        task.meter.clear()
        answer = method.solve(task, question, {**method.CARD.defaults, **knobs, "N": 8})
        costs = untimed(dict(task.meter))
        assert run(task, name, 8, question) == (answer, costs)


def test_a_beam_of_four_children_keeps_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    original = strategies.allocate_to_best

    def spy(rewards: Sequence[float], width: int, keep: int) -> list[int]:
        asked.append((width, keep))
        return original(rewards, width, keep)

    monkeypatch.setattr(strategies, "allocate_to_best", spy)
    for name, keep in (("beam_4", 4), ("beam_sqrt", 4), ("lookahead_1", 3), ("lookahead_3", 2)):
        asked.clear()
        run(chain(), name, 16, first(chain()))
        width = {"lookahead_1": 8, "lookahead_3": 4}.get(name, 16)
        assert asked[0] == (width, keep)


Steps = list[tuple[list[Seq], float | None]]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Every call of `step`: its sequences and its temperature."""
    found: Steps = []
    original = Session.step

    def spy(session: Session, seqs: Sequence[Seq], **how: Any) -> list[Chunk]:
        found.append((list(seqs), how.get("temperature")))
        return original(session, seqs, **how)

    monkeypatch.setattr(Session, "step", spy)
    return found


def test_a_look_ahead_is_really_decoded_judged_and_paid_for(steps: Steps) -> None:
    task = chain()
    question = first(task)
    _, plain = run(task, "beam_sqrt", 4, question)
    assert {temperature for _, temperature in steps} == {None}
    for name, ahead in (("lookahead_1", 1), ("lookahead_3", 3)):
        steps.clear()
        _, costs = run(task, name, 4 * (ahead + 1), question)
        looks = [seqs for seqs, temperature in steps if temperature == 0.0]
        assert len(looks) % ahead == 0
        assert all(looks[::ahead])
        for name_of_cost in ("generated", "judged", "flops_counted"):
            assert costs[name_of_cost] > plain[name_of_cost]


def test_children_go_on_from_the_leaf_and_not_from_where_it_was_looked_at(steps: Steps) -> None:
    """Without a look a beam of the same width draws the same steps first."""
    task = chain()
    run(task, "beam_sqrt", 4, first(task))
    plain = [[tuple(seq.ids) for seq in seqs] for seqs, _ in steps[:2]]
    steps.clear()
    run(task, "lookahead_1", 8, first(task))
    drawn = [seqs for seqs, temperature in steps if temperature is None]
    rolled = [seq for seqs, temperature in steps if temperature == 0.0 for seq in seqs]
    assert [tuple(seq.ids) for seq in drawn[0]] == plain[0]
    parents = {id(seq.parent) for seqs in drawn for seq in seqs}
    assert not parents & {id(seq) for seq in rolled}


def test_a_leaf_is_worth_what_was_seen_ahead_and_votes_weigh_its_own_steps() -> None:
    seq = Seq([1], 1, 0)
    assert Node(seq, scores=(0.2,)).reward == 0.2
    node = Node(seq, scores=(0.2,), ahead=0.9)
    assert (node.reward, node.scores) == (0.9, (0.2,))


def test_bins_and_budgets_of_a_table() -> None:
    assert [TABLE.bin_of(ease) for ease in (0.9, 0.5, 0.45, 0.4, 0.1)] == [0, 0, 1, 1, 2]
    assert TABLE.strategy(0, 2) == TABLE.strategy(0, 7) == TABLE.strategy(0, 1) == "judged_vote"
    assert TABLE.strategy(0, 8) == TABLE.strategy(0, 64) == "beam_4"


def test_the_estimate_has_random_numbers_of_its_own() -> None:
    """Bins from the samples that are then voted on would know their luck."""
    task = chain()
    for question in task.cases():
        with task.session(question) as session:
            pilot = pilot_samples(session, 16)
            scored = session.fork(session.open(), 64)
            session.decode(scored)
        assert not {seq.key for seq in pilot} & {seq.key for seq in scored}
        ours, theirs = ([seq.completion for seq in seqs] for seqs in (pilot, scored))
        assert ours != theirs[:16]


def test_no_sample_of_the_estimate_can_be_the_answer() -> None:
    task = chain()
    question = first(task)
    with task.session(question) as session:
        drawn = [leaf.completion for leaf in pilot_samples(session, 16)]
    unlike = {leaf for leaf in drawn if len(leaf) > 8}
    assert unlike
    for completion in unlike:
        with pytest.raises(MethodContractError):
            task.account(question, completion)


def test_the_estimate_changes_neither_the_answer_nor_its_samples() -> None:
    plan = Plan(replace(TABLE, cuts=(), choices=(("beam_sqrt", "beam_sqrt"),)), TABLE)
    task = planned(plan)
    for question in task.cases():
        alone, costs = run(task, "beam_sqrt", 8, question)
        task.meter.clear()
        answer = compute_optimal.solve(task, question, {**compute_optimal.CARD.defaults, "N": 8})
        assert answer == alone
        assert task.meter["difficulty_flops"] > 0
        rest = task.meter["flops_counted"] - task.meter["difficulty_flops"]
        # What is left is the strategy, and reading the question once more.
        assert 0 <= rest - costs["flops_counted"] < 0.05 * costs["flops_counted"]
        assert task.meter["generated"] > costs["generated"]


def test_the_bill_has_the_judge_of_the_estimate() -> None:
    task = chain()
    question = first(task)
    with task.session(question) as session:
        session.fork(session.open(), 1)
        estimated_ease(session, 16, "judge")
    judged = task.meter["difficulty_flops"]
    task.meter.clear()
    with task.session(question) as session:
        estimated_ease(session, 16, "agreement")
    assert judged > task.meter["difficulty_flops"] > 0
    assert task.meter["judged"] == 0


def test_what_is_estimated_is_the_mean_of_last_scores_or_the_agreement() -> None:
    task = chain()
    question = first(task)
    with task.session(question) as session:
        pilot = pilot_samples(session, 16)
        lasts = [row[-1] if row else 0.0 for row in session.scores(pilot)]
        stated = [session.answer(leaf.completion) for leaf in pilot]
    most = max((stated.count(one) for one in set(stated) - {None}), default=0)
    for measure, value in (("judge", math.fsum(lasts) / 16), ("agreement", most / 16)):
        with task.session(question) as session:
            assert estimated_ease(session, 16, measure) == pytest.approx(value)  # type: ignore[arg-type]


def test_nobody_who_chooses_knows_the_answer() -> None:
    """Without a grader a table chooses the same, and so does the die."""
    task = planned()
    blind = like(task, grader=None)
    for method in (compute_optimal, random_strategy):
        point = {**method.CARD.defaults, "N": 8}
        for question in task.cases():
            assert method.solve(task, question, point) == method.solve(blind, question, point)
    with pytest.raises(CapabilityMissing):
        best_strategy.solve(blind, first(blind), {**best_strategy.CARD.defaults, "N": 8})


def test_a_question_gets_the_strategy_of_its_bin() -> None:
    task, chosen, eases = chain(), set(), []
    for question in task.cases():
        with task.session(question) as session:
            eases.append(estimated_ease(session, 16, "judge"))
    assert len(set(eases)) == len(eases), "questions differ in how hard they look"
    table = replace(TABLE, cuts=(sorted(eases)[4], sorted(eases)[2]))
    task = planned(Plan(table, table))
    for question, ease in zip(task.cases(), eases, strict=True):
        name = table.strategy(table.bin_of(ease), 8)
        answer = compute_optimal.solve(task, question, {**compute_optimal.CARD.defaults, "N": 8})
        assert answer == run(task, name, 8, question)[0]
        chosen.add(name)
    assert len(chosen) == 3


def test_the_die_deals_the_tables_own_strategies_and_pays_for_no_estimate() -> None:
    throws = [random_strategy.thrown(0, index, 5) for index in range(1000)]
    assert [throws.count(side) for side in range(5)] == pytest.approx([200] * 5, abs=50)
    assert throws != [random_strategy.thrown(1, index, 5) for index in range(1000)]
    task = planned()
    for question in task.cases():
        task.meter.clear()
        answer = random_strategy.solve(task, question, {**random_strategy.CARD.defaults, "N": 8})
        costs = untimed(dict(task.meter))
        side = random_strategy.thrown(task.seed, question.index, 3)
        assert (answer, costs) == run(task, TABLE.strategy(side, 8), 8, question)


def test_hindsight_takes_the_first_strategy_that_is_right_and_pays_for_it_alone() -> None:
    task = planned()
    grader = Starts(task)
    task = like(task, grader=grader)
    point = {**best_strategy.CARD.defaults, "N": 8}
    taken = set()
    for question in task.cases():
        answers = {name: run(task, name, 8, question) for name in MECHANISMS["search"]}
        right = [name for name, (one, _) in answers.items() if grader.is_right(question.index, one)]
        name = (right or list(answers))[0]
        task.meter.clear()
        answer = best_strategy.solve(task, question, point)
        assert (answer, untimed(dict(task.meter))) == answers[name]
        taken.add(name)
    assert len(taken) > 1


class Starts:
    """A grader that finds right what ends with one of some words."""

    def __init__(self, task: GradedTask) -> None:
        self.words = {run(task, "beam_4", 8, question)[0][-3:] for question in task.cases()}

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        return tuple(completion[-3:]) in self.words


def test_graded_bins_follow_the_grades() -> None:
    task = planned()
    point = {**best_strategy.CARD.defaults, "N": 8, "by": "bin"}
    for share, bin_ in ((1.0, 0), (0.0, 2)):
        graded = like(task, grader=Always(share > 0))
        for question in graded.cases():
            name = PLAN.graded.strategy(bin_, 8)
            assert best_strategy.solve(graded, question, point) == run(task, name, 8, question)[0]


class Always:
    """A grader that finds everything right, or nothing."""

    def __init__(self, verdict: bool) -> None:
        self.verdict = verdict

    def is_right(self, index: int, completion: Sequence[int]) -> bool:
        return self.verdict


def made_up(right: dict[str, list[list[float]]], flops: dict[str, float]) -> Trial:
    """A trial of four questions and one budget."""
    names = list(right)
    return Trial(
        "search", (8,), names,
        np.array([right[name] for name in names]).transpose(1, 0, 2).astype(float),
        np.array([[[flops[name]] for name in names]] * 4, dtype=float),
        np.array([0.9, 0.8, 0.3, 0.2]), np.array([1.0, 1.0, 0.0, 0.0]),
    )  # fmt: skip


def test_the_best_strategy_of_each_bin_is_taken_and_of_equals_the_cheapest() -> None:
    found = made_up(
        {"judged_vote": [[1], [1], [0], [0]], "beam_sqrt": [[1], [1], [1], [1]]},
        {"judged_vote": 1.0, "beam_sqrt": 2.0},
    )
    table = plan_of(found).predicted
    assert [table.strategy(table.bin_of(ease), 8) for ease in (0.9, 0.2)] == [
        "judged_vote", "beam_sqrt",
    ]  # fmt: skip
    assert sorted(table.cuts, reverse=True) == list(table.cuts)


def test_a_trial_runs_every_strategy_on_every_question_and_names_what_cannot_run() -> None:
    task = chain()
    found = trial(task, "search", (2, 4), 4)
    assert found.names == list(MECHANISMS["search"])
    assert found.right.shape == (6, 5, 2)
    assert (found.flops > 0).all()
    unjudged = replace(task.models, judge=None)
    votes = trial(like(task, load_models=lambda: unjudged), "votes", (2,), 4)
    assert votes.missing == {}
    with pytest.raises(CapabilityMissing, match="scores"):
        estimated_with(unjudged, task)


def estimated_with(models: Models, task: GradedTask) -> None:
    bare = like(task, load_models=lambda: models)
    with bare.session(first(bare)) as session:
        STRATEGIES["beam_sqrt"](session, 4)


def test_a_plan_is_found_again_in_its_numbers() -> None:
    found = trial(chain(), "search", (2, 4), 4)
    plan = plan_of(found)
    assert restored("search", stored("search", plan)) == plan
    said = report(found, plan)
    assert said["predicted"] == [list(row) for row in plan.predicted.choices]


def test_strategies_keep_their_places_since_tables_name_them_by_number() -> None:
    assert MECHANISMS["search"][:5] == (
        "judged_vote", "beam_sqrt", "beam_4", "lookahead_1", "lookahead_3",
    )  # fmt: skip
    assert MECHANISMS["votes"][:2] == ("majority", "likelihood")
    assert {name for names in MECHANISMS.values() for name in names} <= STRATEGIES.keys()


def test_a_task_without_a_table_says_so() -> None:
    task = chain()
    for method in (compute_optimal, random_strategy, best_strategy):
        with pytest.raises(CapabilityMissing, match="A table of strategies"):
            method.solve(task, first(task), method.CARD.defaults)
    with pytest.raises(CapabilityMissing, match="mechanism=revisions") as missing:
        planned().plan("revisions")
    assert "search" in missing.value.hint


def test_luck_counts_what_several_tries_find() -> None:
    task = planned()
    for verdict, truth in ((True, 0.0), (False, 0.0)):
        graded = like(task, grader=Always(verdict))
        luck = best_strategy.luck(graded, graded.cases(), 4)
        assert luck["by_truth"] == truth
        assert 0 <= luck["by_chance"] <= 1


def test_votes_that_share_their_samples_answer_what_each_would_by_itself() -> None:
    task = chain()
    found = trial(task, "votes", (2, 4), 4)
    assert found.names == ["majority", "likelihood"]
    for question in task.cases():
        answers = strategy_fit._votes(task, question, found)
        for (s, b), (completion, _) in answers.items():
            assert completion == run(task, found.names[s], found.budgets[b], question)[0]
