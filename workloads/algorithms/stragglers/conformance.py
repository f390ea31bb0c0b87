"""What every scheme must obey, ours or a plug-in's, tried on small instances.

    source      it names nothing of the task that a scheme has no business with (oracles excepted)
    contract    it decodes every job in time or says that it is inexact, runs each case once
    online      what it orders and decides up to a round does not depend on delays after it
                (oracles excepted)
    foresight   it is not told delays beforehand (oracles excepted)
    bound       its time is not below the least time; the score refuses that too

`check` yields a sentence per broken rule and nothing for a sound scheme. It catches honest
mistakes and the usual ways to fake a result; it proves nothing. Nothing on the task tells a
method that it is being checked (a `Transcript` listens unseen).
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    FAMILIES,
    Profile,
    generate,
    read_only,
)
from adabench.workloads.algorithms.stragglers.substrate.master_loop import RoundLog
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers, Transcript
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
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


@dataclass(frozen=True)
class Trial:
    """One method on one instance: what it answered and what was heard of it."""

    profile: Profile
    answer: Replay
    round_log: RoundLog


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    problems = list(source_problems(RULES, method, card))
    yield from problems
    if problems:
        return
    try:
        trials = [attempt(method, card, profile) for profile in small_profiles(seed=3)]
        if card.role != "oracle":
            yield from _without_foresight(trials)
            yield from _online(method, card, trials)
    except MethodContractError as breach:
        yield f"{breach.message} {breach.hint}".strip()


def small_profiles(seed: int) -> tuple[Profile, ...]:
    """Return a small instance of each family."""
    return tuple(generate(family, N, JOBS, PROBE, ALPHA, MU, seed) for family in FAMILIES)


def attempt(method: ModuleType, card: Card, profile: Profile) -> Trial:
    """Run a method on an instance and listen.

    Raises:
        MethodContractError: if it breaks the contract or runs the case other than once.
    """
    transcript = Transcript()
    task = Stragglers((profile,), transcript=transcript)
    (case,) = task.cases()
    state = prepared_state(method, task, card.defaults)
    answer = method.solve(state, case, card.defaults)
    task.score(case, answer)
    if transcript.replays != {case.instance: 1}:
        raise MethodContractError("It runs a case more than once and answers with one.")
    return Trial(profile, answer, transcript.round_log[case.instance])


def _without_foresight(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.answer.foresight:
            group = trial.profile.case.group
            yield f"It is told delays beforehand on {group}: those are for oracles."
            return


def _online(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Replace the delays after a cut, and compare what was done before it."""
    for old in trials:
        for cut in CUTS:
            new = attempt(method, card, other_future(old.profile, cut))
            same_orders = old.round_log.orders[: cut + 1] == new.round_log.orders[: cut + 1]
            if not same_orders or old.round_log.decided[:cut] != new.round_log.decided[:cut]:
                yield (
                    f"It looks ahead: on {old.profile.case.group} it does otherwise before round "
                    f"{cut} when delays from that round on are others."
                )
                return


def other_future(profile: Profile, cut: int) -> Profile:
    """Return the profile with other delays from round `cut` on."""
    rng = np.random.default_rng(cut)
    base = profile.base.copy()
    shape = base[cut:].shape
    base[cut:] = rng.uniform(0.9, 1.1, shape) * np.where(rng.random(shape) < 0.1, 4.0, 1.0)
    return replace(profile, base=read_only(base))
