"""What every method must obey, ours or a plug-in's, tried on small services.

source      it names nothing of the task that a method has no business with (oracles excepted)
contract    it serves a case once, leaves it as it was, and answers with that
online      capacity of a slot does not depend on what is read later than `delay` slots before it (oracles excepted)
blind       another name of the service changes nothing that it does (oracles excepted)
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.autoscale.substrate.traces import (
    DAY,
    LEVELS,
    PAST,
    Demand,
    Terms,
    generate,
    make_demand,
)
from adabench.workloads.algorithms.autoscale.truth.scoring import scored_task
from adabench.workloads.shared.counting.method_trials import (
    OnlineRule,
    Trial,
    Trials,
    check_by,
    untold,
)
from adabench.workloads.shared.counting.random_streams import read_only
from adabench.workloads.shared.counting.source_rules import Rules

KNOWN, SLOTS = 4, 96
"""Days that are known, and slots that are served."""
CUTS = (0.3, 0.7)
DELAYS = (1, 3)
OFF_LIMITS = frozenset((
    "future", "there", "told", "generate", "make_demand", "Demand", "meter", "score", "judge", "of",
    "environment", "oracle_environment", "transcript", "group", "base", "coming",
    "setflags", "FAMILIES", "read_packaged", "read_file",
))  # fmt: skip
"""Attributes, imported names and strings that no honest method needs."""
RULES = Rules(
    "adabench.workloads.algorithms.autoscale",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
    who="method",
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    yield from check_by(RULES, trials_of(method, card), tried)


def trials_of(method: ModuleType, card: Card) -> Trials:
    """Return how a method is tried."""
    return Trials(method, card, scored_task, "capacity", _agrees)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    trials = method.all(({"delay": delay}, [small_demand(delay)]) for delay in DELAYS)
    if method.card.role == "oracle":
        return
    yield from untold(trials, lambda answer: answer.knows, "the loads to come")
    yield from method.online(trials, ONLINE)
    for trial in trials[:1]:
        case = replace(trial.case, group="other", instance=-trial.case.instance)
        (other,) = method.attempt((trial.conditions, [replace(trial.world, case=case)]))
        if not np.array_equal(other.heard, trial.heard):
            yield "It allocates otherwise when the service bears another name: it knows whom it serves."


def small_demand(delay: int, family: str = "bursts") -> Demand:
    """Return a service of which a third of a day is served; no network is tuned to it."""
    known = KNOWN * DAY
    readings = generate(family, 1, 7)[(PAST - KNOWN) * DAY : PAST * DAY + SLOTS]
    made = make_demand(family, readings, LEVELS, known, Terms(delay=delay, seed=7))
    return replace(made, case=replace(made.case, familiar=True))


def other_future(trial: Trial, cut: float) -> Demand:
    """Return the service with other readings from slot `cut` on."""
    rng = np.random.default_rng(int(cut))
    future = trial.world.future.copy()
    future[int(cut) :] *= rng.lognormal(0.3, 0.5, future[int(cut) :].shape)
    world: Demand = trial.world
    return replace(world, future=read_only(future))


def _agrees(trial: Trial) -> bool:
    return bool(trial.values["slots"] == len(trial.answer.capacity))


ONLINE = OnlineRule(
    CUTS,
    cut_at=lambda trial, share: float(int(share * trial.case.slots)),
    steps=lambda trial, cut: int(cut) + trial.case.delay,
    done=lambda trial: trial.heard,
    other_future=other_future,
    step="slot",
    later="readings",
)
