"""The perfect plan: a cache that is told which experts each step will need, a step ahead. The oracle of hits.

It has the window of a predictor, one step of one batch, and is always right. No policy has more hits: at a layer that needs no
more experts than there are slots all are there, at a larger one as many as there are slots. Its bytes are nobody's optimum.

**What to expect.** All hits but where a layer needs more experts than there are slots.

**Ways to fake it.** Routing of a decoding that ran otherwise than this one.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.offload.substrate.decoding import SHAPE
from adabench.workloads.moe.offload.substrate.offload_bench import Answer, Batches, OffloadBench
from adabench.workloads.moe.offload.substrate.planned_cache import planned
from adabench.workloads.moe.offload.substrate.slots import Moment

CARD = Card(
    title="Perfect plan",
    paper="the bound on hits of arXiv 2410.17954",
    adapts="which experts are brought ahead, by those that will be needed",
    role="oracle",
    oracle="exact",
)


def solve(bench: OffloadBench, case: Batches, point: Point) -> Answer:
    """Decode; each batch's plan is the truth about its step."""
    del point
    visits, told = bench.visits(case), 0

    def forecast(moment: Moment) -> list[int] | None:
        nonlocal told
        if moment.layer >= 0:
            return None
        told += SHAPE.layers
        return [one for visit in visits[told - SHAPE.layers : told] for one in visit]

    return bench.decode(case, planned(forecast))
