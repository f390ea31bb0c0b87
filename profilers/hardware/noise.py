"""Measures the noise of a machine, by a loop of 100 us timed again and again, and who else was busy.

The noise floor is the standard deviation of the logarithm of block medians over undisturbed laps: what two repeats of a case differ
by when only this machine stands between them. Who was busy comes from /proc/stat; None where the kernel is silent.
"""

import math
import os
import statistics
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from adabench.profilers.hardware.host import HERE, Machine
from adabench.profilers.timing.clock import RunDelay, busy_call, take_witnessed

UNIT_S = 100e-6
BLOCK = 25
DISTURBED = 0.05
"""More than this share of laps that waited, or of processors used by others, is a busy machine."""


@dataclass(frozen=True)
class Laps:
    """Laps of a loop and how long each waited for a processor, in nanoseconds."""

    laps_ns: Sequence[int]
    delays_ns: Sequence[int]
    """Empty where the kernel does not tell."""

    @property
    def disturbed(self) -> float | None:
        """The share of laps that had to wait; None where the kernel does not tell."""
        if not self.delays_ns:
            return None
        return sum(delay > 0 for delay in self.delays_ns) / len(self.laps_ns)

    @property
    def calm_ns(self) -> Sequence[int]:
        """The laps that did not wait; none where the kernel does not tell."""
        pairs = zip(self.laps_ns, self.delays_ns, strict=False)
        return [lap for lap, delay in pairs if delay == 0]

    @property
    def floor(self) -> float | None:
        """The noise floor as a fraction; None with fewer than eight blocks of calm laps."""
        calm = self.calm_ns if self.delays_ns else self.laps_ns
        blocks = [calm[i : i + BLOCK] for i in range(0, len(calm) - BLOCK + 1, BLOCK)]
        if len(blocks) < 8:
            return None
        return statistics.stdev(math.log(statistics.median(block)) for block in blocks)


@dataclass(frozen=True)
class OtherLoad:
    """What others took of the processors while we looked, as shares of all of them."""

    others: float | None
    stolen: float | None
    """By the hypervisor."""

    @property
    def busy(self) -> bool:
        """Whether times taken meanwhile may be somebody else's doing."""
        return max(self.others or 0.0, self.stolen or 0.0) > DISTURBED


def watch(seconds: float) -> Laps:
    """Time a loop of about 100 us for so long; at least 200 laps."""
    unit = busy_call(UNIT_S)
    laps: array[int] = array("q")
    delays: array[int] = array("q")
    deadline_ns = perf_counter_ns() + round(seconds * 1e9)
    with RunDelay() as delay:
        while not laps or perf_counter_ns() < deadline_ns:
            some, waited = take_witnessed(unit, 200, delay)
            laps.extend(some)
            delays.extend(waited or ())
    return Laps(laps, delays)


class LoadObserver:
    """Looks who used the processors from its making to `company()`."""

    def __init__(self, machine: Machine = HERE) -> None:
        self._machine = machine
        self._before = self._look()

    def company(self) -> OtherLoad:
        """Return the shares since this was made."""
        after = self._look()
        if self._before is None or after is None:
            return OtherLoad(None, None)
        busy, stolen, total, own = (b - a for a, b in zip(self._before, after, strict=True))
        if total <= 0:
            return OtherLoad(None, None)
        return OtherLoad(max(busy - own, 0.0) / total, max(stolen, 0.0) / total)

    def _look(self) -> tuple[float, float, float, float] | None:
        """Return busy, stolen, all and our own processor seconds so far."""
        line = (self._machine.line("/proc/stat") or "").partition("\n")[0].split()
        if len(line) < 9 or line[0] != "cpu":
            return None
        tick = os.sysconf("SC_CLK_TCK")
        user, nice, system, idle, waiting, irq, soft, stolen = (int(x) / tick for x in line[1:9])
        busy = user + nice + system + irq + soft
        own = sum(os.times()[:4])  # children included: a check measures in one
        return busy, stolen, busy + idle + waiting + stolen, own
