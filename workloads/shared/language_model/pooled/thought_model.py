"""Language models that tell segments of their text apart: a prompt, paths beside one another, and a summary of them.

    k = R_t (W_k h + T_j)        v = W_v h + T_j        j: the segment of the word that is read, t: its rotary place

T_j (ParaThinker's thought embeddings, arXiv 2509.04475) is added to keys before they are turned, and to values; one table [segments, width] a
layer, that of keys and values alike. A word begins a segment: `<think1>` to `<think8>` those of paths, `<summary>` that of the prompt again. All
begin at zero: a model of no thoughts is its start. The additions are not counted as products.

`packed` runs prompt, paths and summary as one text, each word at a place and under a mask of its own: paths do not see one another, and all of
them begin at the same place; a summary sees everything and begins behind the longest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.shared.language_model.model import (
    Block,
    LanguageModel,
    Shape,
    rotate,
    rotations,
)
from adabench.workloads.shared.language_model.vocabulary import IDS

PATHS = 8
THINK = tuple(IDS[f"<think{n}>"] for n in range(1, PATHS + 1))
"""The words that begin paths."""
SUMMARY = IDS["<summary>"]
SEGMENTS = {**{word: n for n, word in enumerate(THINK, 1)}, SUMMARY: 0}
"""By word: the segment that it begins."""


@dataclass(frozen=True)
class ThoughtShape(Shape):
    """Size of a model of segments."""

    segments: int = PATHS + 1


THINKER = ThoughtShape(layers=2, width=64, heads=2, hidden=176)


class ThoughtModel(LanguageModel):
    """A language model with a table of segments in each layer."""

    def __init__(self, shape: ThoughtShape) -> None:
        super().__init__(shape)
        self.thoughts = nn.Parameter(torch.zeros(shape.layers, shape.segments, shape.width))

    def read_as(self, layer: int, segments: Tensor, own: Sequence[Tensor]) -> list[Tensor]:
        """Return keys and values [..., heads, n, head width] of words of segments [..., n] as others read them."""
        heads = self.shape.heads
        added = self.thoughts[layer][segments]
        added = added.view(*segments.shape, heads, -1).transpose(-3, -2)
        return [part + added for part in own]

    def packed(self, ids: Tensor, turns: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        """Return logits [n, T, V] of ids [n, T] at rotary places and under masks [n, T, T]."""
        n, length = ids.shape
        cosine, sine = rotations(self.shape, self.shape.context)
        rotation = cosine[turns][:, None], sine[turns][:, None]
        h = self.embedding(ids)
        for layer, block in enumerate(cast(list[Block], self.blocks)):
            qkv = block.qkv(block.norm_attention(h)).view(n, length, 3, block.heads, -1)
            q, *own = qkv.permute(2, 0, 3, 1, 4)
            k, v = self.read_as(layer, segments, own)
            mixed = F.scaled_dot_product_attention(
                rotate(q, rotation), rotate(k, rotation), v, attn_mask=mask[:, None]
            )
            h = h + block.out(mixed.transpose(1, 2).reshape(n, length, -1))
            h = h + block.feed_forward(block.norm_mlp(h))
        return F.linear(self.norm(h), self.embedding.weight)


def thinking(start: LanguageModel, shape: ThoughtShape) -> ThoughtModel:
    """Return a model of segments that computes what `start` does."""
    model = ThoughtModel(shape)
    model.load_state_dict(start.state_dict(), strict=False)
    return model.eval().requires_grad_(False)


def segments_of(words: Iterable[int], before: int = 0) -> list[int]:
    """Return the segment of each word behind one of segment `before`."""
    found = []
    for word in words:
        before = SEGMENTS.get(word, before)
        found.append(before)
    return found
