"""Random escalation: the target writes a step where a die says so.

The control of every rule that hands steps over. The die knows the question's index, the run's seed and
the number of the step, and sees nothing else; `rate` is the share of steps that it hands over. Any mix of
two models lies between them: a rule has merit where it lies above this one at the same share.

**What to expect.** Written before measuring: at a rate of 0.3, less than 0.55 of the way from the draft's
accuracy to the target's, near 0.4 right.

**Ways to fake it.** A die that is thrown again until the step is good; a rate that is never matched.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import Draft, speculate

CARD = Card(
    title="Random escalation",
    paper="our own control of Arbitrage, arXiv 2512.05033",
    adapts="which of two models writes the next step, by a die",
    role="control",
    control_of=("arbitrage", "drop", "rsd"),
    tasks=("chain", "text"),
    abilities=(Ability("draft"),),
    on_task={
        "text": OnTask(sweep={"rate": (0.4,)}),
    },
    knobs=(Knob("rate", (0.1, 0.2, 0.3, 0.5), 0.3, open=True, low=0, high=1),),
)
_DIE, _FACES = 0xE5CA1A7E, 1 << 20


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that draft and target wrote together.

    Raises:
        CapabilityMissing: if the policy is the draft of no target.
    """
    rate = float(point["rate"])

    def escalates(step: Draft) -> bool:
        return is_handed_over(task.seed, question.index, len(step.authors), rate)

    with task.session(question, paired=True) as session:
        speculate(session, escalates)
    return session.best


def is_handed_over(seed: int, index: int, step: int, rate: float) -> bool:
    """Return whether the die hands a step over; what is handed over at a rate is at higher ones."""
    return mix(_DIE, seed, index, step) % _FACES < rate * _FACES
