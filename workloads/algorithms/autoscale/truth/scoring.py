"""What a provision is worth: violations, what stood idle, and both at one violation rate for all."""

from collections.abc import Sequence

import numpy as np

from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    Autoscale,
    Provision,
    dial_of,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import Demand, Floats
from adabench.workloads.shared.counting.counted_task import Transcript

MATCHED = 0.01
"""The violation rate at which methods are compared."""


def scored_task(demands: Sequence[Demand], transcript: Transcript | None = None) -> Autoscale:
    """Return the task of these services, with its score."""
    return Autoscale(demands, judge, transcript)


def judge(world: Demand, answer: Provision) -> dict[str, float]:
    """Return all values of a provision; slots whose load was not read are left out."""
    case, load = world.case, world.future[world.there, -1]
    capacity = answer.capacity[world.there]
    own = capacity[:, int(np.searchsorted(dial_of(case), case.eps))]
    exceeded, total = load > own, load.sum()
    at = idle_at(capacity, load, MATCHED)
    days = [exceeded[day : day + case.day].mean() for day in range(0, len(load), case.day)]
    return {
        "within_sla": float(1 - exceeded.mean()),
        "violations": float(exceeded.mean()),
        "sla_error": float(abs(exceeded.mean() - case.eps)),
        "worst_day": float(max(days)),
        "overprovision": idle(own, load),
        "overprovision_at_1pct": at,
        "capacity_at_1pct": 1 + at,
        "shortfall": float(np.maximum(load - own, 0).sum() / total),
        "switched": float(np.abs(np.diff(own)).sum() / total),
        "crps": answer.crps / float(load.mean()),
        "error": answer.error / float(load.mean()),
        "covered": answer.covered,
        "coverage_error": abs(answer.covered - 0.9),
        "days": len(answer.capacity) / case.day,
        "instance": case.instance,
    }


def idle(capacity: Floats, load: Floats) -> float:
    """Return the capacity above the load (T,), over the load, in all."""
    return float(np.maximum(capacity - load, 0).sum() / load.sum())


def idle_at(capacity: Floats, load: Floats, rate: float) -> float:
    """Return what stands idle at one violation rate, from capacities (T, K) along the dial.

    Between two targets of the dial it is interpolated. Where even the strictest is exceeded more often, or
    the laxest less often, the capacity there is scaled by the one factor that gives the rate.
    """
    rates = np.minimum.accumulate((load[:, None] > capacity).mean(0)[::-1])[::-1]
    spare = np.array([idle(column, load) for column in capacity.T])
    if rates[0] > rate or rates[-1] < rate:
        end = capacity[:, 0 if rates[0] > rate else -1]
        ratios = load / np.maximum(end, 1e-9 * load.max())
        return idle(end * np.quantile(ratios, 1 - rate), load)
    return float(np.interp(rate, rates, spare))
