"""The options of `adabench run` that say where it runs, and how they are read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.harness.errors import SelectionError

if TYPE_CHECKING:
    from adabench.harness.distributed.backends import FanOutOptions

Executor = Annotated[str, typer.Option(help="local, slurm or ray.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Workers at once.")]
Cores = Annotated[int | None, typer.Option(min=1, help="Cores of each worker.")]
Gpus = Annotated[int | None, typer.Option(min=0, help="GPUs of each worker.")]
Slurm = Annotated[list[str] | None, typer.Option(help="For slurm: partition=gpu.")]
SlurmSetup = Annotated[
    list[str] | None,
    typer.Option(help="For slurm: a line each job begins with."),
]


def fan_out_options(
    kind: str,
    workers: int | None,
    cores: int | None,
    slurm: Sequence[str] = (),
    gpus: int | None = None,
    slurm_setup: Sequence[str] = (),
) -> "FanOutOptions":
    """Read the options of `run --executor`.

    Raises:
        SelectionError: for an executor that is not one, or parameters of another one.
    """
    from adabench.harness.distributed.places import fan_out_to

    parameters = {}
    for item in slurm:
        name, equals, value = item.partition("=")
        if not name or not equals:
            raise SelectionError(f"--slurm {item!r} is not key=value.", "--slurm partition=gpu")
        parameters[name] = value
    return fan_out_to(kind, workers, cores, parameters, gpus, slurm_setup)
