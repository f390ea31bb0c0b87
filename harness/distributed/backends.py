"""The places where jobs of a fanned-out run are worked through: here, a Ray cluster, Slurm.

A place runs one job at a time for each of its threads, and says how the worker ended; what a
lost one means is for `fan_out.py` to decide. None of them starts a cluster.
"""

import logging
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from adabench.harness.distributed import shard
from adabench.harness.distributed.shard import Job, Outcome
from adabench.harness.errors import EnvironmentProblem, SelectionError, require
from adabench.profilers.hardware.host import usable_cores

MOST = 64
"""Jobs that are handed to a cluster at once; it queues those it has no room for."""
KNOCK_S = 10.0
DAY_MIN = 24 * 60
"""Minutes that a Slurm job may take if `timeout_min` is not given; submitit's own default is 5."""


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


@dataclass(frozen=True)
class Backend:
    """Where jobs run. `run` blocks and is called from `workers` threads at once."""

    workers: int
    run: Callable[[str], Outcome]
    stop: Callable[[], None]
    stopped: Event = field(default_factory=Event)


@contextmanager
def _here(spread: FanOutOptions, folder: Path, jobs: Sequence[Job]) -> Iterator[Backend]:
    """Processes of this machine."""
    del folder
    workers, cores = spread.workers or 1, jobs[0].cores
    if workers * cores > usable_cores():
        raise SelectionError(
            f"{workers} workers of {cores} cores each do not fit {usable_cores()} cores.",
            "Measurements would disturb each other: ask for fewer --workers or --cores.",
        )
    running: set[subprocess.Popen[bytes]] = set()

    def stop() -> None:
        for process in tuple(running):
            process.kill()

    yield Backend(workers, lambda text: shard.outcome_from(shard.call(text, running)), stop)


@contextmanager
def _on_ray(spread: FanOutOptions, folder: Path, jobs: Sequence[Job]) -> Iterator[Backend]:
    """Tasks of an existing Ray cluster, $RAY_ADDRESS or the one that runs here."""
    del folder
    ray = require("ray", extra="cluster")
    joined = not ray.is_initialized()
    if joined:
        _join(ray)
    need = {"CPU": jobs[0].cores, "GPU": int(any(job.gpu for job in jobs))}
    try:
        _fits(ray.nodes(), need)
        # Retrying is ours: Ray would not look into the shard first.
        task = ray.remote(max_retries=0, num_cpus=need["CPU"], num_gpus=need["GPU"])(shard.call)
        running: set[Any] = set()

        def run(text: str) -> Outcome:
            promise = task.remote(text)
            running.add(promise)
            try:
                return shard.outcome_from(ray.get(promise))
            except ray.exceptions.RayError as lost:
                return Outcome(cause=str(lost).partition("\n")[0])
            finally:
                running.discard(promise)

        def stop() -> None:
            for promise in tuple(running):
                ray.cancel(promise, force=True)

        yield Backend(min(len(jobs), spread.workers or MOST), run, stop)
    finally:
        if joined:
            ray.shutdown()


def _join(ray: Any) -> None:
    address = os.environ.get("RAY_ADDRESS", "auto")
    try:
        _answers(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, ValueError) as absent:
        raise EnvironmentProblem(
            f"There is no Ray cluster at {address}: {absent}",
            "Start one (ray start --head) or name one in RAY_ADDRESS; adabench starts none. One that "
            "asks for a token needs RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN here too.",
        ) from absent


def _answers(address: str) -> None:
    """Knock first: Ray goes on trying for minutes where nobody listens.

    Raises:
        OSError: if nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), KNOCK_S).close()


def _fits(nodes: Sequence[Mapping[str, Any]], need: Mapping[str, int]) -> None:
    """Refuse what no machine of a cluster has: Ray would wait for one for ever."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if not any(all(node.get(kind, 0) >= n for kind, n in need.items()) for node in alive):
        asked = " and ".join(f"{count} {kind}" for kind, count in need.items() if count)
        raise EnvironmentProblem(
            f"No machine of the Ray cluster has {asked}.", "Ask for fewer --cores."
        )


@contextmanager
def _under_slurm(spread: FanOutOptions, folder: Path, jobs: Sequence[Job]) -> Iterator[Backend]:
    """Jobs that submitit hands to Slurm (or, for trying, runs here: `cluster=local`)."""
    submitit = require("submitit", extra="cluster")
    os.environ["PYTHONSAFEPATH"] = "1"  # jobs inherit it; see `shard.call`
    executor = _slurm(submitit, spread, folder, jobs)
    one_by_one, running = Lock(), set[Any]()

    def run(text: str) -> Outcome:
        with one_by_one:
            job = executor.submit(shard.call, text)
            running.add(job)
        try:
            return shard.outcome_from(job.result())
        except (
            submitit.core.utils.FailedJobError,
            submitit.core.utils.UncompletedJobError,
        ) as lost:
            return Outcome(cause=f"job {job.job_id}: " + str(lost).partition("\n")[0])
        finally:
            running.discard(job)

    def stop() -> None:
        for job in tuple(running):
            job.cancel()

    yield Backend(min(len(jobs), spread.workers or MOST), run, stop)


def _slurm(submitit: Any, spread: FanOutOptions, folder: Path, jobs: Sequence[Job]) -> Any:
    named = {**spread.slurm}
    try:
        executor = submitit.AutoExecutor(folder / "submitit", named.pop("cluster", "slurm"))
        shared = submitit.AutoExecutor._typed_parameters().keys()
    except RuntimeError as absent:
        raise EnvironmentProblem(
            f"There is no Slurm here: {absent}", "Run it where sbatch and srun are."
        ) from absent
    parameters: dict[str, Any] = {
        "name": "adabench",
        "timeout_min": DAY_MIN,
        "nodes": 1,
        "tasks_per_node": 1,
        "cpus_per_task": jobs[0].cores,
        "gpus_per_node": int(any(job.gpu for job in jobs)),
    }
    parameters |= {
        name if name in shared else f"slurm_{name}": int(value) if value.isdigit() else value
        for name, value in named.items()
    }
    try:
        executor.update_parameters(**parameters)
    except NameError as unknown:
        raise SelectionError(f"--slurm: {unknown}") from unknown
    return executor


PLACES: Mapping[
    str, Callable[[FanOutOptions, Path, Sequence[Job]], AbstractContextManager[Backend]]
] = {
    "local": _here,
    "ray": _on_ray,
    "slurm": _under_slurm,
}
