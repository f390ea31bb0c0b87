"""BAVT: a tree over an agent's steps whose choice of nodes sharpens as the budget is spent.

    P(node) proportional to V(node)^(1 / r)          r: the share of the budget that is left, of calls of
                                                     tools or of words, whichever is scarcer
    V(child) = clip(V(parent) + delta, 0.01, 1)      delta: what the step gained

At first nodes are drawn broadly; with little left the best one is taken. A step that gained is gone on from at
once, another is followed by a new choice. An answer is judged by the policy's own critic, whose look-up is a
call too; the search ends when it is sure enough (`accept`) or calls or words are gone. There are `words` for
each of the B calls.

**The backstop.** `reserve=answer`: while nothing has answered, what an answer takes is held back: a call for each
hop that is left, one that may fail and the critic's. When no more than that is left, the best node from which
it is enough goes straight to an answer, each step the likeliest. Rivals with the same budget have the same.

**The step value** is the critic's own word (`value=words`): the odds of ok against bad behind the step, by the policy
that writes the steps. Nobody trained it on episodes without an answer. `head` is a trained head in its place.

**The theorem.** Where each expansion takes a needed step with probability p at least, and K are needed,
M >= (K + sqrt(2 K ln(1/e)) + 2 ln(1/e)) / p of them come to an answer with probability 1 - e. `unit=expansions`
makes B count them, and no calls. A value head's card says what p was on questions that are not scored
(`step_chance`); K is 5 on four hops. With p of 0.6 or more, 24 are enough for e = 0.1.

**What is simplified.** No code or text beyond the abstract was found: value update, root, reserve and the last choice
are reconstructed. Delta is the difference of the critic's odds at child and parent. The exponent ends at 20. `reuse`
below 1 is ours: what is left of a node's weight each time it was chosen.

**What to expect.** Written before measuring: `docs/log/lookup.md`, 2026-12-03.

**Ways to fake it.** A critic that knows the world; calls of the critic that are not counted; rivals that may
not use what is left of their budget; stopping when the answer is right.
"""

from collections.abc import Sequence
from functools import partial

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.agents.substrate.episode_pool import RESERVE
from adabench.workloads.agents.substrate.value_tree import (
    Critic,
    Node,
    TreePlan,
    Unit,
    Weigh,
    by_critic,
    by_head,
    grow,
)
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="BAVT: budget-aware value tree search",
    paper="Spend Less, Reason Better, arXiv 2603.12634",
    slug="bavt",
    adapts="which step of an agent is gone on from, on step values sharpened by the budget left",
    signal=(
        "agents.substrate.agent_session:AgentSession.step_checks",
        "agents.substrate.agent_session:AgentSession.values",
    ),
    fidelity="reconstructed",
    conditions={"kinds": "kb4", "delay": 2},
    abilities=(Ability("values", unless={"value": "words"}),),
    knobs=(
        Knob("B", (6, 12, 24), 12, open=True, low=1),
        Knob("words", (40,), 40, open=True, low=1),
        Knob("accept", (0.9,), 0.9, open=True, low=0.0, high=1.0),
        Knob("schedule", ("budget", "fixed", "greedy"), "budget"),
        Knob("critic", ("residual", "absolute"), "residual"),
        Knob("value", ("words",), "words", also=("head",)),
        Knob("reserve", ("answer",), "answer", also=("none",)),
        Knob("unit", ("calls",), "calls", also=("expansions",)),
        Knob("reuse", (1.0,), 1.0, open=True, low=0.0, high=1.0),
    ),
    variants=(
        Variant(
            "random_node",
            "A tree whose nodes a die chooses",
            {"schedule": "die", "critic": "residual"},
            adapts="which step of an agent is gone on from, by a die",
            control_of=("bavt",),
            essay="""A tree whose nodes are chosen by a die: the control of trees that value them.

            Budget, children, reserve, critic and the last choice are those of BAVT; any open node is as likely as another.
            What step values are worth must show against it.

            **What to expect.** Written before measuring: `docs/log/lookup.md`, 2026-12-03.

            **Ways to fake it.** A die that sees the values.
            """,
        ),
    ),
)
_DRAW, _DIE = 0xBA7, 0xD1E7
STEEPEST = 20.0


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return the answer that the critic was surest of."""
    critic: Critic = "absolute" if point["critic"] == "absolute" else "residual"
    schedule = str(point["schedule"])
    coin = _DIE if schedule == "die" else _DRAW

    def draw(count: int) -> float:
        return mix(coin, task.seed, question.index, count) * 2.0**-64

    budget = int(point["B"])
    unit: Unit = "expansions" if point["unit"] == "expansions" else "calls"
    plan = TreePlan(
        budget,
        budget * int(point["words"]),
        float(point["accept"]),
        critic,
        weigh(schedule, float(point["reuse"])),
        draw,
        unit=unit,
        read=by_head if point["value"] == "head" else by_critic,
        reserve=RESERVE if point["reserve"] == "answer" else None,
    )
    with task.session(question, calls=budget if unit == "calls" else None) as session:
        grow(session, plan)
    return session.best


def weigh(schedule: str, reuse: float = 1.0) -> Weigh:
    """Return how nodes are weighed: by the budget left, as if all were left, as if none were, or all alike."""
    if schedule == "die":
        return lambda nodes, left: [1.0] * len(nodes)
    return partial(weights, {"budget": 0.0, "fixed": 1.0, "greedy": STEEPEST}[schedule], reuse)


def weights(fixed: float, reuse: float, nodes: Sequence[Node], left: float) -> list[float]:
    """Return V^(1/r) of each node, or V to a fixed exponent; relative to the largest, so that none is lost."""
    exponent = fixed or 1 / max(left, 1 / STEEPEST)
    most = max(node.value for node in nodes)
    return [(node.value / most) ** exponent * reuse**node.uses for node in nodes]
