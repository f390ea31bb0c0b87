"""Greedy skipping: informed routing without the forecast, the rival that it names.

The same frozen model, router, budget, data and steps; a unit that does not run adds nothing
(`routers_and_forecasters.py`, kind `greedy`). This is what mixture-of-depths does to a trained model, with a
threshold in place of a top-k that would look ahead.

**What to expect.** Written before measuring: as good as informed routing down to half of the units;
below that it loses answers, because a skipped unit leaves a hole that nothing fills.

**What was seen.** Seeds 0..2, 6 batches each, prefill: accuracy 0.981, 0.961, 0.891 at 0.45, 0.6,
0.75, with 3.60, 2.87, 2.30 of 6 layers where 3.3, 2.4, 1.5 were asked for: the loss of answers
holds the routers open against the budget. It loses answers earlier than expected, at half of the
units, and at k = 4 first (0.928, 0.890, 0.799). H 1.06 [0.17, 2.19]. Part of it comes back when
more is run: at 0.6 with `shift=2` 0.994 at 3.93 layers. At width 256 (`width_twin.py`), quiet machine,
seeds 0..2, 2 batches, 5 repeats, all timings valid: K of latency 0.38 [0.31, 0.48] in prefill. At
64, K of latency, quiet machine, 3 batches, 3 repeats: 0.23 [0.13, 0.29] in prefill, -0.06 [-0.12,
0.05] one token at a time, -0.59 [-0.70, -0.44] sixteen together. With today's engine, one call for
a batch, Xeon with AMX: 0.45 [0.38, 0.57] at 256; at 64, 2 batches, 2 repeats, 0.32 [0.24, 0.41],
0.10 [-0.03, 0.29] and -0.52 [-0.60, -0.41].

*Scale real*, 0.15, seeds 0..2, 3 batches each: 1.0414 of the whole model's nats at 0.845 of the
executions (by seed 1.0387, 1.0428, 1.0428), where informed routing has 1.0076 at 0.848; 1.01 to
1.02 was expected. Routers by judged harm (`skip_damage.py`), on three judgements for its two, for
without forecasts there is nothing to train. A hole costs four times what a forecast does.

**Ways to fake it.** Fewer steps or another budget than the method it is compared with.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import rule
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader

CARD = Card(
    title="Greedy skipping",
    tasks=("ledger", "pretrained"),
    variants={"pretrained": Variant(sweep={"sparsity": (0.15,)})},
    paper="Raposo et al., Mixture-of-Depths, arXiv 2404.02258, as a retrofit with a threshold",
    adapts="which attention blocks and MLPs a position runs, on a linear score of its state",
    fidelity="special-case",
    skips_from="vanilla",
    knobs=(
        Knob("sparsity", (0.45, 0.6, 0.75), 0.6, at="prepare", open=True, low=0.01, high=0.99),
        Knob("shift", (0.0, 2.0, 4.0), 0.0, open=True, low=-20.0, high=20.0),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> UnitReader:
    """Restore the routers that were trained for this sparsity."""
    return task.unit_reader(f"greedy-{round(100 * float(point['sparsity']))}")


def solve(reader: UnitReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each position's units are decided from its own state."""
    return reader.read(batch, rule(reader.fitted.parts, float(point["shift"])))
