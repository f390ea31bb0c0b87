"""Oracle: the cheapest design that is right. Drawn dotted.

Each request is answered at once, by a chain of thought and by ReAct, in a stream whose costs nobody counts;
the first of these that is right serves it once more: that is its cost. Where none is, the first of all.

**Is it luck?** Three designs of a policy that errs are three tries. `luck` asks how often some design is right
where the first is not, and how often some design states the most frequent *wrong* answer where the first
does not.

**What to expect.** Written before measuring: ReAct's accuracy on facts, 0.98 on sums, at half of ReAct's words.

**Ways to fake it.** Reporting it as a method.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from adabench.harness.contract.card import Card, Point
from adabench.workloads.agents.substrate.serving.branches import Branch
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import GradedStreams

CARD = Card(
    title="Oracle: the cheapest design that is right",
    adapts="which design serves a request, told what each of them answers",
    role="oracle",
    oracle="exact",
)
MODES = ("dir", "cot", "act")
"""From the cheapest on."""


def solve(task: GradedStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return what the cheapest right design answers."""
    found = answered(task, stream)
    right = [[task.credit(stream, i, one[0]) for one in each] for i, each in enumerate(found)]
    modes = [
        next((m for m, is_right in zip(MODES, one, strict=True) if is_right), MODES[0])
        for one in right
    ]

    def agent(desk: Desk) -> Agent:
        branch = desk.begin(modes[desk.request])
        yield desk.finish([branch])
        desk.offer(branch)

    return task.serve(stream, agent)


def answered(task: GradedStreams, stream: Stream) -> list[list[tuple[Ids, Any]]]:
    """Return for each request the words and the answer of each design; nobody counts it."""
    found: dict[int, list[tuple[Ids, Any]]] = {}

    def agent(desk: Desk) -> Agent:
        branches: list[Branch] = [desk.begin(mode) for mode in MODES]
        yield desk.finish(branches)
        found[desk.request] = [(desk.words(one), desk.answer(one)) for one in branches]

    task.aside(stream).serve(stream, agent)
    return [found[index] for index in range(len(stream.prompts))]


def luck(task: GradedStreams, streams: Iterable[Stream]) -> dict[str, float]:
    """Return what choosing gains over the first design, as shares of the requests.

    `by_truth`: some design is right, and the first is not. `by_chance`: some design states the most frequent
    wrong answer, and the first does not.
    """
    truth = chance = total = 0
    for stream in streams:
        for index, each in enumerate(answered(task, stream)):
            right = [task.credit(stream, index, words) for words, _ in each]
            wrong = Counter(
                answer for (_, answer), is_right in zip(each, right, strict=True) if not is_right
            )
            total += 1
            truth += any(right) and not right[0]
            chance += bool(wrong) and each[0][1] != wrong.most_common(1)[0][0]
    return {"by_truth": truth / total, "by_chance": chance / total}
