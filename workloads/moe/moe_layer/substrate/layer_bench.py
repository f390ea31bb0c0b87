"""What methods of `moe_layer` get: a layer of experts on ranks, and streams to run through it.

bench.run(case, Policy(choose, factor=0.0))     runs the stream; returned by `solve` as it is
bench.retried(case, factor)                   seconds of each setting over the whole stream: for oracles
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.moe_layer.substrate.cost_model import fitted_costs, iteration_work
from adabench.workloads.moe.moe_layer.substrate.expert_shards import LayerShape, Setting
from adabench.workloads.moe.moe_layer.substrate.rank_group import (
    FIXED,
    Moment,
    Policy,
    StreamCounts,
    run_stream,
)
from adabench.workloads.moe.moe_layer.substrate.token_dispatch import capacity_given, largest_count
from adabench.workloads.moe.moe_layer.substrate.token_streams import TokenStream
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run

WORDING = Wording(
    "run",
    foreign="The answer is not this bench's own run of the stream.",
    twice="It runs a stream more than once, and answers with one.",
)


@dataclass(frozen=True)
class Stream:
    """A case: iterations of one layer."""

    instance: float
    group: str
    iterations: int
    shape: LayerShape


@dataclass(frozen=True)
class World:
    """A case with its tokens, which are revealed iteration by iteration."""

    case: Stream
    stream: TokenStream
    measured: bool
    """Whether ranks run it; else seconds are the cost model's."""
    timed: "Callable[[World, float], dict[Setting, float]] | None" = None
    """To oracles: how long each setting takes over the whole stream at a factor of capacity."""


@dataclass(frozen=True)
class Answer:
    """What `solve` returns."""

    instance: float
    dropped: int


@dataclass(frozen=True)
class Counted:
    """What was counted and timed of a run."""

    choices: int
    dropped: int
    rows: int
    tokens: int
    flops: float
    sent_bytes: int
    max_error: float
    switches: int
    layer_s: float
    reference_s: float


@dataclass(frozen=True)
class Heard:
    """What a listener hears: by iteration, the setting."""

    settings: NDArray[np.int64]
    """[iterations, 2]"""


@dataclass(frozen=True)
class LayerBench(CountedTask[Stream, World, Policy, Answer, Counted, Counted]):
    """The bench."""

    measured: bool = True
    """Whether seconds are measured, so that laps differ."""
    wording = WORDING
    noun = "stream"

    @property
    def laps_differ(self) -> bool:
        """Tell whether a method that follows a clock may decide otherwise when it runs again."""
        return self.measured

    @property
    def in_processes(self) -> bool:
        """Tell whether ranks of their own run the layer."""
        return self.measured

    @property
    def starts_cold(self) -> bool:
        """Tell whether a stream is measured at once: it has warm-up runs of its own."""
        return self.measured

    @staticmethod
    def case_of(world: World) -> Stream:
        """Return the case."""
        return world.case

    @staticmethod
    def run_in(world: World, order: Policy, *, listened: bool) -> Run[Answer, Counted]:
        """Run the stream under a policy."""
        del listened
        shape, stream = world.case.shape, world.stream
        run = run_stream if world.measured else modelled_stream
        done = run(shape, stream, order)
        tokens = int(stream.tokens.sum())
        flops = 4.0 * shape.width * shape.hidden * done.rows + done.dispatch_flops
        settings = np.array([(one.parallelism, one.degree) for one in done.settings])
        counted = Counted(
            done.choices, done.dropped, done.rows, tokens, flops / tokens, done.sent_bytes,
            done.max_error, int((np.diff(settings, axis=0) != 0).any(1).sum()),
            done.layer_s, done.reference_s,
        )  # fmt: skip
        answer = Answer(world.case.instance, done.dropped)
        added = {"choices": float(done.choices), "rows": float(done.rows)}
        return Run(answer, counted, added, Heard(settings))

    @staticmethod
    def revealed(world: World, *, oracle: bool) -> World:
        """Return the case; to an oracle with what times it."""
        return world if oracle else replace(world, timed=None)

    def run(self, case: Stream, policy: Policy) -> Answer:
        """Run a stream under a policy, and count.

        Raises:
            MethodContractError: if the policy chooses a setting that there is not.
        """
        return self.count(case, policy)

    def retried(self, case: Stream, factor: float) -> dict[Setting, float]:
        """Return how long each setting takes over the whole stream: for oracles.

        Raises:
            MethodContractError: in the process of any other method.
        """
        world = self.of(case)
        if world.timed is None:
            raise MethodContractError(
                "How long settings take over a whole stream is not known beforehand.",
                "Say role='oracle' in the card if the method is meant to be told.",
            )
        return world.timed(world, factor)


def modelled_stream(shape: LayerShape, stream: TokenStream, policy: Policy) -> StreamCounts:
    """Run a stream by the cost model: nothing is multiplied, and seconds are the model's."""
    costs, counts = fitted_costs(), StreamCounts()
    for iteration, tokens in enumerate(map(int, stream.tokens)):
        choices = stream.choices[stream.rows(iteration)]
        largest = largest_count(choices, shape.experts)
        capacity = capacity_given(tokens, choices.shape[2], largest, shape, policy.factor)
        setting = policy.choose(Moment(iteration, tokens, capacity, shape))
        if setting not in shape.settings:
            raise MethodContractError(f"{setting} is no setting here.", "`shape.settings` has all.")
        work = iteration_work(shape, setting, capacity, tokens, policy.dispatch)
        other = capacity_given(tokens, choices.shape[2], largest, shape, FIXED.factor)
        plain = iteration_work(shape, Setting(1), other, tokens)
        took_s = costs.seconds(work)
        counts.layer_s += took_s
        counts.reference_s += costs.seconds(plain)
        counts.settings.append(setting)
        counts.seconds.append(took_s)
        counts.choices += choices[:, 0].size
        counts.dropped += _dropped(choices[:, 0], shape.experts, capacity)
        counts.rows += work.rows
        counts.sent_bytes += work.sent_bytes
        counts.dispatch_flops += 4 * work.products // 2
        policy.took(Moment(iteration, tokens, capacity, shape), setting, took_s)
    return counts


def _dropped(choices: NDArray[np.int64], experts: int, capacity: int) -> int:
    counts = np.bincount(choices.ravel(), minlength=experts)
    return int(np.maximum(counts - capacity, 0).sum())
