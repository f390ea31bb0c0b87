"""A small transformer over bytes whose feed-forward layers are experts, or dense ones.

    model = ByteModel(ByteShape())
    read = model(tokens, route)                  tokens [B, T], bytes; `route` decides who multiplies which rows
    read.logits                                  [B, T, words]
    read.counted.pairs                           rows that an expert multiplied

Causal, it foretells the next byte; otherwise it sees both sides, and foretells masked ones (word 256).
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.harness.errors import SelectionError
from adabench.workloads.moe.substrate.expert_layer import (
    Counted,
    ExpertLayer,
    Multiply,
    Route,
    token_choice,
)


@dataclass(frozen=True)
class ByteShape:
    """Of a model."""

    width: int = 64
    hidden: int = 64
    experts: int = 16
    """1: the layers are dense, and `hidden` is theirs."""
    chosen: int = 2
    layers: int = 4
    heads: int = 4
    length: int = 96
    words: int = 256
    causal: bool = True
    rotary: bool = False
    """Whether positions turn queries and keys (RoPE), beside what is added to words."""
    shared: int = 0
    """Hidden units that every row runs beside its experts."""

    def __post_init__(self) -> None:
        """Refuse what makes no model.

        Raises:
            SelectionError: for more choices than experts, or none.
        """
        if not 1 <= self.chosen <= self.experts:
            raise SelectionError(
                f"A token cannot choose {self.chosen} of {self.experts} experts.",
                f"Choose 1 to {self.experts}.",
            )

    @property
    def pair_flops(self) -> int:
        """Multiply-adds, counted twice, of one row by one expert."""
        return 4 * self.width * self.hidden

    @property
    def row_flops(self) -> int:
        """Of one position of one layer without its experts: projections, attention over all positions, router, shared."""
        projections, attention = 8 * self.width**2, 4 * self.width * self.length
        router = 2 * self.width * self.experts if self.experts > 1 else 0
        return projections + attention + router + 4 * self.width * self.shared


@dataclass(frozen=True)
class Read:
    """What reading some passages gave."""

    logits: Tensor
    counted: Counted
    scores: tuple[Tensor, ...]
    """Of the routers, by layer: [B T, E]."""


Watch = Callable[[int, Tensor, Tensor], None]
"""Is told, by layer, of the rows that enter it [n, D] and of the weights of experts [n, E]."""


class Block(nn.Module):
    """A layer: attention, then experts."""

    def __init__(self, shape: ByteShape) -> None:
        super().__init__()
        width = shape.width
        self.heads, self.causal, self.rotary = shape.heads, shape.causal, shape.rotary
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.experts = ExpertLayer(width, shape.hidden, shape.experts)
        self.shared = _dense(width, shape.shared) if shape.shared else None

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values of x [B, T, D], each [B, heads, T, d]."""
        batch, length, _ = x.shape
        parts = self.project(self.before(x)).view(batch, length, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        return q, k, v

    def joined(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Add to x [B, T, D] what attention mixed, [B, heads, T, d]."""
        found: Tensor = self.join(mixed.transpose(1, 2).reshape(x.shape))
        return x + found

    def attend(self, x: Tensor) -> Tensor:
        """Return x [B, T, D] after attention over all of its positions."""
        q, k, v = self.projected(x)
        if self.rotary:
            q, k = turned(q), turned(k)
        return self.joined(x, F.scaled_dot_product_attention(q, k, v, is_causal=self.causal))


def turned(x: Tensor) -> Tensor:
    """Return queries or keys [B, heads, T, d] turned by their positions (RoPE, arXiv 2104.09864)."""
    length, half = x.shape[-2], x.shape[-1] // 2
    speed = 10_000.0 ** (-torch.arange(half) / half)
    angle = torch.arange(length)[:, None] * speed
    first, second = x[..., :half], x[..., half : 2 * half]
    cos, sin = angle.cos(), angle.sin()
    both = (first * cos - second * sin, first * sin + second * cos, x[..., 2 * half :])
    return torch.cat(both, dim=-1)


def _dense(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, hidden, bias=False), nn.GELU(), nn.Linear(hidden, width, bias=False)
    )


class ByteModel(nn.Module):
    """The model."""

    def __init__(self, shape: ByteShape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.words, shape.width)
        self.places = nn.Embedding(shape.length, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.last = nn.LayerNorm(shape.width)
        nn.init.normal_(self.words.weight, std=0.05)
        nn.init.normal_(self.places.weight, std=0.02)

    @property
    def layers(self) -> list[ExpertLayer]:
        """Return the layers of experts."""
        return [block.experts for block in self.blocks if isinstance(block, Block)]

    def with_layers(self, layers: Sequence[ExpertLayer]) -> "ByteModel":
        """Return a model whose experts are others; all else is shared with this one."""
        shape = replace(self.shape, experts=layers[0].router.out_features)
        with torch.device("meta"):
            other = ByteModel(shape)
        other.words, other.places, other.last = self.words, self.places, self.last
        blocks = []
        for block, own in zip(self.blocks, layers, strict=True):
            one = copy(block)
            one._modules = {**block._modules, "experts": own}
            blocks.append(one)
        other.blocks = nn.ModuleList(blocks)
        return other.eval()

    def route(self, layer: int, scores: Tensor) -> Tensor:
        """Return the routing that the model was trained with: the most probable experts of each row."""
        del layer
        return token_choice(scores, self.shape.chosen)

    def forward(
        self,
        tokens: Tensor,
        route: Route | None = None,
        *,
        multiply: Multiply | None = None,
        watch: Watch | None = None,
    ) -> Read:
        """Read passages [B, T]; `watch` is told of what each layer was given.

        Raises:
            SelectionError: for a causal model and a route that chooses among all bytes of a passage.
        """
        if self.shape.causal and getattr(route, "looks_ahead", False):
            raise SelectionError(
                "Experts that choose among all bytes of a passage see what comes after a byte.",
                "Read a causal model with a route of its own, such as token choice.",
            )
        counted, found = Counted(), []
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]]
        for place, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x = block.attend(x)
            rows = block.between(x).flatten(0, 1)
            scores = block.experts.scores(rows)
            mixed = (route or self.route)(place, scores)
            if watch is not None:
                watch(place, rows, mixed)
            out = block.experts.total(rows, mixed, counted, multiply)
            if block.shared is not None:
                out = out + block.shared(rows)
            x = x + out.view_as(x)
            found.append(scores)
        return Read(F.linear(self.last(x), self.words.weight), counted, tuple(found))


def flops(shape: ByteShape, counted: Counted) -> int:
    """Return the floating-point operations of a reading: those of its pairs, and of all that every position runs."""
    positions = counted.rows[0] if counted.rows else 0
    unembedding = 2 * shape.width * shape.words * positions
    return counted.pairs * shape.pair_flops + sum(counted.rows) * shape.row_flops + unembedding


def nats(logits: Tensor, following: Tensor) -> Tensor:
    """Return the loss of each passage in nats a byte, [B], where `following` [B, T] are the bytes that came."""
    odds = logits.float().log_softmax(-1)
    return -odds.gather(-1, following[..., None])[..., 0].mean(-1)


def tensors(passages: object) -> tuple[Tensor, Tensor]:
    """Return passages [B, T + 1] as what is read and what comes after each position."""
    every = torch.as_tensor(passages)
    return every[:, :-1], every[:, 1:]
