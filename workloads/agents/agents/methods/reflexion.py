"""Reflexion: after an episode that its own critic doubts, the policy says what to do otherwise, and tries again.

    trial        an episode of ReAct, greedy, with the reflections so far in its prompt
    check        the policy's critic looks up the answer's type and says ok or bad
    reflection   "at this hop take the other row", in the policy's own words; the next trial reads it

**What is simplified.** The released driver asks the label between trials; that is `reflexion_gated`, apart, and
no competitor. Here the critic decides, and the answer that it was surest of is returned. A reflection is one
hop and one row, since the policy has no other words for it; one that names nothing ends the trials.

**What to expect.** Written before measuring, from a prototype: on facts 0.55, 0.65 and 0.68 after no, one and
four reflections; a second trial brings most. On sums little: the critic was not trained there. Independent
episodes and a vote, at the same words, lie two to five points higher on facts.

**Ways to fake it.** Asking the label and not saying so; accuracy as a formula of trials; checks and
reflections that are not in the bill.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.branches import Branch
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams

CARD = Card(
    title="Reflexion, stopped by its own critic",
    paper="The Cost of Dynamic Reasoning, arXiv 2506.04301; Reflexion, arXiv 2303.11366",
    slug="agents-cost",
    adapts="how often a question is tried again, on the policy's critic and its own reflections",
    signal=("agents.substrate.serving.served_request:ServedRequest.verdict",),
    fidelity="reconstructed",
    knobs=(
        Knob("reflections", (1, 2, 4), 2, open=True, low=0),
        Knob("accept", (0.5,), 0.5, open=True, low=0.0, high=1.0),
        Knob("qps", (0.0,), 0.0, open=True, low=0.0),
    ),
)  # fmt: skip


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers that the critic was surest of."""
    trials, accept = int(point["reflections"]) + 1, float(point["accept"])

    def agent(desk: Desk) -> Agent:
        hints: list[Ids] = []
        best: tuple[float, Branch | None] = (-1.0, None)
        for trial in range(trials):
            branch = desk.begin("act", hints)
            yield desk.finish([branch])
            (sure,) = yield desk.check([branch])
            best = max(best, (sure, branch), key=lambda one: one[0])
            desk.offer(best[1] or branch)
            if sure >= accept or trial == trials - 1:
                break
            (hint,) = yield desk.reflect([branch])
            if hint is None:
                break
            hints.append(hint)

    return task.serve(stream, agent, Load(float(point["qps"])))
