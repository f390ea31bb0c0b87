"""A router by nearest neighbours: the rival of RADAR that has no model of abilities.

How probably a configuration is right on a question is the share of its right answers to the `k`
calibration questions whose prompts are nearest, in the same embedding that RADAR reads. Prices and the
choice are RADAR's:

    argmax  w p - (1 - w) c

Distances to all calibration questions are in the time alone: some 0.1 MFLOP, where the cheapest
configuration has 15. It is paid for reading the prompt, as RADAR is.

**What to expect.** Before measuring: as good as the best fixed configurations, and 2 points below RADAR.

**Ways to fake it.** Test questions among the neighbours; a `k` chosen on the test's front.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.configurations import (
    Floats,
    ResponseTable,
    neighbour_means,
    route,
)
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Router by nearest neighbours",
    paper="our own rival of RADAR, arXiv 2509.25426, after RouterBench, arXiv 2403.12031",
    adapts="which model with how many votes answers a question, on its neighbours' answers",
    abilities=(Ability("pool"), Ability("hidden")),
    knobs=(
        Knob("w", (0.0, 0.05, 0.5, 0.8, 0.9), 0.8, open=True, low=0, high=1),
        # Chosen by cross-validation on calibration questions: from 45 on it gains nothing more.
        Knob("k", (45,), 45, open=True, low=1),
    ),
)


@dataclass(frozen=True)
class Router:
    """Calibration questions with their answers."""

    task: QuestionTask
    table: ResponseTable


def prepare(task: QuestionTask, point: Point, seed: int) -> Router:
    """Take the calibration questions of a split.

    Raises:
        CapabilityMissing: if the policy is in no pool.
    """
    return Router(task, task.responses().without_fifth(seed))


def solve(router: Router, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion of the configuration that was chosen for the question."""
    table, count = router.table, int(point["k"])

    def forecast(states: Floats) -> Floats:
        return neighbour_means(table.states, table.right, states, count)

    with router.task.session(question, pooled=True) as session:
        route(session, table.menu, forecast, float(point["w"]))
    return session.best
