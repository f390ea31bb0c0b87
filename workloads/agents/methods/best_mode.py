"""Oracle: the cheapest mode that is right. Drawn dotted.

It answers at once, in a chain and with tools, in sessions whose costs nobody counts, and takes the first of
these modes that is right; where none is, the first of all. Then that mode runs once more: that is its cost.
`weights` says whose policy it is: A2FM's (`apo`), to which it is what a choice of modes could gain at most, or
that of the other static modes, which has a fourth mode, tools with a way back.

**Is it luck?** Three modes of a policy that errs are three tries. `luck` asks how often some mode is right
where the first is not, and how often some mode states the most frequent *wrong* answer where the first
does not.

**What to expect.** Written before measuring: the accuracy of tools on facts and of chains on sums, at half of the
bill of tools for all. Little of it by luck: wrong answers of different modes seldom agree.

**Ways to fake it.** Reporting it as a method.
"""

from collections import Counter
from collections.abc import Iterable

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids, stated
from adabench.workloads.agents.substrate.agent_task import GradedAgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Oracle: the cheapest mode that is right",
    adapts="in which mode a question is answered, told what each of them answers",
    role="oracle",
    oracle="exact",
    tasks=("lookup",),
    abilities=(Ability("modes", unless={"weights": ""}),),
    knobs=(Knob("weights", ("apo", ""), "apo", also=("flat",)),),
)
MODES = ("dir", "cot", "act")
"""From the cheapest on."""
LAST = "chk"
"""The dearest, of policies that do not choose by themselves."""


def solve(task: GradedAgentTask, question: Question, point: Point) -> Ids:
    """Return what the cheapest right mode answers."""
    aside, weights = task.aside(question), str(point["weights"])
    right = (
        mode
        for mode in (MODES if weights else (*MODES, LAST))
        if aside.credit(question, answered(aside, question, mode, weights))
    )
    return answered(task, question, next(right, MODES[0]), weights)


def answered(task: GradedAgentTask, question: Question, mode: str, weights: str = "") -> Ids:
    """Return what one mode answers."""
    with task.session(question, weights) as session:
        seq = session.begin(mode)
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best


def luck(task: GradedAgentTask, questions: Iterable[Question]) -> dict[str, float]:
    """Return what choosing gains over the first mode, as shares of the questions.

    `by_truth`: some mode is right, and the first is not. `by_chance`: some mode states the most frequent
    wrong answer, and the first does not.
    """
    truth = chance = count = 0
    for question in questions:
        found = [answered(task, question, mode) for mode in MODES]
        right = [task.credit(question, one) for one in found]
        wrong = Counter(
            stated(one) for one, is_right in zip(found, right, strict=True) if not is_right
        )
        count += 1
        truth += any(right) and not right[0]
        if wrong:
            chance += stated(found[0]) != wrong.most_common(1)[0][0]
    return {"by_truth": truth / count, "by_chance": chance / count}
