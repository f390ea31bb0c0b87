"""Autoscaling: how much capacity a service is given, decided before its load is known.

A case is a service (`traces.py`): some weeks of readings are known, and the days after them are served, slot by slot
of five minutes. Capacity for a slot is decided `delay` slots ahead, so long does an instance take to start, from all
that was read until then. A method hands over a forecast, and a decision if it has one of its own:

    def solve(task, case, point):
        return task.provision(case, forecast)

**What is given to everybody alike.** The readings of all indicators, filled where one is missing; the violation target
`eps`; a dial of six further targets, at which every method is served side by side (`provisioning.py`).

**What is scored.** `violations`: the share of slots whose load exceeds their capacity; `within_sla`, the others.
`overprovision`: capacity above the load, over the load. Who violates more is cheaper, so methods are compared by
`overprovision_at_1pct`: the same at a violation rate of 1 %, read off between two targets of the dial, and where the
dial ends before that by scaling the capacity there with one factor: alike for all. `capacity_at_1pct` is 1 more: the
capacity-hours over the load's. `sla_error` = |violations - eps|, `worst_day` the violations of the worst day,
`shortfall` the load above capacity, `switched` how much capacity is moved, both over the load; `crps` and `error` of
the forecast over the mean load, by 20 quantiles and by its median; `covered` of the interval from .05 to .95.

**Days.** A day has 288 slots, and 1 % of them are three: no violation rate can be told of one. So a case is all the
days that are served (`days`, by default 14), with one dial for all of them; `--set days=1` makes it a day.

    adabench run 'autoscale/*' --set trace=bursts+drift     some of the families
    adabench run 'autoscale/*' --set trace=real             Alibaba, Google and Azure, with the extra `traces`
    adabench run 'autoscale/*' --data FILE.csv:COLUMN       a service of your own (`trace_reader.py`)

**Limits.** Capacity and load are numbers: nothing is started or served, nobody waits. Recorded traces are the same in
every seed: there seeds differ by trainings alone, and the interval of what is not trained has no width.
"""

from collections.abc import Mapping

from adabench.harness.contract.card import Card, Gap, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.autoscale.conformance import check
from adabench.workloads.algorithms.autoscale.substrate.provisioning import Autoscale, Provision
from adabench.workloads.algorithms.autoscale.substrate.trace_reader import (
    TRACES,
    Recorded,
    read_file,
    read_packaged,
)
from adabench.workloads.algorithms.autoscale.substrate.traces import (
    DAY,
    FAMILIES,
    LEVELS,
    PAST,
    Demand,
    Terms,
    generate,
    make_demand,
)
from adabench.workloads.algorithms.autoscale.truth.scoring import scored_task

GENERATED = "generated"
CARD = Card(
    title="Capacity ahead of demand",
    paper="HARMONY, arXiv 2408.01000, August 2024",
    adapts="capacity of each slot, on a forecast of its load",
    budget="eps",
    no_speedup="capacity is a number here: nothing is started, so hours that were saved cannot become time",
    gaps=(
        Gap(
            mixture=(
                "peak", "reactive", "linear_quantile", "gaussian", "residual_quantile",
                "linear_indicators", "time_of_day",
            ),
            methods=(
                "harmony", "fixed_target", "gaussian_head", "released_loss", "shuffled_levels",
                "adaptive_conformal", "permuted_forecasts", "random_capacity",
            ),
            oracle="clairvoyant",
            coin="random_capacity",
        ),
    ),
    knobs=(
        Knob("eps", (0.01,), 0.01, open=True, low=0.001, high=0.1),
        Knob("delay", (1,), 1, open=True, low=1, high=48),
        Knob("days", (14,), 14, open=True, low=1, high=60),
        Knob("instances", (0,), 0, open=True, low=0, high=100000),
        Knob("trace", ("suite",), "suite", open=True),
        Knob("data", ("generated",), "generated", open=True),
        Knob("day", (288,), 288, open=True, low=4, high=86400),
    ),
    cases="nested",
    seeds=5,
    metrics=(
        Metric("within_sla", "", "higher", "quality", primary=True),
        Metric("overprovision", "", "lower", "work", primary=True, low=0.0, high=1000.0),
        Metric("overprovision_at_1pct capacity_at_1pct", "", "lower", "cost", low=0.0, high=1000.0),
        Metric("violations", "", "lower", "cost"),
        Metric("sla_error worst_day", "", "lower", "cost"),
        Metric("shortfall switched", "", "lower", "cost", low=0.0, high=1000.0),
        Metric("crps error", "", "lower", "cost", low=0.0, high=1000.0),
        Metric("covered", "", "higher", "info"),
        Metric("coverage_error", "", "lower", "cost"),
        Metric("switches", "switches", "lower", "work"),
        Metric("slots", "slots", "higher", "info"),
        Metric("days", "days", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)  # fmt: skip

CHECK_CONDITIONS = {"days": 1, "trace": "bursts"}
OUTCOMES = (Provision,)

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "check_conditions", "load"]


def load(
    scale: str,
    seed: int,
    *,
    eps: float = 0.01,
    delay: int = 1,
    days: int = 14,
    instances: int = 0,
    trace: str = "suite",
    data: str = GENERATED,
    day: int = DAY,
) -> Autoscale:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale or a trace that it does not have, or a file that cannot be served.
        EnvironmentProblem: if a recorded trace is asked for whose package is not installed.
    """
    if scale != "embedded":
        raise SelectionError(f"autoscale has no scale {scale!r}.", "It runs at `embedded`.")
    terms = Terms(eps, delay, instances, DAY if data == GENERATED else day, seed)
    if data != GENERATED:
        return scored_task([_demand(read_file(data, day), days, terms)])
    made = []
    for name in _names(trace):
        if name in TRACES:
            made.append(_demand(read_packaged(name), days, terms))
        else:
            readings = generate(name, days, seed)
            made.append(make_demand(name, readings, LEVELS, PAST * DAY, terms, generated=True))
    return scored_task(made)


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse a trace or a file that cannot be served.

    Raises:
        SelectionError: naming what is wrong with it.
        EnvironmentProblem: if it is recorded, and its package is not installed.
    """
    data = str(conditions.get("data", GENERATED))
    if data != GENERATED:
        read_file(data, int(conditions.get("day", DAY)))
        return
    for name in _names(str(conditions.get("trace", "suite"))):
        if name in TRACES:
            read_packaged(name)


def _names(trace: str) -> tuple[str, ...]:
    """Return the services that a condition names: a suite, or one or several joined by plus signs."""
    known = {"suite": tuple(FAMILIES), "real": tuple(TRACES)}
    names = known.get(trace, tuple(trace.split("+")))
    for name in names:
        if name not in FAMILIES and name not in TRACES:
            raise SelectionError(
                f"There is no trace {name!r}.", nearest(name, (*known, *FAMILIES, *TRACES))
            )
    return names


def _demand(found: Recorded, days: int, terms: Terms) -> Demand:
    """Return a recorded service, of which so many days are served at most."""
    readings = found.readings[: found.known + days * terms.day]
    return make_demand(found.name, readings, found.levels, found.known, terms)
