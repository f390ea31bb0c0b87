"""The worst case of a policy in a hunt: all objects are tried, or instances are searched for.

Of questions the instances are the objects, so the search is exhaustive: the average case plays each
equally often, the `KEPT` that lose most are played again on other episodes, and the worst of them
is what final episodes, unseen so far, are played on. Of thresholds instances with C(theta) = r are
searched for as in `worst_case_bandit.py`: `STARTS` fresh starts, `ROUNDS` rounds of changes, better
ones replace their parents, finalists again, and final episodes. Without a gradient.
"""

from dataclasses import dataclass

import numpy as np

from adabench.workloads.algorithms.active_search.substrate import thresholds
from adabench.workloads.algorithms.active_search.substrate.bandit_families import HypothesisInstance
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    Floats,
    Ints,
    Policy,
    Small,
)
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import (
    HypothesisEpisodes,
    hypothesis_draws,
    play_instances,
    run,
)

AVERAGE, WORST = -1, -2
"""Keys beside the classes: the average case, and the worst of all objects."""
STARTS, ROUNDS, KEPT = 24, 4, 5
EPISODES, AGAIN = 96, 1024


@dataclass(frozen=True)
class WorstHypotheses:
    """What came of a policy in a hunt."""

    losses: dict[int, float]
    """By class, AVERAGE or WORST: of final episodes."""
    answers: int
    searched: int
    """Queries that the search spent."""
    episodes: int
    choose_s: float


def search_hypotheses(
    policy: Policy,
    prey: HypothesisInstance,
    seed: np.random.SeedSequence,
    scale: float,
    heard: Policy | None,
) -> WorstHypotheses:
    """Play the average case and each worst case; `heard` plays the average case in its place."""
    every = np.arange(prey.case.episodes)
    first = run(heard or policy, prey.model, prey.truth, prey.chances, prey.drawn, every, every)
    losses, plays, searched = {AVERAGE: _loss(first)}, [first], 0
    found: dict[int, tuple[Ints, Small]] = {}
    if prey.case.group == "clear":
        pass
    elif prey.case.problem == "questions":
        found[WORST], searched = _hardest_object(policy, prey, first, seed, scale)
    else:
        for k, own in enumerate(seed.spawn(len(thresholds.CLASSES))):
            found[k], spent = _hardest_threshold(policy, prey, k, own, scale)
            searched += spent
    for k, (truth, chances) in found.items():
        final = hypothesis_draws(_last(seed, k), prey.case.episodes, prey.case.queries, prey.model)
        plays.append(play_instances(policy, prey.model, truth, chances, final))
        losses[k] = _loss(plays[-1])
    return WorstHypotheses(
        losses,
        sum(one.answers for one in plays),
        searched,
        prey.case.episodes * len(plays),
        sum(one.choose_s for one in plays),
    )


def _last(seed: np.random.SeedSequence, k: int) -> np.random.SeedSequence:
    """Return the stream of final episodes, which no search draws from."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1000 + k))


def _loss(played: HypothesisEpisodes) -> float:
    return 1.0 - float(played.right.mean())


def _hardest_object(
    policy: Policy,
    prey: HypothesisInstance,
    first: HypothesisEpisodes,
    seed: np.random.SeedSequence,
    scale: float,
) -> tuple[tuple[Ints, Small], int]:
    """Return the object that loses most, and the queries that it took to find it."""
    number = np.maximum(np.bincount(prey.truth, minlength=len(prey.model)), 1)
    loss = np.bincount(prey.truth, ~first.right, minlength=len(prey.model)) / number
    worst = np.argsort(-loss, kind="stable")[:KEPT]
    drawn = hypothesis_draws(
        seed.spawn(1)[0], max(16, int(AGAIN * scale)), prey.case.queries, prey.model
    )
    again = play_instances(policy, prey.model, worst, prey.model[worst], drawn)
    hard = worst[[int((~again.right).reshape(len(worst), -1).mean(axis=1).argmax())]]
    return (hard, prey.model[hard]), again.answers


def _hardest_threshold(
    policy: Policy, prey: HypothesisInstance, k: int, seed: np.random.SeedSequence, scale: float
) -> tuple[tuple[Ints, Small], int]:
    """Return the worst instance of a class that was found, and the queries that it took."""
    own, first, second = seed.spawn(3)
    rng, spent = np.random.default_rng(own), 0
    hard = float(thresholds.CLASSES[k])

    def losses(z: Ints, margins: Floats, drawn_seed: np.random.SeedSequence, number: int) -> Floats:
        nonlocal spent
        drawn = hypothesis_draws(drawn_seed, number, prey.case.queries, prey.model)
        played = play_instances(policy, prey.model, z, thresholds.truth(z, margins), drawn)
        spent += played.answers
        found: Floats = (~played.right).reshape(len(z), -1).mean(axis=1)
        return found

    few, many = max(8, int(EPISODES * scale)), max(16, int(AGAIN * scale))
    z, shapes = thresholds.starts(rng, STARTS)
    margins = thresholds.on_boundary(z, shapes, np.full(STARTS, hard))
    loss = losses(z, margins, first, few)
    for _ in range(ROUNDS):
        other, shapes = thresholds.neighbours(rng, z, margins)
        tried = thresholds.on_boundary(other, shapes, np.full(STARTS, hard))
        its_loss = losses(other, tried, first, few)
        better = its_loss > loss
        z, margins = np.where(better, other, z), np.where(better[:, None], tried, margins)
        loss = np.where(better, its_loss, loss)
    last = np.argsort(-loss, kind="stable")[:KEPT]
    again = losses(z[last], margins[last], second, many)
    worst = last[[int(again.argmax())]]
    return (z[worst], thresholds.truth(z[worst], margins[worst])), spent
