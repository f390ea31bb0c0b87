"""The task object: plays a policy on a case, counts its queries, and scores what came of it.

`task.py` says what is measured and why. Worst cases are searched here, for each policy anew, by the
same search with the same starts and episodes; the method has no part in it. The final episodes
are seen by no search.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from functools import lru_cache
from typing import NoReturn, cast

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search import checkpoints
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    CLASSES,
    MIDDLE,
    SEARCH,
    Case,
    Instance,
    Prey,
    child,
    generate,
)
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Board,
    Floats,
    Ints,
    Played,
    Policy,
    play,
    run,
)
from adabench.workloads.algorithms.active_search.truth.complexity import success_limit
from adabench.workloads.algorithms.active_search.truth.worst_case_bandit import search
from adabench.workloads.algorithms.active_search.truth.worst_case_hypothesis import (
    AVERAGE,
    WORST,
    ambushed,
)

Policies = Sequence[Policy]
SPREAD_LIMIT = 0.05
FINAL = 2048
"""Episodes at which a search is not thinned."""


@dataclass(frozen=True)
class Answer:
    """What came of a method on a case."""

    instance: float
    losses: Mapping[int, tuple[float, ...]]
    """By class (-1: the prior), of each policy that was played: the share of wrong names."""
    worst: Mapping[int, tuple[float, ...]]
    """The gaps of the instance that the first policy was played on last."""


@dataclass(frozen=True)
class ActiveSearch:
    """The task: its cases, the counting bandits, and the score."""

    instances: InitVar[tuple[Instance | Prey, ...]]
    meter: Meter = field(default_factory=Meter)
    ear: InitVar[list[Ints] | None] = None
    """Who listens to the queries of final episodes, if anybody; not kept on the task."""
    known: tuple[Case, ...] = field(init=False)
    _play: Callable[[Case, Callable[[int], Policies]], Answer] = field(
        init=False, repr=False, compare=False
    )
    _judged: Callable[[Case, Answer], dict[str, float]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self, instances: tuple[Instance | Prey, ...], ear: list[Ints] | None) -> None:
        """Open the books."""
        played, judged = _books(instances, self.meter, ear)
        object.__setattr__(self, "known", tuple(one.case for one in instances))
        object.__setattr__(self, "_play", played)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Case, ...]:
        """Return the cases."""
        return self.known

    def play(self, case: Case, *policies: Policy) -> Answer:
        """Play a policy on a case; of several (one a training seed) the run's seed picks.

        The family `retrained` plays all of them.
        """
        return self._play(case, lambda k: policies)

    def play_knowing(self, case: Case, policies_of: Callable[[int], Policies]) -> Answer:
        """Play, for each class, a policy that was told the class (-1: the prior). For oracles."""
        return self._play(case, policies_of)

    def score(self, case: Case, answer: Answer) -> dict[str, float]:
        """Return success, losses by class, and the gap to the specialists."""
        return self._judged(case, answer)

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: a copy would count into a meter that nobody reads."""
        raise TypeError("an active-search task is not stored; load it from its conditions")


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


def _books(
    instances: tuple[Instance | Prey, ...], meter: Meter, ear: list[Ints] | None
) -> tuple[
    Callable[[Case, Callable[[int], Policies]], Answer],
    Callable[[Case, Answer], dict[str, float]],
]:
    """Return what plays and what judges; what was given out is kept here."""
    given: dict[float, Answer] = {}
    unlike: set[float] = set()
    counted, metered = cast(dict[str, float], meter), dict[str, float]()

    def played(case: Case, policies_of: Callable[[int], Policies]) -> Answer:
        instance = _of(instances, case)
        before = given.get(case.instance) if counted else None
        if not counted:
            metered.clear()
            unlike.clear()
        answer, counts = _run(instance, policies_of, ear)
        for name, value in counts.items():
            for book in (counted, metered):
                book[name] = book.get(name, 0.0) + value
        if before is not None and before.losses != answer.losses:
            unlike.add(case.instance)
        given[case.instance] = answer
        return answer

    def judged(case: Case, answer: Answer) -> dict[str, float]:
        instance = _of(instances, case)
        if answer is not given.get(case.instance):
            raise MethodContractError(
                "The answer is not the task's own run of this case.",
                "`solve` must return what `task.play(case, ...)` returned last.",
            )
        if case.instance in unlike:
            raise MethodContractError("It plays a case more than once and answers with one.")
        if dict(counted) != metered:
            raise MethodContractError(
                "Something other than the task wrote into the meter.",
                "Only `play` counts; a method leaves `task.meter` alone.",
            )
        return _values(instance, answer)

    return played, judged


def _of(instances: tuple[Instance | Prey, ...], case: Case) -> Instance | Prey:
    for instance in instances:
        if instance.case is case:
            return instance
    raise MethodContractError("That is not a case of this task.", "Pass `case` on as it is.")


def _run(
    instance: Instance | Prey,
    policies_of: Callable[[int], Policies],
    ear: list[Ints] | None = None,
) -> tuple[Answer, dict[str, float]]:
    if isinstance(instance, Prey):
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
    instance: Prey, policies: Policies, ear: list[Ints] | None
) -> tuple[Answer, dict[str, float]]:
    (policy,) = _picked(policies, instance.seed, instance.case.group)
    seed = child(instance.seed, SEARCH, instance.case.group, instance.case.queries)
    scale = min(1.0, instance.case.episodes / FINAL)
    found = ambushed(policy, instance, seed, scale, None if ear is None else Recorder(policy, ear))
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


def _final(policy: Policy, gaps: Floats, instance: Instance) -> Played:
    """Play the final episodes: all on one instance, or one on each."""
    if len(gaps) == 1:
        return play(policy, gaps, instance.drawn)
    means = np.concatenate([np.zeros((len(gaps), 1)), -gaps], axis=1)
    order = instance.drawn.orders
    hidden = np.take_along_axis(means, order, axis=1)
    episode = np.arange(len(gaps))
    return run(policy, hidden, order, instance.drawn, episode, instance.case.queries)


def _values(instance: Instance | Prey, answer: Answer) -> dict[str, float]:
    if isinstance(instance, Prey):
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
    answer, _ = _run(instance, lambda k: checkpoints.trained(f"specialist-{k}"))
    return tuple(answer.losses[k][0] for k in range(len(CLASSES)))
