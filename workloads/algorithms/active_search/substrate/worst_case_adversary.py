"""How a policy is played: its worst case is searched for, then final episodes are played.

Worst cases are searched for each policy anew, by the same search with the same starts and episodes;
the method has no part in it. The final episodes are seen by no search.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    CLASSES,
    SEARCH,
    HypothesisInstance,
    Instance,
)
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Board,
    Episodes,
    Floats,
    Ints,
    Policy,
    draws,
    first_best,
    play,
    run,
)
from adabench.workloads.algorithms.active_search.substrate.worst_case_bandit import search
from adabench.workloads.algorithms.active_search.substrate.worst_case_hypothesis import (
    AVERAGE,
    search_hypotheses,
)
from adabench.workloads.shared.counting.random_streams import child

FINAL = 2048
"""Episodes at which a search is not thinned."""
Policies = Sequence[Policy]
AnyInstance = Instance | HypothesisInstance


@dataclass(frozen=True)
class Answer:
    """What came of a method on a case."""

    instance: float
    losses: Mapping[int, tuple[float, ...]]
    """By class (-1: the prior), of each policy that was played: the share of wrong names."""
    worst: Mapping[int, tuple[float, ...]]
    """The gaps of the instance that the first policy was played on last."""


class Recorder:
    """A policy that passes boards on to another and notes what that asks."""

    def __init__(self, policy: Policy, ear: list[Ints]) -> None:
        """Listen to `policy`."""
        self.policy, self.ear = policy, ear

    def choose(self, board: Board) -> Ints:
        """Ask what it asks."""
        arms = self.policy.choose(board)
        self.ear.append(np.array(arms))
        return arms


def warm() -> None:
    """Play the shortest case, which loads the kernels, or compiles them for all methods.

    With its first kernel numba imports SciPy's BLAS, whose pool of threads survives a fork.
    """
    drawn = draws(np.random.SeedSequence(0), 1, 1)
    play(_FirstArm(), np.ones((1, ARMS - 1)), drawn)
    first_best(np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32))


class _FirstArm:
    """A policy that always asks the same."""

    def choose(self, board: Board) -> Ints:
        """Ask the first arm."""
        return np.zeros(len(board.counts), np.int64)


def played(
    instance: AnyInstance,
    policies_of: Callable[[int], Policies],
    ear: list[Ints] | None = None,
) -> tuple[Answer, dict[str, float]]:
    """Play the policies of each class; return what came of it and what was counted."""
    if isinstance(instance, HypothesisInstance):
        return _hunted(instance, policies_of(AVERAGE), ear)
    case, family = instance.case, instance.family
    losses: dict[int, tuple[float, ...]] = {}
    worst: dict[int, tuple[float, ...]] = {}
    answers = searched = episodes = 0
    spent_s = 0.0
    for k in family.classes or (AVERAGE,):
        own = _picked(policies_of(k), instance.seed, case.group)
        found = []
        for policy in own:
            gaps, looked = _hardest(policy, instance, k)
            final = _final(policy if ear is None else Recorder(policy, ear), gaps, instance)
            found.append(1.0 - float(final.right.mean()))
            answers, searched = answers + final.answers, searched + looked
            episodes, spent_s = episodes + case.episodes, spent_s + final.choose_s
            worst.setdefault(k, tuple(float(gap) for gap in gaps[0]))
        losses[k] = tuple(found)
    counts = {
        "queries": answers / episodes,
        "search_queries": float(searched),
        "episodes": float(episodes),
        "policies": float(len(losses[next(iter(losses))])),
        "choose_s": spent_s / answers * 1000,
    }
    return Answer(case.instance, losses, worst), counts


def _hunted(
    instance: HypothesisInstance, policies: Policies, ear: list[Ints] | None
) -> tuple[Answer, dict[str, float]]:
    (policy,) = _picked(policies, instance.seed, instance.case.group)
    seed = child(instance.seed, SEARCH, instance.case.group, instance.case.queries)
    scale = min(1.0, instance.case.episodes / FINAL)
    found = search_hypotheses(
        policy, instance, seed, scale, None if ear is None else Recorder(policy, ear)
    )
    counts = {
        "queries": found.answers / found.episodes,
        "search_queries": float(found.searched),
        "episodes": float(found.episodes),
        "policies": 1.0,
        "choose_s": found.choose_s / found.answers * 1000,
    }
    losses = {k: (loss,) for k, loss in found.losses.items()}
    return Answer(instance.case.instance, losses, {}), counts


def _picked(policies: Policies, seed: int, group: str) -> Policies:
    if not policies:
        raise MethodContractError("No policy was given.", "`task.play(case, policy)`")
    return policies if group == "retrained" else [policies[seed % len(policies)]]


def _hardest(policy: Policy, instance: Instance, k: int) -> tuple[Floats, int]:
    """Return the gaps to play on, and the queries it took to find them."""
    if instance.family.kind != "worst":
        return instance.gaps, 0
    case = instance.case
    seed = child(instance.seed, SEARCH, case.group, k, case.queries)
    scale = min(1.0, case.episodes / FINAL)
    found = search(policy, float(CLASSES[k]), seed, case.queries, scale)
    return found.gaps[None], found.answers


def _final(policy: Policy, gaps: Floats, instance: Instance) -> Episodes:
    """Play the final episodes: all on one instance, or one on each."""
    if len(gaps) == 1:
        return play(policy, gaps, instance.drawn)
    means = np.concatenate([np.zeros((len(gaps), 1)), -gaps], axis=1)
    order = instance.drawn.orders
    hidden = np.take_along_axis(means, order, axis=1)
    episode = np.arange(len(gaps))
    return run(policy, hidden, order, instance.drawn, episode, instance.case.queries)
