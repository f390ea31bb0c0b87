"""Belady's rule: on demand, and what is needed furthest ahead makes room. The oracle of bytes.

No policy moves fewer bytes over the same visits, whether it brings experts ahead or not: what is brought ahead could as well be
brought when it is needed. It bounds bytes, and not hits: a forecast may have more of them.

**What to expect.** The fewest bytes; fewer hits than any good forecast at few slots.

**Ways to fake it.** Visits of other batches, as token scheduling makes them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.offload.substrate.offload_bench import Answer, Batches, OffloadBench
from adabench.workloads.moe.offload.substrate.slots import Moment, Policy

CARD = Card(
    title="Belady (longest forward distance)",
    paper="Belady, A study of replacement algorithms for a virtual-storage computer, 1966",
    adapts="which expert makes room, by the whole future",
    role="oracle",
    oracle="bound",
)


def solve(bench: OffloadBench, case: Batches, point: Point) -> Answer:
    """Decode with the next use of every expert known."""
    del point
    uses: dict[int, list[int]] = defaultdict(list)
    for place, one in enumerate(expert for visit in bench.visits(case) for expert in visit):
        uses[one].append(place)
    now = 0

    def used(moment: Moment, expert: int) -> None:
        nonlocal now
        now += 1

    def following(expert: int) -> float:
        places = uses[expert]
        at = bisect_right(places, now)
        return places[at] if at < len(places) else float("inf")

    def victim(moment: Moment, expert: int, residents: Sequence[int], free: int) -> int | None:
        return None if free else max(residents, key=following)

    return bench.decode(case, Policy(victim, used))
