"""What the active positions attend to: their layout, the cache, and its two views.

A `Cache` has a slot for each place in the unrolled stack. By default a slot holds the positions that ran there
and attention at that depth sees only those (*recursion-wise*). With `Shape.kv == "shared"` recursions after the
first read the slot of the first and store nothing. With `fill` (early exit) a position that has left still
writes its keys and values, from the state it left with; their cost is counted.

The two numbers that a rotation mixes lie half a head apart in a trained model; here the rows of the matrix that
makes them are read in an order that puts them side by side (`paired`), and turning is one complex product.

`Prefill` lays the active positions of each sequence side by side, padded to the longest of the tile. `Decode`
feeds one position of every sequence; those that have left are not among the rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer
from adabench.workloads.depth_width.substrate.work_counter import Work


@dataclass(frozen=True)
class Active:
    """The positions in play: flat indices in ascending order, and how they lie when padded."""

    flat: Tensor
    """[n], `sequence * tokens + position`; in decode simply the sequence."""
    sequence: Tensor
    position: Tensor
    place: Tensor
    """[n], index into the padded [sequences * longest]."""
    source: Tensor
    """[sequences * longest], index into the rows; any row where there is padding."""
    lengths: Tensor
    """[sequences]."""
    longest: int
    full: bool
    """Nothing is missing: padding and gathering are reshapes."""
    laid: Tensor
    """[sequences, longest], the positions when padded; after the last, `tokens`."""
    turn: Tensor
    """cos + i sin at `position`, [n, 1, d / heads / 2]."""


def pack(flat: Tensor, sequences: int, tokens: int, model: Backbone) -> Active:
    """Lay out the active positions of each sequence from the left."""
    sequence = flat.div(tokens, rounding_mode="floor")
    lengths = torch.bincount(sequence, minlength=sequences)
    longest = int(lengths.max())
    number = torch.arange(len(flat), device=flat.device)
    rank = number - (lengths.cumsum(0) - lengths).index_select(0, sequence)
    full = len(flat) == sequences * tokens
    position, place = flat % tokens, sequence * longest + rank
    late = flat.new_full((sequences * longest,), model.shape.tokens)
    laid = late.index_copy_(0, place, position).view(sequences, longest)
    source = torch.zeros_like(late).index_copy_(0, place, number)
    turn = turns(model).index_select(0, position)
    return Active(flat, sequence, position, place, source, lengths, longest, full, laid, turn)


@dataclass
class Slot:
    """Keys and values of one place in the unrolled stack, padded on the right."""

    keys: Tensor
    """[sequences, heads, room, d / heads]."""
    values: Tensor
    positions: Tensor
    """[sequences, room]; where nothing is stored, a position after every other."""
    lengths: Tensor
    """[sequences]."""
    whole: bool = False
    """Every sequence has all its positions from 0 on, in order, and no padding."""


@dataclass
class Cache:
    """What later positions attend to; `slots` holds a key for every place that stores."""

    sequences: int
    tokens: int
    slots: dict[int, Slot] = field(default_factory=dict)
    weights: dict[Layer, Tensor] = field(default_factory=dict)

    def weight(self, layer: Layer) -> Tensor:
        """Return `paired` of a layer, made once."""
        if layer not in self.weights:
            self.weights[layer] = paired(layer)
        return self.weights[layer]

    @property
    def entries(self) -> int:
        """Positions really stored, summed over slots."""
        return sum(int(slot.lengths.sum()) for slot in self.slots.values())

    @property
    def allocated(self) -> int:
        """Positions there is room for."""
        return sum(slot.positions.numel() for slot in self.slots.values())


Attend = Callable[[Layer, Tensor], Tensor]


def paired(layer: Layer) -> Tensor:
    """Return the rows of `qkv` [3 d, d] with the two numbers of a rotation side by side."""
    weight, d = layer.qkv.weight, layer.out.in_features
    halves = weight[: 2 * d].view(2 * layer.heads, 2, d // layer.heads // 2, d)
    return torch.cat((halves.transpose(1, 2).reshape(2 * d, d), weight[2 * d :]))


def turns(model: Backbone) -> Tensor:
    """Return cos + i sin for every position, [tokens, 1, d / heads / 2]."""
    half = model.cosine.shape[-1] // 2
    return torch.complex(model.cosine[..., :half], model.sine[..., :half])


def turned(heads: Tensor, turn: Tensor) -> Tensor:
    """Rotate heads [..., d / heads] that lie in pairs; in place where no gradient is asked for."""
    pairs = torch.view_as_complex(heads.view(*heads.shape[:-1], -1, 2))
    pairs = pairs.mul_(turn) if torch.is_inference_mode_enabled() else pairs * turn
    return torch.view_as_real(pairs).flatten(-2)


@cache
def causal(tokens: int, device: torch.device) -> Tensor:
    """Return what is added to scores: row p is 0 up to p, -inf behind; row `tokens` is 0."""
    with torch.inference_mode(False):
        return torch.full((tokens + 1, tokens), -torch.inf, device=device).triu_(1)


def _heads(layer: Layer, rows: Tensor) -> Tensor:
    """Split [n, parts * d] into [n, parts, heads, d / heads]."""
    d = layer.out.in_features
    return rows.view(*rows.shape[:-1], rows.shape[-1] // d, layer.heads, d // layer.heads)


@dataclass(frozen=True)
class Prefill:
    """Attention of whole sequences from an empty cache."""

    model: Backbone
    cache: Cache
    work: Work
    everybody: Active
    fill: bool = False
    """Positions that left still write keys and values (early exit)."""

    def attend(
        self,
        slot: int,
        source: int,
        active: Active,
        states: Tensor,
        normed: Tensor | None = None,
    ) -> Attend:
        """Return the attention of `active` at `slot`, reading keys and values of `source`.

        `normed` are all the states behind the layer's first norm, for callers who have them.
        """

        def run(layer: Layer, rows: Tensor) -> Tensor:
            if source != slot:
                return self._borrowed(layer, rows, active, self.cache.slots[source])
            if self.fill and not active.full:
                self.leave(layer, slot, states, normed)
                return self._borrowed(layer, rows, active, self.cache.slots[slot])
            qkv = _heads(layer, self.work.product(rows, self.cache.weight(layer)))
            q, keys = self._pad(self._turn(qkv[:, :2], active), active).unbind(1)
            values = self._pad(qkv[:, 2], active)
            self._store(slot, keys, values, active)
            return self._gather(self._sdpa(q, keys, values, None), active)

        return run

    def leave(self, layer: Layer, slot: int, states: Tensor, normed: Tensor | None = None) -> None:
        """Write keys and values of all positions (`fill` only), whoever runs the layer."""
        d, whole = states.shape[-1], self.everybody
        rows = layer.norm1(states) if normed is None else normed
        kv = _heads(layer, self.work.product(rows, self.cache.weight(layer)[d:]))
        keys = self._pad(self._turn(kv[:, 0], whole), whole)
        self._store(slot, keys, self._pad(kv[:, 1], whole), whole)

    def _turn(self, heads: Tensor, active: Active) -> Tensor:
        """Rotate heads [n, heads, e] or [n, parts, heads, e]."""
        return turned(heads, active.turn if heads.dim() == 3 else active.turn[:, None])

    def _pad(self, rows: Tensor, active: Active) -> Tensor:
        """[n, (parts,) heads, e] -> [sequences, (parts,) heads, longest, e].

        What stands in the padding is never seen: it lies behind every query that counts.
        """
        if len(rows) != self.cache.sequences * active.longest:
            self.work.moved += rows.numel()
            rows = rows.index_select(0, active.source)
        return rows.view(self.cache.sequences, active.longest, *rows.shape[1:]).movedim(1, -2)

    def _gather(self, context: Tensor, active: Active) -> Tensor:
        """[sequences, heads, longest, e] -> [n, d]."""
        rows = context.transpose(1, 2).flatten(2).flatten(0, 1)
        return rows if len(rows) == len(active.flat) else self.work.take(rows, active.place)

    def _sdpa(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        self.work.flops += 4 * q.numel() * k.shape[2]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)

    def _store(self, slot: int, keys: Tensor, values: Tensor, active: Active) -> None:
        laid, lengths = active.laid, active.lengths.clone()
        self.cache.slots[slot] = Slot(keys, values, laid, lengths, whole=active.full)

    def _masked(self, q: Tensor, active: Active, slot: Slot) -> Tensor:
        """Attend to a slot whose positions are not those of the queries."""
        if slot.whole:
            table = causal(slot.positions.shape[1], q.device)
            seen = active.laid.flatten().clamp(max=len(table) - 1)
            mask = table.index_select(0, seen).view(*active.laid.shape, -1)[:, None]
        else:
            mask = slot.positions[:, None, None] <= active.laid[:, None, :, None]
            if torch.is_inference_mode_enabled():
                # The fused kernel turns a mask of bools into numbers once for every head.
                mask = mask.new_zeros(mask.shape, dtype=q.dtype).masked_fill_(~mask, -torch.inf)
        return self._gather(self._sdpa(self._pad(q, active), slot.keys, slot.values, mask), active)

    def _borrowed(self, layer: Layer, rows: Tensor, active: Active, slot: Slot) -> Tensor:
        d = rows.shape[-1]
        q = _heads(layer, self.work.product(rows, self.cache.weight(layer)[:d]))[:, 0]
        return self._masked(self._turn(q, active), active, slot)


@dataclass(frozen=True)
class Decode:
    """Attention of one new position per sequence, over what the cache holds."""

    model: Backbone
    cache: Cache
    work: Work
    everybody: Active
    position: int
    fill: bool = False

    @cached_property
    def turn(self) -> Tensor:
        """Of the position: cos + i sin, [1, d / heads / 2]."""
        return turns(self.model)[self.position]

    def attend(
        self,
        slot: int,
        source: int,
        active: Active,
        states: Tensor,
        normed: Tensor | None = None,
    ) -> Attend:
        """Return the attention of the sequences in `active` at `slot`."""

        def run(layer: Layer, rows: Tensor) -> Tensor:
            d, weight = rows.shape[-1], self.cache.weight(layer)
            if source != slot:
                q = self.work.product(rows, weight[:d])
            elif self.fill and not active.full:
                q = self.work.product(rows, weight[:d])
                self.leave(layer, slot, states, normed)
            else:
                qkv = self.work.product(rows, weight)
                q, kv = qkv[:, :d], qkv[:, d:]
                self._append(slot, _heads(layer, kv), active)
            return self._sdpa(self._turn(_heads(layer, q)[:, 0]), self.cache.slots[source], active)

        return run

    def leave(self, layer: Layer, slot: int, states: Tensor, normed: Tensor | None = None) -> None:
        """Write keys and values of all positions (`fill` only), whoever runs the layer."""
        d = states.shape[-1]
        rows = layer.norm1(states) if normed is None else normed
        kv = self.work.product(rows, self.cache.weight(layer)[d:])
        self._append(slot, _heads(layer, kv), None)

    def _turn(self, heads: Tensor) -> Tensor:
        return turned(heads, self.turn)

    def _append(self, index: int, kv: Tensor, active: Active | None) -> None:
        """Store keys and values [n, 2, heads, e] behind what each sequence has."""
        slot = self._roomy(index, kv)
        rows = slice(None) if active is None or active.full else active.flat
        at = slot.lengths[rows]
        sequence = torch.arange(len(slot.lengths), device=kv.device)[rows]
        slot.keys[sequence, :, at] = self._turn(kv[:, 0])
        slot.values[sequence, :, at] = kv[:, 1]
        slot.positions[sequence, at] = self.position
        slot.lengths[rows] += 1
        slot.whole = False
        self.work.moved += kv.numel()

    def _roomy(self, index: int, like: Tensor) -> Slot:
        """Return the slot with room for one more position everywhere; it grows by halves."""
        slot = self.cache.slots.get(index)
        if slot is None:
            n, heads, e = self.cache.sequences, like.shape[2], like.shape[3]
            empty = like.new_zeros(n, heads, 0, e)
            none = torch.zeros(n, 0, dtype=torch.long, device=like.device)
            lengths = torch.zeros(n, dtype=torch.long, device=like.device)
            slot = self.cache.slots[index] = Slot(empty, empty, none, lengths)
        room = slot.positions.shape[1]
        if int(slot.lengths.max()) == room:
            more = max(8, room // 2)
            slot.keys = F.pad(slot.keys, (0, 0, 0, more))
            slot.values = F.pad(slot.values, (0, 0, 0, more))
            slot.positions = F.pad(slot.positions, (0, more), value=self.cache.tokens)
        return slot

    def _sdpa(self, q: Tensor, slot: Slot, active: Active) -> Tensor:
        """Queries [n, heads, e] over the slot's rows of the active sequences."""
        longest = int(slot.lengths.max())
        keys, values = slot.keys[:, :, :longest], slot.values[:, :, :longest]
        mask = None
        if len(slot.lengths) > 1:
            stored = slot.positions[:, :longest] <= self.position
            if not active.full:
                keys, values = (
                    self.work.take(keys, active.flat),
                    self.work.take(values, active.flat),
                )
                stored = stored.index_select(0, active.flat)
            mask = stored[:, None, None]
        self.work.flops += 4 * q.numel() * longest
        return F.scaled_dot_product_attention(q[:, :, None], keys, values, attn_mask=mask).flatten(
            1
        )
