"""Slots of fast memory for experts, and the thread that brings experts into them.

    with ExpertStore(tier, slots, size) as store:
        store.fetch(expert, slot)              is on its way; the copy is made beside what is computed
        store.fetch(expert, slot, urgent=True) goes before what nobody waits for yet
        store.arrived(slot)                    its bytes, [size]; blocks until they are there

A slot is the only copy of an expert that anything is multiplied by. One expert is brought at a time; copies into one slot keep
their order, and what was ordered is brought, so that bytes do not depend on times. Who waits brings what is before it
itself, where the loader is not at it: with a loader that has ended, or on one core, all is slower and the same.
"""

import os
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.moe.substrate.expert_tiers import Tier, aligned


class _Fetch:
    """One expert on its way into one slot."""

    def __init__(self, expert: int, slot: int) -> None:
        self.expert, self.slot = expert, slot
        self.done = threading.Event()


class ExpertStore:
    """The slots."""

    def __init__(self, tier: Tier, slots: int, size: int, device: str = "cpu") -> None:
        self.tier, self.size = tier, size
        on_gpu = device != "cpu"
        self.slots = (
            torch.empty(slots, size, dtype=torch.uint8, device=device)
            if on_gpu
            else aligned(slots, size)
        )
        self.fetches, self.late, self.wait_s, self.fetch_s = 0, 0, 0.0, 0.0
        self._urgent: deque[_Fetch] = deque()
        self._later: deque[_Fetch] = deque()
        self._last: dict[int, _Fetch] = {}
        self._changed = threading.Condition()
        self._bringing = threading.Lock()
        self._open = True
        self._loader: threading.Thread | None = None

    @property
    def moved_bytes(self) -> int:
        """Return what was brought."""
        return self.fetches * self.size

    def __enter__(self) -> Self:
        """Start the loader, where a core is left for it."""
        if len(os.sched_getaffinity(0)) > 1:
            self._loader = threading.Thread(target=self._load, name="expert loader", daemon=True)
            self._loader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Bring what was ordered, and end the loader."""
        self.stop()
        if kind is None:
            self._bring_here()

    def stop(self) -> None:
        """End the loader; what is ordered from now on is brought where it is waited for."""
        with self._changed:
            self._open = False
            self._changed.notify()
        if self._loader is not None:
            self._loader.join()
            self._loader = None

    def fetch(self, expert: int, slot: int, *, urgent: bool = False) -> None:
        """Order an expert into a slot, whose last one nobody needs any more."""
        ordered = _Fetch(expert, slot)
        with self._changed:
            if urgent:
                # Earlier copies into the same slot stay before this one.
                before = [one for one in self._later if one.slot == slot]
                for one in before:
                    self._later.remove(one)
                self._urgent.extend([*before, ordered])
            else:
                self._later.append(ordered)
            self._last[slot] = ordered
            self._changed.notify()

    def arrived(self, slot: int) -> Tensor:
        """Return the bytes of the expert that was ordered into a slot last, once they are there.

        Raises:
            EnvironmentProblem: if it cannot be brought.
        """
        ordered = self._last[slot]
        if not ordered.done.is_set():
            begun = time.perf_counter()
            self._bring_here(ordered)
            self.wait_s += time.perf_counter() - begun
            self.late += 1
        return self.slots[slot]

    def _bring_here(self, last: _Fetch | None = None) -> None:
        """Bring what was ordered, up to one fetch or all of it, in this thread."""
        while last is None or not last.done.is_set():
            if not self._bring_next():
                return

    def _load(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._urgent or self._later or not self._open)
                if not self._open:
                    return
            try:
                self._bring_next()
            except (OSError, RuntimeError, EnvironmentProblem):
                return  # who waits for it brings it, and meets what is wrong

    def _bring_next(self) -> bool:
        """Bring the next expert; return whether there was one."""
        with self._bringing:
            with self._changed:
                queue = self._urgent or self._later
                if not queue:
                    return False
                ordered = queue[0]
            begun = time.perf_counter()
            self.tier.bring(ordered.expert, self.slots[ordered.slot])
            self.fetch_s += time.perf_counter() - begun
            self.fetches += 1
            with self._changed:
                (self._urgent if ordered in self._urgent else self._later).remove(ordered)
            ordered.done.set()
        return True
