"""A cascade: a cheap mode first, and tools with a way back where the policy's critic is not sure of its answer.

What it adapts on is known after an answer, and a router's forecast before it: the rival of every router. The critic reads the
first answer, may look up its type, and is paid. What the second mode answers is taken as it is.

**What to expect.** Written before measuring: the critic was trained on answers with tools. Of a chain it can tell wrong facts, whose
type fits in one case of four, and knows little of sums: 0.7 to 0.8, at more than the bill of tools.

**Ways to fake it.** A critic whose look-up is not counted; a threshold chosen on scored questions.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="A cheap mode, and tools where the critic is not sure",
    paper="cascades as in FrugalGPT, Chen et al., arXiv 2305.05176",
    adapts="whether a question gets a second mode, on the critic's word about the first answer",
    knobs=(
        Knob("first", ("cot",), "cot", also=("dir", "act")),
        Knob("accept", (0.5,), 0.5, open=True, low=0.0, high=1.0),
    ),
)
LAST = "chk"


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return the first answer if the critic is sure of it, else the second."""
    with task.session(question) as session:
        for mode in (str(point["first"]), LAST):
            seq = session.begin(mode)
            session.finish([seq], temperature=0.0)
            session.offer(seq.completion)
            if mode != LAST and session.self_checks([seq])[0] >= float(point["accept"]):
                break
    return session.best
