"""Notes when words became known, in seconds of the host's clock: `mark()` after each word, `stamps()` at the end of a call.

A GPU works behind the host's back: a word's moment is an event in its stream, read when the call is over; a first event in an empty
stream ties the GPU's clock to the host's.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol


class WordTimes(Protocol):
    """The moments of one call."""

    def mark(self) -> None:
        """Note that a word is known once the work so far is done."""
        ...

    def stamps(self) -> list[float]:
        """Return the moments noted, on the host's monotonic clock."""
        ...


class HostTimes:
    """Moments on the host's clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stamps: list[float] = []

    def mark(self) -> None:
        """Note this moment."""
        self._stamps.append(self._clock())

    def stamps(self) -> list[float]:
        """Return the moments noted."""
        return self._stamps


class EventTimes:
    """Moments in the stream of a GPU; `cuda` is `torch.cuda`."""

    def __init__(self, cuda: Any, device: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._cuda, self._device = cuda, device
        cuda.synchronize(device)
        self._began_s = clock()
        self._began = self._event()
        self._events: list[Any] = []

    def mark(self) -> None:
        """Put an event behind the work so far."""
        self._events.append(self._event())

    def stamps(self) -> list[float]:
        """Wait for the work, then return the moments of the events."""
        self._cuda.synchronize(self._device)
        return [self._began_s + self._began.elapsed_time(event) / 1e3 for event in self._events]

    def _event(self) -> Any:
        event = self._cuda.Event(enable_timing=True)
        event.record(self._cuda.current_stream(self._device))
        return event


def word_times(device: Any) -> WordTimes:
    """Return what measures the moments of words on a device of torch."""
    if device.type != "cuda":
        return HostTimes()
    import torch

    return EventTimes(torch.cuda, device)
