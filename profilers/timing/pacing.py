"""Pace: the monotonic clock, waiting, and doing something every so often meanwhile.

Meters need three things of time: to read it, to wait, and to look at a counter again and
again while the work goes on. They take them from a `Clock`, so that a simulation can put a
virtual clock underneath and prove in a second what takes hours on a board. The clock never
steps (`perf_counter`); the wall clock does, and has no business inside a window.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Clock(Protocol):
    """Where meters take their time from."""

    def ns(self) -> int:
        """Return the monotonic time in nanoseconds."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def repeat(self, call: Callable[[], float]) -> AbstractContextManager[None]:
        """Call again and again within the context; each call says how many seconds to pause."""
        ...


class HostClock:
    """The machine's own clock, with a helper thread for what is repeated."""

    def ns(self) -> int:
        """Return `perf_counter_ns`."""
        return time.perf_counter_ns()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(max(seconds, 0.0))

    @contextmanager
    def repeat(self, call: Callable[[], float]) -> Iterator[None]:
        """Call from a thread; what it raised comes out when the context is left."""
        stop, failures = threading.Event(), list[Exception]()

        def loop() -> None:
            try:
                while not stop.wait(call()):
                    pass
            except Exception as problem:  # noqa: BLE001, raised again below, in the caller's thread
                failures.append(problem)

        thread = threading.Thread(target=loop, name="adabench meter", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if failures:
            raise failures[0]


HOST = HostClock()
