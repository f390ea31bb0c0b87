"""The places where blocks can be worked through, by the word of `run --executor`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from adabench.harness.distributed.backends import Backend, FanOutOptions
from adabench.harness.distributed.local_workers import on_this_machine
from adabench.harness.distributed.ray_cluster import on_ray
from adabench.harness.distributed.shard import Job
from adabench.harness.distributed.slurm_array import under_slurm

PLACES: Mapping[
    str, Callable[[FanOutOptions, Path, Sequence[Job]], AbstractContextManager[Backend]]
] = {
    "local": on_this_machine,
    "ray": on_ray,
    "slurm": under_slurm,
}
