"""Every checkpoint of the chain task by name, and how it is trained.

    adabench train chain/lm-s-orders-s0

A policy of products in any order learns from traces of the `train` split, and each training of the smallest has
of its own: a judge, which starts from its trunk and learns from the outcomes of its roll-outs on the `prm` split;
a table of strategies, fitted to what each of them answers on the `dev` split; responses of every configuration of
a pool of policies, and a router to the largest of them, on the `calibration` split; and a policy that revises,
which goes on from it on its attempts at `train` problems. Steps, never seconds: the result does not depend on how
busy the machine is.

The policies of the format `splits`, and the scores of how hard a step is that are learned from their errors on the
`calibration` split, are there for methods with two modes. From the first of them others go on: by reward (`rl-*`), or by
further solutions (`sft-more-*`); and `moe-s-*`, whose MLP became experts. Policies that sum up paths of their own (`paths-*`) go on from those of `orders`. Policies that read the word of an effort (`effort-*`) have a start of their own.
"""

from dataclasses import dataclass
from typing import Literal

from adabench.workloads.shared.language_model.model import LM_M, LM_S, Shape
from adabench.workloads.shared.language_model.pooled.thought_model import THINKER
from adabench.workloads.shared.language_model.routed_model import MOE_S

Format = Literal["orders", "splits", "tries", "paths"]
"""Of questions and solutions (`substrate/order_problems.py`, `substrate/problems.py`, `substrate/tries.py`, `substrate/paths.py`)."""
Mistaken = tuple[float, float]
"""Which shares of the products of small and of large factors a teacher misremembers."""


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    shape: Shape
    seed: int
    steps: int
    batch: int
    rate: float
    kind: Literal["lm", "judge", "router", "score", "responses", "table", "reviser", "rewarded"] = (
        "lm"
    )
    trunk: str = ""
    """First weights; a judge's are trained for `steps` more before its head learns. A router stands on
    a judge and leaves it as it is, and a table is fitted with one. Of responses: the policy in the middle."""
    make: Literal["first", "second", "third", "slack", "upcycled", "side_by_side"] = "first"
    """How a language model is trained: `train_models.py`, `short_training.py`, `order_training.py`, `train_effort.py`, `train_experts.py`, `train_paths.py`."""
    accuracy: float = 0.0
    """On `dev`, at which a training of the second make ends: the mean over lengths of greedy answers
    and samples. 0: it ends after its steps."""
    first_look: float = 0.4
    """Share of its steps after which a training of the second make is first looked at."""
    policy: str = ""
    """Whose completions a judge learns to judge, whose steps a router hands over, whose errors a score
    foretells, whose strategies a table chooses from, whose attempts a policy learns to revise."""
    problems: int = 0
    """How many problems a judge, a router, a score, a table or a policy that revises sees completions
    of, or responses are to."""
    mechanism: str = "search"
    """Whose strategies a table chooses from."""
    target: str = ""
    """To whom a router hands steps over; the largest policy of a pool."""
    forecast_s: int = 600
    format: Format = "orders"
    mistaken: Mistaken = (0.0, 0.0)
    """Of the teacher of a model of the format `orders` (`truth/order_solutions.py`)."""
    objective: str = ""
    """Of a policy that learns by reward (`training/train_by_reward.py`, `training/train_effort.py`)."""
    words: int = 0
    """That it generates while it learns, in about `steps` updates; `batch` prompts each, of `problems` in its pool."""
    staleness: int = 0
    """How many updates ago the weights were made that generate."""

    @property
    def start(self) -> str:
        """Return the checkpoint to which the file says the differences; empty where it holds whole weights."""
        goes_on = self.kind == "rewarded" or (
            self.kind == "lm" and self.make in ("second", "slack", "upcycled", "side_by_side")
        )
        return (self.policy or self.trunk) if goes_on else ""


TRAININGS = (0, 1, 2, 3, 4)
"""Training seeds; `adabench train` makes those that are not shipped, in the user's cache."""
DEEPER = Shape(layers=4, width=64, heads=2, hidden=176)
"""Of a judge that grows out of `lm-s`: its layers, and a new one behind each."""
DEEP = Shape(layers=12, width=128, heads=4, hidden=352)
"""Of the largest policy, which grows out of `lm-x`."""
AS_GOOD_AS_FIRST = 0.445
"""What `lm-s-s0` scores on `dev`: the mean over lengths of greedy answers and samples."""
ORDERS = "-orders"
"""Ends the names of models of the format `orders`, before the training seed."""
MISTAKEN: dict[str, Mistaken] = {
    "lm-s": (0.01, 0.35),
    "lm-x": (0.006, 0.18),
    "lm-l": (0.003, 0.08),
    "judge": (0.004, 0.14),
}
"""By model: what its teacher misremembers. They are nested: what a judge believes wrongly its policy does too,
so that a search that asks it for too long finds what both believe."""


REVISER = "lm-s-revisions"
"""A policy that reads earlier attempts."""
ROUTER = "arbitrage-router"
RESPONSES = "radar-responses"
SCORE = "scale-score"
"""Five of the first policy of `splits`, and one of each with `x`."""
BASES = 1
"""Trainings of policies of `splits` that are shipped, for scores to stand on in turn."""


TABLE = "compute-optimal"
"""Tables of strategies."""
REVISION_TABLE = f"{TABLE}-revisions"
"""Of policies that revise."""


START, MORE = "lm-s-s0", "sft-more"
"""The policy of `splits` that others go on from, and what those are called that go on by further solutions."""
REWARDED = {
    "grpo": 10,
    "scale-rl": 10,
    "dapo": 5,
    "permuted": 3,
    "scale-rl-clip": 3,
    "scale-rl-sample": 3,
    "scale-rl-group": 3,
    "scale-rl-whole": 3,
}
"""Trainings of each objective of policies that learn by reward (`training/train_by_reward.py`)."""
WORDS, OLDEST = 1_200_000, 8
"""That such a policy generates; updates ago that weights were made, of those named `stale`."""


SUCCESSORS = {
    **{f"rl-{name}": many for name, many in REWARDED.items()},
    **{f"rl-{name}-stale": many for name, many in REWARDED.items() if name != "permuted"},
    MORE: len(TRAININGS),
}
"""Policies that go on from the first of the format `splits`: what their files are called, and how many trainings each has."""
NO_RECIPES = (MORE, "rl-permuted")
"""Those among them that are controls."""
EXPERTS = "moe-s"
"""A policy of experts that goes on from the first of `splits`."""
PATHS = "paths"
"""A policy that sums up paths of its own."""
EFFORT = "effort"
"""Begins the names of policies that read the word of an effort; their file says differences to the first of them."""
EFFORT_START = f"{EFFORT}-start-s0"
EFFORTS = {
    "start": 1,
    "more": 3,
    "e1": 5,
    "e1-group": 2,
    "permuted": 3,
    "l1": 5,
    "outcome": 5,
    "length-25": 3,
    "length-50": 3,
    "length-100": 3,
}
"""Trainings of each (`training/train_effort.py`): the start, further solutions, and objectives."""


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    made = [recipe for seed in TRAININGS for recipe in (*_of_orders(seed), *_of_splits(seed))]
    made += [_successor(base, seed) for base, many in SUCCESSORS.items() for seed in range(many)]
    made += [_of_effort(name, seed) for name, many in EFFORTS.items() for seed in range(many)]
    return {recipe.name: recipe for recipe in made}


def _of_effort(objective: str, s: int) -> Recipe:
    """Return the recipe of a policy that reads the word of an effort, at equal words."""
    name = f"{EFFORT}-{objective}-s{s}"
    if objective in ("start", "more"):
        trunk, steps = (f"lm-s{ORDERS}-s0", 2000) if objective == "start" else (EFFORT_START, 200)
        return Recipe(
            name, LM_S, s, steps, 16, 3e-3, make="slack", trunk=trunk, format="tries",
            mistaken=MISTAKEN["lm-s"], forecast_s=steps // 20,
        )  # fmt: skip
    return Recipe(
        name, LM_S, s, 24, 16, 1e-4, kind="rewarded", policy=EFFORT_START, problems=128, format="tries",
        objective=objective, words=300_000, forecast_s=20,
    )  # fmt: skip


def _successor(base: str, s: int) -> Recipe:
    """Return the recipe of a policy that goes on from the first of the format `splits`, at equal processor time."""
    name = f"{base}-s{s}"
    if base == MORE:
        return Recipe(
            name, LM_S, s, 450, 32, 1e-3, make="second", trunk=START, format="splits", forecast_s=60
        )
    objective, old = base.removeprefix("rl-").removesuffix("-stale"), base.endswith("-stale")
    return Recipe(
        name, LM_S, s, 130, 16, 3e-4, kind="rewarded", policy=START, problems=512, format="splits",
        objective=objective, words=WORDS, staleness=OLDEST if old else 0, forecast_s=75 if old else 55,
    )  # fmt: skip


def _of_splits(s: int) -> list[Recipe]:
    """Return the recipes of the format `splits`: a policy, one of experts, and scores of how hard a step is."""
    experts = Recipe(
        f"{EXPERTS}-s{s}", MOE_S, s, 1500, 32, 1e-3, make="upcycled", trunk=START, format="splits",
        forecast_s=150,
    )  # fmt: skip
    return [
        _small(s),
        experts,
        _score(f"{SCORE}-x-s{s}", s, s),
        _score(f"{SCORE}-s{s}", s, s % BASES),
    ]


def _score(name: str, s: int, policy: int) -> Recipe:
    """Return the recipe of a score: fitted on questions of its own to the policy of a training."""
    return Recipe(
        name, LM_S, s, 1500, 1, 0.0, format="splits",
        kind="score", policy=f"lm-s-s{policy}", problems=1500, forecast_s=40,
    )  # fmt: skip


def _small(s: int) -> Recipe:
    """Return the recipe of a small policy; the first one is of the first make."""
    if s == 0:
        return Recipe("lm-s-s0", LM_S, 0, 8000, 64, 2e-3, format="splits")
    # 5,000 steps took seed 2 to 0.418. Rate and hardness go by the number of steps, so that of seed 1
    # stays: with another one its file would be another.
    steps, first_look, forecast_s = (5000, 0.4, 300) if s == 1 else (6500, 0.8, 360)
    return Recipe(
        f"lm-s-s{s}", LM_S, s, steps, 32, 3e-3, make="second", format="splits",
        accuracy=AS_GOOD_AS_FIRST, first_look=first_look, forecast_s=forecast_s,
    )  # fmt: skip


def _of_orders(s: int) -> list[Recipe]:
    """Return the recipes of the format `orders`: a policy, two larger ones, and what stands on the first.

    Each training has all of its own but for the larger policies, of which those of seed 0 are everybody's.
    """
    own, judge = f"lm-s{ORDERS}-s{s}", f"judge{ORDERS}-s{s}"
    middle, large = (f"{name}{ORDERS}-s0" for name in ("lm-x", "lm-l"))
    return [
        Recipe(
            own, LM_S, s, 3000, 32, 3e-3, make="third", forecast_s=240, mistaken=MISTAKEN["lm-s"],
        ),
        Recipe(
            f"lm-x{ORDERS}-s{s}", LM_M, s, 1400, 32, 2e-3, make="third", forecast_s=500, mistaken=MISTAKEN["lm-x"],
        ),
        Recipe(
            f"lm-l{ORDERS}-s{s}", DEEP, s, 350, 32, 2e-3, make="third", forecast_s=400,
            trunk=f"lm-x{ORDERS}-s{s}", mistaken=MISTAKEN["lm-l"],
        ),
        Recipe(
            judge, DEEPER, s, 900, 32, 3e-3, make="third", forecast_s=240,
            kind="judge", trunk=own, policy=own, problems=600, mistaken=MISTAKEN["judge"],
        ),
        Recipe(
            f"{TABLE}{ORDERS}-s{s}", LM_S, s, 160, 1, 0.0, kind="table", forecast_s=240,
            trunk=judge, policy=own, problems=160,
        ),
        Recipe(
            f"{RESPONSES}{ORDERS}-s{s}", LM_S, s, 480, 1, 0.0, kind="responses", forecast_s=300,
            policy=own, trunk=middle, target=large, problems=480,
        ),
        Recipe(
            f"{ROUTER}{ORDERS}-s{s}", DEEPER, s, 3000, 512, 2e-3, kind="router", forecast_s=240,
            trunk=judge, policy=own, target=large, problems=1200,
        ),
        Recipe(
            f"{REVISER}{ORDERS}-s{s}", LM_S, s, 1200, 32, 3e-3, kind="reviser", forecast_s=240,
            trunk=own, policy=own, problems=2000,
        ),
        Recipe(
            f"{PATHS}-s{s}", THINKER, s, 600, 16, 2e-3, make="side_by_side", trunk=own, format="paths",
            problems=9000, forecast_s=200,
        ),
        Recipe(
            f"{REVISION_TABLE}{ORDERS}-s{s}", LM_S, s, 160, 1, 0.0, kind="table", forecast_s=180,
            mechanism="revisions", trunk=judge, policy=f"{REVISER}{ORDERS}-s{s}", problems=160,
        ),
    ]  # fmt: skip
