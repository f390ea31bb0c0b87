"""A device that is not there: tensors of the processor that say they lie elsewhere, and refuse company.

    with device_double() as traffic:
        model.to(PLACE)                 # from here on as on a GPU, and in the processor's numbers
    traffic.returned                    # elements of each copy to the processor

What a GPU would refuse is refused: one operation on tensors of two places. Kernels see no CUDA device, so
their references run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

PLACE = torch.device("lazy:0")
"""A device that torch has a word for, and no driver."""
COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
CHOICE = torch.ops.aten._fused_sdp_choice.default
PLAIN = 0
"""Of attention: the way that is made of other operations."""


@dataclass
class Traffic:
    """What went between the places."""

    returned: list[int] = field(default_factory=list)
    """Elements of each copy to the processor."""


class Distant(Tensor):
    """A tensor that lies elsewhere."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor) -> Self:
        made = Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device=PLACE,
        )  # fmt: skip
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {}, Traffic())


class Elsewhere(TorchDispatchMode):
    """Makes new tensors where they are wanted, and notes what comes back."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__()
        self.traffic = traffic

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {}, self.traffic)


@contextmanager
def device_double() -> Iterator[Traffic]:
    """Have the device; a view of such a tensor can be made without slopes, but not in inference mode."""
    traffic = Traffic()
    with Elsewhere(traffic), patch.object(torch, "inference_mode", torch.no_grad):
        yield traffic


def run(func: Any, args: Any, kwargs: dict[str, Any], traffic: Traffic) -> Any:
    """Do an operation on the processor, as if its tensors were where they say."""
    if func is CHOICE:
        return PLAIN
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    distant = [one for one in tensors if isinstance(one, Distant)]
    near = [one for one in tensors if not isinstance(one, Distant) and one.dim()]
    if distant and near and func not in COPIES:
        raise AssertionError(f"{func} is given tensors of two devices.")
    place = kwargs.get("device")
    leaves = bool(distant) if place is None else torch.device(place).type == PLACE.type
    if distant and not leaves:
        traffic.returned.append(distant[0].numel())
    given, named = tree_map_only(Distant, lambda one: one.held, (args, kwargs))
    if place is not None:
        named["device"] = torch.device("cpu")
    made = func(*given, **named)
    if func._schema.name.endswith("_"):
        return args[0]
    if "out" in kwargs:
        return kwargs["out"]
    return tree_map_only(Tensor, Distant, made) if leaves else made
