"""A static hot set: the experts that ran most often on calibration texts stay, and one slot serves all others.

**What to expect.** Written before measuring: worse than LFU wherever a domain has favourites of its own, since texts of all domains chose the set.

**Ways to fake it.** A set that was chosen on the texts of the case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.offload.substrate.offload_bench import Answer, Batches, OffloadBench
from adabench.workloads.moe.offload.substrate.slots import Moment, Policy

CARD = Card(
    title="A static hot set",
    paper="popularity by layer: SLP of arXiv 2410.17954",
    adapts="nothing in a run: which experts stay, by how often they ran before",
    role="static",
)


@dataclass(frozen=True)
class Popular:
    """All experts, those that ran most often first."""

    bench: OffloadBench
    order: tuple[int, ...]


def prepare(bench: OffloadBench, point: Point, seed: int) -> Popular:
    """Count runs on calibration texts."""
    del point, seed
    uses = bench.calibration_paths()[1].sum((0, 1)).ravel()
    return Popular(bench, tuple(int(e) for e in np.argsort(-uses, kind="stable")))


def solve(state: Popular, case: Batches, point: Point) -> Answer:
    """Decode; the hot set is brought before the first step."""
    del point
    hot = state.order[: case.slots - 1]
    stays = frozenset(hot)

    def ahead(moment: Moment) -> Sequence[int]:
        return hot if moment.step == 0 and moment.layer < 0 else ()

    def victim(moment: Moment, expert: int, residents: Sequence[int], free: int) -> int | None:
        del moment, expert
        return None if free else next(one for one in residents if one not in stays)

    return state.bench.decode(case, Policy(victim, ahead=ahead))
