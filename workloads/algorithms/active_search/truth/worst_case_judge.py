"""How a policy is judged: its worst case is searched for, then final episodes are played.

Worst cases are searched for each policy anew, by the same search with the same starts and episodes;
the method has no part in it. The final episodes are seen by no search.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    CLASSES,
    MIDDLE,
    SEARCH,
    Case,
    HypothesisInstance,
    Instance,
    child,
    generate,
)
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Episodes,
    Floats,
    Ints,
    Policy,
    play,
    run,
)
from adabench.workloads.algorithms.active_search.substrate.complexity import success_limit
from adabench.workloads.algorithms.active_search.substrate.replay import (
    Answer,
    Policies,
    Recorder,
)
from adabench.workloads.algorithms.active_search.substrate.trained_policies import shipped_policies
from adabench.workloads.algorithms.active_search.truth.worst_case_bandit import search
from adabench.workloads.algorithms.active_search.truth.worst_case_hypothesis import (
    AVERAGE,
    WORST,
    search_hypotheses,
)

SPREAD_LIMIT = 0.05
FINAL = 2048
"""Episodes at which a search is not thinned."""


class WorstCaseJudge:
    """The task's judge: it knows means and classes, and no method is handed it."""

    def run(
        self,
        instance: Instance | HypothesisInstance,
        policies_of: Callable[[int], Policies],
        ear: list[Ints] | None,
    ) -> tuple[Answer, dict[str, float]]:
        """Play the policies of each class, in the worst cases that are found for them."""
        return _run(instance, policies_of, ear)

    def values(self, instance: Instance | HypothesisInstance, answer: Answer) -> dict[str, float]:
        """Return success, losses by class, and the gap to the specialists."""
        return _values(instance, answer)


def _run(
    instance: Instance | HypothesisInstance,
    policies_of: Callable[[int], Policies],
    ear: list[Ints] | None = None,
) -> tuple[Answer, dict[str, float]]:
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
            played = _final(policy if ear is None else Recorder(policy, ear), gaps, instance)
            found.append(1.0 - float(played.right.mean()))
            answers, searched = answers + played.answers, searched + looked
            episodes, spent_s = episodes + case.episodes, spent_s + played.choose_s
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


def _values(instance: Instance | HypothesisInstance, answer: Answer) -> dict[str, float]:
    if isinstance(instance, HypothesisInstance):
        return _of_hunt(instance.case, {k: losses[0] for k, losses in answer.losses.items()})
    case, family = instance.case, instance.family
    means = {k: float(np.mean(losses)) for k, losses in answer.losses.items()}
    loss = float(np.mean(list(means.values())))
    # Binomial, of one policy; several that share the episodes are no more certain than one.
    variance = sum(one * (1 - one) for one in means.values()) / len(means) ** 2 / case.episodes
    values = {
        "success": 1.0 - loss,
        "success_se": variance**0.5,
        "loss": loss,
        "instance": case.instance,
    }
    if case.group == "classes":
        values |= _gaps(means, instance)
    elif AVERAGE not in means:
        (k,) = family.classes
        values["success_limit"] = (
            1.0 if family.near == 1 else success_limit(float(CLASSES[k]), ARMS, case.queries)
        )
    found = answer.losses.get(MIDDLE, ())
    if case.group == "retrained" and len(found) > 1:
        values |= {"spread": max(found) - min(found), "spread_limit": SPREAD_LIMIT}
    return values


def _of_hunt(case: Case, losses: Mapping[int, float]) -> dict[str, float]:
    """Return the average loss and the worst: over all objects, or of each class."""
    loss = losses[AVERAGE]
    worst = {f"loss_{k}": value for k, value in losses.items() if k >= 0}
    if WORST in losses:
        worst = {"worst_loss": losses[WORST]}
    return worst | {
        "success": 1.0 - loss,
        "success_se": (loss * (1 - loss) / case.episodes) ** 0.5,
        "loss": loss,
        "instance": case.instance,
    }


def _gaps(means: Mapping[int, float], instance: Instance) -> dict[str, float]:
    """Return losses by class and how far the worst is above its specialist."""
    case = instance.case
    limits = [1 - success_limit(float(hard), ARMS, case.queries) for hard in CLASSES]
    least = envelope(case.queries, case.episodes, instance.seed)
    gaps = {k: means[k] - least[k] for k in means}
    values = {f"loss_{k}": means[k] for k in means} | {f"gap_{k}": gaps[k] for k in gaps}
    return values | {
        "worst_gap": max(0.0, *gaps.values()),
        "lower_bound": float(np.mean(limits)),
        "success_limit": 1.0 - float(np.mean(limits)),
    }


@lru_cache(maxsize=64)
def envelope(queries: int, episodes: int, seed: int) -> tuple[float, ...]:
    """Return each class's L(r): its specialist's loss, by the same search on the same episodes."""
    instance = generate("classes", queries, episodes, seed)
    answer, _ = _run(instance, lambda k: shipped_policies(f"specialist-{k}"))
    return tuple(answer.losses[k][0] for k in range(len(CLASSES)))
