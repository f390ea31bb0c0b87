"""The clock of a stream: seconds that really passed, and gaps in which nobody was waiting.

Between requests that come seldom a server has nothing to do. Such a gap is added to the clock and not slept
through, so that a stream at one request a second is measured as fast as it is served; latencies and
queues are what they would have been, idle time within requests is measured.

`WorkClock` has no seconds: where several machines serve a stream, time is the words that they handled.
"""

import time
from collections.abc import Sequence

from adabench.workloads.shared.language_model.contract import Costs

Span = tuple[float, float]
"""When something began and ended."""


class StreamClock:
    """Seconds since a stream began."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()
        self.skipped_s = 0.0

    def now(self) -> float:
        """Return the time."""
        return time.perf_counter() - self._began_s + self.skipped_s

    def skip_to(self, moment_s: float) -> None:
        """Go on to a moment to come."""
        self.skipped_s += max(0.0, moment_s - self.now())

    def blocked(self, late_s: float) -> float:
        """Return how much of this clock a tool blocks that never answers within so many seconds."""
        return late_s

    def end_turn(self) -> None:
        """Do nothing: seconds pass by themselves."""


class WorkClock(StreamClock):
    """Words read and written by the busiest machine in each turn of a server, added up over its turns.

    Machines work side by side, and wait for each other at the end of a turn. The same on any processor and load.
    """

    def __init__(self, machines: Sequence[Costs]) -> None:
        self._machines, self._marks, self._turns = machines, [0] * len(machines), 0
        self.skipped_s = 0.0

    def now(self) -> float:
        """Return the words so far."""
        busiest = max(a - b for a, b in zip(self._words(), self._marks, strict=True))
        return self._turns + busiest + self.skipped_s

    def blocked(self, late_s: float) -> float:
        """Return nothing: a tool that blocks handles no word."""
        return 0.0

    def end_turn(self) -> None:
        """Let machines wait for the busiest one."""
        self._turns = int(self.now() - self.skipped_s)
        self._marks = self._words()

    def _words(self) -> list[int]:
        return [one.meter["generated"] + one.meter["prefilled"] for one in self._machines]


def overlap_s(one: Sequence[Span], other: Sequence[Span]) -> float:
    """Return how long something of both was going on; what runs side by side of one counts once."""
    found = 0.0
    left, right = _merged(one), _merged(other)
    i = j = 0
    while i < len(left) and j < len(right):
        found += max(0.0, min(left[i][1], right[j][1]) - max(left[i][0], right[j][0]))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def _merged(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for began_s, ended_s in sorted(spans):
        if found and began_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ended_s))
        else:
            found.append((began_s, ended_s))
    return found
