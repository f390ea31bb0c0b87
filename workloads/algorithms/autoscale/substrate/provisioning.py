"""The task object: asks a method for forecasts, lets it decide slot by slot, and counts.

A method hands over a forecast, and a decision if it has one of its own:

    def forecast(past: Past) -> Floats        (B, 27): the load at the levels of `QUANTILES`, not falling
    class Decision: choose(tail), learn(exceeded)

The forecast is asked in blocks of slots; each row gets the readings up to `delay` slots before its own. The
decision is asked slot after slot for the capacity at each violation target of the dial, and hears, `delay` slots
late, where the load exceeded it. By default capacity is the quantile that the target names. All targets of the
dial are served side by side, so that what a method costs at one violation rate can be read off for all alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.autoscale.substrate.traces import Demand, Floats, Service
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run
from adabench.workloads.shared.counting.random_streams import read_only

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
DIAL = (0.0025, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Violation targets at which every method is served; the one that was asked for comes beside them."""
BULK: Floats = np.arange(0.025, 1, 0.05)
"""Levels at equal distances: the mean pinball loss over them is half of a CRPS."""
TARGETS: Floats = np.array([0.1, 0.05, 0.02, 0.01, 0.005, 0.0025, 0.001])
"""Violation targets of the tail's quantiles, from the laxest."""
QUANTILES: Floats = np.concatenate((BULK, 1 - TARGETS))
BLOCK = 288
"""Slots that are forecast at once."""
WORDING = Wording(
    "provision",
    foreign="The answer is not the task's own run of this case.",
    twice="It serves a case more than once and answers with one.",
)


@dataclass(frozen=True)
class Past:
    """What is known when the capacity of some slots is decided."""

    windows: Floats
    """(B, W, N) the last readings before each decision, the load in the last column; W is a day at least."""
    slots: Ints
    """(B,) which slots are forecast, counted from the first known one."""
    coming: Floats | None = None
    """(B,) their loads, for who may know."""

    @property
    def load(self) -> Floats:
        """Return the load's own readings (B, W)."""
        return self.windows[:, :, -1]


Forecast = Callable[[Past], Floats]


class Decision(Protocol):
    """Chooses capacity from the tail of a forecast, and learns how it went."""

    def choose(self, tail: Floats) -> Floats:
        """Return the capacity at each target of the dial (K,), from the quantiles at `TARGETS`."""
        ...

    def learn(self, exceeded: Bools) -> None:
        """Hear at which targets (K,) the load exceeded the capacity of a slot that was now read."""
        ...


@dataclass(frozen=True)
class Provision:
    """What came of one method on one service."""

    instance: float
    knows: bool
    capacity: Floats
    """(slots, K) by target of the dial."""
    crps: float
    """Mean over slots, in the load's unit."""
    error: float
    """Mean distance from the forecast's median."""
    covered: float
    """The share of slots whose load lies between the quantiles .05 and .95."""


@dataclass(frozen=True)
class Order:
    """What a method handed over."""

    forecast: Forecast
    decision: Decision | None
    knows: bool


class Autoscale(CountedTask[Service, Demand, Order, Provision, Provision, Provision]):
    """The task: services and the counting loop. An outcome is a provision."""

    wording = WORDING
    noun = "service"

    @staticmethod
    def case_of(world: Demand) -> Service:
        """Return the service."""
        return world.case

    @staticmethod
    def run_in(world: Demand, order: Order, *, listened: bool) -> Run[Provision, Provision]:
        """Forecast and decide, slot after slot."""
        if order.knows and not world.told:
            raise MethodContractError(
                f"A method asks for the loads to come of {world.case.group}.",
                "Say role='oracle' in the card if the method is meant to be told them.",
            )
        answer = _served(world, order)
        moves = np.count_nonzero(np.diff(answer.capacity[:, _at(world.case)]))
        added = {"slots": len(answer.capacity), "switches": int(moves)}
        return Run(answer, replace(answer), added, answer.capacity)

    @staticmethod
    def revealed(world: Demand, *, oracle: bool) -> Demand:
        """Return the readings that the loop reveals slot by slot; to oracles all at once."""
        return world if oracle else replace(world, told=False)

    def training(self) -> tuple[Service, ...]:
        """Return the services: their past may be learned from."""
        return self.examples or self.known

    def provision(
        self,
        case: Service,
        forecast: Forecast,
        decision: Decision | None = None,
        *,
        knows: bool = False,
    ) -> Provision:
        """Serve a case and count.

        Raises:
            MethodContractError: if forecasts or capacities are none, or what is to come is asked for by a
                method that may not know.
        """
        return self.count(case, Order(forecast, decision, knows))


def dial_of(case: Service) -> Floats:
    """Return the violation targets (K,) that a case is served at, from the strictest."""
    return np.array(sorted({*DIAL, case.eps}))


def _at(case: Service) -> int:
    """Return the place in the dial of the target that is asked for."""
    return int(np.searchsorted(dial_of(case), case.eps))


def look_back(readings: Floats, slots: Ints, delay: int, window: int) -> Past:
    """Return what is known of slots in a row when they are decided: windows are views of (T, N) readings."""
    windows = sliding_window_view(readings, window, axis=0).swapaxes(1, 2)
    first = int(slots[0]) - delay - window + 1
    return Past(windows[first : first + len(slots)], slots)


def window_of(case: Service) -> int:
    """Return how many slots a method looks back: a day, and 72 slots at least."""
    return max(case.day, 72)


def quantile_at(tail: Floats, targets: Floats) -> Floats:
    """Return quantiles (K,) at violation targets from those at `TARGETS` (7,): linear in log target."""
    found: Floats = np.interp(-np.log(targets), -np.log(TARGETS), tail)
    return found


def forecasts(readings: Floats, slots: Ints, case: Service, forecast: Forecast) -> Floats:
    """Return the forecasts (B, 27) of slots in a row, asked block by block."""
    blocks = [slots[at : at + BLOCK] for at in range(0, len(slots), BLOCK)]
    window = window_of(case)
    return np.concatenate(
        [forecast(look_back(readings, block, case.delay, window)) for block in blocks]
    )


def decide(tails: Floats, load: Floats, there: Bools, case: Service, decision: Decision) -> Floats:
    """Return the capacities (T, K) of slots in a row; what a load (T,) did is told `delay` slots late."""
    found = np.empty((len(tails), len(dial_of(case))))
    for t, tail in enumerate(tails):
        known = t - case.delay
        if known >= 0 and there[known]:
            decision.learn(load[known] > found[known])
        found[t] = decision.choose(tail)
    return found


def _served(world: Demand, order: Order) -> Provision:
    case, known = world.case, len(world.case.past)
    readings = np.concatenate((case.past, world.future))
    load = world.future[:, -1]

    def forecast(past: Past) -> Floats:
        coming = load[past.slots - known] if order.knows else None
        rows = np.asarray(order.forecast(replace(past, coming=coming)), np.float64)
        _refuse_bad_rows(rows, len(past.slots), case)
        return rows

    rows = forecasts(readings, np.arange(known, len(readings)), case, forecast)
    tails = rows[:, len(BULK) :]
    if order.decision is None:
        found = np.array([quantile_at(tail, dial_of(case)) for tail in tails])
    else:
        found = decide(tails, load, world.there, case, order.decision)
    if found.shape != (len(load), len(dial_of(case))) or not np.isfinite(found).all():
        raise MethodContractError(
            f"A capacity of {case.group} is no number.", "Choose one at each target of the dial."
        )
    capacity = np.maximum(found, 0.0)
    if case.unit:
        capacity = np.ceil(capacity / case.unit - 1e-9) * case.unit
    bulk, seen = rows[world.there, : len(BULK)], load[world.there]
    return Provision(case.instance, order.knows, read_only(capacity), *_scores(bulk, seen))


def _scores(bulk: Floats, load: Floats) -> tuple[float, float, float]:
    """Return CRPS, absolute error and coverage of forecasts (T, 20) of loads (T,)."""
    low, high = bulk[:, :2].mean(1), bulk[:, -2:].mean(1)
    inside = np.mean((load >= low) & (load <= high))
    return crps(bulk, load), float(np.abs(bulk[:, 9:11].mean(1) - load).mean()), float(inside)


def crps(bulk: Floats, load: Floats) -> float:
    """Return the mean continuous ranked probability score: twice the mean pinball loss over `BULK`."""
    gap = load[:, None] - bulk
    return float(2 * np.maximum(BULK * gap, (BULK - 1) * gap).mean())


def _refuse_bad_rows(rows: Floats, expected: int, case: Service) -> None:
    """Raise if forecasts are not finite and in order, one row a slot."""
    if rows.shape != (expected, len(QUANTILES)):
        raise MethodContractError(
            f"Forecasts of shape {rows.shape} were given for {expected} slots of {case.group}.",
            f"Give a row of {len(QUANTILES)} quantiles for each slot.",
        )
    if not np.isfinite(rows).all():
        raise MethodContractError(
            f"A forecast of {case.group} is no number.", "Every quantile must be finite."
        )
    halves = rows[:, : len(BULK)], rows[:, len(BULK) :]
    if any((np.diff(part, axis=1) < -1e-9).any() for part in halves):
        raise MethodContractError(
            f"Quantiles of a forecast of {case.group} fall where their level rises.",
            "Sort them: `QUANTILES` has the bulk from .025 to .975, then the tail from .9 to .999.",
        )
