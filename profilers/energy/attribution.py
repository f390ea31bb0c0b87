"""Attribution: whose joules a window holds, and under which conditions they were spent.

A board's counter does not know processes. If anything else computed on the board at either end
of a window, its joules are nobody's in particular: the window has no value. Clocks held down
by heat or by the power limit do not invalidate it, they are said. See `docs/log/instruments.md`.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from adabench.profilers.energy.counter_window import Window
from adabench.profilers.energy.meter import EnergyMeter, NoValue
from adabench.profilers.energy.provenance import Reading, unavailable
from adabench.profilers.nvml import Witness
from adabench.profilers.timing.disturbance import KEEP_SHARE


def reading_of(meter: EnergyMeter, window: Window, seen: Sequence[Witness]) -> Reading:
    """Turn a window of a meter into a reading, given the witnesses at its ends.

    Its uncertainty joins that of the window's ends and the instrument's own. A board that was
    not ours alone, and a window of the wrong length, give a reading without a number.
    """
    reason = sharing_note(seen) or misfit(meter, window.window_s)
    if reason:
        return annotate(unavailable(meter.scope, reason), meter, seen)
    reading = Reading(
        j=window.j,
        u_j=math.hypot(window.u_j, meter.u_rel * window.j),
        kind=meter.kind,
        scope=meter.scope,
        window_s=window.window_s,
        ticks=window.ticks,
        tick_s=window.tick_s,
        aligned=window.aligned,
        flags=window.flags,
    )
    return annotate(reading, meter, seen)


def absent(meter: EnergyMeter, problem: NoValue, seen: Sequence[Witness] = ()) -> Reading:
    """Return the reading of a meter that had nothing for this window."""
    return annotate(unavailable(meter.scope, sharing_note(seen) or str(problem)), meter, seen)


def annotate(reading: Reading, meter: EnergyMeter, seen: Sequence[Witness]) -> Reading:
    """Add what the witnesses saw: clocks, temperature, limits, company."""
    named = replace(reading, device_uuid=getattr(meter, "uuid", None))
    if not seen:
        return named
    flags = {
        "power_capped": any(one.capped for one in seen),
        "slowed": any(one.slowed for one in seen),
        "exclusivity_unknown": any(one.foreign is None for one in seen),
        "pid_unseen": any(one.pid_unseen for one in seen),
    }
    known = [one.reasons for one in seen if one.reasons is not None]
    alone = [one.foreign for one in seen if one.foreign is not None]
    return replace(
        named,
        throttled=(flags["slowed"] or flags["power_capped"]) if known else None,
        exclusive=not any(alone) if alone else None,
        temp_c=_ends([one.temp_c for one in seen if one.temp_c is not None]),
        sm_mhz=_ends([one.sm_mhz for one in seen if one.sm_mhz is not None]),
        power_limit_w=seen[-1].power_limit_w,
        driver=seen[-1].driver,
    ).flagged(*(flag for flag, raised in flags.items() if raised))


def _ends(values: Sequence[float]) -> tuple[float, ...]:
    """Return the first and the last of some values."""
    return (values[0], values[-1]) if len(values) > 1 else tuple(values)


def disturbance(share: float | None, least: float = KEEP_SHARE) -> str:
    """Return why too little of a window was work, or nothing if enough was or nobody watched."""
    if share is None or share >= least:
        return ""
    return f"disturbed: {share:.0%} of the window was work, and {least:.0%} are needed"


def share_u(share: float | None) -> float:
    """Return the relative uncertainty of attributing joules to a share of a window.

    Nobody knows the power in the rest of it: between none and twice the mean is taken for it.
    """
    return 0.0 if share is None else (1 - share) / math.sqrt(3)


def sharing_note(seen: Sequence[Witness]) -> str:
    """Return why the joules can't be attributed, or nothing if they can."""
    others = max((one.foreign or 0 for one in seen), default=0)
    if not others:
        return ""
    return f"not attributable: {others} other process{'es' * (others > 1)} on the GPU"


def misfit(meter: EnergyMeter, window_s: float) -> str:
    """Return why a window's length does not suit a meter, or nothing if it does."""
    if window_s < meter.min_window_s:
        return f"too short: {window_s:.3g} s, {meter.kind} needs {meter.min_window_s:g} s"
    if window_s > meter.max_window_s:
        return f"too long: {window_s:.3g} s, {meter.kind} reads {meter.max_window_s:g} s at most"
    return ""
