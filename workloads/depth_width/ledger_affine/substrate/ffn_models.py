"""SwiGLU MLPs that are run once, in loops, or in slices, and the models built on them.

    F(x) = x + W_out swiglu(W_in norm(x))       W_in: 2 m x d, W_out: d x m

*Loops* apply F again to its own output. *Slices*: expert e is the hidden units [e m/N, (e + 1) m/N), its rows
of both halves of W_in and its columns of W_out, as views.

    dense       y = F(x)
    loop        y = F applied `loops` times
    versatile   y = (1 - w) x_l + w x_width,  w = (D - l) / D,  l = argmax depth(x)
                x_width = x + sum of weight_e W_out[:, e] swiglu(W_in[e] norm(x)), k chosen e
    moe         y = x_width of an MLP `wider` times as wide: its slices are experts with weights of their own

`soft` is the forward of training: loops and slices are all computed and mixed by masks. What inference runs is
in `loop_forward.py`, and is tested against this. A file has eight bits a weight and a scale per row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_affine.substrate.affine_stream import VOCABULARY
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer, Shape, hollow
from adabench.workloads.depth_width.substrate.units.unit_forward import attention

RESIDUAL_SD, GATE_SD = 0.06, 0.02
LEVELS, TINY = 127, 1e-6
"""Of a packed weight: the largest step, and the least scale (half precision ends below)."""


@dataclass(frozen=True)
class FfnShape:
    """What a model of this family is shaped like."""

    kind: Literal["dense", "loop", "versatile", "moe"]
    layers: int = 4
    width: int = 64
    hidden: int = 128
    """m, the hidden width of a dense MLP."""
    loops: int = 1
    """How often F is applied; of `versatile`, at most (D)."""
    experts: int = 8
    active: int = 2
    wider: int = 1
    """Of `moe`: all experts together are so many dense MLPs."""

    @property
    def sliced(self) -> bool:
        """Whether there are slices to choose from."""
        return self.kind in ("versatile", "moe")

    @property
    def weights(self) -> tuple[float, ...]:
        """What each place of a layer is of a dense MLP: the loops, then the slices."""
        slices = self.experts if self.sliced else 0
        return (1.0,) * self.turns + (self.wider / self.experts,) * slices

    @property
    def turns(self) -> int:
        """Loops that have a place; none where there are experts only."""
        return 0 if self.kind == "moe" else self.loops

    @property
    def backbone(self) -> Shape:
        """Everything but the MLPs."""
        return Shape(self.layers, self.width, vocabulary=VOCABULARY)


class Ffn(nn.Module):
    """One pair of matrices, and the gates that say how they are used."""

    def __init__(self, shape: FfnShape) -> None:
        super().__init__()
        d, m = shape.width, shape.hidden * shape.wider
        self.shape = shape
        self.w_in = nn.Linear(d, 2 * m, bias=False)
        self.w_out = nn.Linear(m, d, bias=False)
        nn.init.normal_(self.w_out.weight, std=RESIDUAL_SD / (2 * shape.layers) ** 0.5)
        if shape.kind == "versatile":
            self.depth = nn.Linear(d, shape.loops, bias=False)
            nn.init.normal_(self.depth.weight, std=GATE_SD)
        if shape.sliced:
            self.router = nn.Linear(d, shape.experts, bias=False)
            nn.init.normal_(self.router.weight, std=GATE_SD)

    def slice(self, expert: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return an expert's weights as views: gate and value rows [m/N, d], columns [d, m/N]."""
        m, size = self.w_out.in_features, self.w_out.in_features // self.shape.experts
        rows = slice(expert * size, (expert + 1) * size)
        gate, value = self.w_in.weight[:m], self.w_in.weight[m:]
        return gate[rows], value[rows], self.w_out.weight[:, rows]

    def hidden(self, normed: Tensor) -> Tensor:
        """Return the hidden units of normed states [..., d], as [..., m]."""
        gate, value = self.w_in(normed).chunk(2, dim=-1)
        units: Tensor = F.silu(gate) * value
        return units

    def routed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the k chosen experts of states [..., d] and their weights, both [..., k]."""
        best = self.router(x).topk(self.shape.active, dim=-1)
        return best.indices, best.values.softmax(-1)


class Ffns(nn.Module):
    """The MLPs of all layers."""

    def __init__(self, shape: FfnShape) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.ModuleList(Ffn(shape) for _ in range(shape.layers))

    def at(self, index: int) -> Ffn:
        """Return the MLP of a layer."""
        layer = self.layers[index]
        assert isinstance(layer, Ffn)
        return layer


@dataclass(frozen=True)
class Stack:
    """A backbone whose own MLPs are taken out, and those in their place."""

    model: Backbone
    ffns: Ffns

    @property
    def shape(self) -> FfnShape:
        """The shape of the MLPs."""
        return self.ffns.shape

    @property
    def parameters(self) -> int:
        """Weights that have to be in memory."""
        return sum(weight.numel() for weight in self.weights())

    def weights(self) -> Iterator[nn.Parameter]:
        """Yield every weight."""
        yield from (weight for weight in self.model.parameters() if weight.numel())
        yield from self.ffns.parameters()

    def state_dict(self) -> dict[str, Tensor]:
        """Return all weights by name."""
        return checkpoints.below("base.", self.model.state_dict()) | checkpoints.below(
            "ffns.", self.ffns.state_dict()
        )

    def load_state_dict(self, weights: Mapping[str, Tensor]) -> None:
        """Take all weights by name."""
        self.model.load_state_dict(checkpoints.part(weights, "base."))
        self.ffns.load_state_dict(checkpoints.part(weights, "ffns."))

    def frozen(self) -> "Stack":
        """Return itself in evaluation mode, without gradients."""
        self.model.eval().requires_grad_(False)
        self.ffns.eval().requires_grad_(False)
        return self


def fresh(shape: FfnShape) -> Stack:
    """Return an untrained model."""
    return Stack(hollow(Backbone(shape.backbone)), Ffns(shape))


@dataclass
class Gates:
    """What the gates did in one forward of training."""

    loops: list[Tensor] = field(default_factory=list)
    """Of each layer: E[l], [B, T, 1]."""
    balance: list[Tensor] = field(default_factory=list)
    """Of each layer: N times the sum over experts of share x mean probability; 1 if even."""


def soft(stack: Stack, tokens: Tensor, tau: float, gates: Gates) -> Tensor:
    """Run everything on tokens [B, T], mixed by samples at temperature `tau`; final states."""
    states: Tensor = stack.model.embed(tokens)
    for index in range(stack.shape.layers):
        layer, ffn = stack.model.layer(index), stack.ffns.at(index)
        states = states + attention(stack.model, layer, layer.norm1(states))
        if stack.shape.kind == "versatile":
            states = _versatile(layer, ffn, states, tau, gates)
        elif stack.shape.kind == "moe":
            states = _experts(ffn, states, layer.norm2(states), gates)
        else:
            for _ in range(stack.shape.loops):
                states = looped(layer, ffn, states)
    return states


def looped(layer: Layer, ffn: Ffn, x: Tensor) -> Tensor:
    """Apply F once to x [..., d]."""
    output: Tensor = x + ffn.w_out(ffn.hidden(layer.norm2(x)))
    return output


def _versatile(layer: Layer, ffn: Ffn, x: Tensor, tau: float, gates: Gates) -> Tensor:
    most = ffn.shape.loops
    chosen = F.gumbel_softmax(ffn.depth(x), tau=tau, hard=True)  # one-hot, [B, T, D]
    # The first loop's hidden units are those of all slices together.
    hidden = ffn.hidden(layer.norm2(x))
    each = [x + ffn.w_out(hidden)]
    for _ in range(most - 1):
        each.append(looped(layer, ffn, each[-1]))
    deep = torch.zeros_like(x)
    for turn, state in enumerate(each):
        deep = deep + chosen[..., turn, None] * state
    loops = (chosen * torch.arange(1.0, most + 1)).sum(-1, keepdim=True)
    gates.loops.append(loops.detach())
    share = (most - loops) / most
    return (1 - share) * deep + share * wide(ffn, x, hidden, gates)


def wide(ffn: Ffn, x: Tensor, hidden: Tensor, gates: Gates) -> Tensor:
    """Return x and the weighted slices of its hidden units [..., m]; all are computed."""
    logits, n = ffn.router(x), ffn.shape.experts
    best = logits.topk(ffn.shape.active, dim=-1)
    weight = torch.zeros_like(logits).scatter(-1, best.indices, best.values.softmax(-1))
    gates.balance.append(balance(logits, best.indices))
    units = hidden.view(*hidden.shape[:-1], n, -1) * weight[..., None]
    output: Tensor = x + ffn.w_out(units.flatten(-2))
    return output


def balance(logits: Tensor, chosen: Tensor) -> Tensor:
    """Return N x the sum over experts of their share of the choices x their mean probability."""
    n = logits.shape[-1]
    share = torch.bincount(chosen.flatten(), minlength=n) / chosen.numel()
    total: Tensor = n * (share * logits.softmax(-1).flatten(0, -2).mean(0)).sum()
    return total


def _experts(ffn: Ffn, x: Tensor, normed: Tensor, gates: Gates) -> Tensor:
    """Return x and the weighted experts of x [B, T, d]; each runs on those who chose it."""
    logits, (n, d) = ffn.router(x).flatten(0, 1), (ffn.shape.experts, x.shape[-1])
    best, rows = logits.topk(ffn.shape.active, dim=-1), normed.flatten(0, 1)
    weight, added = best.values.softmax(-1), torch.zeros_like(rows)
    gates.balance.append(balance(logits, best.indices))
    gate, value = ffn.w_in.weight.view(2, n, -1, d).unbind(0)
    out = ffn.w_out.weight.view(d, n, -1).unbind(1)
    for expert, (g, v, o) in enumerate(zip(gate.unbind(0), value.unbind(0), out, strict=True)):
        row, place = (best.indices == expert).nonzero(as_tuple=True)
        mine = rows.index_select(0, row)
        hidden = F.silu(F.linear(mine, g)) * F.linear(mine, v)
        added = added.index_add(0, row, weight[row, place, None] * F.linear(hidden, o))
    return x + added.view_as(x)
