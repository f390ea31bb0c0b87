"""Every checkpoint of the chain task by name, and how it is trained.

    adabench train lm-s-s0

Language models learn from traces of the `train` split. A judge starts from a language model's
trunk and learns from the outcomes of a policy's roll-outs on the `prm` split. A
score of how hard a step is learns from the errors of a policy on the `calibration` split. Responses are
what each configuration of a pool of policies answers there. A table of strategies is fitted to what
each of them answers on the `dev` split. A policy that revises goes on from one that does not, on
attempts of that one at `train` problems; its judge learns from what it attempts on the `prm` split.
Steps, never seconds: the result does not depend on how busy the machine is.

Recipes are of three makes. `lm-s-s0`, `lm-m`, `lm-l` and `judge` are of the first, and stay as they
are, since recorded runs rest on them. Further trainings of `lm-s`, and the judges `judge-x`, are of the
second, which is cheaper (`training/short_training.py`). Models of the format `orders` are of a third
(`training/order_training.py`).
"""

from dataclasses import dataclass
from typing import Literal

from adabench.workloads.shared.language_model.model import LM_L, LM_M, LM_S, Shape

Format = Literal["splits", "orders"]
"""Of questions and solutions (`substrate/problems.py`, `substrate/order_problems.py`)."""
Layout = Literal["several", "single"]
"""Of the traces that a policy learns from (`truth/worked_solutions.py`)."""
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
    layout: Layout = "several"
    kind: Literal[
        "lm", "judge", "router", "score", "responses", "table", "reviser", "revision-judge"
    ] = "lm"
    trunk: str = ""
    """First weights; a judge's are trained for `steps` more before its head learns. A router stands on
    a judge and leaves it as it is, and a table is fitted with one. Of responses: the policy in the middle."""
    make: Literal["first", "second", "third"] = "first"
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
    format: Format = "splits"
    mistaken: Mistaken = (0.0, 0.0)
    """Of the teacher of a model of the format `orders` (`truth/order_solutions.py`)."""


TRAININGS = (0, 1, 2, 3, 4)
"""Training seeds; `adabench train` makes those that are not shipped, in the user's cache."""
DEEPER = Shape(layers=4, width=64, heads=2, hidden=176)
"""Of a judge that grows out of `lm-s`: its layers, and a new one behind each."""
AS_GOOD_AS_FIRST = 0.445
"""What `lm-s-s0` scores on `dev`: the mean over lengths of greedy answers and samples."""
ORDERS = "-orders"
"""Ends the names of models of the format `orders`, before the training seed."""
DEEP = Shape(layers=6, width=128, heads=4, hidden=352)
"""Of the largest policy of `orders`, which grows out of `lm-x`."""
MISTAKEN: dict[str, Mistaken] = {
    "lm-s": (0.01, 0.35),
    "lm-x": (0.006, 0.18),
    "lm-l": (0.003, 0.08),
    "judge": (0.004, 0.14),
}
"""By model: what its teacher misremembers. They are nested: what a judge believes wrongly its policy does too,
so that a search that asks it for too long finds what both believe."""


REVISER, REVISION_JUDGE = "lm-s-revisions", "judge-revisions"
"""A policy that reads earlier attempts, and a judge that reads them too."""
ATTEMPT_JUDGE = "judge-s0"
"""Who judges attempts in a run, each by itself."""
ROUTER = "arbitrage-router"
PAIRS = {"lm-s": "lm-l"}
"""By draft: its target. A pair has a router for each training seed."""
RESPONSES = "radar-responses"
SCORE = "scale-score"
"""Five of the first policy, and one of each with `x`."""
BASES = 1
"""Trainings of judges and policies that are shipped, for routers, tables and responses to stand on in turn."""


TABLE = "compute-optimal"
"""Tables of strategies: five of the first policy with the first judge, and one of each with `judge-x`."""
REVISION_TABLE = f"{TABLE}-revisions"
"""Of policies that revise: five of the first with the first judge, and one of each with `judge-x`."""


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    made = [recipe for seed in TRAININGS for recipe in _of_seed(seed)]
    return {recipe.name: recipe for recipe in made}


def _table(base: str, judge: str, s: int, policy: int) -> Recipe:
    """Return the recipe of a table: fitted on questions of its own to the policy of a training."""
    return Recipe(
        f"{base}-s{s}", LM_S, s, 240, 1, 0.0, kind="table",
        trunk=f"{judge}-s{policy}", policy=f"lm-s-s{policy}", problems=240, forecast_s=300,
    )  # fmt: skip


def _score(name: str, s: int, policy: int) -> Recipe:
    """Return the recipe of a score: fitted on questions of its own to the policy of a training."""
    return Recipe(
        name, LM_S, s, 1500, 1, 0.0,
        kind="score", policy=f"lm-s-s{policy}", problems=1500, forecast_s=40,
    )  # fmt: skip


def _revision_table(base: str, judge: str, s: int, policy: int) -> Recipe:
    return Recipe(
        f"{base}-s{s}", LM_S, s, 160, 1, 0.0, kind="table", mechanism="revisions",
        trunk=judge, policy=f"{REVISER}-s{policy}", problems=160, forecast_s=120,
    )  # fmt: skip


def _of_seed(s: int) -> list[Recipe]:
    return [
        _small(s),
        Recipe(
            f"judge-x-s{s}", DEEPER, s, 2000, 32, 3e-3, make="second",
            kind="judge", trunk=f"lm-s-s{s}", policy=f"lm-s-s{s}", problems=1600, forecast_s=300,
        ),
        # From scratch it does not learn; with many more steps it is never wrong.
        Recipe(f"lm-s-single-s{s}", LM_S, s, 40, 64, 1e-3, layout="single", trunk=f"lm-s-s{s}"),
        Recipe(f"lm-m-s{s}", LM_M, s, 4000, 32, 1.5e-3),
        Recipe(f"lm-l-s{s}", LM_L, s, 2200, 32, 1e-3),
        Recipe(
            f"judge-s{s}", LM_M, s, 4000, 32, 1e-3,
            kind="judge", trunk=f"lm-m-s{s}", policy=f"lm-s-s{s}", problems=2000,
        ),
        _score(f"{SCORE}-x-s{s}", s, s),
        _score(f"{SCORE}-s{s}", s, s % BASES),
        Recipe(
            f"{REVISER}-s{s}", LM_S, s, 1500, 32, 3e-3,
            kind="reviser", trunk=f"lm-s-s{s}", policy=f"lm-s-s{s}", problems=3000, forecast_s=240,
        ),
        Recipe(
            f"{REVISION_JUDGE}-s{s}", DEEPER, s, 400, 32, 3e-3, kind="revision-judge",
            trunk=f"{REVISER}-s{s}", policy=f"{REVISER}-s{s}", problems=600, forecast_s=240,
        ),
        Recipe(
            f"{ROUTER}-s{s}", LM_M, s, 3000, 512, 2e-3, kind="router", trunk=f"judge-s{s % BASES}",
            policy=f"lm-s-s{s % BASES}", target="lm-l-s0", problems=3000, forecast_s=240,
        ),
        _table(f"{TABLE}-x", "judge-x", s, s),
        _revision_table(f"{REVISION_TABLE}-x", f"judge-x-s{s}", s, s),
        _table(TABLE, "judge", s, s % BASES),
        _revision_table(REVISION_TABLE, ATTEMPT_JUDGE, s, s % BASES),
        _responses(s),
        *_of_orders(s),
    ]  # fmt: skip


def _of_orders(s: int) -> list[Recipe]:
    """Return the recipes of the format `orders`: a policy, two larger ones, and what stands on the first.

    Each training has all of its own but for the larger policies, of which those of seed 0 are everybody's.
    """
    own, judge = f"lm-s{ORDERS}-s{s}", f"judge{ORDERS}-s{s}"
    middle, large = (f"{name}{ORDERS}-s0" for name in ("lm-x", "lm-l"))
    return [
        Recipe(
            own, LM_S, s, 3000, 32, 3e-3, make="third", forecast_s=240,
            format="orders", mistaken=MISTAKEN["lm-s"],
        ),
        Recipe(
            f"lm-x{ORDERS}-s{s}", LM_M, s, 1400, 32, 2e-3, make="third", forecast_s=500,
            format="orders", mistaken=MISTAKEN["lm-x"],
        ),
        Recipe(
            f"lm-l{ORDERS}-s{s}", DEEP, s, 350, 32, 2e-3, make="third", forecast_s=400,
            trunk=f"lm-x{ORDERS}-s{s}", format="orders", mistaken=MISTAKEN["lm-l"],
        ),
        Recipe(
            judge, DEEPER, s, 900, 32, 3e-3, make="third", forecast_s=240,
            kind="judge", trunk=own, policy=own, problems=600,
            format="orders", mistaken=MISTAKEN["judge"],
        ),
        Recipe(
            f"{TABLE}{ORDERS}-s{s}", LM_S, s, 240, 1, 0.0, kind="table", forecast_s=240,
            trunk=judge, policy=own, problems=240, format="orders",
        ),
        Recipe(
            f"{RESPONSES}{ORDERS}-s{s}", LM_S, s, 480, 1, 0.0, kind="responses", forecast_s=300,
            policy=own, trunk=middle, target=large, problems=480, format="orders",
        ),
        Recipe(
            f"{ROUTER}{ORDERS}-s{s}", DEEPER, s, 3000, 512, 2e-3, kind="router", forecast_s=240,
            trunk=judge, policy=own, target=large, problems=1200, format="orders",
        ),
        Recipe(
            f"{REVISER}{ORDERS}-s{s}", LM_S, s, 1200, 32, 3e-3, kind="reviser", forecast_s=240,
            trunk=own, policy=own, problems=2000, format="orders",
        ),
        Recipe(
            f"{REVISION_TABLE}{ORDERS}-s{s}", LM_S, s, 160, 1, 0.0, kind="table", forecast_s=180,
            mechanism="revisions", trunk=judge, policy=f"{REVISER}{ORDERS}-s{s}", problems=160,
            format="orders",
        ),
    ]  # fmt: skip


def _responses(s: int) -> Recipe:
    """Return the recipe of what a pool answers to questions for calibration, others for each seed."""
    return Recipe(
        f"{RESPONSES}-s{s}", LM_S, s, 1000, 1, 0.0, kind="responses", policy=f"lm-s-s{s % BASES}",
        trunk=f"judge-s{s % BASES}", target="lm-l-s0", problems=1000, forecast_s=240,
    )  # fmt: skip


def _small(s: int) -> Recipe:
    """Return the recipe of a small policy; the first one is of the first make."""
    if s == 0:
        return Recipe("lm-s-s0", LM_S, 0, 8000, 64, 2e-3)
    # 5,000 steps took seed 2 to 0.418. Rate and hardness go by the number of steps, so that of seed 1
    # stays: with another one its file would be another.
    steps, first_look, forecast_s = (5000, 0.4, 300) if s == 1 else (6500, 0.8, 360)
    return Recipe(
        f"lm-s-s{s}", LM_S, s, steps, 32, 3e-3, make="second",
        accuracy=AS_GOOD_AS_FIRST, first_look=first_look, forecast_s=forecast_s,
    )  # fmt: skip
