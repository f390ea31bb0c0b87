"""HARMONY: the load's distribution by levels of indicators and a flow; capacity by a Bayesian decision.

Stage 1 forecasts (`network.py`): each indicator's last six hours are a token, attention goes from level to level, and
a normalising flow bends the Gaussian that comes out. Stage 2 decides, for a violation target eps:

    a = argmin over a of  E[eps max(a - y, 0) + (1 - eps) max(y - a, 0)] + c |a - a'|   with  P(y > a) <= eps'
      = a' put between the quantiles of y at 1 - eps' and 1 - eps' (1 - switch),   c = switch eps

a' is the capacity before, and without a switching cost the first quantile is all. What adapts is eps': the violations so
far, older ones fading over a week, give a Beta posterior of their rate; where P(rate > eps) > 0.9 eps' falls by 1 % a
slot, below 0.1 it rises. The last two known days are rehearsed before the first slot is served.

Networks ship trained on generated services of another stream. On a recorded trace, or at another delay, `prepare` goes
on with the training for `epochs` of the service's known past, but for the days that are rehearsed.

Variants: `fixed_target` leaves eps' at eps; `gaussian_head` and `released_loss` are other trainings of the forecaster
with a fixed target (`train_forecaster.py`); controls are `shuffled_levels`, `permuted_forecasts`, which has the forecast
of any known slot, and `random_capacity`, which draws capacity with the mean and variance of what HARMONY would allocate.

**Fidelity.** Stage 1 after the released code, at width 24, and centred on the last reading, not on the window's mean:
a training of a minute learns little else. Stage 2 is not released: it is inferred from the abstract.

**What to expect.** Written before measuring, from the card: the tail at 1 % right where a Gaussian's is not, and a
plain empirical quantile as right; no gain from levels; less capacity than the reactive rule at equal violation,
and not less than six lags.

**Ways to fake it.** A dial that is tuned on the served days; a CRPS of the Gaussian before the flow.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from scipy.special import betainc
from torch import nn

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.algorithms.autoscale.methods.harmony.service_forecast import (
    ServiceForecast,
    handed_out,
    training_seed,
    with_weights,
)
from adabench.workloads.algorithms.autoscale.methods.harmony.train_forecaster import (
    Loss,
    levels_of,
    tune,
)
from adabench.workloads.algorithms.autoscale.substrate.provisioning import (
    BULK,
    Autoscale,
    Bools,
    Forecast,
    Ints,
    Past,
    Provision,
    decide,
    dial_of,
    forecasts,
    quantile_at,
    window_of,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import Floats, Service

MEMORY = 2016
"""Slots, a week, over which violations fade to a part of e."""
SURE, STEP = 0.9, 0.01
LEAST, MOST = 0.05, 4.0
"""Of eps: how far eps' goes."""
REHEARSED = 2
"""Days; of a short past a quarter."""
BATCH = 192
"""Windows of a step of `tune`."""

CARD = Card(
    title="HARMONY",
    paper="Adaptive Two-Stage Cloud Resource Scaling via Hierarchical Multi-Indicator Forecasting and Bayesian "
    "Decision-Making, arXiv 2408.01000, August 2024",
    slug="harmony",
    adapts="capacity of each slot, on the forecast distribution of its load and the violations so far",
    no_signal="a run may have one service; `permuted_forecasts` has the forecasts of other slots",
    fidelity="reconstructed",
    knobs=(
        Knob("switch", (0.0, 0.5), 0.0, open=True, low=0.0, high=0.95),
        Knob("epochs", (10,), 10, at="prepare", open=True, low=0, high=1000),
    ),
    fixed={"loss": "flow", "adapts": True, "forecasts": "own"},
    variants=(
        Variant("fixed_target", "HARMONY with a fixed target", {"adapts": False}, role="adaptive",
                adapts="capacity of each slot, on the forecast distribution of its load",
                paper="an ablation of arXiv 2408.01000", slug="harmony"),
        Variant("gaussian_head", "HARMONY without its flow, with a fixed target",
                {"loss": "gaussian", "adapts": False}, role="adaptive",
                adapts="capacity of each slot, on a Gaussian forecast of its load",
                paper="an ablation of arXiv 2408.01000", slug="harmony"),
        Variant("released_loss", "HARMONY by the released loss, with a fixed target",
                {"loss": "released", "adapts": False}, role="adaptive",
                adapts="capacity of each slot, on what the released loss makes of its forecast",
                paper="an ablation of arXiv 2408.01000", slug="harmony"),
        Variant("shuffled_levels", "HARMONY with its levels shuffled", {"loss": "shuffled"}),
        Variant("permuted_forecasts", "HARMONY on forecasts of other slots",
                {"forecasts": "permuted"}),
        Variant("random_capacity", "Random capacity of HARMONY's mean and variance",
                {"forecasts": "drawn", "adapts": False}),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Tuned:
    """The task, and by instance the weights of networks that were tuned to a service."""

    task: Autoscale
    weights: Mapping[float, Floats]


class BayesianDecision:
    """Violation targets of a dial (K,), held by a posterior of the violation rate."""

    def __init__(self, dial: Floats, switch: float, *, adapts: bool) -> None:
        self.dial, self.switch, self.adapts = dial, switch, adapts
        self.part = np.ones(len(dial))
        self.served = self.exceeded = np.zeros(len(dial))
        self.before: Floats | None = None

    def choose(self, tail: Floats) -> Floats:
        """Return the least capacity that keeps the target, or what was there if moving costs more."""
        targets = self.dial * self.part
        low = quantile_at(tail, targets)
        if self.switch and self.before is not None:
            low = np.clip(self.before, low, quantile_at(tail, targets * (1 - self.switch)))
        self.before = low
        return low

    def learn(self, exceeded: Bools) -> None:
        """Count, and move the targets whose rate is surely too high or too low."""
        if not self.adapts:
            return
        fade = 1 - 1 / MEMORY
        self.served, self.exceeded = fade * self.served + 1, fade * self.exceeded + exceeded
        kept = self.served - self.exceeded
        above = 1 - betainc(0.5 + self.exceeded, 0.5 / self.dial + kept, self.dial)
        self.part = self.part * np.where(above > SURE, 1 - STEP, 1.0)
        self.part = (self.part * np.where(above < 1 - SURE, 1 + STEP, 1.0)).clip(LEAST, MOST)


def prepare(task: Autoscale, point: Point, seed: int) -> Tuned:
    """Go on with the training on the past of each service that is not like those of the training."""
    found, loss = {}, cast(Loss, point["loss"])
    for case in task.training():
        past = case.past[: rehearsal(case)[0]]
        steps = int(point["epochs"]) * len(past) // BATCH
        if case.familiar or not steps:
            continue
        network = deepcopy(handed_out(loss, case))
        levels = levels_of(loss, case.levels, training_seed(loss, case.seed))
        tune(
            network, past, levels, loss, steps, delay=case.delay, day=case.day, seed=case.seed
        )  # fmt: skip
        found[case.instance] = nn.utils.parameters_to_vector(network.parameters()).double().numpy()
    return Tuned(task, found)


def rehearsal(case: Service) -> Ints:
    """Return the known slots that are rehearsed."""
    length = len(case.past)
    rehearsed = min(REHEARSED * case.day, length // 4)
    return np.arange(max(length - rehearsed, window_of(case) + case.delay - 1), length)


def pack(state: Tuned) -> dict[float, Floats]:
    """Return what is worth storing: tuned weights."""
    return dict(state.weights)


def unpack(task: Autoscale, point: Point, data: dict[float, Floats]) -> Tuned:
    """Go on with stored weights."""
    return Tuned(task, data)


def solve(state: Tuned, case: Service, point: Point) -> Provision:
    """Rehearse on known days, then forecast and decide."""
    forecast: Forecast = forecast_of(state, case, cast(Loss, point["loss"]))
    slots, adapts = rehearsal(case), bool(point["adapts"])
    if point["forecasts"] != "own":
        rows = forecasts(case.past, slots, case, forecast)
        forecast = Drawn(rows, case.seed, permuted=point["forecasts"] == "permuted")
    decision = BayesianDecision(dial_of(case), float(point["switch"]), adapts=adapts)
    if adapts:
        tails = forecasts(case.past, slots, case, forecast)[:, len(BULK) :]
        decide(tails, case.past[slots, -1], np.ones(len(slots), np.bool_), case, decision)
    return state.task.provision(case, forecast, decision)


def forecast_of(state: Tuned, case: Service, loss: Loss) -> ServiceForecast:
    """Return the forecast of a service, tuned to it if it was."""
    network = handed_out(loss, case)
    if case.instance in state.weights:
        network = with_weights(loss, torch.from_numpy(state.weights[case.instance]).float())
    levels = levels_of(loss, case.levels, training_seed(loss, case.seed))
    return ServiceForecast(network, levels, case)


@dataclass(frozen=True)
class Drawn:
    """Forecasts that tell nothing of their slot: one of some rows (R, 27), or drawn with their mean and variance."""

    rows: Floats
    seed: int
    permuted: bool

    def __call__(self, past: Past) -> Floats:
        """Return rows (B, 27), each drawn by its slot's own number."""
        coins = [np.random.default_rng((self.seed, slot)) for slot in past.slots]
        if self.permuted:
            return self.rows[[coin.integers(len(self.rows)) for coin in coins]]
        steps = np.array([coin.standard_normal() for coin in coins])[:, None]
        rows = np.maximum(self.rows.mean(0) + self.rows.std(0) * steps, 0.0)
        return np.hstack([np.sort(part, 1) for part in np.split(rows, [len(BULK)], 1)])
