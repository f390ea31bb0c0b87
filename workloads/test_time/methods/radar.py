"""RADAR: the configuration for a question, from abilities and the question's forecast difficulty.

A configuration is a model with a number of votes. A two-parameter response model is fitted to what all of
them answered to calibration questions (`item_response.py`): an ability for each configuration, and lines
that read a question's difficulty b and discrimination a off the state in which the smallest policy leaves
its prompt. For a question then p_i = sigmoid(a (theta_i - b)), and with the configuration's mean price
c_i, the dearest one's being 1,

    linear       argmax  w p - (1 - w) c
    chebyshev    argmin  max(w (1 - p), (1 - w) c)

`w` is the dial: at 0 the cheapest answers everything, at 1 the ablest. The chosen configuration
really runs. The router reads the prompt, which is on the bill; if the smallest policy is chosen it goes
on from there. The two products with the state, 130 multiplications, are in the time alone.

**On `text`** the pool is a model and its draft, each with 1 or 4 votes, and 40 sums are what both were asked.
So few tell no 577 weights: a state counts by its place along eight directions, in which prompts of these
sums differ most.

Seeds of a run take five collections of answers in turn and leave one fifth of the calibration questions out,
so five seeds are five fits. What abilities, difficulties and fewer questions are worth by themselves, on
questions longer than those fitted to as well, is the task `routing`.

**What is ours.** Optimiser, embedding and standardisation, which the paper leaves open; an intercept in
both lines; budgets are votes, not caps on thinking; prices are FLOPs and not a price list.

**What to expect.** Before measuring: 15 points above the pair, 2 above neighbours and above fixed ones. On
`text` at most 2 above the pair and none above fixed ones: the two models differ by three layers of thirty.

**Ways to fake it.** Difficulty from the question's group or its large factors; responses of test
questions; a `w` chosen on the test's front; votes or the router that are not paid for; prices that are
constants of a model's name; a pool in which one configuration is better and cheaper than all others;
responses that were drawn from the response model itself.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.configurations import Menu, route
from adabench.workloads.test_time.substrate.item_response import ResponseModel, fit
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="RADAR",
    paper="Fernandez et al., RADAR, arXiv 2509.25426, ICLR 2026",
    slug="radar",
    adapts="which model with how many votes answers a question, on its forecast difficulty",
    signal=("test_time.substrate.item_response:ResponseModel.chances",),
    fidelity="paper",
    tasks=("chain", "text"),
    abilities=(Ability("pool"), Ability("hidden")),
    on_task={
        "text": OnTask(
            sweep={"w": (0.8,), "rule": ("linear",)},
            conditions={"level": "digit-1..2"},
            title="RADAR between a model and its draft, on eight directions of a state",
        ),
    },
    knobs=(
        Knob("w", (0.0, 0.05, 0.3, 0.5, 0.8, 0.9), 0.8, open=True, low=0, high=1),
        Knob("rule", ("linear",), "linear", also=("chebyshev",)),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Router:
    """A fitted response model, and what it chooses among."""

    task: QuestionTask
    model: ResponseModel
    menu: Menu


def prepare(task: QuestionTask, point: Point, seed: int) -> Router:
    """Fit the response model to the calibration questions of a split.

    Raises:
        CapabilityMissing: if the policy is in no pool, or nobody asked it for calibration.
    """
    table = task.responses().without_fifth(seed)
    return Router(task, fit(table.states, table.right), table.menu)


def solve(router: Router, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion of the configuration that was chosen for the question."""
    with router.task.session(question, pooled=True) as session:
        route(session, router.menu, router.model.chances, float(point["w"]), str(point["rule"]))
    return session.best
