"""A case of this task: a stream of requests, which come one after another or at a rate.

What belongs to a population (percentiles of latency, queues, idle time) has no value for one question; so
the requests of a stream are served together, and the stream is the case.
"""

import math
from dataclasses import dataclass

from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.shared.language_model.contract import mix

Ids = tuple[int, ...]
_GAP = 0x6A9


@dataclass(frozen=True)
class Stream:
    """The prompts of a stream, and when they come."""

    index: int
    prompts: tuple[Ids, ...]
    group: str
    gaps: tuple[float, ...]
    """Before each request, at a rate of one a second: exponential, so that arrivals are Poisson's."""

    def arrivals_s(self, qps: float) -> tuple[float, ...]:
        """Return when each request comes, at a rate."""
        now, found = 0.0, []
        for gap in self.gaps:
            now += gap / qps
            found.append(now)
        return tuple(found)


def draw_gaps(seed: int, count: int) -> tuple[float, ...]:
    """Draw gaps between arrivals at one a second."""
    draws = Draws(mix(_GAP, seed))
    return tuple(-math.log(1.0 - draws.below(1 << 30) / (1 << 30)) for _ in range(count))
