"""Steps the phase of work against a sensor that looks only part of the time.

The power sensors of A100 and H100 see 25 ms of every 100 ms: a load of that period is read up to 60 % off. Groups that begin a
further `period / steps` later remove the error; J per unit that differs by more than `ALIASING` between phases shows it.
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
