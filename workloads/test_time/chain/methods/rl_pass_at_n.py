"""Pass@N of a policy that learned by reward: is the right answer among N of its samples.

Beside `pass_at_n` of the start it tells whether a policy answers more questions than before, or answers the same ones more surely:
learning that only sharpens raises one sample and leaves this where it was.

**What to expect.** Written before measuring on test questions, after four trials: .69 to .93 at N = 4.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import GradedTask

CARD = Card(
    title="Pass@N of a policy that learned by reward",
    adapts="which of N samples is returned, told which is right",
    role="oracle",
    oracle="bound",
    conditions={"format": "splits", "trainings": 1},
    abilities=(Ability("successors"),),
    knobs=(
        Knob("N", (4,), 4, open=True, low=1),
        Knob(
            "recipe",
            ("grpo",),
            "grpo",
            also=(
                "dapo",
                "scale-rl",
                "scale-rl-clip",
                "scale-rl-sample",
                "scale-rl-group",
                "scale-rl-whole",
            ),
        ),
        Knob("staleness", (0,), 0, also=(8,)),
    ),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a right completion if there is one."""
    name = f"rl-{point['recipe']}{'-stale' if point['staleness'] else ''}"
    with task.session(question, successor=name) as session:
        leaves = session.fork(session.open(), int(point["N"]))
        session.decode(leaves)
        right = (leaf for leaf in leaves if task.credit(question, leaf.completion))
        session.offer(next(right, leaves[0]).completion)
    return session.best
