"""Adaptive parallel reasoning: a policy that spawns threads of itself where it sees fit, and joins what they return.

A parent writes `spawn`, first steps, `join`. Behind each of these steps a child of the same policy searches on, all of them side by side; what those return
that found something is put behind the parent's `join`, and it ends there, or spawns again (`substrate/thread_trees.py`). The policy
learned from traces of the same search as its rival's in one thread, then by reward: five trees of a question, right or not, and the advantage
of a tree is that of each of its sequences, segments of the parent and children alike (`training/train_threads.py`). A thread holds 104
words, a parent's and a child's alike, so a search in threads may be longer than one thread.

**What is simplified.** Both policies begin with the one that this task ships, and not with nothing. Teachers choose first steps at random, of
which one leads to the target in four fifths of the spawns; SoS+ and APR's take the best by a heuristic. There is no term that holds a policy
to its start. Children are searches behind one step, not behind a node of a beam. Seconds are those of one processor.

**What to expect.** Written before training (docs/log/countdown.md): above one thread by a tenth or more, since five attempts fill one thread and six
children try eighteen; coins over its widths within two points of it; six children always no worse; wider by reward.

**Ways to fake it.** A child that reads the parent's thread; a solver in place of a child; a child's prompt that nobody pays for; an advantage
for the parent alone; an answer that is not replayed; a rival whose thread is shorter.
"""

from collections.abc import Sequence

import numpy as np

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.random_draws import uniform
from adabench.workloads.test_time.countdown.substrate.thread_trees import (
    MOST_CHILDREN,
    Width,
    grow,
    shares_of,
)
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Adaptive parallel reasoning (APR)",
    paper="Learning Adaptive Parallel Reasoning with Language Models, arXiv 2504.15466, COLM 2025",
    slug="apr",
    adapts="when a policy spawns threads, and how many, by its own words",
    no_signal="the choice is written by the policy itself; `apr_coins` spawns as widely by coins",
    fidelity="reconstructed",
    fixed={"widths": "own", "recipe": "threads-rl"},
    variants=(
        Variant(
            "apr_coins",
            "APR with widths by coins",
            {"widths": "coins"},
            control_of=("apr",),
            essay="""Whenever the policy spawns, a coin says how widely, with the shares that the widths of this very policy had on `dev` questions, as its card has
            them; the steps are its own.

            **What to expect.** Written before training: within two points of APR.

            **Ways to fake it.** Other shares than the policy's.
            """,
        ),
        Variant(
            "apr_widest",
            "APR with six children always",
            {"widths": "most"},
            control_of=("apr",),
            essay="""Whenever the policy spawns it must write six steps, or as many as its thread has room for.

            **What to expect.** Written before training: no worse than APR, and learning by reward changes little of it.

            **Ways to fake it.** Steps that are not the policy's.
            """,
        ),
        Variant(
            "apr_traces",
            "APR before it learned by reward",
            {"recipe": "threads"},
            control_of=("apr",),
            essay="""The same threads of the policy that has seen traces alone.

            **What to expect.** Written before training: a tenth less right, and narrower.

            **Ways to fake it.** Another start than APR's.
            """,
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return what a parent answers.

    Raises:
        CapabilityMissing: if the policy was not trained.
    """
    recipe = str(point["recipe"])
    with task.session(question, successor=recipe) as session:
        (parent,) = session.fork(session.open(), 1)
        grow(session, [parent], width=_width(str(point["widths"]), task, recipe))
        session.offer(parent.completion)
    return session.best


def _width(how: str, task: QuestionTask, recipe: str) -> Width | None:
    """Return what says how many children a spawn has; None: the policy itself."""
    if how == "coins":
        shares = shares_of(task, recipe)
        return lambda parent: coin(parent, shares)
    return None if how == "own" else lambda _: MOST_CHILDREN


def coin(parent: Seq, shares: Sequence[float]) -> int:
    """Draw a width, each of 0, 1, ... children with its share."""
    return int(
        np.searchsorted(np.cumsum(shares[:-1]), uniform(parent.key, -len(parent.ids)), "right")
    )
