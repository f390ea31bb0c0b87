"""Tool calls: a mode with tools is forced, in one greedy episode.

    act   calls tools until there is an answer or a dead end; takes either of two rows and does not look back
    chk   looks up the type of what it found, and goes back to the row that it did not take

**What to expect.** Written before measuring, of `act`: `kb` of 2, 3 and 4 hops 0.67, 0.57 and 0.48, since two
rows come at 0.35 of the hops and chance decides; `mix` 0.75 to 0.8; sums 0.8 to 1.0, dearer than a chain.
`chk`: 0.6 to 0.7 on three hops, for half as many calls again.

**Ways to fake it.** Tools that say which row is right; calls that are not counted.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Tool calls",
    adapts="nothing",
    role="static",
    tasks=("lookup",),
    knobs=(Knob("mode", ("act", "chk"), "act"),),
    variants=(
        Variant(
            "cot",
            "Chain of thought",
            {"mode": "cot"},
            role="static",
            adapts="nothing",
            essay="""Chain of thought: the mode `cot` is forced, and the policy writes every step itself.

            No tool is called: what a step needs to know the policy must know.

            **What to expect.** Written before measuring: sums of up to four operations 0.8 to 1.0, facts never.

            **Ways to fake it.** Facts in the weights; a chain whose results a calculator writes.
            """,
        ),
        Variant(
            "direct",
            "Answers at once",
            {"mode": "dir"},
            role="static",
            adapts="nothing",
            essay="""Answers at once: the mode `dir` is forced, and the policy states the answer.

            The cheapest setting. No tool is called and nothing is worked out.

            **What to expect.** Written before measuring: one operation nearly always right, two or more at chance or
            little above (0.1 to 0.2), facts never (0.02 at most: a gate of the policy).

            **Ways to fake it.** Facts in the weights.
            """,
        ),
    ),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return one greedy episode with tools."""
    with task.session(question) as session:
        seq = session.begin(str(point["mode"]))
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
