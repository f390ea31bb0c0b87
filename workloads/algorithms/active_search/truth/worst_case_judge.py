"""What a policy's losses are worth: success, losses by class, and the gap to the specialists."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    CLASSES,
    MIDDLE,
    Case,
    HypothesisInstance,
    Instance,
    generate,
)
from adabench.workloads.algorithms.active_search.substrate.bandits import ARMS
from adabench.workloads.algorithms.active_search.substrate.complexity import success_limit
from adabench.workloads.algorithms.active_search.substrate.replay import ActiveSearch, Setting
from adabench.workloads.algorithms.active_search.substrate.trained_policies import shipped_policies
from adabench.workloads.algorithms.active_search.substrate.worst_case_adversary import (
    Answer,
    AnyInstance,
    played,
)
from adabench.workloads.algorithms.active_search.substrate.worst_case_hypothesis import (
    AVERAGE,
    WORST,
)
from adabench.workloads.shared.counting.counted_task import Transcript

SPREAD_LIMIT = 0.05


def scored_task(
    instances: Sequence[AnyInstance], transcript: Transcript | None = None
) -> ActiveSearch:
    """Return the task of these instances, with its score."""
    worlds = [Setting(one) for one in instances]
    return ActiveSearch(worlds, lambda world, answer: worth(world.instance, answer), transcript)


def worth(instance: AnyInstance, answer: Answer) -> dict[str, float]:
    """Return success, losses by class, and the gap to the specialists."""
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
    answer, _ = played(instance, lambda k: shipped_policies(f"specialist-{k}"))
    return tuple(answer.losses[k][0] for k in range(len(CLASSES)))
