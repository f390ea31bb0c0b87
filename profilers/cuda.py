"""CUDA clocks and memory, through the torch that a method has already imported.

A kernel launch returns before the kernel has run, so a clock that does not wait measures the
launch. Two rules follow:

- the edges of a measured region are synchronised (`profilers/probe.py`), and each lap waits
  for the device before its clock stops (`profilers/clock.py`);
- time on the device itself comes from a pair of events on the current stream. Work of other
  streams that falls between the two is inside it, and so is idle time of the device.

Nothing here imports torch or makes a CUDA context: without a context there is no queue to
wait for and nothing to measure. Only the current device is looked at.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Self


def context() -> Any:
    """Return `torch.cuda` if a CUDA context exists in this process, else None."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None


def waiting() -> Callable[[], None] | None:
    """Return the function that waits for the current device, or None without a context."""
    cuda = context()
    return None if cuda is None else cuda.synchronize


class CudaEvents:
    """Seconds between two events on the current stream: `cuda_s`.

    The resolution is about 0.5 us. Absent when no CUDA context existed on entry.
    """

    name = "cuda"
    intrusive = False
    min_window_s = 0.0
    levels: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._events: tuple[Any, Any] | None = None

    def __enter__(self) -> Self:
        cuda = context()
        self._events = None
        if cuda is not None:
            self._events = (cuda.Event(enable_timing=True), cuda.Event(enable_timing=True))
            self._events[0].record()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._events is not None:
            self._events[1].record()

    def read(self) -> Mapping[str, float]:
        """Wait for the second event and return the time between both."""
        if self._events is None:
            return {}
        start, stop = self._events
        stop.synchronize()
        return {"cuda_s": start.elapsed_time(stop) / 1e3}  # torch gives milliseconds


class DeviceMemory:
    """Largest number of bytes held by tensors within the window: `device_peak_bytes`.

    This is what torch's allocator handed out, not what it reserved from the driver, and not
    what other libraries took. Entering resets the allocator's peak, also for other readers.
    """

    name = "device memory"
    intrusive = False
    min_window_s = 0.0
    levels = frozenset({"device_peak_bytes"})

    def __init__(self) -> None:
        self._entered = False
        self._peak_bytes: int | None = None

    def __enter__(self) -> Self:
        cuda = context()
        self._peak_bytes = None
        self._entered = cuda is not None
        if cuda is not None:
            cuda.reset_peak_memory_stats()
        return self

    def __exit__(self, *exc: object) -> None:
        cuda = context()
        if self._entered and cuda is not None:
            self._peak_bytes = cuda.max_memory_allocated()

    def read(self) -> Mapping[str, float]:
        """Return the peak, if there was a device to ask."""
        return {} if self._peak_bytes is None else {"device_peak_bytes": float(self._peak_bytes)}
