"""One configuration for every question: a model or its draft, with a number of votes.

What RADAR has to beat here, as `chain/configuration` there. No router reads the prompt, and none is paid for.

**What to expect.** Before measuring: three layers of thirty are missed, 0.1 between draft and model; a vote of
four gives each 0.05, at less than four times the FLOPs.

**Ways to fake it.** A pool in which one configuration is better and cheaper than all others.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.configurations import answer_with
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="One configuration for every question",
    adapts="nothing",
    role="static",
    conditions={"level": "digit-1..2"},
    abilities=(Ability("pool"),),
    knobs=(Knob("configuration", ("draft@1", "draft@4", "model@1", "model@4"), "model@1"),),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the configuration's completion.

    Raises:
        CapabilityMissing: if the policy is in no pool, or nobody asked it for calibration.
        SelectionError: if there is no such configuration in it.
    """
    return answer_with(task, question, task.responses().named(str(point["configuration"])))
