"""Phase: what a sensor sees that looks only part of the time.

The power sensors of A100 and H100 observe 25 ms of every 100 ms. Work that repeats with the
sensor's own period, or half of it, is then always seen in the same part of its cycle, and the
reading is off by up to 60 %. The cure is to measure several groups, each begun a further
`period / steps` later against the sensor's tick. Equal steps remove the error of a periodic
load; random delays only average it down.

Whether an energy *counter* integrates such a sensor is not known for every board, so it is
tested: where J per unit differs by more than `ALIASING` between phases there is something to
remove.
"""

from adabench.profilers.energy.counter_ticks import Read, Tick, next_tick
from adabench.profilers.timing.pacing import HOST, Clock

STEPS = 4
ALIASING = 0.03
FINE_POLL_S = 1e-4
"""Half a millisecond of 25 is 1 % of what the steps are to remove, so these ticks are sharp."""


def delays_s(period_s: float, steps: int = STEPS) -> tuple[float, ...]:
    """Return the delays after a tick, in equal steps over one period.

    Raises:
        ValueError: for less than one step.
    """
    if steps < 1:
        raise ValueError("The phase takes at least one step.")
    return tuple(step * period_s / steps for step in range(steps))


def wait_for_phase(read: Read, delay_s: float, pace: Clock = HOST) -> Tick:
    """Wait for the next tick and then for the delay, and return the tick."""
    tick = next_tick(read, pace, poll_s=FINE_POLL_S)
    elapsed_s = (pace.ns() - tick.ns) / 1e9
    pace.wait(max(delay_s - elapsed_s, 0.0))
    return tick
