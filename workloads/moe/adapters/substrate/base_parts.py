"""Training of the base's own numbers: all of them, one kind of them, or some by lot.

    own.NAME            a weight of the base, in its own shape, that stands in its place
    entries.NAME [n]    what is added to n entries of a weight, at positions that a lot deals (`lot`)

What is trained runs in the shape of the base: nothing is left to be merged.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from adabench.workloads.moe.adapters.substrate.adapter import Adapter, Weights
from adabench.workloads.moe.adapters.substrate.base_model import HEAD, Base, fresh_base, shapes

OWN, ENTRIES, LOT = "own.", "entries.", "lot"
LOTS = 2**20
PARTS = ("all", "biases", "norms", "head")


def names(part: str, base: Base) -> tuple[str, ...]:
    """Return the names of a part of a base's weights."""
    found = {
        "all": lambda name: True,
        "biases": lambda name: name.endswith(".bias"),
        "norms": lambda name: "norm" in name,
        "head": lambda name: name.startswith(HEAD),
    }[part]
    return tuple(filter(found, shapes() if base.passes is None else base.weights))


def fresh_part(part: str, base: Base) -> Adapter:
    """Return a part of a base, as it is there."""
    return own_part({OWN + name: base.weights[name].clone() for name in names(part, base)})


def fresh_network(generator: torch.Generator) -> Adapter:
    """Return all weights of an untrained base."""
    return fresh_part("all", fresh_base(generator))


def own_part(weights: dict[str, Tensor]) -> Adapter:
    """Return the part of given weights."""
    return Adapter(weights, own_base=_replaced, merge=_replaced)


def _replaced(weights: Weights, base: Base) -> Base:
    own = {name.removeprefix(OWN): value for name, value in weights.items()}
    return replace(base, weights=base.weights | own)


def fresh_entries(count: int, generator: torch.Generator) -> Adapter:
    """Return so many entries of all weights, by lot, to which nothing is added yet."""
    lot = int(torch.randint(LOTS, (1,), generator=generator))
    weights = {
        f"{ENTRIES}{name}": torch.zeros(len(at)) for name, at in _positions(lot, count).items()
    }
    return entries(weights | {LOT: torch.tensor(float(lot))})


def entries(weights: dict[str, Tensor]) -> Adapter:
    """Return the entries of given weights."""
    return Adapter(weights, own_base=_added, merge=_added, still=frozenset((LOT,)))


def _added(weights: Weights, base: Base) -> Base:
    values = {name: value for name, value in weights.items() if name != LOT}
    count, own = sum(len(value) for value in values.values()), dict(base.weights)
    positions = _positions(int(weights[LOT]), count)
    for name, value in values.items():
        key = name.removeprefix(ENTRIES)
        whole = own[key]
        own[key] = whole.flatten().index_add(0, positions[key], value).view_as(whole)
    return Base(own)


@cache
def _positions(lot: int, count: int) -> dict[str, Tensor]:
    """Deal positions over all weights of the base: by name, places in the flattened weight."""
    sizes = {name: torch.Size(shape).numel() for name, shape in shapes().items()}
    generator = torch.Generator().manual_seed(lot)
    chosen = torch.randperm(sum(sizes.values()), generator=generator)[:count].sort().values
    found, start = {}, 0
    for name, size in sizes.items():
        inside = chosen[(chosen >= start) & (chosen < start + size)] - start
        if len(inside):
            found[name] = inside
        start += size
    return found
