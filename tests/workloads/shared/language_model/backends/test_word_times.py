"""When words became known, by the host's clock and by a GPU's events: both faked."""

from typing import Any

import torch

from adabench.workloads.shared.language_model.backends.word_times import (
    EventTimes,
    HostTimes,
    word_times,
)


class Gpu:
    """A stream whose work takes time that the host does not see; it stands for `torch.cuda`."""

    def __init__(self) -> None:
        self.now_ms = 40.0
        self.waits = 0

    def synchronize(self, device: Any) -> None:
        self.waits += 1

    def current_stream(self, device: Any) -> "Gpu":
        return self

    def Event(self, *, enable_timing: bool) -> "Event":
        assert enable_timing
        return Event()


class Event:
    at_ms = -1.0

    def record(self, stream: Gpu) -> None:
        self.at_ms = stream.now_ms

    def elapsed_time(self, later: "Event") -> float:
        return later.at_ms - self.at_ms


def test_events_are_tied_to_the_clock_of_the_host():
    gpu = Gpu()
    times = EventTimes(gpu, "cuda:0", clock=lambda: 100.0)
    for worked_ms in (5.0, 2.5):
        gpu.now_ms += worked_ms
        times.mark()
    assert gpu.waits == 1, "the host waits before the first word and after the last, not between"
    assert times.stamps() == [100.005, 100.0075]
    assert gpu.waits == 2


def test_on_a_processor_the_clock_is_read_at_once():
    moments = iter([1.0, 2.0, 9.0])
    times = HostTimes(clock=lambda: next(moments))
    times.mark()
    times.mark()
    assert times.stamps() == [1.0, 2.0]
    assert isinstance(word_times(torch.device("cpu")), HostTimes)
