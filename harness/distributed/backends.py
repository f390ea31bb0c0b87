"""How a run is spread, and what a place offers: blocks in, the ways in which they ended out.

A place runs one block at a time for each of its threads, and says how the worker ended; what a
lost one means is for `fan_out.py` to decide. Places are this machine (`local_workers.py`), a Ray
cluster (`ray_cluster.py`) and Slurm (`slurm_array.py`). None of them starts a cluster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event

from adabench.harness.distributed.shard import Outcome

MOST = 64
"""Workers that are asked of a cluster at once; it queues those it has no room for."""


@dataclass(frozen=True)
class FanOutOptions:
    """How a run is spread."""

    kind: str = "local"
    workers: int | None = None
    """At once; None: one here, as many as there is room for on a cluster."""
    cores: int | None = None
    """A worker's own; None: an equal share of this machine's here, one on a cluster."""
    slurm: Mapping[str, str] = field(default_factory=dict)
    """Parameters of submitit's AutoExecutor; `cluster=local` runs its jobs on this machine."""
    gpus: int | None = None
    """A worker's own; None: one at scale gpu."""
    slurm_setup: tuple[str, ...] = ()
    """Shell lines that a Slurm job runs before its worker: `module load cuda`."""


@dataclass(frozen=True)
class Backend:
    """Where blocks run. `run` blocks and is called from `workers` threads at once."""

    workers: int
    run: Callable[[str], Outcome]
    stop: Callable[[], None]
    stopped: Event = field(default_factory=Event)
