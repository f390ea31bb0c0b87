"""What a forward cost, per token, and what its stored keys should have come to."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from torch import Tensor

from adabench.workloads.depth_width.substrate.backbone import Shape
from adabench.workloads.depth_width.substrate.train_backbone import BackboneRecipe
from adabench.workloads.depth_width.substrate.work_counter import Work


class Costed(Protocol):
    """An answer that carries what was written down while it was made."""

    @property
    def works(self) -> Sequence[tuple[Tensor, Work]]:
        """The sequences of each part, and its work."""
        ...

    @property
    def parameters(self) -> int:
        """Weights that have to be in memory."""
        ...

    @property
    def unrolled(self) -> int:
        """Layers of the model when every recursion is counted; 0 where that says nothing."""
        ...

    @property
    def kv_analytic(self) -> float:
        """Stored positions per token that the method's formula promises; 0 for no promise."""
        ...


def costs(answer: Costed, tokens: int) -> dict[str, float]:
    """Return what was counted, per token."""
    found = counted((work for _, work in answer.works), tokens, answer.parameters)
    if answer.unrolled:
        found["kv_ratio"] = found["kv_entries"] / answer.unrolled
    if answer.kv_analytic:
        found["kv_excess"] = found["kv_entries"] / answer.kv_analytic
    return found


def counted(works: Iterable[Work], tokens: int, parameters: int) -> dict[str, float]:
    """Return what was counted in works, per token."""
    works = list(works)
    return {
        "flops_counted": sum(work.flops + work.moved for work in works) / tokens,
        "moved": sum(work.moved for work in works) / tokens,
        "kv_entries": sum(work.kv_entries for work in works) / tokens,
        "kv_allocated": sum(work.kv_allocated for work in works) / tokens,
        "parameters_bytes": 4.0 * parameters,
        "tokens": float(tokens),
    }


def kv_analytic(recipe: BackboneRecipe, shape: Shape) -> float:
    """Return the stored positions per token that the method's formula promises.

    Unique layers store everything. Recursion-wise caching stores the capacity of each
    recursion, (N_r + 1) / (2 N_r) of the recursive part for capacities 1, 2/3, 1/3 (and for
    balanced token choice); sharing stores the first recursion alone, 1 / N_r.
    """
    if not recipe.shape.router:
        return float(len(shape.order))
    block, n_r = len(shape.block), shape.recursions
    if shape.kv == "shared":
        return 2.0 + block * (recipe.capacities[0] if recipe.capacities else 1.0)
    return 2.0 + block * (sum(recipe.capacities) if recipe.capacities else (n_r + 1) / 2)
