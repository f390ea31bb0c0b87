"""What a stream of a team came to: answers, words, time in words, graphs, and what critics are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adabench.harness.contract.protocols import Meter
from adabench.workloads.agents.substrate.serving.agent_server import Load, Served, StreamTimes
from adabench.workloads.agents.substrate.serving.desk import Stream
from adabench.workloads.agents.substrate.serving.served_request import Offer
from adabench.workloads.agents.substrate.serving.stream_figures import digest, percentile
from adabench.workloads.agents.substrate.serving.stream_task import GradedStreams, StreamAccount
from adabench.workloads.agents.substrate.workflow import RealisedGraph, graph_figures

QUARTERS = ("first", "second", "third", "last")


@dataclass(frozen=True)
class TeamStreams(GradedStreams):
    """The task."""

    word_price: float = 0.0
    """What a word costs, in points of accuracy."""

    def __reduce__(self) -> tuple[type["GradedStreams"], tuple[object, ...]]:
        """Store what has no streams."""
        if self.streams:
            raise TypeError("a task with streams is not stored; load it from its conditions")
        return GradedStreams, (*self._made, Meter(), (), (), self.graders)

    def judge(self, stream: Stream, account: StreamAccount) -> Mapping[str, float]:
        """Judge a stream that was served."""
        grader, served = self.graders[stream.index], account.served
        found = [grader.judge(index, words) for index, words in enumerate(account.answers)]
        right = [bool(one["accuracy"]) for one in found]
        words = _mean([one.handled for one in served])
        scores = {name: _mean([one[name] for one in found]) for name in ("accuracy", "declared")}
        return {
            **scores,
            "malformed": _mean([one["malformed"] for one in found]),
            "solved": float(sum(right)),
            "answers_digest": digest(account.answers),
            "instance": instance(stream),
            "utility": scores["accuracy"] - self.word_price * words,
            "cut": _mean([one.is_cut for one in served]),
            **_waits(served, account.times),
            **_by_quarter(right),
            **_critic(served, right),
            **graph_figures([one.graph for one in served if one.graph is not None]),
        }


def instance(stream: Stream) -> float:
    """Return 48 bits of a hash of a stream's prompts."""
    return digest(stream.prompts)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _waits(served: Sequence[Served], times: StreamTimes) -> dict[str, float]:
    """Return how long clients waited, in words of the busiest machine; one that went without an answer until it went."""
    waits = [one.offers[-1].at_s if one.offers else one.latency_s for one in served]
    found = {f"wait_p{n}": percentile(waits, n / 100) for n in (50, 95)}
    return {"wait": _mean(waits), **found, "span": times.wall_s / len(served)}


def _by_quarter(right: Sequence[bool]) -> dict[str, float]:
    """Return the accuracy of each quarter of a stream that has four."""
    ends = [round(len(right) * n / 4) for n in range(5)]
    if len(right) < 4:
        return {}
    parts = zip(QUARTERS, ends[:-1], ends[1:], strict=True)
    return {f"accuracy_{name}": _mean(right[a:b]) for name, a, b in parts}


def _critic(served: Sequence[Served], right: Sequence[bool]) -> dict[str, float]:
    """Return how many answers a critic was asked about, and what its word was worth."""
    asked = [
        (one.sure >= 0.5, is_right)
        for one, is_right in zip(served, right, strict=True)
        if one.sure is not None
    ]
    found = {"judged": len(asked) / len(served)}
    passed = [is_right for is_good, is_right in asked if is_good]
    good = [is_good for is_good, is_right in asked if is_right]
    found |= {"judge_precision": _mean(passed)} if passed else {}
    return found | ({"judge_recall": _mean(good)} if good else {})


OUTCOMES: tuple[type[Any], ...] = (
    StreamAccount, Served, StreamTimes, Load, Offer, RealisedGraph,
)  # fmt: skip
