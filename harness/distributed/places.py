"""The places where blocks can be worked through, by the word of `run --executor`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from adabench.harness.distributed.backends import Backend, FanOutOptions
from adabench.harness.distributed.local_workers import on_this_machine
from adabench.harness.distributed.ray_cluster import on_ray
from adabench.harness.distributed.shard import Job
from adabench.harness.distributed.slurm_array import under_slurm
from adabench.harness.errors import SelectionError, nearest

PLACES: Mapping[
    str, Callable[[FanOutOptions, Path, Sequence[Job]], AbstractContextManager[Backend]]
] = {
    "local": on_this_machine,
    "ray": on_ray,
    "slurm": under_slurm,
}


def fan_out_to(
    kind: str,
    workers: int | None = None,
    cores: int | None = None,
    slurm: Mapping[str, str] | None = None,
    gpus: int | None = None,
    slurm_setup: Sequence[str] = (),
) -> FanOutOptions:
    """Return how a run is spread over one of the places.

    Raises:
        SelectionError: for an executor that is not one, or parameters of another one.
    """
    if kind not in PLACES:
        raise SelectionError(f"There is no executor {kind!r}.", nearest(kind, PLACES))
    if (slurm or slurm_setup) and kind != "slurm":
        raise SelectionError("--slurm and --slurm-setup give parameters of --executor slurm alone.")
    return FanOutOptions(kind, workers, cores, dict(slurm or {}), gpus, tuple(slurm_setup))
