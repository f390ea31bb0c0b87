"""The wide double of a model with big and small modules (`width_twin.py`)."""

from dataclasses import replace

import torch
from torch import nn

from adabench.workloads.depth_width.ledger.substrate import width_twin
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import Duo, Routers, Sides
from adabench.workloads.depth_width.substrate.backbone import Backbone

_SEED = 4_243


def doubled(duo: Duo, routers: Routers | None, width: int) -> None:
    """Give a model and its routers a wide double with random weights (`width_twin.py`)."""
    shape = replace(duo.model.shape, width=width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        model, sides = Backbone(shape), Sides(shape)
        others = None if routers is None else Routers(shape)
    ours: list[nn.Module] = [duo.model, duo.sides, *([] if routers is None else [routers])]
    theirs: list[nn.Module] = [model, sides, *([] if others is None else [others])]
    for one in theirs:
        one.eval().requires_grad_(False)
    exits: list[nn.Module] = [duo.model.head, model.head]
    exits += [] if routers is None else routers.layers
    exits += [] if others is None else others.layers
    width_twin.Twin(tuple(ours), tuple(theirs), tuple(exits))
