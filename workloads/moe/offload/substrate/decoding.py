"""Decodes a case with experts in slots: what is multiplied is read from a slot, and nowhere else.

Step 0 reads the prompts, each further step one byte of each sequence; batch after batch, layer after layer. Attention, routers
and words are held; experts come through the store. Sums are made in one order, so logits are the same to the bit for
every policy and tier that leaves batches as they are.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.offload.substrate.slots import Fetch, Groups, Moment, Policy, Slots
from adabench.workloads.moe.substrate.byte_checkpoints import EXPERTS, FORECAST_S, read_model
from adabench.workloads.moe.substrate.byte_corpus import Ints
from adabench.workloads.moe.substrate.byte_decoder import KeyValues, read_on
from adabench.workloads.moe.substrate.byte_model import Block, ByteModel, ByteShape
from adabench.workloads.moe.substrate.expert_layer import bare
from adabench.workloads.moe.substrate.expert_store import ExpertStore
from adabench.workloads.moe.substrate.expert_sum import pairs_of
from adabench.workloads.moe.substrate.expert_tiers import Tier, open_tier
from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import one_thread

SHAPE = ByteShape()
EXPERTS_IN_ALL = SHAPE.layers * SHAPE.experts
PROMPT, STEPS = 32, 64
TRAININGS = 5
SIZE = 2 * SHAPE.width * SHAPE.hidden * 4
"""Bytes of an expert, in single precision."""


def model_name(seed: int) -> str:
    """Return the training that a run's seed takes."""
    return f"moe-s{seed % TRAININGS}"


def whole_model(seed: int) -> ByteModel:
    """Return the model with all its experts: for what is learned before a run, and for the slow tiers.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    name = model_name(seed)
    return read_model(name, SHAPE, checkpoints.home(name, EXPERTS), FORECAST_S)


@cache
def dense_part(name: str) -> ByteModel:
    """Return a model without its experts."""
    model = whole_model(int(name.rpartition("-s")[2]))
    layers = []
    for layer in model.layers:
        one = bare(torch.empty(SHAPE.experts, 0, 0), torch.empty(SHAPE.experts, 0, 0))
        one.router = layer.router
        layers.append(one)
    return model.with_layers(layers)


@cache
def expert_bytes(name: str) -> Tensor:
    """Return the experts of a model as bytes, [layers * E, SIZE]: first the inner matrices, then the outer."""
    model = whole_model(int(name.rpartition("-s")[2]))
    parts = [torch.cat((one.inner.flatten(1), one.outer.flatten(1)), 1) for one in model.layers]
    return torch.cat(parts).contiguous().view(torch.uint8)


@cache
def tier_of(name: str, tier: str, folder: str) -> Tier:
    """Return a tier that holds a model's experts; it is opened once a process."""
    return open_tier(tier, expert_bytes(name), folder)


@dataclass(frozen=True)
class Sequences(FrozenArrays):
    """What is decoded, and where experts come from."""

    tokens: Ints
    """[sequences, PROMPT + steps + 1]: the last byte is foretold and never read."""
    batch: int
    slots: int
    seed: int
    tier: str = "memory"
    folder: str = ""

    @property
    def steps(self) -> int:
        """Return how many steps follow the prompts."""
        return int(self.tokens.shape[1]) - PROMPT - 1

    @property
    def plain_groups(self) -> Groups:
        """Return the batches as the sequences came."""
        count = len(self.tokens)
        return [range(at, at + self.batch) for at in range(0, count, self.batch)]


@dataclass
class Decoder:
    """One decoding of a case."""

    given: Sequences
    policy: Policy
    store: ExpertStore
    slots: Slots
    visits: list[tuple[int, ...]] = field(default_factory=list)
    """The experts of each visit, in the order in which they ran."""
    decisions: list[int] = field(default_factory=list)
    """By step, a digest of what the policy decided."""
    _experts: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay the weights of each slot over its bytes."""
        half = (SHAPE.hidden, SHAPE.width)
        for slot, held in enumerate(self.store.slots):
            inner, outer = held.view(torch.float32).chunk(2)
            self._experts[slot] = inner.view(half), outer.view(half[::-1])
        self.model = dense_part(model_name(self.given.seed)).to(self.store.slots.device)
        self.past = KeyValues(SHAPE, len(self.given.tokens), str(self.store.slots.device))

    def run(self) -> Tensor:
        """Return the logarithms of the chances of bytes that came after each step, [sequences, steps + 1]."""
        tokens = torch.tensor(self.given.tokens).to(self.store.slots.device)
        found = torch.zeros(len(tokens), self.given.steps + 1)
        for step in range(self.given.steps + 1):
            place, end = (PROMPT + step - 1, PROMPT + step) if step else (0, PROMPT)
            seen = self.given.tokens[:, :end]
            groups = self._groups(step, seen)
            for rows in groups:
                moment = Moment(step, -1, seen, tuple(rows))
                self._order(self.slots.ahead(moment))
                read, feed = tokens[list(rows), place:end], partial(self.add, moment)
                last = read_on(self.model, read, self.past, rows, place, feed)[:, -1]
                chances = F.linear(last, self.model.words.weight).log_softmax(-1)
                came = tokens[list(rows), end]
                found[list(rows), step] = chances.gather(1, came[:, None])[:, 0].cpu()
            ordered = [
                *self.slots.events,
                *((row, group) for group, rows in enumerate(groups) for row in rows),
            ]
            self.decisions.append(crc32(np.array(ordered, np.int32).tobytes()))
            self.slots.events.clear()
        return found

    def _groups(self, step: int, seen: Ints) -> Groups:
        plain = self.given.plain_groups
        if self.policy.groups is None:
            return plain
        groups = [list(map(int, rows)) for rows in self.policy.groups(step, seen)]
        whole = sorted(row for rows in groups for row in rows) == list(range(len(seen)))
        if not whole or {len(rows) for rows in groups} != {self.given.batch}:
            raise MethodContractError(
                f"Step {step} was to be read in batches of {[len(rows) for rows in groups]} sequences.",
                f"`groups` puts each sequence into one of {len(plain)} batches of {self.given.batch}.",
            )
        return groups

    def _order(self, fetches: Sequence[Fetch], *, urgent: bool = False) -> None:
        for one in fetches:
            self.store.fetch(one.expert, one.slot, urgent=urgent)

    def add(self, start: Moment, layer: int, block: Block, x: Tensor) -> Tensor:
        """Return what a layer's experts add to x [B, T, D]."""
        rows = block.between(x).flatten(0, 1)
        mixed = self.model.route(layer, block.experts.scores(rows))
        pairs, first = pairs_of(mixed), layer * SHAPE.experts
        needed = tuple(first + e for e, size in enumerate(pairs.sizes) if size)
        moment = replace(start, layer=layer, needed=needed, stream=x)
        outputs = self._run(moment, torch.split(rows[pairs.row], [s for s in pairs.sizes if s]))
        self._order(self.slots.ahead(replace(moment, ran=True)))
        shares = mixed[pairs.row, pairs.expert].unsqueeze(1)
        added = torch.zeros_like(rows).index_add(0, pairs.row, torch.cat(outputs) * shares)
        return added.view_as(x)

    def _run(self, moment: Moment, parts: Sequence[Tensor]) -> list[Tensor]:
        """Run the experts of a visit one after the other, each from its slot."""
        from_slot = dict(self.slots.slot_of)
        fetches = self.slots.visit(moment)
        self.visits.append(moment.needed)
        from_slot |= {one.expert: one.slot for one in fetches}
        self._order([one for one in fetches if one.after is None], urgent=True)
        busy = {from_slot[expert] for expert in moment.needed}
        self._order(self.slots.ahead(moment, busy))
        outputs = []
        for expert, rows in zip(moment.needed, parts, strict=True):
            self.store.arrived(from_slot[expert])
            inner, outer = self._experts[from_slot[expert]]
            outputs.append(F.gelu(rows @ inner.T) @ outer.T)
            self._order([one for one in fetches if one.after == expert], urgent=True)
        return outputs


@dataclass(frozen=True)
class Decoded:
    """What came of a decoding."""

    chances: Tensor
    """[sequences, steps + 1]"""
    visits: tuple[tuple[int, ...], ...]
    decisions: Ints
    counts: dict[str, float]
    clock_s: dict[str, float]
    """Seconds, and how many experts had not arrived when their turn came (`late`)."""


@torch.no_grad()
def decode(given: Sequences, policy: Policy) -> Decoded:
    """Decode sequences under a policy, and count."""
    slots, name = policy.slots or given.slots, model_name(given.seed)
    device = "cuda" if given.tier == "host" else "cpu"
    with one_thread():
        begun = time.perf_counter()
        with ExpertStore(tier_of(name, given.tier, given.folder), slots, SIZE, device) as store:
            decoder = Decoder(given, policy, store, Slots(slots, policy))
            chances = decoder.run()
        total_s = time.perf_counter() - begun
    held = [*decoder.model.parameters(), *policy.held]
    fast = store.slots.numel() + decoder.past.bytes + sum(_sizes(held))
    tally = decoder.slots.tally
    counts = {
        "slots": float(slots), "asked": float(tally.asked), "hits": float(tally.hits),
        "exposed": float(tally.exposed), "ahead": float(tally.ahead), "wasted": float(tally.wasted),
        "visits": float(tally.visits), "bytes": float(store.moved_bytes), "fast_bytes": float(fast),
    }  # fmt: skip
    clock_s = {"decode_s": total_s, "wait_s": store.wait_s, "fetch_s": store.fetch_s}
    decisions = np.array(decoder.decisions, np.int64)
    return Decoded(
        chances, tuple(decoder.visits), decisions, counts, {**clock_s, "late": float(store.late)}
    )


def _sizes(tensors: Sequence[Tensor]) -> Iterator[int]:
    """Yield the bytes of tensors, each once."""
    yield from {id(one): one.numel() * one.element_size() for one in tensors}.values()
