# mypy: allow-untyped-calls
# (torch annotates its dispatch modes only in part.)
"""FLOPs and bytes of every torch operator of a block, seen as it is dispatched. Imports torch.

**FLOPs** by torch's own formulas (matrix products, convolutions, attention; two for each
multiply-add) and those of `profilers/compute/formulas.py`. Element-wise operators have none, and
neither has a kernel of one's own; what carries work and has none is marked `uncounted`.
See `docs/log/instruments.md`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from adabench.profilers.compute.formulas import FORMULAS, unformulated

GATHERS = frozenset({"aten::index_select", "aten::gather", "aten::embedding", "aten::index"})
SCATTERS = frozenset(
    {"aten::index_add_", "aten::index_copy_", "aten::index_put_", "aten::scatter_add_",
     "aten::scatter_"}
)  # fmt: skip
UNWRITTEN = frozenset({"aten::empty", "aten::empty_like", "aten::empty_strided",
                       "aten::new_empty", "aten::new_empty_strided"})  # fmt: skip


@dataclass
class OperatorTraffic:
    """What all calls of one operator came to."""

    calls: int = 0
    flops: int | None = None
    """None where torch has no formula."""
    moved_bytes: int = 0
    uncounted: bool = False
    """It carries work, and nothing counts it."""


@dataclass
class Ledger:
    """Operators by name (`aten::mm`), and FLOPs by the type they were computed in.

    What torch calls within an operator is counted with that operator.
    """

    operators: dict[str, OperatorTraffic] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)

    @property
    def main_type(self) -> str:
        """The type of most FLOPs, as `float32`; that where there are none."""
        return max(self.types, key=self.types.__getitem__, default="float32")


class Traffic(TorchDispatchMode):
    """Counts while it is entered: `with Traffic(ledger): ...`."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run one operator and write down what it was."""
        kwargs = kwargs or {}
        with self:  # in inference mode composite operators arrive whole
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        result = func(*args, **kwargs)
        seen = self.ledger.operators.setdefault(func._schema.name, OperatorTraffic())
        seen.calls += 1
        seen.moved_bytes += _bytes(func, args, kwargs, result)
        seen.uncounted = unformulated(func)
        flops = _flops(func, args, kwargs, result)
        if flops is not None:
            seen.flops = (seen.flops or 0) + flops
            kind = _type(args)
            self.ledger.types[kind] = self.ledger.types.get(kind, 0) + flops
        return result


def _flops(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int | None:
    formula = FORMULAS.get(func._overloadpacket)
    return None if formula is None else int(formula(*args, **kwargs, out_val=result))


def _bytes(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int:
    name = func._schema.name
    if name in UNWRITTEN or _is_view(func):
        return 0
    read = [_size(tensor) for tensor in _tensors((args, kwargs))]
    written = sum(_size(tensor) for tensor in _tensors(result))
    if name in GATHERS:
        return written + sum(read[1:]) + written
    if name in SCATTERS:
        return sum(read[1:]) + 2 * max(read[1:], default=0)
    return sum(read) + written


def _is_view(func: Any) -> bool:
    aliases = [returned.alias_info for returned in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def _tensors(tree: Any) -> Iterator[torch.Tensor]:
    seen: set[int] = set()
    for leaf in tree_leaves(tree):
        if isinstance(leaf, torch.Tensor) and id(leaf) not in seen:
            seen.add(id(leaf))
            yield leaf


def _size(tensor: torch.Tensor) -> int:
    return min(tensor.numel() * tensor.itemsize, tensor.untyped_storage().nbytes())


def _type(args: Sequence[Any]) -> str:
    return next((str(t.dtype).removeprefix("torch.") for t in _tensors(args)), "float32")


class Uncounted(TorchDispatchMode):
    """Counts while it is entered; around torch's counter it sees what that one has taken apart."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run one operator, and note it if nothing counts its work."""
        if unformulated(func):
            self.calls[func._schema.name.replace("::", ".")] += 1
        return func(*args, **(kwargs or {}))
