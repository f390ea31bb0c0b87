"""DeepConf online: paths whose confidence sinks are stopped, and the others vote by their confidence.

Four paths are written to their end. The line is the quantile 1 - eta of their lowest windows (`path_confidence.py`): eta = 0.1 goes on with
paths as sure as the surest tenth, eta = 0.9 stops the least sure. The other N - 4 are written step by step; one whose latest window lies below the
line is stopped, and has no vote. Each path that is whole has its mean confidence for a weight.

**What is simplified.** The paper warms up with 16 paths of 512, its windows are of 2,048 tokens, and it goes on path by path until 95 % agree; here
the rest is drawn side by side. Paths of the warm-up below the line vote too.

**What to expect.** Written before measuring: at eta = 0.1 a third of majority's words less, and a point or two less right; at 0.9 majority within a point.

**Ways to fake it.** Words of stopped paths that are not paid for; a line from the paths that it is held to.
"""

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.path_confidence import (
    LIKELIEST,
    Path,
    lowest_window,
    window_confidence,
)
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="DeepConf",
    paper="Deep Think with Confidence, arXiv 2508.15260",
    adapts="which paths are written to their end, on the confidence of their latest words",
    signal=("test_time.substrate.path_confidence:window_confidence",),
    conditions={"format": "splits", "policy": "moe-s"},
    abilities=(Ability("samples"),),
    knobs=(
        Knob("N", (8, 16), 16, open=True, low=5),
        Knob("eta", (0.1, 0.9), 0.1, open=True, low=0.0, high=1.0),
    ),
)
WARM_UP = 4


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return a completion that states the winning answer."""
    with task.session(question) as session:
        paths = [Path(leaf) for leaf in session.fork(session.open(), int(point["N"]))]
        over, living = paths[:WARM_UP], paths[WARM_UP:]
        chunks = session.decode([path.seq for path in over], watch=LIKELIEST)
        for path, chunk in zip(over, chunks, strict=True):
            path.add(chunk)
        lowest = [lowest_window(path.confidences) for path in over]
        line = float(np.quantile(lowest, 1 - float(point["eta"])))
        while living:
            for path, chunk in zip(
                living, session.step([path.seq for path in living], watch=LIKELIEST), strict=True
            ):
                path.add(chunk)
            sure = [path for path in living if window_confidence(path.confidences) >= line]
            ended = [
                path for path in sure if session.ended(path.seq) or path.length >= session.room
            ]
            over += ended
            living = [path for path in sure if path not in ended]
        with session.aside():
            weights = [path.confidence for path in over]
            session.offer(vote([path.seq.completion for path in over], weights, session.answer))
    return session.best
