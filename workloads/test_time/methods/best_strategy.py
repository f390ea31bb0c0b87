"""Oracle: the best strategy of each question. Drawn dotted.

    by=question   the first strategy that answers this question right under the budget, in the order of
                  their set; where none does, the first of all
    by=bin        the strategy of the question's true bin: by the share of *right* answers among the samples
                  that `compute_optimal` estimates from, with a table that was fitted to such bins

Both find out beforehand, in sessions whose costs nobody counts, and then the strategy runs once more: that
is what it costs. `by=bin` is the paper's oracle difficulty. `by=question` bounds what any choice could gain.

**Is it luck?** Much of `by=question` is: several strategies of a noisy policy are as many tries. `luck`
asks how often some strategy is right where the first is not, and how often some strategy states the most
frequent *wrong* answer where the first does not. Its card says what came of it (`wins_by_luck`).

**What to expect.** Written before measuring: `by=question` far above every strategy, by luck; `by=bin`
within a point of `compute_optimal`, whose estimate follows the grades closely.

**Ways to fake it.** Reporting it as a method.
"""

from collections import Counter
from collections.abc import Iterable

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.strategies import (
    MECHANISMS,
    REVISING,
    STRATEGIES,
    pilot_samples,
)

CARD = Card(
    title="Oracle: the best strategy of each question",
    adapts="which strategy a question gets, told what each of them answers, or how hard it is",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
    tasks=("chain", "text"),
    abilities=(
        Ability("samples"),
        Ability("scores", unless={"mechanism": "votes"}),
        Ability("logprobs", unless={"mechanism": "search"}),
    ),
    on_task={
        "text": OnTask(
            sweep={"N": (8,), "by": ("question",), "pilot": (8,), "mechanism": ("votes",)}
        ),
    },
    knobs=(
        Knob("N", (16,), 16, open=True, low=1),
        Knob("by", ("question",), "question", also=("bin",)),
        Knob("pilot", (16,), 16, open=True, low=1),
        Knob("mechanism", ("search",), "search", open=True),
    ),
)


def solve(task: GradedTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return what the best strategy answers."""
    name = (by_bin if point["by"] == "bin" else by_question)(task, question, point)
    with task.session(question, revising=point["mechanism"] in REVISING) as session:
        STRATEGIES[name](session, int(point["N"]))
    return session.best


def by_question(task: GradedTask, question: Question, point: Point) -> str:
    """Return the first strategy that is right, or the first of all."""
    mechanism = str(point["mechanism"])
    aside, names = task.oracle_substrate(), strategies(task, mechanism)
    for name in names:
        found = answered(aside, question, name, int(point["N"]), mechanism)
        if task.credit(question, found):
            return name
    return names[0]


def by_bin(task: GradedTask, question: Question, point: Point) -> str:
    """Return the strategy of the bin that the grades of its samples put a question in."""
    table, count = task.plan(str(point["mechanism"])).graded, int(point["pilot"])
    revising = point["mechanism"] in REVISING
    with task.oracle_substrate().session(question, revising=revising) as session:
        drawn = [leaf.completion for leaf in pilot_samples(session, count)]
    ease = sum(task.credit(question, completion) for completion in drawn) / count
    return table.strategy(table.bin_of(ease), int(point["N"]))


def strategies(task: GradedTask, mechanism: str) -> tuple[str, ...]:
    """Return the strategies that a task's models can run, and of which a table is there."""
    task.plan(mechanism)
    return MECHANISMS[mechanism]


def answered(
    task: GradedTask, question: Question, name: str, budget: int, mechanism: str
) -> tuple[int, ...]:
    """Return what one strategy answers."""
    with task.session(question, revising=mechanism in REVISING) as session:
        STRATEGIES[name](session, budget)
    return session.best


def luck(
    task: GradedTask, questions: Iterable[Question], budget: int, mechanism: str = "search"
) -> dict[str, float]:
    """Return what choosing gains over the first strategy, as shares of the questions.

    `by_truth`: some strategy is right, and the first is not. `by_chance`: some strategy states the most
    frequent wrong answer, and the first does not.
    """
    truth = chance = count = 0
    for question in questions:
        names = strategies(task, mechanism)
        found = [answered(task, question, name, budget, mechanism) for name in names]
        right = [task.credit(question, one) for one in found]
        stated = [task.domain.answer(one) for one in found]
        wrong = Counter(
            one
            for one, is_right in zip(stated, right, strict=True)
            if one is not None and not is_right
        )
        count += 1
        truth += any(right) and not right[0]
        if wrong:
            chance += stated[0] != wrong.most_common(1)[0][0]
    return {"by_truth": truth / count, "by_chance": chance / count}
