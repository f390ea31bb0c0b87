"""Reads sequences a few bytes at a time, over the keys and values of what was read before.

    past = KeyValues(model.shape, sequences)
    x = read_on(model, tokens, past, rows, place, feed)      tokens [B, T] of the sequences `rows` at positions place ..

`feed(layer, block, x)` returns what the layer's experts add to x [B, T, D].
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.substrate.byte_model import Block, ByteModel, ByteShape

Feed = Callable[[int, Block, Tensor], Tensor]


class KeyValues:
    """Keys and values of sequences, by layer: [layers, 2, sequences, heads, length, d]."""

    def __init__(self, shape: ByteShape, sequences: int, device: str = "cpu") -> None:
        size = (sequences, shape.heads, shape.length, shape.width // shape.heads)
        self.held = torch.zeros(shape.layers, 2, *size, device=device)

    @property
    def bytes(self) -> int:
        """Return what they take."""
        return self.held.numel() * self.held.element_size()

    def attend(
        self, layer: int, block: Block, x: Tensor, rows: Sequence[int], place: int
    ) -> Tensor:
        """Return x [B, T, D] of positions from `place` on after attention; T is 1 unless `place` is 0."""
        q, k, v = block.projected(x)
        keys, values = self.held[layer, 0], self.held[layer, 1]
        chosen, end = _index(rows), place + x.shape[1]
        keys[chosen, :, place:end], values[chosen, :, place:end] = k.detach(), v.detach()
        seen = (keys[chosen, :, :end], values[chosen, :, :end]) if place else (k, v)
        return block.joined(x, F.scaled_dot_product_attention(q, *seen, is_causal=place == 0))


def read_on(
    model: ByteModel, tokens: Tensor, past: KeyValues, rows: Sequence[int], place: int, feed: Feed
) -> Tensor:
    """Return what the last layer gives for bytes [B, T] of some sequences, normed, [B, T, D]."""
    x: Tensor = model.words(tokens) + model.places.weight[place : place + tokens.shape[1]]
    for layer, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        x = past.attend(layer, block, x, rows, place)
        x = x + feed(layer, block, x)
    last: Tensor = model.last(x)
    return last


def _index(rows: Sequence[int]) -> slice | list[int]:
    """Return sequences as a slice where they stand together, which copies nothing."""
    first = rows[0]
    together = list(rows) == list(range(first, first + len(rows)))
    return slice(first, first + len(rows)) if together else list(rows)
