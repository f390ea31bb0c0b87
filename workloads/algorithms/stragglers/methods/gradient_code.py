"""(n, s)-GC: each worker does s + 1 of n parts of the data and returns one combination of them.

Any n - s of the combinations give the sum of all n parts (`gradient_codes.py` has the codes), so up
to s late workers cost nothing but the load: everybody works s + 1 times as much, always. One job a
round, and each is decoded in its own round.

Knob: `s`; -1 has it chosen on the probe, over all s up to a quarter of the workers. `strict`: the
theory lets s workers be late; the authors' simulator waits already at s of them. The theory's
rule is the default.

**Fidelity.** The loads, the waiting rule and the chosen s are those of the paper's baseline. The
decoder here asks for any n - s results also where the fractional code could do with fewer.

**What to expect.** Written before measuring, from the card: far faster than uncoded with
stragglers (uncoded takes +98 % in short bursts), s between 7 and 15 at alpha = 6.

**Ways to fake it.** Leaving s untuned, which would flatter the sequential schemes; alpha = 0,
which makes repetition free.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case, Flags
from adabench.workloads.algorithms.stragglers.substrate.parameter_search import best_code
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    STOP,
    WAIT,
    Decision,
    Orders,
    OwnParts,
    View,
)

CARD = Card(
    title="Gradient coding, (n, s)-GC",
    paper="Gradient Coding: Avoiding Stragglers in Distributed Learning, ICML 2017",
    adapts="nothing: the same coded parts in every round",
    role="static",
    knobs=(
        Knob("s", (-1, 3, 7, 15, 31), -1, open=True, low=-1, high=100000),
        Knob("strict", (False, True), False),
    ),
    variants=(
        Variant(
            "uncoded",
            "Uncoded, wait for all",
            {"s": 0, "strict": False},
            role="static",
            paper="none: plain data parallelism",
            adapts="nothing: every worker does its own part of every job",
            essay="""The baseline of every scheme here, s = 0: each worker does its n-th of the job, no
            repetition at all, so the least work, and each round lasts as long as the slowest of all workers.

            **What to expect.** Written before measuring. With 256 workers and one bad round in ninety
            somebody is late in nearly every round, and a round lasts the maximum of several 3 + Exp(1).
            Without stragglers it is the best there is.

            **Ways to fake it.** Leaving out the load: uncoded pays alpha / n like everybody else.
            """,
        ),
    ),
)


def coded_scheme(n: int, s: int, may_be_late: int) -> OwnParts:
    """Return the scheme of n coded parts that goes on without at most `may_be_late` of them."""

    def decide(view: View, orders: Orders, late: Flags) -> Decision:
        return STOP if late.sum() <= may_be_late else WAIT

    return OwnParts(n, decide, s)


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs.

    Raises:
        SelectionError: if s is not below the number of workers.
    """
    s = int(point["s"])
    if s < 0:
        s = best_code(case)
    if s >= case.n:
        raise SelectionError(f"s = {s} is not below the {case.n} workers.", "Give a smaller s.")
    return task.run(case, coded_scheme(case.n, s, max(0, s - 1) if point["strict"] else s))
