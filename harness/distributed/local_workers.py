"""Workers that are processes of this machine."""

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adabench.harness.distributed.backends import Backend, FanOutOptions
from adabench.harness.distributed.shard import Job, job_from_json
from adabench.harness.distributed.warm_workers import Slot, WarmWorkers
from adabench.harness.distributed.worker import Worker
from adabench.harness.errors import SelectionError
from adabench.profilers.hardware.allotment import visible_boards
from adabench.profilers.hardware.host import usable_cores


@contextmanager
def on_this_machine(
    options: FanOutOptions, folder: Path, jobs: Sequence[Job]
) -> Iterator[Backend]:  # fmt: skip
    """Open as many workers as were asked for, one where nothing was."""
    del folder
    workers, cores, gpus = options.workers or 1, jobs[0].cores, jobs[0].gpus
    if workers * cores > usable_cores():
        raise SelectionError(
            f"{workers} workers of {cores} cores each do not fit {usable_cores()} cores.",
            "Measurements would disturb each other: ask for fewer --workers or --cores.",
        )
    boards = visible_boards()
    if boards is not None and workers * gpus > len(boards):
        raise SelectionError(
            f"{workers} workers of {gpus} GPUs each do not fit {len(boards)} GPUs.",
            "Measurements would disturb each other: ask for fewer --workers or --gpus.",
        )
    warm = WarmWorkers([Slot(platform.node(), begin) for _ in range(workers)])
    try:
        yield Backend(workers, warm.run, warm.end)
    finally:
        warm.end()


def begin(text: str) -> Worker:
    """Begin a worker of this machine whose first job is this."""
    job = job_from_json(text)
    return Worker(job.folder / "log.txt", job.variables)
