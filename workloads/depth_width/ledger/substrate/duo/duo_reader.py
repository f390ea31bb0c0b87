"""What a Duo-LLM method holds: a model with big and small modules, and perhaps routers for it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.ledger.substrate import width_twin
from adabench.workloads.depth_width.ledger.substrate.duo import duo_modules as duos
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import (
    Chooser,
    Duo,
    Routers,
    Sides,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import DECODED, GATHERED_TILE, Batch
from adabench.workloads.depth_width.substrate.work_counter import Work

_SEED = 4_243


@dataclass(frozen=True)
class DuoReader:
    """A model with big and small modules, ready to read batches."""

    duo: Duo
    routers: Routers | None
    mode: str

    def read(self, batch: Batch, choose: Chooser, *, tile: int = GATHERED_TILE) -> Answer:
        """Return logits for every position; modules run for those that take them."""
        return self._sized(self._read(torch.from_numpy(batch.tokens), choose, tile))

    def read_along(self, batch: Batch, options: Tensor, *, tile: int = GATHERED_TILE) -> Answer:
        """Read with given options [layers, sequences, tokens]."""
        tokens, together = torch.from_numpy(batch.tokens), tile
        if self.mode != "prefill":
            together = DECODED[self.mode][0]
        logits, works = [], []
        for first in range(0, len(tokens), together):
            part = slice(first, first + together)
            answer = self._read(tokens[part], Given(options[:, part]), together)
            logits.append(answer.logits)
            works += [(rows + first, work) for rows, work in answer.works]
        whole = Answer(torch.cat(logits), tuple(works), layers_per_run=duos.SIXTEENTH)
        return self._sized(whole)

    def _read(self, tokens: Tensor, choose: Chooser, tile: int) -> Answer:
        if self.mode == "prefill":
            return duos.prefill_duo(self.duo, tokens, choose, tile=tile)
        return duos.decode_duo(self.duo, tokens, choose, batch=DECODED[self.mode][0])

    def _sized(self, answer: Answer) -> Answer:
        routers = () if self.routers is None else self.routers.parameters()
        return replace(
            answer,
            parameters=self.duo.parameters + sum(weight.numel() for weight in routers),
            unrolled=self.duo.model.shape.layers,
        )


@dataclass
class Given:
    """A chooser that hands out options [layers, sequences, tokens] as positions are met."""

    options: Tensor
    at: int = 0

    def __call__(self, layer: int, rows: Tensor, work: Work) -> Tensor:
        """Return the options of the next positions: all of them in prefill, one in decode."""
        layers, sequences, _ = self.options.shape
        after = self.at + len(rows) // sequences
        part = self.options[layer, :, self.at : after].flatten()
        if layer == layers - 1:
            self.at = after
        return part


def reader(seed: int, budget: int, mode: str, scale: str, width: int) -> DuoReader:
    """Return the reader of a training seed; with routers unless the budget is 0.

    Raises:
        EnvironmentProblem: at scale `gpu`, where nothing is trained.
    """
    if scale == "gpu":
        raise EnvironmentProblem(
            "No model is trained under random routing at the shape of scale gpu, and a random "
            "one decides nothing.",
            "Run it at scale embedded.",
        )
    duo = checkpoints.duo(f"duo-s{seed}")
    routers = checkpoints.duo_routers(f"duo-router-{budget}-s{seed}") if budget else None
    if width != duo.model.shape.width:
        _doubled(duo, routers, width)
    return DuoReader(duo, routers, mode)


def _doubled(duo: Duo, routers: Routers | None, width: int) -> None:
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
