"""Models as they were trained: read once, and shared by all who read with them."""

from functools import cache
from pathlib import Path

from adabench.workloads.moe.experts.recipes import FOLDER, SHAPES, of_seed, recipes
from adabench.workloads.moe.substrate.byte_checkpoints import read_model
from adabench.workloads.moe.substrate.byte_model import ByteModel
from adabench.workloads.shared.training import checkpoints


def trained(name: str, kind: str, folder: Path) -> ByteModel:
    """Return a model of a folder.

    Raises:
        EnvironmentProblem: if it was not trained yet.
        SelectionError: if the file is of a model of another shape.
    """
    return read_model(name, SHAPES[kind], folder, recipes()[name].forecast_s)


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
