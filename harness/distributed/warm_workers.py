"""Workers that wait between blocks, for threads that each want one: of this machine or a cluster.

A place has slots; a slot begins a worker when a block needs one and none waits, and keeps it for
the next block. A worker that is lost makes its slot cold. One that is not like the others, or was
given too little, takes its slot out of service: it is named, and the rest goes on.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition

from adabench.harness.distributed.shard import Outcome
from adabench.harness.distributed.worker import Blocks

log = logging.getLogger(__name__)

LEFT_OUT = "Ask for machines of one kind, or for fewer --cores or --gpus a worker."


@dataclass(eq=False)
class Slot:
    """Room for one worker."""

    name: str
    """Of its machine, for people."""
    begin: Callable[[str], Blocks]
    """Begin a worker for a job."""
    worker: Blocks | None = None


class WarmWorkers:
    """Slots, shared by threads."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._free = list(reversed(slots))
        self._in_service = len(slots)
        self._reasons: dict[str, str] = {}
        self._busy: list[Slot] = []
        self._change = Condition()

    def run(self, text: str) -> Outcome:
        """Work through a job, on a worker that waits if there is one."""
        while (slot := self._take()) is not None:
            begun = self._admitted(slot, text)
            if begun.left_out:
                self._leave_out(slot, begun.left_out)
                continue
            assert begun.done is False or slot.worker is not None
            outcome = slot.worker.call("work", text) if begun.done and slot.worker else begun
            if not outcome.done:
                _end(slot)
            self._give_back(slot)
            return outcome
        return none_alike(self._reasons)

    def end(self) -> None:
        """End all workers, whatever they are at."""
        with self._change:
            slots = [*self._free, *self._busy]
        for slot in slots:
            if slot.worker is not None:
                slot.worker.end()

    def _admitted(self, slot: Slot, text: str) -> Outcome:
        if slot.worker is not None:
            return Outcome(done=True)
        slot.worker = slot.begin(text)
        return slot.worker.call("admit", text)

    def _take(self) -> Slot | None:
        """Return a free slot, a warm one first; None once none is in service."""
        with self._change:
            self._change.wait_for(lambda: self._free or not self._in_service)
            if not self._free:
                return None
            warm = [slot for slot in self._free if slot.worker is not None]
            slot = warm[-1] if warm else self._free[-1]
            self._free.remove(slot)
            self._busy.append(slot)
            return slot

    def _give_back(self, slot: Slot) -> None:
        with self._change:
            self._busy.remove(slot)
            self._free.append(slot)
            self._change.notify()

    def _leave_out(self, slot: Slot, reason: str) -> None:
        _end(slot)
        log.warning("A worker on %s is left out: %s.", slot.name, reason)
        with self._change:
            self._busy.remove(slot)
            self._reasons.setdefault(slot.name, reason)
            self._in_service -= 1
            self._change.notify_all()


def none_alike(reasons: dict[str, str]) -> Outcome:
    """Return how a block ended for which no worker was left, with the reasons by machine."""
    said = "; ".join(f"on {name} {reason}" for name, reason in reasons.items())
    return Outcome(
        refused=("EnvironmentProblem", f"No worker can join this run: {said}.", LEFT_OUT)
    )


def _end(slot: Slot) -> None:
    if slot.worker is not None:
        slot.worker.end()
    slot.worker = None
