"""Runs a stream of iterations on W ranks and times each: rank 0 is here, the others are processes (`ranks.py`).

An iteration is timed from barrier to barrier, so that its seconds are those of the slowest rank. Each runs four times: the method's
setting, the reference (sparse dispatch, r = 1, factor 2, no pipelining), and both again, on the same tokens: what else the
machine does falls on both. What a method is told of its seconds is the first of its two.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor

from adabench.workloads.moe.moe_layer.substrate.expert_shards import (
    ExpertShards,
    LayerShape,
    RankCounts,
    Setting,
    drawn_experts,
)
from adabench.workloads.moe.moe_layer.substrate.token_dispatch import (
    Dispatch,
    Places,
    Tokens,
    capacity_of,
    counts_before,
    decoded,
    encoded,
    places_of,
)
from adabench.workloads.moe.moe_layer.substrate.token_streams import TokenStream
from adabench.workloads.shared.ranks import joined_ranks
from adabench.workloads.shared.training.checkpoints import one_thread

WARM = 2
"""Untimed runs of each arm before a stream."""
STOP, OWN, REFERENCE = 0, 1, 2


@dataclass(frozen=True)
class Moment:
    """What a method knows when it chooses."""

    iteration: int
    tokens: int
    """Of each rank."""
    capacity: int
    """Rows that an expert gets from a rank, this iteration."""
    shape: LayerShape


Choose = Callable[[Moment], Setting]
Told = Callable[[Moment, Setting, float], None]


def untold(moment: Moment, setting: Setting, seconds: float) -> None:
    """Learn nothing from how long it took."""


@dataclass(frozen=True)
class Policy:
    """How a method runs the layer."""

    choose: Choose
    factor: float = 0.0
    """Of capacity; 0: nothing is dropped."""
    dispatch: Dispatch = "sparse"
    took: Told = untold
    """Hears how long each iteration took."""


FIXED = Policy(lambda moment: Setting(1), factor=2.0)
"""The reference."""


@dataclass
class StreamCounts:
    """What was counted and timed over a stream, on rank 0."""

    layer_s: float = 0.0
    reference_s: float = 0.0
    choices: int = 0
    dropped: int = 0
    rows: int = 0
    sent_bytes: int = 0
    dispatch_flops: int = 0
    max_error: float = 0.0
    settings: list[Setting] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """By iteration, of the method's setting."""


@dataclass
class RankLayer:
    """What every rank has: its shard, and the tokens of the stream."""

    shards: ExpertShards
    stream: TokenStream

    def __post_init__(self) -> None:
        """Draw the rows that tokens are made of."""
        coins = torch.Generator().manual_seed(self.stream.seed * 64 + self.shards.rank)
        self._rows = torch.randn(
            (int(self.stream.tokens.max()), self.shards.shape.width), generator=coins
        )

    def tokens(self, iteration: int) -> Tokens:
        """Return this rank's tokens of an iteration."""
        at, rank = self.stream.rows(iteration), self.shards.rank
        choices = torch.from_numpy(self.stream.choices[at, rank].copy())
        shares = torch.from_numpy(self.stream.shares[at, rank].copy())
        return Tokens(self._rows[: len(choices)], choices, shares)

    def run(
        self, iteration: int, factor: float, dispatch: Dispatch, choose: "Callable[[int], Setting]"
    ) -> tuple[Tensor, Places, Tokens, int]:
        """Run the layer once; `choose` says how, of a capacity. All ranks do so together."""
        shape = self.shards.shape
        tokens = self.tokens(iteration)
        before = counts_before(tokens.choices, shape.experts)
        capacity = capacity_of(before, shape, factor)
        places = places_of(tokens.choices, before, capacity)
        setting = self._agreed(choose, capacity)
        sent = encoded(tokens, places, shape.experts, capacity, dispatch)
        made = self.shards.run(sent, setting)
        return decoded(tokens, places, made, dispatch), places, tokens, capacity

    def _agreed(self, choose: "Callable[[int], Setting]", capacity: int) -> Setting:
        """Return what rank 0 chose."""
        said = torch.zeros(2, dtype=torch.int64)
        if self.shards.rank == 0:
            chosen = choose(capacity)
            said = torch.tensor([chosen.parallelism, chosen.degree])
        dist.broadcast(said, 0)
        return Setting(int(said[0]), int(said[1]))


def _elsewhere(capacity: int) -> Setting:
    raise AssertionError(f"Rank 0 chooses for a capacity of {capacity}.")


def serve(
    rank: int, shape: LayerShape, stream: TokenStream, seed: int, factor: float, dispatch: Dispatch
) -> None:
    """Be a rank until told to stop."""
    layer = RankLayer(ExpertShards(shape, rank, seed), stream)
    order = torch.zeros(2, dtype=torch.int64)
    with torch.no_grad():
        while True:
            dist.broadcast(order, 0)
            arm, iteration = order.tolist()
            if arm == STOP:
                return
            own = (factor, dispatch) if arm == OWN else (FIXED.factor, FIXED.dispatch)
            dist.barrier()
            layer.run(iteration, *own, _elsewhere)
            dist.barrier()


@dataclass
class StreamRun:
    """Rank 0's run of a stream under a policy."""

    layer: RankLayer
    policy: Policy
    seed: int
    counts: StreamCounts = field(default_factory=StreamCounts)
    _checked: set[tuple[Setting, int]] = field(default_factory=set)

    def run(self, iterations: int) -> StreamCounts:
        """Run all iterations, and count."""
        for _ in range(WARM):
            self._timed(REFERENCE, 0, FIXED, _first(Setting(1)))
            self._timed(OWN, 0, self.policy, _first(Setting(1)))
        for iteration in range(iterations):
            self._iteration(iteration)
        dist.broadcast(torch.tensor([STOP, 0]), 0)
        return self.counts

    def _iteration(self, iteration: int) -> None:
        moments: list[Moment] = []
        tokens = int(self.layer.stream.tokens[iteration])

        def choose(capacity: int) -> Setting:
            moments.append(Moment(iteration, tokens, capacity, self.layer.shards.shape))
            return self.policy.choose(moments[0])

        seen: list[Setting] = []

        def noted(capacity: int) -> Setting:
            seen.append(choose(capacity))
            return seen[0]

        self.layer.shards.counts = RankCounts()
        first_s, came = self._timed(OWN, iteration, self.policy, noted)
        self._count(came, seen[0])
        one_s, _ = self._timed(REFERENCE, iteration, FIXED, FIXED_SETTING)
        again_s, _ = self._timed(OWN, iteration, self.policy, _first(seen[0]))
        other_s, _ = self._timed(REFERENCE, iteration, FIXED, FIXED_SETTING)
        self.counts.layer_s += (first_s + again_s) / 2
        self.counts.reference_s += (one_s + other_s) / 2
        self.counts.seconds.append(first_s)
        self.policy.took(moments[0], seen[0], first_s)

    def _timed(
        self, arm: int, iteration: int, policy: Policy, choose: "Callable[[int], Setting]"
    ) -> tuple[float, tuple[Tensor, Places, Tokens, int]]:
        dist.broadcast(torch.tensor([arm, iteration]), 0)
        dist.barrier()
        begun = time.perf_counter()
        came = self.layer.run(iteration, policy.factor, policy.dispatch, choose)
        dist.barrier()
        return time.perf_counter() - begun, came

    def _count(self, came: tuple[Tensor, Places, Tokens, int], setting: Setting) -> None:
        """Enter what an iteration did, and hold what came of each setting at each size against one process."""
        out, places, tokens, capacity = came
        shape, counts, did = self.layer.shards.shape, self.counts, self.layer.shards.counts
        counts.settings.append(setting)
        counts.choices += places.there.numel()
        counts.dropped += int((~places.there).sum())
        counts.rows += did.rows
        counts.sent_bytes += did.sent_bytes
        if self.policy.dispatch == "dense":
            counts.dispatch_flops += 4 * len(out) * shape.experts * capacity * shape.width
        if (setting, len(out)) not in self._checked:
            self._checked.add((setting, len(out)))
            error = float((out - one_process(shape, self.seed, tokens, places)).abs().max())
            counts.max_error = max(counts.max_error, error)


def _first(setting: Setting) -> "Callable[[int], Setting]":
    return partial(_always, setting)


def _always(setting: Setting, capacity: int) -> Setting:
    del capacity
    return setting


FIXED_SETTING = _first(Setting(1))


def one_process(shape: LayerShape, seed: int, tokens: Tokens, places: Places) -> Tensor:
    """Return what one process makes of tokens that were not dropped, expert by expert, [T, D]."""
    inner, outer = drawn_experts(shape, seed)
    found = torch.zeros_like(tokens.rows)
    for expert in range(shape.experts):
        token, choice = torch.nonzero((tokens.choices == expert) & places.there, as_tuple=True)
        made = torch.nn.functional.gelu(tokens.rows[token] @ inner[expert].T) @ outer[expert].T
        found.index_add_(0, token, made * tokens.shares[token, choice, None])
    return found


@torch.no_grad()
def run_stream(shape: LayerShape, stream: TokenStream, policy: Policy) -> StreamCounts:
    """Run a stream under a policy on ranks of its own.

    Raises:
        EnvironmentProblem: if ranks cannot be started, or one is lost.
    """
    given = shape, stream, stream.seed, policy.factor, policy.dispatch
    with (
        one_thread(),
        joined_ranks(
            shape.ranks,
            serve,
            given,
            who="The ranks of moe_layer",
            instead="--set level=model needs none.",
        ),
    ):
        layer = RankLayer(ExpertShards(shape, 0, stream.seed), stream)
        return StreamRun(layer, policy, stream.seed).run(len(stream.tokens))
