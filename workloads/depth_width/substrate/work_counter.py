"""What a forward did, counted where it happens.

Every matrix product and every gather of the engine, of attention and of the policies goes
through `Work`. **FLOPs** (two per multiply-add; n rows, S queries and K keys per sequence as
padded, B sequences, width d):

    query, key, value 2 n d 3d    output 2 n d d    MLP 2 n d 8d    unembedding 2 n d V
    attention 4 B S K d           router 2 n d      gathered or scattered: one per element

Element-wise work (norms, GELU, rotations) is left out, as in torch's own counter, which a
test compares this with.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Work:
    """What a forward did, written down by the engine while it runs."""

    flops: int = 0
    moved: int = 0
    """Elements gathered or scattered."""
    runs: list[tuple[int, Tensor]] = field(default_factory=list)
    """(slot, flat indices `sequence * tokens + position`) of every layer call."""
    kv_entries: int = 0
    """Positions whose keys and values are stored, summed over slots."""
    kv_allocated: int = 0
    """The same with padding and unused room: what memory really holds."""

    def linear(self, module: nn.Module, rows: Tensor) -> Tensor:
        """Apply a bias-free linear module and count it."""
        assert isinstance(module, nn.Linear)
        return self.product(rows, module.weight, module)

    def product(self, rows: Tensor, weight: Tensor, module: nn.Linear | None = None) -> Tensor:
        """Multiply rows [n, in] by a weight [out, in] and count it."""
        self.flops += 2 * (rows.numel() // rows.shape[-1]) * weight.numel()
        return module(rows) if module is not None else F.linear(rows, weight)

    def take(self, rows: Tensor, index: Tensor) -> Tensor:
        """Gather rows and count the elements."""
        self.moved += index.numel() * (rows.numel() // max(1, rows.shape[0]))
        return rows.index_select(0, index)
