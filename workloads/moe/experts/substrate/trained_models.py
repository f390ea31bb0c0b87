"""Models as they were trained: read once, and shared by all who read with them."""

from functools import cache
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.moe.experts.recipes import FOLDER, SHAPES, of_seed, recipes
from adabench.workloads.moe.substrate import weight_packing
from adabench.workloads.moe.substrate.byte_model import ByteModel
from adabench.workloads.shared.training import checkpoints


def trained(name: str, kind: str, folder: Path) -> ByteModel:
    """Return a model of a folder.

    Raises:
        EnvironmentProblem: if it was not trained yet.
        SelectionError: if the file is of a model of another shape.
    """
    weights = weight_packing.unpacked(checkpoints.weights(name, folder, recipes()[name].forecast_s))
    model = ByteModel(SHAPES[kind]).requires_grad_(False).eval()
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


@cache
def of_run(kind: str, seed: int) -> ByteModel:
    """Return the model of a kind that a run's seed takes.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    name = of_seed(kind, seed)
    return trained(name, kind, checkpoints.home(name, FOLDER))


def note(kind: str, seed: int) -> None:
    """Note that a model is handed out to the method of this process."""
    checkpoints.note(of_seed(kind, seed), FOLDER)
