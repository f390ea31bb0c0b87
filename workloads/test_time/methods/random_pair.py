"""A random pair: chance says whether the dearest configuration answers, or the cheapest.

The control of every router. The draw knows the question's index and the run's seed, and sees nothing
else; `rate` is the share of questions that the dearest one gets. It reads no prompt to decide, and pays
for none.

**What to expect.** Before measuring: on the line between the two, 17 points of hypervolume below RADAR.

**Ways to fake it.** Drawing again; a pair whose dearer half is no better.
"""

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.configurations import answer_with
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Random pair",
    paper="the baseline of RADAR, arXiv 2509.25426",
    adapts="which of the cheapest and the dearest configuration answers, at random",
    role="control",
    tasks=("chain", "text"),
    control_of=("radar", "knn_router"),
    abilities=(Ability("pool"),),
    on_task={
        "text": OnTask(sweep={"rate": (0.5,)}, conditions={"level": "digit-1..2"}),
    },
    knobs=(Knob("rate", (0.0, 0.5, 1.0), 0.5, open=True, low=0, high=1),),
)
_COIN, _SIDES = 0x9A12, 1 << 32


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion of the configuration that the coin chose.

    Raises:
        CapabilityMissing: if the policy is in no pool.
    """
    table = task.responses()
    is_dear = thrown(task.seed, question.index) < float(point["rate"])
    place = np.argmax(table.prices) if is_dear else np.argmin(table.prices)
    return answer_with(task, question, table.configurations[place])


def thrown(seed: int, index: int) -> float:
    """Return a number in [0, 1), all equally likely."""
    return mix(_COIN, seed, index) % _SIDES / _SIDES
