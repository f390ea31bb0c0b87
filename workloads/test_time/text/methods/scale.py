"""SCALE on whole questions: a worked answer where the policy doubts its bare one.

SCALE (`chain/scale`) chooses between thinking and a plain answer for each sub-problem. A question in
words states no sub-problems, so here there is one, the question itself:

    d = 1 - exp(-H)         H: the largest entropy before a word of the bare answer
    d <= tau: the bare answer stands        d > tau: it is thrown away, and a worked one is written

The rule is fitted to nothing. The bare answer is written everywhere and paid for. `tau` = 0 is System 2
throughout but for answers without any doubt, `tau` = 1 System 1.

**What is missing of the paper.** Outlines (nothing reads parts out of a question in words), a difficulty
that the model says in words (a model of this size says nothing sensible), and thinking that is dropped
before the next step. So this is no trial of the paper on a real model: it asks whether two honest
modes of one, and its own doubt, leave anything to allocate.

**What to expect.** Written before measuring on test questions, from 44 for practice (sums of one and of two
steps in turn): doubt tells one step from two, and little within them. At tau = 0.8 six in ten get a worked
answer: 0.70 right where `sys2` has 0.77 and chance at that share 0.63, on nine tenths of the words of `sys2`.
So above chance by some five points, but the paper's saving is not there: a bare answer that is
thrown away costs a fifth of a worked one. Accuracy falls with tau, from 0.77 to 0.41.

**Ways to fake it.** A difficulty from the number of steps that a question was generated with, from the
answer, or fitted to test questions. Bare answers that were lost, left out of the bill.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.text.substrate.answer_modes import BareAnswer, answer

CARD = Card(
    title="A worked answer where a bare one is in doubt",
    paper="our own part of SCALE, arXiv 2512.00466, that a small real model can show",
    adapts="a bare or a worked answer for each question, on the policy's doubt in the bare one",
    signal=("test_time.text.substrate.answer_modes:BareAnswer.difficulty",),
    conditions={"level": "digit-1..2"},
    abilities=(Ability("watch"),),
    knobs=(
        # On practice questions it writes a tenth fewer words than `sys2` there.
        Knob("tau", (0.8,), 0.8, open=True, low=0.0, high=1.0),
        Knob("effort", (1,), 1, open=True, low=1),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the bare answer, or a worked one where it is in doubt."""
    tau = float(point["tau"])

    def choose(bare: BareAnswer) -> bool:
        return bare.difficulty() > tau

    with task.session(question) as session:
        answer(session, choose, effort=int(point["effort"]))
    return session.best
