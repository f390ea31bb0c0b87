"""Reads CUDA clocks and memory through the torch that a method has imported; without a context it does nothing.

A launch returns before its kernel has run, so edges of a region wait for the device, and time on the device comes from a pair
of events on the current stream. *Hot* is what the call before left in the L2 cache, *cold* a cache overwritten in between.
"""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

from adabench.profilers.nvml import SLOWDOWN, Unmetered, find_board, open_nvml

L2 = Literal["hot", "cold"]


def context() -> Any:
    """Return `torch.cuda` if a CUDA context exists in this process, else None."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_initialized() else None


def waiting() -> Callable[[], None] | None:
    """Return the function that waits for the current device, or None without a context."""
    cuda = context()
    return None if cuda is None else cuda.synchronize


def event_laps(call: Callable[[], object], loops: int, l2: L2 = "hot") -> list[float]:
    """Return the seconds of each call on the device; one wait for all of them.

    A call that itself waits for the device keeps the queue empty, and its host time is then
    within its pair of events. The resolution is about 0.5 us.

    Raises:
        ValueError: without a CUDA context, or if `loops` is below 1.
    """
    cuda = context()
    if cuda is None or loops < 1:
        raise ValueError(f"{loops} calls cannot be timed on the device: it takes a CUDA context.")
    flush = _flusher(cuda) if l2 == "cold" else None
    pairs = [(cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)) for _ in range(loops)]
    cuda.synchronize()
    for start, stop in pairs:
        if flush is not None:
            flush()
        start.record()
        call()
        stop.record()
    cuda.synchronize()
    return [start.elapsed_time(stop) / 1e3 for start, stop in pairs]  # torch gives milliseconds


def device_times(
    call: Callable[[], object], loops: int, kinds: Sequence[L2] = ("hot",)
) -> dict[str, float]:
    """Return the median call on the device, `device_hot_s` and `device_cold_s` as asked.

    Nothing without a CUDA context.
    """
    if context() is None:
        return {}
    return {f"device_{l2}_s": statistics.median(event_laps(call, loops, l2)) for l2 in kinds}


def _flusher(cuda: Any) -> Callable[[], object]:
    """Return a call that overwrites as many bytes as the L2 cache has, on the current stream."""
    torch = sys.modules["torch"]
    size = int(cuda.get_device_properties(cuda.current_device()).L2_cache_size)
    buffer: Any = torch.empty(size, dtype=torch.int8, device="cuda")
    return buffer.zero_  # type: ignore[no-any-return]


class SlowdownWitness:
    """Tells whether heat or the power supply holds the current device's clock down right now.

    Asked between blocks; NVML is opened on the first question after a CUDA context exists.
    Where it cannot be asked the answer is False and `absent` says why.
    """

    def __init__(self) -> None:
        self.absent = ""
        self._board: tuple[Any, Any] | None = None

    def __call__(self) -> bool:
        """Return whether NVML gives such a reason."""
        cuda = context()
        if cuda is None or self.absent:
            return False
        try:
            if self._board is None:
                properties = cuda.get_device_properties(cuda.current_device())
                nvml = open_nvml()
                self._board = (nvml, find_board(nvml, f"GPU-{properties.uuid}"))
            nvml, handle = self._board
            return bool(nvml.nvmlDeviceGetCurrentClocksEventReasons(handle) & SLOWDOWN)
        except Unmetered as problem:
            self.absent = str(problem)
        except nvml.NVMLError as problem:
            self.absent = f"NVML gives no reasons for its clocks: {problem}."
        return False


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
