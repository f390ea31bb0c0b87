"""LRU over all slots: what was used longest ago makes room, whatever its layer.

On demand: an expert is fetched when its layer asks for it, and no sooner. What other rules without a forecast
do is here too: LRU with equal slots a layer (what the paper calls Cache-MoE), LFU, and slots for all.

**What to expect.** Written before measuring: at one sequence and 16 slots half of the experts are there; in batches of four a
step needs more experts than there are slots, and LRU is near 0, where LFU holds .3 to .5.

**Ways to fake it.** Claims against LRU where it cannot hit: LFU is the rival.
"""

from collections import Counter
from collections.abc import Sequence

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.moe.offload.substrate.decoding import SHAPE
from adabench.workloads.moe.offload.substrate.offload_bench import Answer, Batches, OffloadBench
from adabench.workloads.moe.offload.substrate.slots import Moment, Policy

CARD = Card(
    title="Least recently used of all slots",
    paper="Sleator and Tarjan, 1985; on demand",
    adapts="nothing: the expert unused for longest goes",
    role="static",
    fixed={"by": "last", "slots": 0},
    variants=(
        Variant(
            "lru_equal",
            "Least recently used, equal slots a layer",
            {"by": "layer"},
            role="static",
            adapts="nothing: the expert of the same layer that was unused for longest goes",
            paper="Cache-MoE of arXiv 2410.17954, arXiv 2312.17238",
            essay="""Each layer has as many slots as any other, and LRU among them: the cache that ExpertFlow is held against.""",
        ),
        Variant(
            "lfu",
            "Least frequently used",
            {"by": "count"},
            role="static",
            adapts="nothing: the expert that was used least often goes",
            paper="on demand",
            essay="""What was used least often makes room, among equals what was used longest ago. The rival that matters: a few
            experts of each layer are popular within a domain, and a step that needs more experts than there are slots
            does not drive them out.""",
        ),
        Variant(
            "all_resident",
            "All experts in slots",
            {"slots": 64},
            role="static",
            adapts="nothing: each expert is fetched once",
            paper="all in fast memory: the rival of arXiv 2410.17954 in memory",
            essay="""A slot for every expert, whatever the case hands out: each is fetched once. It shows what memory buys.""",
        ),
    ),
)


def solve(bench: OffloadBench, case: Batches, point: Point) -> Answer:
    """Decode with a cache that brings nothing ahead."""
    rule = OnDemand(str(point["by"]), case.slots)
    return bench.decode(case, Policy(rule.victim, rule.used, slots=int(point["slots"])))


class OnDemand:
    """When and how often each expert was used."""

    def __init__(self, by: str, slots: int) -> None:
        self.by = by
        self.quota = max(1, slots // SHAPE.layers) if by == "layer" else slots
        self._last: dict[int, int] = {}
        self._uses: Counter[int] = Counter()

    def used(self, moment: Moment, expert: int) -> None:
        """Note a use."""
        del moment
        self._last[expert] = self._uses.total()
        self._uses[expert] += 1

    def victim(
        self, moment: Moment, expert: int, residents: Sequence[int], free: int
    ) -> int | None:
        """Return who makes room."""
        own = [one for one in residents if one // SHAPE.experts == moment.layer]
        if free and not (self.by == "layer" and len(own) >= self.quota):
            return None
        if self.by == "count":
            return min(residents, key=lambda one: (self._uses[one], self._last[one]))
        among = own if self.by == "layer" and own else residents
        return min(among, key=self._last.__getitem__)
