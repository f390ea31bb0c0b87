"""What every method of `moe_layer` must obey, ours or a plug-in's, tried on small streams of the cost model.

    source      it imports nothing that tells what comes, nor what times a whole stream
    online      what it sets in an iteration does not change with the tokens that come after it (oracles excepted)

`check` yields a sentence for each broken rule and nothing for a sound method. They prove nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.moe.moe_layer.substrate.layer_bench import LayerBench, World
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.method_trials import OnlineRule, Trial, Trials, check_by
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset(("meter", "of", "stream", "timed", "score", "transcript", "known"))
RULES = Rules("adabench.workloads.moe.moe_layer", off_limits=OFF_LIMITS, who="method")
Score = Callable[[Any, Any], dict[str, float]]


def check(method: ModuleType, card: Card, worlds: Sequence[World], score: Score) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks."""

    def make(given: Sequence[World], transcript: Transcript) -> LayerBench:
        return LayerBench(tuple(given), score, transcript, measured=False)

    yield from check_by(
        RULES, Trials(method, card, make, "padding", _agrees), lambda m: tried(m, worlds)
    )


def tried(method: Trials, worlds: Sequence[World]) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    trials = method.all([({"ranks": one.case.shape.ranks}, [one]) for one in worlds])
    if method.card.role != "oracle":
        yield from method.online(trials, ONLINE)


def _agrees(trial: Trial) -> bool:
    dropped = round((1 - trial.values["delivered"]) * trial.values["choices"])
    return bool(
        trial.answer.dropped == dropped and len(trial.heard.settings) == trial.case.iterations
    )


def _other_future(trial: Trial, cut: float) -> World:
    """Return the stream with other choices from an iteration on: all of one expert."""
    world: World = trial.world
    choices = world.stream.choices.copy()
    choices[world.stream.rows(int(cut)).start :] = 0
    return replace(world, stream=replace(world.stream, choices=choices))


ONLINE = OnlineRule(
    (0.5,),
    cut_at=lambda trial, share: max(1, int(share * trial.case.iterations)),
    steps=lambda trial, cut: int(cut),
    done=lambda trial: np.asarray(trial.heard.settings),
    other_future=_other_future,
    step="iteration",
    later="the tokens",
)
