"""Discovery: an evolved program steers a search for constructions, and all that is found is verified exactly.

A case is a search (a problem and the seed of its walks) or a published construction. A method proposes *policies* of
random walks (`walk_policy.py`); a compiled walk does the moves (`walk_kernel.py`). Methods get a desk:

    def climb(desk):
        while desk.is_open:
            desk.evaluate(policy, limits)

    def solve(task, case, point):
        return task.search(case, climb)

**Problems.** `walk`: schemes of matrix multiplication over GF(2), <2,2,3>, <2,3,3> and <3,3,3>; `sorting`: networks of
6, 7 and 8 lines; `packing`: 26 circles in the unit square; `autocorrelation`: step functions of 60 steps for the first
inequality. With `constructions` cases are those that AlphaEvolve published: each is verified, and three forged copies.

    adabench run discovery/published --set constructions=FILE       the packed form, or the public notebook (.ipynb)
    adabench run 'discovery/*' --set problem=packing
    adabench run discovery/alphaevolve --model openai:http://127.0.0.1:8000/v1#NAME

**What is given to everybody alike.** The seed policy (fixed constants, far from the best), the walk seeds of a search,
and so many tries, an evaluation's stages and a failed program included. `effort` multiplies the tries of
searches and of walks.

**What is scored.** `held_out`: what the walks of the policy cost on the mean with seeds that no search saw, 32 a tensor;
log10 of the tries until the best known rank or size is reached, capped, or by how much a value falls short. `attainment`:
1 less that over the cap, or the best valid value over the best known. `best_*`: what the walks found, verified: rank over
GF(2), comparators, sum of radii as a rational, bound rounded outward. <3,3,4>, <4,4,4> and 9 lines are walked once with
the policy that was found; they are in no search.

**Limitations.** A policy has four expressions: this is a small space, in which hill climbing is strong. Evolution of whole
programs needs a language model, which is named with `--model` and is not shipped; a small one trained here is not built.
The best known values are those of the literature as the paper states them.
"""

import os
from collections.abc import Mapping

from adabench.harness.contract.card import Card, Gap, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError
from adabench.harness.plan.shortages import Absence
from adabench.workloads.algorithms.discovery.conformance import check
from adabench.workloads.algorithms.discovery.substrate.discovery_task import Discovery, Found
from adabench.workloads.algorithms.discovery.truth.published_constructions import read_constructions
from adabench.workloads.algorithms.discovery.truth.scoring import (
    construction_world,
    scored_task,
    search_world,
)
from adabench.workloads.shared.sources.model_spec import model_spec

CARD = Card(
    title="Discovery of constructions by evolved programs",
    paper="AlphaEvolve, arXiv 2506.13131, 2025",
    adapts="which program is changed, and how, on the scores of earlier ones",
    budget="effort",
    no_speedup="every search spends the same tries: what is saved is spent on further programs",
    gaps=(
        Gap(
            mixture=("best_of_n", "flip_graph", "hill_climb"),
            methods=("alphaevolve", "no_selection", "permuted_fitness"),
            oracle="published",
            coin="no_selection",
        ),
    ),
    knobs=(
        Knob(
            "problem", ("walk",), "walk",
            also=("sorting", "packing", "autocorrelation"),
        ),
        Knob("effort", (1.0,), 1.0, open=True, low=0.001, high=1000.0),
        Knob("constructions", ("none",), "none", open=True),
        Knob("model", ("none",), "none", open=True),
    ),
    cases="nested",
    metrics=(
        Metric("attainment", "", "higher", "quality", primary=True, low=0.0, high=1.0),
        Metric("tries", "tries", "lower", "work", primary=True),
        Metric("held_out", "", "lower", "cost", low=0.0),
        Metric("searched", "", "lower", "cost", low=0.0),
        Metric("cost_223 cost_233 cost_333 cost_6_lines cost_7_lines cost_8_lines", "log10 tries", "lower", "cost"),
        Metric("shortfall_26_circles shortfall_60_steps", "", "lower", "cost"),
        Metric("solved_223 solved_233 solved_333 solved_6_lines solved_7_lines solved_8_lines", "", "higher", "quality"),
        Metric("best_222 best_223 best_233 best_333 best_334 best_444", "rank", "lower", "cost"),
        Metric("best_6_lines best_7_lines best_8_lines best_9_lines", "comparators", "lower", "cost"),
        Metric("above_known", "", "lower", "cost", low=0.0),
        Metric("best_26_circles", "radii", "higher", "info", low=0.0),
        Metric("best_60_steps", "", "lower", "cost"),
        Metric("evaluations whole_evaluations cut_off failures", "evaluations", "higher", "info"),
        Metric("requests programs", "requests", "lower", "info"),
        Metric("lookups", "constructions", "lower", "work"),
        Metric("prompt_tokens generated_tokens", "tokens", "lower", "work"),
        Metric("verified improves", "", "higher", "quality"),
        Metric("unverified falls_behind", "", "lower", "cost"),
        Metric("forged refused", "copies", "higher", "info"),
        Metric("accepted", "copies", "lower", "cost"),
        Metric("value before rank one_below_before zero", "", "higher", "info", low=-1e12),
    ),
    comparison=("held_out", "searched"),
)  # fmt: skip

CHECK_CONDITIONS: Mapping[str, Scalar] = {"effort": 0.005}
OUTCOMES = (Found,)
NONE, PUBLISHED = "none", "published"
ENVIRONMENT = "ADABENCH_CONSTRUCTIONS"
"""Names the file that `constructions=published` stands for."""

__all__ = [
    "CARD",
    "CHECK_CONDITIONS",
    "OUTCOMES",
    "check",
    "check_conditions",
    "load",
    "missing_abilities",
]


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse a model that nobody can ask, and a constructions file that cannot be read.

    Raises:
        SelectionError: with what is wrong.
    """
    model = str(conditions.get("model", NONE))
    if model != NONE and not model_spec(model).is_served:
        raise SelectionError(
            f"{model!r} cannot propose programs: a model that does is behind a server.",
            "Say --model openai:URL#NAME or chat:URL#NAME.",
        )
    if file := _file(str(conditions.get("constructions", NONE))):
        read_constructions(file)


def missing_abilities(conditions: Mapping[str, Scalar]) -> Mapping[str, Absence]:
    """Say what methods lack where constructions are verified: a search, and the file if none is named."""
    constructions = str(conditions.get("constructions", NONE))
    if constructions == NONE:
        return {}
    missing = {
        "a search": ("Published constructions are verified, not searched for.", "Leave it out.")
    }
    if not _file(constructions):
        missing["constructions"] = ("No file of constructions was named.", _REMEDY)
    return missing


def load(
    scale: str,
    seed: int,
    *,
    problem: str = "walk",
    effort: float = 1.0,
    constructions: str = NONE,
    model: str = NONE,
) -> Discovery:
    """Return the task under the given conditions: a search, or each published construction as a case.

    Raises:
        SelectionError: for a scale that it does not have, or a constructions file that is missing or broken.
    """
    if scale != "embedded":
        raise SelectionError(f"discovery has no scale {scale!r}.", "It runs at `embedded`.")
    check_conditions({"model": model})
    if constructions == NONE:
        return scored_task((search_world(problem, seed, effort, model),))
    file = _file(constructions)
    if not file:
        raise SelectionError("No file of constructions was named.", _REMEDY)
    found = read_constructions(file)
    return scored_task(tuple(construction_world(k, one) for k, one in enumerate(found)))


_REMEDY = f"Say --set constructions=FILE: the packed form, or AlphaEvolve's results notebook; or set {ENVIRONMENT}."


def _file(constructions: str) -> str:
    """Return the file that a condition names; empty if it names none."""
    if constructions == PUBLISHED:
        return os.environ.get(ENVIRONMENT, "")
    return "" if constructions == NONE else constructions
