"""The routing-path predictor: a small causal transformer over bytes with one output for each expert of each layer.

    p[t, l, e] = sigmoid(W_(l, e) h_t),        h_t of the bytes up to t
    loss = mean over t, l, e of BCE(p, whether byte t runs expert e of layer l)

It reads a byte before the model does, and says the path of that very byte; it keeps keys and values as the model does.
"""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from adabench.workloads.moe.offload.substrate.decoding import EXPERTS_IN_ALL, TRAININGS
from adabench.workloads.moe.substrate.byte_decoder import KeyValues, read_on
from adabench.workloads.moe.substrate.byte_model import Block, ByteModel, ByteShape
from adabench.workloads.moe.substrate.expert_layer import Counted
from adabench.workloads.shared.training import checkpoints, weight_packing

FOLDER = Path(__file__).parents[2] / "checkpoints"
SHAPE = ByteShape(width=48, hidden=96, experts=1, chosen=1, layers=2)
FORECAST_S = 60


def of_seed(seed: int) -> str:
    """Return the training that a run's seed takes."""
    return f"paths-s{seed % TRAININGS}"


class PathPredictor(nn.Module):
    """The predictor."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = ByteModel(SHAPE)
        self.head = nn.Linear(SHAPE.width, EXPERTS_IN_ALL)

    def forward(self, tokens: Tensor, past: KeyValues | None = None, place: int = 0) -> Tensor:
        """Return logits [n, T, layers * E] for bytes [n, T] at positions from `place` on."""
        known = past or KeyValues(SHAPE, len(tokens))
        found: Tensor = self.head(
            read_on(self.trunk, tokens, known, range(len(tokens)), place, _dense)
        )
        return found

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Return its weights."""
        return tuple(self.state_dict().values())


def _dense(layer: int, block: Block, x: Tensor) -> Tensor:
    del layer
    rows = block.between(x).flatten(0, 1)
    return block.experts.total(rows, rows.new_ones(len(rows), 1), Counted()).view_as(x)


def predictor(seed: int) -> PathPredictor:
    """Return the predictor that a run's seed takes.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    checkpoints.note(of_seed(seed), FOLDER)
    return _read(of_seed(seed))


@cache
def _read(name: str) -> PathPredictor:
    weights = checkpoints.weights(name, checkpoints.home(name, FOLDER), FORECAST_S)
    return of_weights(weights)


def of_weights(packed: dict[str, Tensor]) -> PathPredictor:
    """Return the predictor of a file's weights."""
    found = PathPredictor().requires_grad_(False).eval()
    found.load_state_dict(weight_packing.unpacked(packed))
    return found


@torch.no_grad()
def recall(found: PathPredictor, tokens: Tensor, paths: Tensor, width: int) -> float:
    """Return the share of the experts of bytes [n, T] that the `width` likeliest of each layer hold."""
    chances = found(tokens).view(paths.shape)
    named = torch.zeros(paths.shape, dtype=torch.bool)
    named.scatter_(-1, chances.topk(width, dim=-1).indices, value=True)
    return float((named & paths).sum() / paths.sum())
