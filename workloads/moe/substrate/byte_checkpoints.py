"""Byte models as they were trained, read from packed checkpoints that are whole and of the right shape."""

from pathlib import Path

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.moe.substrate.byte_model import ByteModel, ByteShape
from adabench.workloads.shared.training import checkpoints, weight_packing

EXPERTS = Path(__file__).parents[1] / "experts" / "checkpoints"
"""Where the models of the task `experts` lie, which `adabench train 'experts/*'` makes."""
FORECAST_S = 120
"""Of a training of theirs."""


def read_model(name: str, shape: ByteShape, folder: Path, forecast_s: float) -> ByteModel:
    """Return a model of a folder.

    Raises:
        EnvironmentProblem: if it was not trained yet, or its file is broken.
        SelectionError: if the file is of a model of another shape.
    """
    weights = weight_packing.unpacked(checkpoints.weights(name, folder, forecast_s))
    model = ByteModel(shape).requires_grad_(False).eval()
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    other = {key: tuple(value.shape) for key, value in weights.items()}
    if own != other:
        differing = sorted(key for key in own | other if own.get(key) != other.get(key))
        raise SelectionError(
            f"The checkpoint {name} is of another shape: {differing[0]} is {other.get(differing[0])} there and "
            f"{own.get(differing[0])} here.",
            f"Train it again: adabench train experts/{name}.",
        )
    if broken := [key for key, value in weights.items() if not value.isfinite().all()]:
        raise EnvironmentProblem(
            f"The checkpoint {name} is broken: {broken[0]} holds what is no number.",
            f"Train it again: adabench train experts/{name}.",
        )
    model.load_state_dict(weights)
    return model
