"""What a search came to: its policy walks once more with seeds that no search saw, and what it finds is verified.

Nothing that a walk says of itself counts: schemes are expanded over GF(2), networks sort all inputs of zeros and ones,
circles are rationals, step functions have exact bounds (`exact_verifiers.py`). Sites that are never in a search follow
once (`transfer`).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import cast

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.discovery.substrate.discovery_task import (
    HELD_OUT,
    Case,
    Discovery,
    Found,
    World,
    walk_seeds,
)
from adabench.workloads.algorithms.discovery.substrate.sites import (
    Site,
    Walked,
    problem_at,
    walk_at,
)
from adabench.workloads.algorithms.discovery.substrate.walk_kernel import Kind
from adabench.workloads.algorithms.discovery.substrate.walk_policy import Policy, parse
from adabench.workloads.algorithms.discovery.truth import exact_verifiers as exact
from adabench.workloads.algorithms.discovery.truth.exact_verifiers import Refusal
from adabench.workloads.algorithms.discovery.truth.published_constructions import (
    TENSOR,
    Construction,
    forged,
    kind_of,
    verified,
)
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.random_streams import child

HELD_OUT_WALKS: Mapping[Kind, int] = {
    Kind.FLIPS: 32,
    Kind.NETWORK: 16,
    Kind.CIRCLES: 3,
    Kind.HEIGHTS: 3,
}
LONGER: Mapping[Kind, float] = {
    Kind.FLIPS: 4.0,
    Kind.NETWORK: 1.0,
    Kind.CIRCLES: 10.0,
    Kind.HEIGHTS: 10.0,
}
"""Times the cap of a search that held-out walks have."""
INSTANCE = 3
"""Purpose of the random stream that names a case."""


def scored_task(worlds: Sequence[World], transcript: Transcript | None = None) -> Discovery:
    """Return the task of these worlds, with its score."""
    return Discovery(worlds, score, transcript)


def search_world(problem: str, seed: int, effort: float = 1.0, model: str = "none") -> World:
    """Return the world of a search; what is known of it is that its optimum is."""
    instance = float(child(seed, INSTANCE, problem).generate_state(1, np.uint32)[0])
    return World(Case(problem, problem, instance, seed, effort, model), {"optimum": True})


def construction_world(number: int, one: Construction) -> World:
    """Return the world of a published construction."""
    factors = one.data if TENSOR.fullmatch(one.name) else None
    data = [list(pair) for pair in factors] if factors is not None else one.data
    return World(Case("constructions", one.name, float(number)), {"data": data, "said": one.said})


def score(world: World, found: Found) -> dict[str, float]:
    """Return what was found is worth."""
    if world.case.problem == "constructions":
        return _judged(world.case, found)
    if found.said is not None:
        return {"attainment": 1.0}
    return dict(_walked(world.case, parse(found.policy), found.cost))


def _judged(case: Case, found: Found) -> dict[str, float]:
    """Verify a published construction, and its forged copies."""
    said = found.said or {}
    if "data" not in said:
        raise MethodContractError("That is no construction.", "Return `task.known_best(case)`.")
    data = tuple(map(tuple, said["data"])) if TENSOR.fullmatch(case.group) else said["data"]
    one = Construction(case.group, data, float(said["said"]))
    kind, is_tensor = kind_of(case.group), bool(TENSOR.fullmatch(case.group))
    values = {"zero": 0.0, "before": kind.before}
    if is_tensor:  # without a valid one there is the plain product
        sides = [int(side) for side in case.group.split("x")]
        values |= {"rank": float(math.prod(sides)), "one_below_before": kind.before - 1}
    try:
        value = verified(one)
    except Refusal:
        values |= {"attainment": 0.0, "verified": 0.0, "unverified": 1.0}
    else:
        copies = forged(one)
        accepted = float(sum(map(_is_accepted, copies)))
        values |= {
            "attainment": 1.0,
            "verified": 1.0,
            "unverified": 0.0,
            "value": outward(value, kind.better),
        }
        values |= {
            "forged": float(len(copies)),
            "accepted": accepted,
            "refused": len(copies) - accepted,
        }
        values |= {"rank": float(value)} if is_tensor else {}
        if not math.isnan(kind.before):
            gain = kind.better * (Fraction(value) - Fraction(kind.before))
            values |= {"improves": float(gain > 0), "falls_behind": float(gain < 0)}
    return {name: number for name, number in values.items() if not math.isnan(number)}


def _is_accepted(copy: Construction) -> bool:
    try:
        verified(copy)
    except Refusal:
        return False
    return True


def outward(value: float | Fraction, better: int) -> float:
    """Return an exact value as a float that claims no more: rounded down where higher is better, else up."""
    near = float(value)
    if better * Fraction(near) > better * Fraction(value):
        return math.nextafter(near, -better * math.inf)
    return near


def _walked(case: Case, policy: Policy, searched: float) -> Iterator[tuple[str, float]]:
    """Yield the metrics of a policy on walks that no search saw."""
    problem = problem_at(case.problem, case.effort)
    yield "searched", searched
    means, best = [], []
    sites = [replace(site, cap=round(LONGER[site.kind] * site.cap)) for site in problem.sites]
    for site in sites:
        walks = _walks(site, policy, case.seed, HELD_OUT_WALKS[site.kind])
        means.append(float(np.mean([walked.cost for walked in walks])))
        best.append(valid_value(site, min(walks, key=lambda one: one.value)))
        yield _named("cost" if site.is_timed else "shortfall", site), means[-1]
        yield _named("best", site), best[-1]
        if site.is_timed:
            solved = [walked.value <= site.known for walked in walks]
            yield _named("solved", site), float(np.mean(solved))
    held_out = float(np.mean(means))
    yield "zero", 0.0
    yield "held_out", held_out
    if problem.sites[0].is_timed:
        behind = (value - site.known for value, site in zip(best, sites, strict=True))
        yield "above_known", max(behind)
        yield "attainment", 1.0 - held_out / float(np.mean([site.worst for site in sites]))
    else:
        known = abs(problem.sites[0].known)
        yield "attainment", min(best[0] / known, known / best[0])
    for site in problem.transfer:
        walks = _walks(site, policy, case.seed, site.walks)
        yield _named("best", site), valid_value(site, min(walks, key=lambda one: one.value))


def _walks(site: Site, policy: Policy, seed: int, count: int) -> list[Walked]:
    return [walk_at(site, policy, one) for one in walk_seeds(seed, HELD_OUT, site, count)]


def _named(what: str, site: Site) -> str:
    return f"{what}_{site.name.replace('x', '').replace(' ', '_')}"


def valid_value(site: Site, walked: Walked) -> float:
    """Return the value of what a walk found, by exact verification; of circles the sum of radii.

    Raises:
        MethodContractError: if it is not valid, or not worth what the walk says: a bug of the walk.
    """
    try:
        if site.kind == Kind.FLIPS:
            shape = cast(tuple[int, int, int], site.shape)
            value: int | Fraction = exact.scheme_rank(shape, walked.whole)
        elif site.kind == Kind.NETWORK:
            pairs = [(int(a), int(b)) for a, b in walked.whole.T]
            value = exact.comparators(site.shape[0], pairs)
        elif site.kind == Kind.CIRCLES:
            value = exact.radii_in_square(shrunk(walked).tolist())
        else:
            value = exact.autocorrelation_upper(walked.real.tolist())
    except Refusal as refusal:
        raise MethodContractError(
            f"What a walk over {site.name} found is not valid: {refusal}.",
            "That is a bug of walk_kernel.py.",
        ) from None
    better = 1 if site.kind == Kind.CIRCLES else -1
    return outward(value, better)


def shrunk(walked: Walked) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Return circles (n, 3) whose radii are less by 1e-12: what floats err by is no overlap then."""
    circles = walked.real.T.copy()
    circles[:, 2] = np.maximum(circles[:, 2] - 1e-12, 0.0)
    return circles
