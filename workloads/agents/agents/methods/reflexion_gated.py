"""Reflexion as its driver was released: the label ends the trials. No competitor, drawn dotted.

Between trials the evaluator is asked whether the answer is right, and stops on yes. So a gain over ReAct is in
part that of trying again with an oracle: `resample_gated` has the same access and no reflections.

**What to expect.** Written before measuring, from a prototype: on facts 0.55, 0.68 and 0.72 after no, one and
four reflections. Resampling with the same label goes on to 0.85, where this one saturates.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import GradedStreams

CARD = Card(
    title="Reflexion, stopped by the label",
    adapts="how often a question is tried again, told whether the answer is right",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
    knobs=(Knob("reflections", (1, 2, 4), 2, open=True, low=0),),
)


def solve(task: GradedStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the first right answers, else the last."""
    trials = int(point["reflections"]) + 1

    def agent(desk: Desk) -> Agent:
        hints: list[Ids] = []
        for trial in range(trials):
            branch = desk.begin("act", hints)
            yield desk.finish([branch])
            desk.offer(branch)
            if task.credit(stream, desk.request, desk.words(branch)) or trial == trials - 1:
                break
            yield desk.check([branch])
            (hint,) = yield desk.reflect([branch])
            if hint is None:
                break
            hints.append(hint)

    return task.serve(stream, agent)
