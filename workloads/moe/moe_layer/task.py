"""One layer of experts on several processes: which capacity, parallelism and pipelining an iteration takes.

A case is a stream of 40 iterations of one layer of 16 experts over W ranks, processes of this machine that talk over gloo. How many tokens
a rank has changes (16, 256, 2,048), and so do domain and layer whose trained router chooses experts: the largest count of an
expert is 2 to 6 times the mean one, and moves. Ranks keep W equal shards of the matrices and their own tokens in every
setting, so that changing it moves nothing.

**What is scored.** `delivered`, the share of choices that were not beyond a capacity, and `max_error`, how far a layer on ranks
is from one process that runs the same choices, tried once for each setting and number of tokens.

**What is counted.** `layer_flops` a token, padding and dense dispatch included; `padding`, the share of multiplied rows that no token is in;
`sent_bytes` of a rank. Seconds: `layer_s` an iteration from barrier to barrier. Each iteration runs
A B A B on the same tokens, A the method's and B sparse dispatch with r = 1 and a factor of 2: `time_ratio` is the ratio of the sums, in
which what else the machine does falls on both. Seconds below ten parts in a hundred are not decided by it on two cores.

**Conditions.** `ranks` and `experts`: where W exceeds E an expert lies in S = W / E shards, and r goes up to S. `level=model` runs nothing:
seconds are those of a cost model (`benchmarks/exchange_costs.py`), for up to 2,048 ranks; they are called `modelled_ratio`, and no claim
is judged on them.

**Limits.** One machine has no network, so that an exchange costs copies and messages, and more ranks than cores prove that numbers are
right and nothing about speed. Forward passes alone.
"""

from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.moe.moe_layer import conformance
from adabench.workloads.moe.moe_layer.substrate.expert_shards import LayerShape
from adabench.workloads.moe.moe_layer.substrate.layer_bench import (
    Counted,
    LayerBench,
    Stream,
    World,
)
from adabench.workloads.moe.moe_layer.substrate.token_streams import TokenStream, drawn_stream
from adabench.workloads.moe.moe_layer.truth.timed_settings import timed_settings

CARD = Card(
    title="One layer of experts on several processes",
    seeds=3,
    given=("moe-*",),
    paper="our own substrate; Tutel, arXiv 2206.03382",
    adapts="capacity, parallelism and pipelining of each iteration",
    no_speedup="seconds are compared inside an iteration (time_ratio), and work is the same in every setting",
    gaps=(
        Gap(
            mixture=("sparse_fixed", "data_parallel", "overlapped"),
            methods=("tutel",),
            oracle="best_static",
            coin="random_settings",
        ),
    ),
    knobs=(
        Knob("ranks", (2,), 2, open=True, low=2, high=2048),
        Knob("experts", (16,), 16, open=True, low=1, high=16),
        Knob("iterations", (40,), 40, open=True, low=1, high=400),
        Knob("streams", (1,), 1, open=True, low=1, high=16),
        Knob("level", ("measured",), "measured", also=("model",)),
    ),
    cases="exchangeable",
    comparison=("delivered", "time_ratio", "layer_flops", "padding"),
    metrics=(
        Metric("delivered", "", "higher", "quality", primary=True, low=0.0, high=1.0),
        Metric("layer_flops", "FLOP/token", "lower", "work", primary=True),
        Metric("time_ratio", "", "lower", "cost", clocked=True, low=0.0),
        Metric("padding", "", "lower", "cost", low=0.0, high=1.0),
        Metric("sent_bytes", "B/token", "lower", "cost", clocked=True),
        Metric("switches", "times", "lower", "info", clocked=True),
        Metric("max_error", "", "lower", "info", clocked=True, low=0.0),
        Metric("layer_s", "s", "lower", "cost"),
        Metric("modelled_ratio", "", "lower", "info", low=0.0),
        Metric("choices rows", "rows", "lower", "info"),
    ),
)
CHECK_CONDITIONS = {"iterations": 2}
OUTCOMES = (Counted,)
DRAWN_RANKS = 8
"""Ranks whose tokens are drawn: with more, each is like one of these."""
MOST_PROCESSES = 8
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def score(world: World, counted: Counted) -> dict[str, float]:
    """Return what a run is worth."""
    iterations, delivered = world.case.iterations, counted.choices - counted.dropped
    found = {
        "delivered": delivered / counted.choices,
        "layer_flops": counted.flops,
        "padding": 1 - delivered / counted.rows,
        "sent_bytes": counted.sent_bytes / counted.tokens,
        "switches": float(counted.switches),
        "max_error": counted.max_error,
    }
    ratio = counted.layer_s / counted.reference_s
    if not world.measured:
        return found | {"modelled_ratio": ratio}
    return found | {"time_ratio": ratio, "layer_s": counted.layer_s / iterations}


def load(
    scale: str,
    seed: int,
    *,
    ranks: int = 2,
    experts: int = 16,
    iterations: int = 40,
    streams: int = 1,
    level: str = "measured",
) -> LayerBench:
    """Return the task under the given conditions; no process is started here.

    Raises:
        SelectionError: for a scale or a level that it does not have, one rank, more processes than a machine
            should have, or experts that have no equal shards.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"moe_layer has no scale {scale!r}.", "It runs at `embedded`.")
    if level not in ("measured", "model"):
        raise SelectionError(f"{level!r} is no level.", "There are measured and model.")
    if ranks < 2:
        raise SelectionError(
            "One rank has nobody to exchange tokens with, and nothing to adapt.",
            "Take two or more: --set ranks=2.",
        )
    if level == "measured" and ranks > MOST_PROCESSES:
        raise SelectionError(
            f"{ranks} ranks would be {ranks} processes of this machine.",
            f"Take at most {MOST_PROCESSES}, or the cost model: --set level=model.",
        )
    shape = LayerShape(ranks, experts)
    worlds = [_world(seed, index, iterations, shape, level) for index in range(streams)]
    return LayerBench(tuple(worlds), score, measured=level == "measured")


def _world(seed: int, index: int, iterations: int, shape: LayerShape, level: str) -> World:
    drawn = min(shape.ranks, DRAWN_RANKS)
    stream: TokenStream = drawn_stream(seed, index, iterations, drawn, shape.experts)
    case = Stream(stream.instance, "stream", iterations, shape)
    return World(case, stream, level == "measured", timed_settings)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield a sentence for each rule of this task that a method breaks."""
    worlds = [
        _world(0, 0, 6, LayerShape(ranks, experts), "model") for ranks, experts in ((2, 16), (4, 2))
    ]
    yield from conformance.check(method, card, worlds, score)
