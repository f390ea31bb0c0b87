"""What an adapter is: its parameters, and what it does in the forward of a frozen base.

    Adapter(weights, linear=..., state=..., penalty=...)

`linear(weights, site, x, step)` is called in place of each linear of the base, `step.frozen(site, x)`
being what the base does there. `state(weights, place, x, step)` is called with what stands at a place
of the forward, and returns what stands there instead. Both get x as [sequences, tokens, features]
and multiply by `step.product`, which counts. `penalty(weights, step)` is added to the loss.

A sequence may be made longer at `embedded`; what stands before its own tokens is cut off in the end.
Places: `embedded`; and in each layer `0.keys`, `0.values` (a prefix makes them longer), `0.hidden` (after
the activation), `0.attention` and `0.mlp` (what is added to the stream).

A whole adapter, LoRA, is `low_rank.py`: copy that.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.moe.adapters.substrate.base_model import (
    HEAD,
    HEADS,
    LAYERS,
    WIDTH,
    Base,
    Site,
)
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass

Weights = Mapping[str, Tensor]
LinearRule = Callable[[Weights, Site, Tensor, Pass], Tensor]
StateRule = Callable[[Weights, str, Tensor, Pass], Tensor]
Penalty = Callable[[Weights, Pass], Tensor]
StepRule = Callable[[dict[str, Tensor], int, int], None]
BaseRule = Callable[[Weights, Base], Base]
JointRule = Callable[[Sequence[Weights], Base], "Adapter"]


def frozen_linear(weights: Weights, site: Site, x: Tensor, step: Pass) -> Tensor:
    """Do what the base does."""
    return step.frozen(site, x)


def same_state(weights: Weights, place: str, x: Tensor, step: Pass) -> Tensor:
    """Leave what stands at a place."""
    return x


@dataclass(frozen=True)
class Adapter:
    """What is trained beside a frozen base, and how it acts."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    linear: LinearRule = frozen_linear
    state: StateRule = same_state
    penalty: Penalty | None = None
    still: frozenset[str] = frozenset()
    """Names of weights that are not trained."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """By the first part of a weight's name, up to the first dot: its learning rate as a multiple of
    the plan's."""
    origin: str = ""
    """The pre-trained adapter that it starts from, by its full name; empty for none."""
    after_step: StepRule | None = None
    """Called after the optimiser's step, gradients still there, with (trained weights, step, steps): for
    what prunes or reallocates as it trains."""
    own_base: BaseRule | None = None
    """Returns the base that a pass goes through, for what trains weights of the base itself."""
    merge: BaseRule | None = None
    """Returns a base that does alone what the frozen base and the adapter do; None where none can."""
    together: JointRule | None = None
    """Returns one adapter that does beside a base what several of this kind do, each for sequences of its
    own: those of the first stand first, and `tasks` of a pass say whose each one is. Its weights are stacked,
    [adapters, ...], and its `merge` takes those of one."""

    @property
    def trained(self) -> dict[str, Tensor]:
        """Return the weights that are trained."""
        return {name: value for name, value in self.weights.items() if name not in self.still}

    @property
    def trained_parameters(self) -> int:
        """Return how many numbers are trained, routers included."""
        return sum(value.numel() for value in self.trained.values())

    def copied(self) -> "Adapter":
        """Return the adapter with weights of its own, those that are trained as leaves."""
        own = {
            name: value.detach().clone().requires_grad_(name not in self.still)
            for name, value in self.weights.items()
        }
        return replace(self, weights=own)

    def ended(self) -> "Adapter":
        """Return the adapter without gradients."""
        return replace(self, weights={name: value.detach() for name, value in self.weights.items()})


NOTHING = Adapter()
"""The base as it is."""


EPS = 1e-6


def forward(step: Pass, adapter: Adapter) -> Tensor:
    """Return the logits of every position, [sequences, tokens, classes]."""
    if adapter.own_base is not None:
        step = replace(step, base=adapter.own_base(adapter.weights, step.base))
    if step.base.passes is not None:
        return step.base.passes(step, adapter)
    weights, base = adapter.weights, step.base
    step.work.tokens += step.tokens.numel()
    x = base.weights["embed"][step.tokens] + base.weights["position"][: step.tokens.shape[1]]
    x = adapter.state(weights, "embedded", x, step)
    for layer in range(LAYERS):
        added = _attention(step, adapter, layer, _normed(base, f"{layer}.norm_1", x))
        x = x + adapter.state(weights, f"{layer}.attention", added, step)
        added = _mlp(step, adapter, layer, _normed(base, f"{layer}.norm_2", x))
        x = x + adapter.state(weights, f"{layer}.mlp", added, step)
    own = x[:, -step.tokens.shape[1] :]
    return step.product(_normed(base, "norm", own), *base.linear(HEAD))


def _normed(base: Base, name: str, x: Tensor) -> Tensor:
    return F.rms_norm(x, (WIDTH,), base.weights[name], EPS)


def _attention(step: Pass, adapter: Adapter, layer: int, x: Tensor) -> Tensor:
    q, k, v = (adapter.linear(adapter.weights, Site(layer, kind), x, step) for kind in "qkv")
    k = adapter.state(adapter.weights, f"{layer}.keys", k, step)
    v = adapter.state(adapter.weights, f"{layer}.values", v, step)
    tokens, stored = q.shape[1], k.shape[1]
    # What a prefix adds stands before all tokens, and all of them see it.
    mask = torch.ones(tokens, stored, dtype=torch.bool).tril(stored - tokens)
    step.count(q.shape[0] * tokens * stored * WIDTH, q, k)
    scores = _by_head(q) @ _by_head(k).transpose(2, 3) / math.sqrt(WIDTH // HEADS)
    chances = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    step.count(q.shape[0] * tokens * stored * WIDTH, chances, v)
    mixed = (chances @ _by_head(v)).transpose(1, 2).reshape(q.shape)
    return adapter.linear(adapter.weights, Site(layer, "o"), mixed, step)


def _by_head(x: Tensor) -> Tensor:
    """Return [b, t, d] as [b, heads, t, d / heads]."""
    return x.reshape(x.shape[0], x.shape[1], HEADS, -1).transpose(1, 2)


def _mlp(step: Pass, adapter: Adapter, layer: int, x: Tensor) -> Tensor:
    hidden = F.gelu(adapter.linear(adapter.weights, Site(layer, "up"), x, step))
    hidden = adapter.state(adapter.weights, f"{layer}.hidden", hidden, step)
    return adapter.linear(adapter.weights, Site(layer, "down"), hidden, step)
