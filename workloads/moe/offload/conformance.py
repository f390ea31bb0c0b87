"""What every method of `offload` must obey, ours or a plug-in's, tried on small cases.

    source      it imports nothing that tells what comes, nor what trains
    online      what it decides in a step does not change with the bytes that come after the step (oracles excepted)
    bounds      no method moves fewer bytes than Belady's rule over its own visits would

`check` yields a sentence for each broken rule and nothing for a sound method. They prove nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.moe.offload.substrate.decoding import PROMPT
from adabench.workloads.moe.offload.substrate.offload_bench import OffloadBench, World
from adabench.workloads.moe.offload.truth.future_visits import fewest_fetches
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.method_trials import (
    OnlineRule,
    Trial,
    Trials,
    check_by,
)
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset(("meter", "of", "visits", "future", "score", "transcript", "known"))
RULES = Rules("adabench.workloads.moe.offload", off_limits=OFF_LIMITS, who="method")
CUTS = (0.4,)
Score = Callable[[Any, Any], dict[str, float]]


def check(method: ModuleType, card: Card, worlds: Sequence[World], score: Score) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks."""

    def make(given: Sequence[World], transcript: Transcript) -> OffloadBench:
        return OffloadBench(tuple(given), score, transcript)

    yield from check_by(
        RULES, Trials(method, card, make, "moved_bytes", _agrees), lambda m: tried(m, worlds)
    )


def tried(method: Trials, worlds: Sequence[World]) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    trials = method.all([({"slots": one.case.slots}, [one]) for one in worlds])
    for trial in trials:
        least = fewest_fetches(trial.heard.visits, int(trial.values["slots"]))
        if trial.values["experts_fetched"] < least:
            yield f"It fetches less than Belady's rule on {trial.where}: {trial.values['experts_fetched']:g} < {least}."
    if method.card.role != "oracle":
        yield from method.online(trials, ONLINE)


def _agrees(trial: Trial) -> bool:
    asked = sum(map(len, trial.heard.visits))
    return bool(
        trial.values["experts_run"] == asked
        and trial.answer.hits == round(trial.values["hit_ratio"] * asked)
    )


def _other_future(trial: Trial, cut: float) -> World:
    """Return the case with other bytes from a step on."""
    world: World = trial.world
    first = PROMPT + int(cut) - 1
    tokens = world.given.tokens.copy()
    later = tokens[:, first:]
    tokens[:, first:] = np.random.default_rng(first).integers(32, 127, later.shape)
    return replace(world, given=replace(world.given, tokens=tokens))


ONLINE = OnlineRule(
    CUTS,
    cut_at=lambda trial, share: max(1, int(share * len(trial.heard.decisions))),
    steps=lambda trial, cut: int(cut),
    done=lambda trial: trial.heard.decisions,
    other_future=_other_future,
    step="step",
    later="the bytes",
)
