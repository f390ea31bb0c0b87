"""Lays the matrices of a model on a processor out once, as oneDNN multiplies by them.

Torch hands a float32 product to MKL, which lays the matrix out anew at every call: most of the work of a decoding step. Results differ in
their last bits. A matrix that is tied to an embedding is held twice. Torch's FLOP counter is told what the product costs.
"""

from math import prod
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

ROWS = 8
"""The number of rows that the layout is chosen for; any other works with it."""


class PackedLinear(nn.Module):
    """A matrix and a bias; it computes what `torch.nn.Linear` computes."""

    def __init__(self, dense: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = dense.in_features, dense.out_features
        with torch.no_grad():
            # An opaque tensor: no parameter, since nothing but the product can read it.
            self._matrix = torch.ops.mkldnn._reorder_linear_weight(dense.weight.detach(), ROWS)
        self._bias = None if dense.bias is None else dense.bias.detach()

    def forward(self, rows: Tensor) -> Tensor:
        """Return rows [..., in] times the matrix, plus the bias [..., out]."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(
            rows, self._matrix, self._bias, "none", [], ""
        )
        return product


def can_pack(model: nn.Module) -> bool:
    """Say whether this build of torch packs, and the model has what can be packed."""
    is_here: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return is_here and any(map(_is_packable, model.modules()))


def pack(model: nn.Module) -> None:
    """Put packed matrices in the place of plain ones; a build of torch without oneDNN packs none."""
    if not can_pack(model):
        return
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if _is_packable(child):
                setattr(parent, name, PackedLinear(child))


def _is_packable(module: nn.Module) -> TypeGuard[nn.Linear]:
    """Say whether a module is a plain matrix in float32 on a processor; of a subclass nobody knows."""
    if type(module) is not nn.Linear:
        return False
    return module.weight.dtype == torch.float32 and module.weight.device.type == "cpu"


@register_flop_formula(torch.ops.mkldnn._linear_pointwise)
def _flops(rows: Any, matrix: Any, *_: Any, **__: Any) -> int:
    """Count a product as torch counts its own."""
    flops: int = 2 * prod(rows) * matrix[0]
    return flops
