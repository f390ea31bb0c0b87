"""Hill climbing: the best policy so far is changed by one mutator, drawn at random, and the better of both goes on.

    child = mutate(best);  best = child if cost(child) < cost(best)

It has what evolution has: the seed policy, the mutators, the stages of an evaluation, the tries. It lacks a database:
one parent, one island, no inspiration but the parent itself. The variants say what its parts are worth: `best_of_n`
changes the seed policy each time, `flip_graph` changes nothing, a policy with fixed constants.

**What to expect.** A policy has a handful of constants, so a single parent is strong: as good as evolution within 0.1.

**Ways to fake it.** A worse seed policy or fewer tries than evolution gets; a mutator that knows good constants.
"""

from functools import partial

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.algorithms.discovery.substrate.discovery_task import (
    Case,
    Desk,
    Discovery,
    Found,
)
from adabench.workloads.algorithms.discovery.substrate.policy_mutators import MUTATORS, mutate
from adabench.workloads.algorithms.discovery.substrate.sites import PATIENCE
from adabench.workloads.algorithms.discovery.substrate.walk_policy import parse

CARD = Card(
    title="Hill climbing over policies",
    paper="our own baseline",
    adapts="nothing but its parent: the best policy so far",
    role="static",
    abilities=(Ability("a search"),),
    fixed={"parent": "best", "patience": 0},
    variants=(
        Variant(
            name="best_of_n",
            title="Best of n changes of the seed policy",
            fixed={"parent": "seed"},
            role="static",
            adapts="nothing: each proposal is a change of the seed policy",
            essay="Proposals without evolution: what the mutators reach in one step from the seed policy.",
        ),
        Variant(
            name="flip_graph",
            title="Plain walk with fixed constants",
            fixed={"parent": "none"},
            role="static",
            adapts="nothing: a walk with the patience that was set",
            knobs=(Knob("patience", (50000,), 50000, open=True, low=1),),
            essay="The walk itself, as it stands in papers on flip graphs: a plus transition after so many tries "
            "without progress. It spends what one evaluation takes, not its tries.",
        ),
    ),
)


def solve(task: Discovery, case: Case, point: Point) -> Found:
    """Search from one parent."""
    return task.search(case, partial(_climb, str(point["parent"]), int(point["patience"])))


def _climb(parent: str, patience: int, desk: Desk) -> None:
    start = desk.seed_policy
    if patience:
        start = parse(str(start).replace(f"{PATIENCE}", str(patience)))
    best = desk.evaluate(start)
    if best is None or parent == "none":
        return
    names, root, seen = list(MUTATORS), best, {start}
    while desk.is_open:
        name = names[int(desk.coins.integers(len(names)))]
        source = root.policy if parent == "seed" else best.policy
        child = mutate(name, source, source, desk.coins)
        if child in seen:
            continue
        seen.add(child)
        found = desk.evaluate(child, best.limits)
        if found is not None and found.cost < best.cost:
            best = found
