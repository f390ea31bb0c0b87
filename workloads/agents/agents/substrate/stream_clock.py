"""The clock of a stream: seconds that really passed, and gaps in which nobody was waiting.

Between requests that come seldom a server has nothing to do. Such a gap is added to the clock and not slept
through, so that a stream at one request a second is measured as fast as it is served; latencies and
queues are what they would have been, idle time within requests is measured.
"""

import time


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
