"""How a table of strategies is fitted: every strategy answers every question, and the best one is taken.

    [right, FLOPs] of questions x strategies x budgets       each in a session of its own, as it would run
    ease of each question                                    samples of a context of their own
    bins                                                     quantiles of ease, five
    choice of a bin under a budget                           the most right answers; of equals the cheapest

Which questions are asked, and who grades them, is the caller's; they are never those of a test. A strategy
that needs what the models cannot do is left out, and named with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.strategies import (
    MEASURES,
    MECHANISMS,
    REVISING,
    STRATEGIES,
    WEIGHTS,
    Plan,
    StrategyTable,
    ease_of,
    pilot_samples,
)
from adabench.workloads.test_time.substrate.voting import vote

BINS = 5
Floats = npt.NDArray[np.float64]


@dataclass
class Trial:
    """What strategies did on questions, and how easy these are."""

    mechanism: str
    budgets: tuple[int, ...]
    names: list[str]
    right: Floats
    """[questions, strategies, budgets]"""
    flops: Floats
    ease: Floats
    """[questions], as estimated."""
    graded: Floats
    """[questions], the share of right answers among the same samples."""
    missing: dict[str, str] = field(default_factory=dict)
    """By strategy that cannot run here: why."""


def trial(
    task: GradedTask,
    mechanism: str,
    budgets: Sequence[int],
    pilot: int,
    progress: Progress = lambda done, steps: None,
) -> Trial:
    """Let every strategy of a mechanism answer every question of a task."""
    questions = list(task.cases())
    names, missing = _able(task, questions[0], mechanism)
    shape = (len(questions), len(names), len(budgets))
    found = Trial(
        mechanism, tuple(budgets), names, np.zeros(shape), np.zeros(shape),
        np.zeros(shape[0]), np.zeros(shape[0]), missing,
    )  # fmt: skip
    for q, question in enumerate(questions):
        found.ease[q], found.graded[q] = eases(task, question, pilot, mechanism)
        for (s, b), (completion, flops) in _answers(task, question, found).items():
            found.right[q, s, b] = task.credit(question, completion)
            found.flops[q, s, b] = flops
        progress(q + 1, len(questions))
    return found


Answered = dict[tuple[int, int], tuple[tuple[int, ...], float]]
"""By strategy and budget: what it answers, and its FLOPs."""


def _answers(task: GradedTask, question: Question, found: Trial) -> Answered:
    if set(found.names) <= WEIGHTS.keys():
        return _votes(task, question, found)
    return {
        (s, b): spent(task, question, found.mechanism, name, budget)
        for s, name in enumerate(found.names)
        for b, budget in enumerate(found.budgets)
    }


def _votes(task: GradedTask, question: Question, found: Trial) -> Answered:
    """Let votes share their samples: those of a small budget are the first of a large one."""
    most = max(found.budgets)
    task.meter.clear()
    with task.session(question) as session:
        leaves = session.fork(session.open(), most)
        session.decode(leaves)
    flops, answers = float(task.meter["flops_counted"]), Answered()
    for s, name in enumerate(found.names):
        for b, budget in enumerate(found.budgets):
            ballots = [leaf.completion for leaf in leaves[:budget]]
            weights = [WEIGHTS[name](leaf) for leaf in leaves[:budget]]
            answers[s, b] = vote(ballots, weights, task.domain.answer), flops * budget / most
    return answers


def _able(task: GradedTask, question: Question, mechanism: str) -> tuple[list[str], dict[str, str]]:
    """Return the strategies that run here, and why the others do not."""
    names, missing = list[str](), dict[str, str]()
    for name in MECHANISMS[mechanism]:
        try:
            spent(task, question, mechanism, name, 1)
        except CapabilityMissing as error:
            missing[name] = str(error)
        else:
            names.append(name)
    return names, missing


def spent(
    task: GradedTask, question: Question, mechanism: str, name: str, budget: int
) -> tuple[tuple[int, ...], float]:
    """Return what a strategy answers for a budget, and its FLOPs."""
    task.meter.clear()
    with task.session(question, revising=mechanism in REVISING) as session:
        STRATEGIES[name](session, budget)
    return session.best, float(task.meter["flops_counted"])


def eases(task: GradedTask, question: Question, pilot: int, mechanism: str) -> tuple[float, float]:
    """Return how easy a question is, as estimated and as graded: by the same samples."""
    with task.session(question, revising=mechanism in REVISING) as session:
        drawn = pilot_samples(session, pilot)
        ease = ease_of(session, drawn, MEASURES[mechanism])
    right = sum(task.credit(question, leaf.completion) for leaf in drawn)
    return ease, right / pilot


def plan_of(found: Trial) -> Plan:
    """Return the tables that a trial leads to."""
    return Plan(table(found, found.ease), table(found, found.graded))


def table(found: Trial, ease: Floats) -> StrategyTable:
    """Return the best strategies by bins of one ease."""
    cuts = tuple(float(cut) for cut in np.quantile(ease, np.arange(BINS - 1, 0, -1) / BINS))
    bins = (ease[:, None] < np.asarray(cuts)).sum(axis=1)
    choices = tuple(_chosen(found, bins == k) for k in range(BINS))
    return StrategyTable(MEASURES[found.mechanism], cuts, found.budgets, choices)


def _chosen(found: Trial, own: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """Return the best strategy for some questions under each budget; an empty bin is like all."""
    own = own if own.any() else np.ones_like(own)
    right, flops = found.right[own].mean(axis=0), found.flops[own].mean(axis=0)
    best = [
        min(range(len(found.names)), key=lambda s: (-right[s, b], flops[s, b]))
        for b in range(len(found.budgets))
    ]
    return tuple(found.names[s] for s in best)


def report(found: Trial, plan: Plan) -> dict[str, object]:
    """Return a trial in words and shares: what was found best, and how often all were right."""
    bins = (found.ease[:, None] < np.asarray(plan.predicted.cuts)).sum(axis=1)
    by_bin = {
        f"bin {k}": {
            name: [round(float(x), 3) for x in found.right[bins == k, s].mean(axis=0)]
            for s, name in enumerate(found.names)
        }
        for k in range(BINS)
        if (bins == k).any()
    }
    return {
        "questions": len(found.ease),
        "budgets": list(found.budgets),
        "predicted": [list(row) for row in plan.predicted.choices],
        "graded": [list(row) for row in plan.graded.choices],
        "right": by_bin,
        "megaflops": {
            name: [round(float(x) / 1e6) for x in found.flops[:, s].mean(axis=0)]
            for s, name in enumerate(found.names)
        },
        "missing": found.missing,
        "ease_and_grades": _correlation(found.ease, found.graded),
    }


def _correlation(one: Floats, other: Floats) -> float:
    """Return how closely an estimate follows the grades; 0 where either says the same of all."""
    if min(one.std(), other.std()) == 0:
        return 0.0
    return round(float(np.corrcoef(one, other)[0, 1]), 4)
