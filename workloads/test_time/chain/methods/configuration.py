"""One configuration for every question: a model of the pool, with a number of votes.

What routers have to beat. Its settings, and mixes of them at random, are the front of those that do not
look at the question. No router reads the prompt, and none is paid for.

**What to expect.** Before measuring: 0.33 for `lm-s@1`, 0.75 for `lm-l@1` at 20 times its FLOPs, and 0.97 for
`lm-l@16` at 300 times.

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
    abilities=(Ability("pool"),),
    knobs=(
        Knob(
            "configuration",
            (
                "lm-s@1", "lm-s@4", "lm-s@16", "lm-x@1", "lm-x@4", "lm-x@16",
                "lm-l@1", "lm-l@4", "lm-l@16",
            ),
            "lm-l@1",
        ),
    ),
)  # fmt: skip


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the configuration's completion.

    Raises:
        CapabilityMissing: if the policy is in no pool.
        SelectionError: if there is no such configuration in it.
    """
    return answer_with(task, question, task.responses().named(str(point["configuration"])))
