"""What every scheme must obey, ours or a plug-in's, tried on small instances.

source      it names nothing of the task that a scheme has no business with (oracles excepted)
contract    it decodes every job in time or says that it is inexact, runs each case once
online      what it orders and decides up to a round does not depend on delays after it
(oracles excepted)
foresight   it is not told delays beforehand (oracles excepted)
bound       its time is not below the least time; the score refuses that too
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    FAMILIES,
    Profile,
    generate,
)
from adabench.workloads.algorithms.stragglers.substrate.replay import Stragglers
from adabench.workloads.shared.counting.method_trials import (
    OnlineRule,
    Trial,
    Trials,
    check_by,
    untold,
)
from adabench.workloads.shared.counting.random_streams import read_only
from adabench.workloads.shared.counting.source_rules import Rules

N, JOBS, PROBE = 24, 14, 40
ALPHA, MU = 6.0, 1.0
CUTS = (2, 7, 12)
"""Rounds after which delays are replaced."""
OFF_LIMITS = frozenset((
    "base", "generate", "make_profile", "Profile", "child", "walk", "least_time", "Transcript",
    "meter",
    "score", "transcript", "setflags", "writeable", "foresight",
    "environment", "oracle_environment", "open_future",
))  # fmt: skip
"""Attributes, imported names, keywords and strings that no honest scheme needs."""


def _keywords(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.keyword(arg=str(name)) if name in OFF_LIMITS:
            yield name


RULES = Rules(
    "adabench.workloads.algorithms.stragglers",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
    more=_keywords,
    who="scheme",
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    yield from check_by(RULES, trials_of(method, card), tried)


def trials_of(method: ModuleType, card: Card) -> Trials:
    """Return how a method is tried."""
    return Trials(
        method, card, lambda worlds, heard: Stragglers(worlds, transcript=heard), "time",
        lambda trial: bool(trial.values["time"] == trial.answer.time),
    )  # fmt: skip


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    trials = method.all(({"n": N}, (profile,)) for profile in small_profiles(seed=3))
    if method.card.role != "oracle":
        yield from untold(trials, lambda answer: answer.foresight, "delays beforehand")
        yield from method.online(trials, ONLINE)


def small_profiles(seed: int) -> tuple[Profile, ...]:
    """Return a small instance of each family."""
    return tuple(generate(family, N, JOBS, PROBE, ALPHA, MU, seed) for family in FAMILIES)


def other_future(profile: Profile, cut: int) -> Profile:
    """Return the profile with other delays from round `cut` on."""
    rng = np.random.default_rng(cut)
    base = profile.base.copy()
    shape = base[cut:].shape
    base[cut:] = rng.uniform(0.9, 1.1, shape) * np.where(rng.random(shape) < 0.1, 4.0, 1.0)
    return replace(profile, base=read_only(base))


def _rounds(trial: Trial) -> NDArray[np.object_]:
    """Return (2 T,) what was ordered in each round, and what was decided after it, in turn."""
    log = trial.heard
    both = zip_longest(log.orders, log.decided)
    return np.array([one for pair in both for one in pair], object)


ONLINE = OnlineRule(
    CUTS,
    cut_at=lambda trial, cut: cut,
    steps=lambda trial, cut: 2 * int(cut) + 1,  # orders of the cut's own round precede its delays
    done=_rounds,
    other_future=lambda trial, cut: other_future(trial.world, int(cut)),
    step="order or decision",
    later="the delays of rounds",
)
