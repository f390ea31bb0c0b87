"""Defines small decoder-only language models in the shape of Llama, as they are trained: whole sequences at once.

    h <- h + W_o attention(W_qkv norm(h));   h <- h + W_d (silu(W_g norm(h)) * W_u norm(h))

RMSNorm, SiLU-gated MLP (8/3 of the width), rotary positions in two halves, no biases, tied embeddings, fp32: the same weights load into
transformers' Llama. A model of a `BigramShape` adds a table of the word before: E[word] + P[word before].
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.shared.language_model.vocabulary import PAD, VOCABULARY

ROPE_BASE = 10_000.0
EPSILON = 1e-6


@dataclass(frozen=True)
class Shape:
    """Size of a model."""

    layers: int
    width: int
    heads: int
    hidden: int
    """Width of the gated MLP."""
    vocabulary: int = VOCABULARY
    context: int = 320
    reads_previous: ClassVar[bool] = False
    """Whether a word enters together with the one before it."""

    @property
    def head_width(self) -> int:
        """Return the width of one head."""
        return self.width // self.heads

    @property
    def parameters(self) -> int:
        """Return the number of weights outside the embedding, which is a look-up."""
        return self.layers * (4 * self.width**2 + 3 * self.width * self.hidden)


@dataclass(frozen=True)
class BigramShape(Shape):
    """Size of a model with a second table, of the word before each word."""

    reads_previous: ClassVar[bool] = True


LM_S = Shape(layers=2, width=64, heads=2, hidden=176)
LM_M = Shape(layers=3, width=128, heads=4, hidden=352)
LM_L = Shape(layers=6, width=192, heads=6, hidden=512)


class Block(nn.Module):
    """One layer; the four matrices are stored fused, as the decoder multiplies them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d, f = shape.width, shape.hidden
        self.heads = shape.heads
        self.norm_attention = nn.RMSNorm(d, eps=EPSILON)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.norm_mlp = nn.RMSNorm(d, eps=EPSILON)
        self.gate_up = nn.Linear(d, 2 * f, bias=False)
        self.down = nn.Linear(f, d, bias=False)

    def forward(self, h: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Apply the layer to states h [n, T, d]."""
        n, length, d = h.shape
        qkv = self.qkv(self.norm_attention(h)).view(n, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(
            rotate(q, rotation), rotate(k, rotation), v, is_causal=True
        )
        h = h + self.out(mixed.transpose(1, 2).reshape(n, length, d))
        return h + self.feed_forward(self.norm_mlp(h))

    def feed_forward(self, x: Tensor) -> Tensor:
        """Return what the gated MLP adds to normed states x [..., d]."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        out: Tensor = self.down(F.silu(gate) * up)
        return out


class LanguageModel(nn.Module):
    """Token ids [n, T] to next-token logits [n, T, V]."""

    block: ClassVar[type[Block]] = Block

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        if shape.reads_previous:
            self.previous = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(self.block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=EPSILON)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                shrink = (
                    (2 * shape.layers) ** -0.5
                    if name.endswith(("out.weight", "down.weight"))
                    else 1.0
                )
                is_table = name.startswith(("embedding", "previous"))
                nn.init.normal_(
                    weight, std=0.02 * shrink if is_table else shape.width**-0.5 * shrink
                )

    def states(self, ids: Tensor) -> Tensor:
        """Return the normed final states [n, T, d]."""
        rotation = rotations(self.shape, ids.shape[1])
        h = self.embedding(ids)
        if self.shape.reads_previous:
            h = h + self.previous(F.pad(ids[:, :-1], (1, 0), value=PAD))
        for block in self.blocks:
            h = block(h, rotation)
        normed: Tensor = self.norm(h)
        return normed

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits."""
        return F.linear(self.states(ids), self.embedding.weight)


def rotations(shape: Shape, length: int) -> tuple[Tensor, Tensor]:
    """Return cosines and sines [T, head width] of the rotary positions 0..T-1."""
    half = torch.arange(0, shape.head_width, 2, dtype=torch.float32) / shape.head_width
    angle = torch.outer(torch.arange(length, dtype=torch.float32), ROPE_BASE**-half)
    both = torch.cat((angle, angle), dim=-1)
    return both.cos(), both.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn x [..., T, head width] by its positions; the two halves are a pair's two parts."""
    cosine, sine = rotation
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-second, first), dim=-1) * sine
