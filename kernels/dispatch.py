"""Says when a kernel runs in Triton and when in torch.

Triton where every tensor is on a CUDA device of compute capability 8 or more, triton is installed, the type is float16, bfloat16 or
float32, and nothing asks for a gradient (the kernels have no backward); the torch reference everywhere else.
"""

import importlib.util
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TYPES = ("torch.float16", "torch.bfloat16", "torch.float32")


def runs_triton(*tensors: "Tensor | None") -> bool:
    """Tell whether these tensors are for the Triton version."""
    given = [tensor for tensor in tensors if tensor is not None]
    fits = all(tensor.is_cuda for tensor in given) and all(
        str(tensor.dtype) in TYPES for tensor in given if tensor.is_floating_point()
    )
    return fits and installed() and _capable(given[0].get_device()) and not _differentiated(given)


@cache
def installed() -> bool:
    """Tell whether triton is here, without importing it."""
    return importlib.util.find_spec("triton") is not None


@cache
def _capable(device: int) -> bool:
    import torch

    return torch.version.hip is None and torch.cuda.get_device_capability(device) >= (8, 0)


def _differentiated(tensors: "list[Tensor]") -> bool:
    import torch

    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
