"""What several tests of the ledger hold: tiny models with big and small modules, and streams."""

import numpy as np
import pytest
import torch
from torch import Tensor

from adabench.workloads.depth_width.ledger.methods.duo_llm import train_modules
from adabench.workloads.depth_width.ledger.substrate.duo import duo_modules as duos
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import Duo, Routers
from adabench.workloads.depth_width.substrate.backbone import Shape
from adabench.workloads.depth_width.substrate.stream import draw

TINY = Shape(layers=3, width=16, heads=2)
SEQUENCES, TOKENS = 5, 24


@pytest.fixture(scope="module")
def duo() -> Duo:
    """Modules large enough to matter; an untrained block hardly adds anything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = duos.fresh(TINY)
    for index in range(TINY.layers):
        layer, small = made.model.layer(index), made.sides.at(index)
        for module in (layer.out, layer.down, small.down):
            module.weight.data *= 12
    return train_modules.frozen(made)


@pytest.fixture(scope="module")
def routers() -> Routers:
    """Routers that disagree from position to position, as trained ones do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = Routers(TINY)
    for index in range(TINY.layers):
        made.at(index).weight.data *= 6
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    """Streams of the task, so that there are segments."""
    corpus = draw(np.random.Generator(np.random.PCG64(1)), SEQUENCES, tokens=TOKENS)
    return torch.from_numpy(np.ascontiguousarray(corpus.inputs))
