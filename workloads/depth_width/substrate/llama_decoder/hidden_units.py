"""The MLP of a layer by its hidden units, so that some of them can run without the others.

down(act(up x + b)) + c        or        down(act(gate x + b) * (up x + b')) + c
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.harness.errors import MissingAbility
from adabench.workloads.depth_width.substrate.llama_decoder.block_hooks import Branch
from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import (
    HookedDecoder,
    units_of,
)
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder

ACTIVATIONS = ("act_fn", "act", "activation_fn", "between", "gelu_impl", "activation")
"""What the function between an MLP's matrices is called."""


@dataclass(frozen=True)
class HiddenUnits:
    """The weights of an MLP, a row of `up` and a column of `down` for each hidden unit."""

    up: Tensor
    """[k hidden, d]; of a gated MLP (k = 2) the gates first."""
    down: Tensor
    """[d, hidden]."""
    act: Callable[[Tensor], Tensor] = F.silu
    bias: Tensor | None = None
    """[k hidden]."""
    constant: Tensor | None = None
    """[d], what is added however many units run."""

    @property
    def gated(self) -> bool:
        """Say whether each unit has a gate."""
        return len(self.up) == 2 * self.down.shape[1]

    @property
    def is_silu(self) -> bool:
        """Say whether it is the MLP of a Llama, which has a kernel."""
        return self.gated and self.act is F.silu and self.bias is None and self.constant is None

    def arranged(self, order: Tensor) -> "HiddenUnits":
        """Return the units in another order."""
        rows = torch.cat([order, order + len(order)]) if self.gated else order
        bias = None if self.bias is None else self.bias[rows]
        return replace(self, up=self.up[rows], down=self.down[:, order].contiguous(), bias=bias)

    def active(self, x: Tensor, count: int | None = None) -> Tensor:
        """Return what the first `count` units make of rows [..., d], [..., count]."""
        if count in (None, self.down.shape[1]):
            parts = F.linear(x, self.up, self.bias).chunk(1 + self.gated, dim=-1)
        else:
            biases = (None, None) if self.bias is None else self.bias.chunk(1 + self.gated)
            parts = tuple(
                F.linear(x, up[:count], None if bias is None else bias[:count])
                for up, bias in zip(self.up.chunk(1 + self.gated), biases, strict=False)
            )
        return self.act(parts[0]) * parts[1] if self.gated else self.act(parts[0])

    def of(self, x: Tensor, count: int | None = None) -> Tensor:
        """Return the branch of rows [..., d] with the first `count` units."""
        return F.linear(self.active(x, count), self.down[:, :count], self.constant)


def hidden_units(model: Decoder, index: int) -> HiddenUnits:
    """Return the hidden units of a layer's MLP.

    Raises:
        MissingAbility: for an MLP that is not made of them.
    """
    if not isinstance(model, HookedDecoder):
        layer = model.layer(index)
        return HiddenUnits(layer.gate_up.weight, layer.down.weight)
    _, mlp = units_of(model.blocks[index])
    found = _units(mlp)
    seen: list[tuple[Tensor, Tensor]] = []

    def look(unit: int, x: Tensor, branch: Branch) -> Tensor:
        made = branch.whole()
        seen.append((x, made.clone()))  # Falcon adds to it in place
        return made

    weight = model.embed.weight
    model.block(index, torch.linspace(-2, 2, 4 * model.shape.width).view(1, 4, -1).to(weight), look)
    x, made = seen[-1]
    near = 100 * torch.finfo(made.dtype).eps * float(made.abs().max())
    if found is None or float((found.of(x) - made).abs().max()) > near:
        raise MissingAbility(
            f"The MLPs of {type(model.causal).__name__} are not made of hidden units that could run apart.",
            "Leave out acm, random_width and static_width.",
        )
    return found


def _units(mlp: nn.Module) -> HiddenUnits | None:
    matrices: list[Any] = [
        one for one in mlp.modules() if isinstance(getattr(one, "weight", None), Tensor)
    ]
    act = next((getattr(mlp, name) for name in ACTIVATIONS if hasattr(mlp, name)), None)
    if act is None or not 2 <= len(matrices) <= 3:
        return None
    rows = [one.weight if isinstance(one, nn.Linear) else one.weight.T for one in matrices]
    biases = [one.bias for one in matrices[:-1]]
    return HiddenUnits(
        torch.cat(rows[:-1]), rows[-1], act,
        None if biases[0] is None else torch.cat(biases), matrices[-1].bias,
    )  # fmt: skip
