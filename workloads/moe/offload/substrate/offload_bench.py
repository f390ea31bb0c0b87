"""What methods of `offload` get: decodings under their policies, and what may be looked at before.

bench.calibration_paths()          texts, and the experts that their bytes ran
bench.gate(layer, stream)          what a layer's router would say of the rows of another one
bench.decode(case, policy)         decodes the case; returned by `solve` as it is
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.offload.substrate import decoding
from adabench.workloads.moe.offload.substrate.decoding import SHAPE, Sequences
from adabench.workloads.moe.offload.substrate.slots import Policy
from adabench.workloads.moe.substrate.byte_checkpoints import EXPERTS
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, Ints, passages
from adabench.workloads.moe.substrate.byte_model import Block
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run
from adabench.workloads.shared.counting.random_streams import read_only
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import one_thread

WORDING = Wording(
    "decode",
    foreign="The answer is not this bench's own decoding of the case.",
    twice="It decodes a case more than once, and answers with one.",
)
CALIBRATION, CALIBRATION_SEED = 24, 78
"""Passages of each domain."""
Visits = tuple[tuple[int, ...], ...]
Paths = NDArray[np.bool_]


@dataclass(frozen=True)
class Batches:
    """A case: batches of sequences to be decoded, and the slots that are handed out."""

    instance: float
    group: str
    batch: int
    """Sequences of a batch."""
    sequences: int
    slots: int


@dataclass(frozen=True)
class World:
    """A case with its bytes, which are revealed as they are read; and to oracles its visits."""

    case: Batches
    given: Sequences
    future: "Callable[[World], Visits] | None" = None


@dataclass(frozen=True)
class Answer:
    """What `solve` returns."""

    instance: float
    hits: float


@dataclass(frozen=True)
class Counted:
    """What was counted of a decoding."""

    chances: NDArray[np.float32]
    """[sequences, steps + 1], logarithms of those of the bytes that came."""
    counts: Mapping[str, float]
    clock_s: Mapping[str, float]
    """Seconds, and what else follows from a clock: laps differ in it."""


@dataclass(frozen=True)
class Heard:
    """What a listener hears of a decoding."""

    visits: Visits
    decisions: Ints
    """[steps + 1], digests."""


class OffloadBench(CountedTask[Batches, World, Policy, Answer, Counted, Counted]):
    """The bench. An outcome is what was counted."""

    wording = WORDING

    @staticmethod
    def case_of(world: World) -> Batches:
        """Return the case."""
        return world.case

    @staticmethod
    def run_in(world: World, order: Policy, *, listened: bool) -> Run[Answer, Counted]:
        """Decode the case under a policy."""
        del listened
        checkpoints.note(decoding.model_name(world.given.seed), EXPERTS)
        done = decoding.decode(world.given, order)
        counts = done.counts
        answer = Answer(world.case.instance, counts["hits"])
        added = {
            "experts_run": counts["asked"],
            "experts_fetched": counts["exposed"] + counts["ahead"],
        }
        counted = Counted(done.chances.numpy(), counts, done.clock_s)
        return Run(answer, counted, added, Heard(done.visits, done.decisions))

    @staticmethod
    def revealed(world: World, *, oracle: bool) -> World:
        """Return the case with its bytes; to an oracle with its visits, found out now."""
        future = world.future if oracle else None
        return replace(world, future=Known(future(world)) if future else None)

    @staticmethod
    def entered(world: World) -> World:
        """Freeze the bytes."""
        return replace(world, given=replace(world.given, tokens=read_only(world.given.tokens)))

    def training(self) -> tuple[int, ...]:
        """Return the seed, which says which training of the model this is."""
        seeds = {self.of(case).given.seed for case in self.known}
        return self.examples or tuple(seeds)

    @property
    def seed(self) -> int:
        """Return the seed of the run."""
        return int(self.training()[0])

    def warm(self) -> None:
        """Read the model and its experts, which all methods share."""
        with one_thread():
            name = decoding.model_name(self.seed)
            decoding.dense_part(name)
            decoding.expert_bytes(name)

    def decode(self, case: Batches, policy: Policy) -> Answer:
        """Decode a case under a policy, and count.

        Raises:
            MethodContractError: if the policy names a slot that it cannot have.
        """
        return self.count(case, policy)

    def calibration_paths(self) -> tuple[Ints, Paths]:
        """Return texts that no score is taken on, [n, T], and the experts that their bytes ran, [n, T, layers, E]."""
        return calibration_paths(self.seed)

    @torch.no_grad()
    def gate(self, layer: int, stream: Tensor) -> Tensor:
        """Return a router's chances of experts, [rows, E], of what enters another layer's experts, [B, T, D]."""
        block = decoding.dense_part(decoding.model_name(self.seed)).blocks[layer]
        assert isinstance(block, Block)
        return block.experts.scores(block.between(stream).flatten(0, 1)).softmax(-1).cpu()

    def visits(self, case: Batches) -> Visits:
        """Return the experts of every visit to come: for oracles.

        Raises:
            MethodContractError: in the process of any other method.
        """
        world = self.of(case)
        if world.future is None:
            raise MethodContractError(
                "The visits to come are not known in the process of a method.",
                "Say role='oracle' in the card if the method is meant to be told them.",
            )
        return world.future(world)


@dataclass(frozen=True)
class Known:
    """Visits that were found out before."""

    visits: Visits

    def __call__(self, world: World) -> Visits:
        """Return them."""
        del world
        return self.visits


@cache
def calibration_paths(seed: int) -> tuple[Ints, Paths]:
    """Return texts that no score is taken on and their paths, as `OffloadBench.calibration_paths` does."""
    drawn = [
        passages(domain, "calibration", CALIBRATION, SHAPE.length, CALIBRATION_SEED, seed)[:, :-1]
        for domain in DOMAINS
    ]
    tokens = np.concatenate(drawn)
    return read_only(tokens), read_only(routed_paths(seed)(torch.from_numpy(tokens)).numpy())


def routed_paths(seed: int) -> Callable[[Tensor], Tensor]:
    """Return what says which experts bytes [n, T] run in the model of a seed, [n, T, layers, E] of bool."""
    model = decoding.whole_model(seed)

    @torch.no_grad()
    def paths(tokens: Tensor) -> Tensor:
        with one_thread():
            scores = torch.stack(model(tokens).scores, 1)
        chosen = scores.topk(SHAPE.chosen, dim=-1).indices
        found = torch.zeros(scores.shape, dtype=torch.bool).scatter_(-1, chosen, value=True)
        return found.view(*tokens.shape, SHAPE.layers, SHAPE.experts)

    return paths
