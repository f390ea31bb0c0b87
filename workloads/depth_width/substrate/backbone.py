"""The backbone that every ledger method shares, and how its layers are arranged.

A pre-norm decoder: RMSNorm, rotary positions (base 10 000), 4 heads, a GELU MLP of width 4d, no biases, untied
unembedding. A `Shape` says how many layers there are and in which order they run: `vanilla` runs each once;
`recursive` has a unique first and last layer around one shared block that is run `recursions` times.
Everything works on *rows*, [n, d] of however many positions are in play, so that skipping means fewer rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.stream import TOKENS, VOCABULARY

ROPE_BASE = 10_000.0
_EMBEDDING_SD = 0.08
_LARGE = 1 << 14
"""Elements from which a norm's temporaries cost more than its calls."""
_RESIDUAL_SD = 0.06


@dataclass(frozen=True)
class Shape:
    """What a checkpoint is shaped like."""

    layers: int
    """Distinct layers; for a recursive shape the first, the shared block, and the last."""
    width: int = 64
    heads: int = 4
    recursions: int = 0
    """0: every layer runs once. Else the middle layers run this often."""
    router: str = ""
    """`expert`: one scorer per recursion. `token`: one classifier over depths."""
    gate: float = 1.0
    """`alpha`, the scale of the router's gate."""
    kv: str = "recursion"
    """`recursion`: each recursion attends to its own active tokens. `shared`: to the keys
    and values of the first."""
    vocabulary: int = VOCABULARY
    tokens: int = TOKENS

    @property
    def block(self) -> tuple[int, ...]:
        """Indices of the shared layers; empty for a vanilla shape."""
        return tuple(range(1, self.layers - 1)) if self.recursions else ()

    @property
    def order(self) -> tuple[int, ...]:
        """Layer indices in the order in which a token that skips nothing meets them."""
        if not self.recursions:
            return tuple(range(self.layers))
        return (0, *self.block * self.recursions, self.layers - 1)

    @property
    def stages(self) -> tuple["Stage", ...]:
        """The order, cut where a router may let a token leave."""
        if not self.recursions:
            return tuple(Stage((i,), (i,), routed=i > 0) for i in range(self.layers))
        n = len(self.block)
        inner = tuple(
            Stage(self.block, tuple(range(1 + r * n, 1 + (r + 1) * n)), routed=True)
            for r in range(self.recursions)
        )
        last = self.layers - 1
        return (
            Stage((0,), (0,), routed=False),
            *inner,
            Stage((last,), (1 + self.recursions * n,), routed=False),
        )


@dataclass(frozen=True)
class Stage:
    """Layers that a token runs or leaves together."""

    layers: tuple[int, ...]
    """Indices of distinct layers."""
    slots: tuple[int, ...]
    """Places in the unrolled stack: where keys and values are kept, and what is counted."""
    routed: bool
    """May a token leave before it? The unrouted last stage is run by all again."""


class Layer(nn.Module):
    """One decoder layer. `attend` is handed in: it turns normed rows into context rows."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d = shape.width
        self.heads = shape.heads
        self.norm1 = Norm(d)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.norm2 = Norm(d)
        self.up = nn.Linear(d, 4 * d, bias=False)
        self.down = nn.Linear(4 * d, d, bias=False)

    def forward(self, rows: Tensor, attend: Callable[["Layer", Tensor], Tensor]) -> Tensor:
        """Map rows [..., d] to rows [..., d]."""
        rows = rows + self.out(attend(self, self.norm1(rows)))
        output: Tensor = rows + self.down(gelu(self.up(self.norm2(rows))))
        return output


class Norm(nn.RMSNorm):
    """RMSNorm; without the temporaries where nobody asks for a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        """Norm rows [..., d]."""
        if not torch.is_inference_mode_enabled() or x.numel() < _LARGE:
            return super().forward(x)
        least = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = length.square_().div_(x.shape[-1]).add_(least).rsqrt_()
        return torch.mul(x, scale).mul_(self.weight)


def gelu(hidden: Tensor) -> Tensor:
    """Return GELU of hidden units nobody else holds, in place where no gradient is asked for."""
    if not torch.is_inference_mode_enabled():
        return F.gelu(hidden)
    made: Tensor = torch.ops.aten.gelu_(hidden)
    return made


class Backbone(nn.Module):
    """Embedding, distinct layers, final norm, unembedding; routers where the shape has them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.cosine: Tensor
        self.sine: Tensor
        self.embed = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        choices = {"": (), "expert": (1,) * shape.recursions, "token": (shape.recursions,)}
        self.routers = nn.ModuleList(
            nn.Linear(shape.width, n, bias=False) for n in choices[shape.router]
        )
        cosine, sine = rotary_tables(shape)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.embed.weight, std=_EMBEDDING_SD)
        residual = _RESIDUAL_SD / (2 * len(self.shape.order)) ** 0.5
        for layer in self.layers:
            assert isinstance(layer, Layer)
            nn.init.normal_(layer.out.weight, std=residual)
            nn.init.normal_(layer.down.weight, std=residual)
        for router in self.routers:
            assert isinstance(router, nn.Linear)
            nn.init.normal_(router.weight, std=0.02)

    def layer(self, index: int) -> Layer:
        """Return a distinct layer."""
        layer = self.layers[index]
        assert isinstance(layer, Layer)
        return layer


def rotary_tables(shape: Shape) -> tuple[Tensor, Tensor]:
    """Return cosines and sines, each [tokens, 1, d / heads]."""
    half = shape.width // shape.heads // 2
    rates = ROPE_BASE ** (-torch.arange(half) / half)
    angles = torch.outer(torch.arange(shape.tokens), rates).repeat(1, 2)[:, None]
    return angles.cos(), angles.sin()


def rotate(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn queries or keys [..., heads, d / heads] by their positions."""
    first, second = heads.chunk(2, dim=-1)
    return heads * cosine + torch.cat([-second, first], dim=-1) * sine


def hollow(model: Backbone) -> Backbone:
    """Take a backbone's MLPs out, in place: their matrices become empty."""
    for index in range(model.shape.layers):
        layer, d = model.layer(index), model.shape.width
        layer.up.weight = nn.Parameter(torch.empty(0, d), requires_grad=False)
        layer.down.weight = nn.Parameter(torch.empty(d, 0), requires_grad=False)
    return model
