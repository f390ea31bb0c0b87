"""The oracle of routers, drawn dotted: it is told how often each configuration is right on the question.

    argmax  w p - (1 - w) c      p: the share of right answers in `draws` draws of each configuration

RADAR's rule with measured shares in place of forecasts. They come from draws that nobody pays for, and
never from the one that then answers: a configuration that happens to be right this once is not
chosen for it. So there is nothing to win by luck, and it is a `bound`: whoever only sees the
prompt cannot know more than these shares, but two draws know them roughly. Greedy completions are always
the same, so their share is 0 or 1, and is known exactly.

**What to expect.** Before measuring: 8 points of hypervolume above RADAR.

**Ways to fake it.** Reporting it as a method; choosing by the very draw that answers.
"""

from dataclasses import dataclass, field

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.configurations import (
    Configuration,
    Floats,
    answer_with,
    choose,
)
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="Told how often each configuration is right",
    paper="our own bound on RADAR, arXiv 2509.25426",
    adapts="which model with how many votes answers a question, told how often each is right",
    role="oracle",
    oracle="bound",
    abilities=(Ability("pool"),),
    knobs=(
        Knob("w", (0.0, 0.05, 0.5, 0.8), 0.8, open=True, low=0, high=1),
        Knob("draws", (2,), 2, open=True, low=1, high=8),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Hindsight:
    """The task, and the shares of the questions that were looked into: once for every `w`."""

    task: GradedTask
    shares: dict[tuple[Question, int], Floats] = field(default_factory=dict)


def prepare(task: GradedTask, point: Point, seed: int) -> Hindsight:
    """Begin with no question looked into."""
    return Hindsight(task)


def solve(held: Hindsight, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion of the configuration that is worth it by its measured share.

    Raises:
        CapabilityMissing: if the policy is in no pool, or nothing is graded.
    """
    table, place = held.task.responses(), (question, int(point["draws"]))
    if place not in held.shares:
        held.shares[place] = shares_right(held.task, *place)
    chosen = choose(held.shares[place][None], table.prices, float(point["w"]), "linear")
    return answer_with(held.task, question, table.configurations[chosen[0]])


def shares_right(task: GradedTask, question: Question, draws: int) -> Floats:
    """Return how often each configuration is right, in draws that are not on the bill.

    The first `votes` samples of a question are those that answer it; shares are of the ones behind.
    """
    aside, configurations = task.oracle_substrate(), task.responses().configurations
    most = max(one.votes for one in configurations)
    with aside.session(question, pooled=True) as session:
        roots = {role: session.open(policy=role) for role in session.roles}
        leaves = {role: session.fork(root, most * (draws + 1)) for role, root in roots.items()}
        for role, root in roots.items():
            session.decode(leaves[role][most:])
            session.decode([root], temperature=0.0)
        found = [
            [
                aside.credit(question, one)
                for one in _draws(session, configuration, roots, leaves, draws)
            ]
            for configuration in configurations
        ]
        session.offer(roots[session.roles[0]].completion)
    return np.array([np.mean(one) for one in found])


def _draws(
    session: Session,
    configuration: Configuration,
    roots: dict[str, Seq],
    leaves: dict[str, list[Seq]],
    draws: int,
) -> list[tuple[int, ...]]:
    """Return the answers of a configuration in draws that share no sample."""
    role, votes = configuration.role, configuration.votes
    if votes == 1:
        return [roots[role].completion]
    own = leaves[role]
    start = len(own) // (draws + 1)
    groups = [own[start + i * votes : start + (i + 1) * votes] for i in range(draws)]
    return [
        vote([leaf.completion for leaf in group], [1.0] * votes, session.answer) for group in groups
    ]
