"""The instances: which bandits are played, and what is drawn for them.

| family   | means | here for |
|----------|---|---|
| classes  | the worst case in each of five classes C(theta) <= r | the paper's question |
| retrained | the worst case in the middle class, for each trained policy of a method | stability |
| pair     | one rival at C = 32, eight arms far off | friendly: asking far arms again is waste |
| leader   | one best arm, all others equal, C = 32 | the instance of the lower bound |
| hopeless | the same at C = 1000 | hostile: who trains on it alone learns little |
| easy     | the same at C = 1 | control: uniform suffices |
| prior    | means from independent Gaussians | the home of the prior-trained policy |

Conditions play hunts (`hypothesis_search.py`) in place of arms, with `clear` as the control of
each:

| family   | what is hunted | worst case |
|----------|---|---|
| thresholds | where answers turn from no to yes, noise by position | in five classes, searched for |
| questions | one of 100 objects, with 60 noisy questions | the hardest object: all are tried |
| clear    | the same with margins of 0.9, or 16 objects whose answers are all 0.05 or 0.95 | none |

and a third one, `jokes`, hunts in a generated table of Jester's shape with
the policies of 20 Questions, which never saw one; `matrix=FILE.csv` hunts in a table of the user's.
r is geometric from 1 (solved within 20 queries) to 1000 (hopeless). Worst cases are searched for
each policy anew (`worst_case_bandit.py`); what a family fixes beforehand is the starts, the
episodes and their noise, by (family, queries, episodes, seed), and the hash is over those.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.active_search.substrate import thresholds
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Draws,
    Floats,
    Ints,
    Small,
    draws,
)
from adabench.workloads.algorithms.active_search.substrate.complexity import on_boundary
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import (
    LEAST,
    HypothesisDraws,
    hypothesis_draws,
)
from adabench.workloads.algorithms.active_search.substrate.twenty_questions import joke_table, table
from adabench.workloads.shared.counting.frozen_arrays import content_number
from adabench.workloads.shared.counting.random_streams import child

CLASSES: Floats = np.geomspace(1.0, 1000.0, 5)
"""The difficulties r of the classes."""
MIDDLE = 2
PRIOR_SD = 1.0
"""The prior: means are independent Gaussians with this standard deviation."""
INSTANCE, SEARCH = 0, 1
Kind = Literal["worst", "fixed", "drawn"]
Problem = Literal["arms", "thresholds", "questions"]
Purpose = Literal["friendly", "hostile", "control", "question"]


@dataclass(frozen=True)
class Family:
    """What is played."""

    kind: Kind
    purpose: Purpose
    classes: tuple[int, ...] = ()
    """Of `CLASSES`."""
    near: int = 0
    """Of a fixed instance: so many rivals at one gap; the others are `FAR_AWAY` times behind."""


FAR_AWAY = 6.0
# The first case is solved once more, to warm up: let it be a cheap one.
FAMILIES = {
    "easy": Family("fixed", "control", (0,), near=ARMS - 1),
    "classes": Family("worst", "question", (0, 1, 2, 3, 4)),
    "retrained": Family("worst", "question", (MIDDLE,)),
    "pair": Family("fixed", "friendly", (MIDDLE,), near=1),
    "leader": Family("fixed", "question", (MIDDLE,), near=ARMS - 1),
    "hopeless": Family("fixed", "hostile", (4,), near=ARMS - 1),
    "prior": Family("drawn", "friendly"),
}


CLEAR = 16
"""Objects of the control of questions."""
JOKES = "jokes"
HYPOTHESIS_PROBLEMS: tuple[Problem, ...] = ("thresholds", "questions")


@dataclass(frozen=True)
class Case:
    """What a method is handed: nothing of the means, nor of the class."""

    group: str
    queries: int
    episodes: int
    instance: float
    """The first 52 bits of a SHA-256 over starts and draws: equal problems, equal numbers."""
    problem: Problem = "arms"
    """What kind of board there is to play on: everybody sees that."""


@dataclass(frozen=True)
class Instance:
    """One case with what the task keeps to itself."""

    case: Case
    family: Family
    gaps: Floats
    """(1 or episodes, arms - 1) of a fixed or drawn instance; of a search nothing."""
    drawn: Draws
    """Of the final episodes."""
    seed: int


@dataclass(frozen=True)
class HypothesisInstance:
    """One hunt, with what the task keeps to itself."""

    case: Case
    model: Small
    """(hypotheses, arms) chances of a yes: everybody's model."""
    truth: Ints
    """(episodes,) the hypothesis of each episode of the average case."""
    chances: Small
    """(episodes, arms) what its answers follow."""
    drawn: HypothesisDraws
    seed: int


def arms_only(case: Case) -> None:
    """Refuse a hunt.

    Raises:
        SelectionError: if the case is none of arms.
    """
    if case.problem != "arms":
        raise SelectionError(
            f"This method is for arms, not for {case.problem}.", "Leave it out, or choose a family."
        )


def generate(name: str, queries: int, episodes: int, seed: int) -> Instance:
    """Return one family's instance. Pure."""
    family = FAMILIES[name]
    noise, means = child(seed, INSTANCE, name, queries, episodes).spawn(2)
    drawn, gaps = draws(noise, episodes, queries), np.zeros((0, ARMS - 1))
    if family.kind == "fixed":
        shape = np.where(np.arange(ARMS - 1) < family.near, 1.0, FAR_AWAY)[None]
        gaps = on_boundary(shape, float(CLASSES[family.classes[0]]))
    elif family.kind == "drawn":
        normal = np.random.default_rng(means).standard_normal((episodes, ARMS))
        ranked = np.sort(PRIOR_SD * normal, axis=1)
        gaps = ranked[:, -1:] - ranked[:, -2::-1]
    content = content_number(name.encode(), gaps, drawn.noise, drawn.orders, drawn.coins)
    case = Case(name, queries, episodes, content)
    return Instance(case, family, gaps, drawn, seed)


def generate_hypotheses(
    problem: Problem,
    queries: int,
    episodes: int,
    seed: int,
    given: Small | None,
    *,
    clear: bool = False,
    called: str = "matrix",
) -> HypothesisInstance:
    """Return one hunt's instance; `given` is a table from elsewhere, and `called` its name. Pure.

    On average hypotheses are equally likely, and margins of thresholds uniform in 0.1..0.9.
    """
    name = "clear" if clear else called if given is not None else problem
    tables, own, noise = child(seed, INSTANCE, name, queries, episodes).spawn(3)
    rng = np.random.default_rng(own)
    if problem == "thresholds":
        model = thresholds.model()
    else:
        model = given if given is not None else table(np.random.default_rng(tables))
        if clear:
            model = np.where(model[:CLEAR] > 0.5, 1 - LEAST, LEAST).astype(np.float32)
    truth = rng.permutation(np.arange(episodes) % len(model))
    if problem == "thresholds":
        margins = rng.uniform(0.1, thresholds.MOST, (episodes, thresholds.POSITIONS))
        if clear:
            margins[:] = thresholds.MOST
        chances = thresholds.truth(truth, margins)
    else:
        chances = model[truth]
    drawn = hypothesis_draws(noise, episodes, queries, model)
    content = content_number(name.encode(), model, truth, chances, drawn.noise, drawn.names)
    case = Case(name, queries, episodes, content, problem)
    return HypothesisInstance(case, model, truth, chances, drawn, seed)


def generate_jokes(queries: int, episodes: int, seed: int) -> HypothesisInstance:
    """Return the hunt for a joke, in a table of its own for each seed. Pure."""
    given = joke_table(np.random.default_rng(child(seed, INSTANCE, JOKES)))
    return generate_hypotheses("questions", queries, episodes, seed, given, called=JOKES)
