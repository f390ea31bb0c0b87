"""What several tests of the ledger hold: tiny models with big and small modules, and streams."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.ledger import duo_modules as duos
from adabench.workloads.ledger import duo_training, real_checkpoint, real_width_checkpoint
from adabench.workloads.ledger.data import draw
from adabench.workloads.ledger.duo_modules import Duo, Routers
from adabench.workloads.ledger.model import Shape

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
    return duo_training.frozen(made)


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


@pytest.fixture
def fitted(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if `adabench train` had been called for whatever is asked; to a tiny model it is quick."""
    find = real_checkpoint.found

    def found(name: str, forecast_s: float, folders: tuple[Path, ...]) -> Path:
        try:
            return find(name, forecast_s, folders)
        except EnvironmentProblem:
            widths = real_width_checkpoint.real_width_recipes()
            plan = {**real_checkpoint.real_recipes(), **widths}[name]
            school = real_width_checkpoint if name in widths else real_checkpoint
            school.train(plan, lambda done, steps: None, folders[-1])
            return find(name, forecast_s, folders)

    monkeypatch.setattr(real_checkpoint, "found", found)
    return tiny
