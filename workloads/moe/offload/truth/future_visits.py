"""The truth about a case: which experts each visit will need, found by decoding it with all experts in slots."""

from adabench.workloads.moe.offload.substrate import decoding
from adabench.workloads.moe.offload.substrate.decoding import EXPERTS_IN_ALL
from adabench.workloads.moe.offload.substrate.offload_bench import Visits, World
from adabench.workloads.moe.offload.substrate.slots import Policy


def future_visits(world: World) -> Visits:
    """Return the experts of every visit, in order: step after step, batch after batch, layer after layer."""
    resident = Policy(lambda moment, expert, residents, free: None, slots=EXPERTS_IN_ALL)
    return decoding.decode(world.given, resident).visits


def fewest_fetches(visits: Visits, slots: int) -> int:
    """Return how many fetches Belady's rule takes over visits with so many slots, all slots empty at first."""
    trace = [expert for visit in visits for expert in visit]
    following, next_use = [0] * len(trace), dict.fromkeys(trace, len(trace))
    for place in range(len(trace) - 1, -1, -1):
        following[place], next_use[trace[place]] = next_use[trace[place]], place
    resident: dict[int, int] = {}
    fetches = 0
    for place, expert in enumerate(trace):
        if expert not in resident:
            fetches += 1
            if len(resident) == slots:
                del resident[max(resident, key=resident.__getitem__)]
        resident[expert] = following[place]
    return fetches
