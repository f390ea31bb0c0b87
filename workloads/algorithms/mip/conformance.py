"""What every solver of mixed-integer programs must obey, ours or a plug-in's.

    source      it imports nothing but contracts and substrate, and leaves the clock, the meter and
                the dates of incumbents to the search that it is handed (oracles may try arms)
    answer      on a small program it ends its search, with an incumbent that holds all rows

`check` yields a sentence per broken rule. It reads the method's own source and finds honest
mistakes and the usual short cuts; what a method imports from elsewhere is not read.
"""

from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.mip.substrate.instance_families import generate
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.truth.known_bounds import KnownBounds
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

SECONDS, PULLS = 60.0, 3
OFF_LIMITS = frozenset((
    "account", "best_of", "enter", "judge", "outcome", "reference", "score", "meter", "dated",
    "ended_s", "is_ended", "waited_s", "worked_s", "budget_s", "most",
    "programs", "generate",
))  # fmt: skip
"""Attributes and imported names that no honest solver needs."""
RULES = Rules("adabench.workloads.algorithms.mip", off_limits=OFF_LIMITS, who="solver")


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    broken = list(source_problems(RULES, method, card))
    yield from broken
    if broken:
        return
    program = generate("setcover", "tiny", 7)
    task = Mip((program,), KnownBounds(), SECONDS, PULLS)
    task.cases()
    try:
        values = task.score(program, method.solve(task, program, card.defaults))
    except MethodContractError as breach:
        yield breach.message
        return
    if not values["solved"]:
        yield f"It found no solution of a small program within {SECONDS:g} s."
