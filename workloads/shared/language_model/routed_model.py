"""Language models whose MLP is several experts, of which each word runs the few that its router scores highest.

    h <- h + sum over the chosen e of softmax(scores of the chosen)_e  W_d^e (silu(W_g^e norm(h)) * W_u^e norm(h))

Rows are sorted by expert and multiplied segment by segment: an expert that is not chosen multiplies nothing.

**Upcycling** (arXiv 2212.05055): experts begin as parts of a dense model's MLP, all else as it is there. Expert e of E has hidden units
e m / E and following of the dense m, in a circle, so that experts overlap; routers begin at random.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.kernels.segment_product import product_with_gradients
from adabench.workloads.shared.language_model.model import Block, LanguageModel, Shape


@dataclass(frozen=True)
class RoutedShape(Shape):
    """Size of a model with experts; `hidden` is that of one of them."""

    experts: int = 8
    chosen: int = 2

    @property
    def parameters(self) -> int:
        """Return the number of weights outside the embedding that a word is multiplied with."""
        each = 3 * self.width * self.hidden * self.chosen + self.width * self.experts
        return self.layers * (4 * self.width**2 + each)


MOE_S = RoutedShape(layers=2, width=64, heads=2, hidden=64)


class RoutedBlock(Block):
    """A layer whose MLP is routed; the matrices of its experts stand one below the other."""

    def __init__(self, shape: RoutedShape) -> None:
        super().__init__(shape)
        d, f = shape.width, shape.hidden
        self.experts, self.chosen = shape.experts, shape.chosen
        self.router = nn.Linear(d, shape.experts, bias=False)
        self.gate_up = nn.Linear(d, shape.experts * 2 * f, bias=False)
        self.down = nn.Linear(f, shape.experts * d, bias=False)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Return what the likeliest experts add to normed states x [..., d]."""
        rows = x.reshape(-1, x.shape[-1])
        scores = self.router(rows)
        return self.total(rows, scores, self.choice(scores)).view_as(x)

    def choice(self, scores: Tensor) -> Tensor:
        """Return the places [n, chosen] of the highest scores [n, experts]."""
        return scores.topk(self.chosen, dim=-1).indices

    def total(self, rows: Tensor, scores: Tensor, places: Tensor) -> Tensor:
        """Return the weighted sum [n, d] over the experts at `places` [n, chosen] of rows [n, d]."""
        shares = scores.gather(-1, places).softmax(-1).flatten()
        order = places.flatten().argsort(stable=True)
        sizes = torch.bincount(places.flatten(), minlength=self.experts).tolist()
        owners = order // self.chosen
        inner_weights = self.gate_up.weight.view(self.experts, -1, rows.shape[1])
        outer_weights = self.down.weight.view(self.experts, rows.shape[1], -1)
        gate, up = product_with_gradients(rows[owners], inner_weights, sizes).chunk(2, dim=-1)
        outer = product_with_gradients(F.silu(gate) * up, outer_weights, sizes)
        return torch.zeros_like(rows).index_add(0, owners, outer * shares[order, None])


class RoutedModel(LanguageModel):
    """Token ids [n, T] to next-token logits [n, T, V], through experts."""

    block: ClassVar[type[Block]] = RoutedBlock


@torch.no_grad()
def upcycled(dense: LanguageModel, shape: RoutedShape, seed: int) -> RoutedModel:
    """Return a model whose experts are parts of a dense one's MLP; routers are drawn from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RoutedModel(shape)
    own = model.state_dict()
    for name, value in dense.state_dict().items():
        if not name.endswith(("gate_up.weight", "down.weight")):
            own[name].copy_(value)
    for layer, block in enumerate(dense.blocks):
        gate, up = block.get_submodule("gate_up").get_parameter("weight").chunk(2)
        down = block.get_submodule("down").get_parameter("weight")
        for expert in range(shape.experts):
            first = expert * len(gate) // shape.experts
            units = (first + torch.arange(shape.hidden)) % len(gate)
            name = f"blocks.{layer}"
            inner = own[f"{name}.gate_up.weight"].view(shape.experts, -1, shape.width)
            outer = own[f"{name}.down.weight"].view(shape.experts, shape.width, -1)
            inner[expert] = torch.cat((gate[units], up[units]))
            # Two experts at half weight each cover so large a part of the dense sum.
            outer[expert] = down[:, units] * (len(gate) / shape.hidden)
    return model
