"""Workers that submitit hands to Slurm as one job array (or, for trying, runs here: `cluster=local`).

    <run>/submitit/<batch>/blocks.json      the blocks, in the order of the plan
                           claim-7          the place in the array of the worker that took block 7
                           outcome-7        how block 7 ended

A worker of the array takes blocks for as long as there are any, each by making a file that nobody
has made yet, so it stays warm and short blocks do not wait for long ones. It takes none before it
was admitted: one that is not like the others, or was given too little, ends with its reason, and the
rest goes on. A block whose worker was lost goes back as an array of one.
"""

import json
import logging
import os
import platform
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

from adabench.harness.distributed.backends import MOST, Backend, FanOutOptions
from adabench.harness.distributed.local_workers import begin
from adabench.harness.distributed.shard import Job, Outcome, job_from_json, outcome_from
from adabench.harness.distributed.warm_workers import none_alike
from adabench.harness.errors import EnvironmentProblem, SelectionError, require
from adabench.profilers.hardware.host import usable_cores

log = logging.getLogger(__name__)

DAY_MIN = 24 * 60
"""Minutes that a Slurm job may take if `timeout_min` is not given; submitit's own default is 5."""
LOOK_S = 0.1
BLOCKS = "blocks.json"


@dataclass(frozen=True)
class Batch:
    """Blocks that an array works through."""

    folder: Path
    members: tuple[Any, ...]
    """The array's jobs, as submitit knows them."""

    def outcome(self, block: int, stopped: Event) -> Outcome:
        """Wait until a block has ended, or nobody is left who could work on it."""
        while not stopped.is_set():
            over = {place for place, member in enumerate(self.members) if member.done()}
            with suppress(FileNotFoundError):
                return outcome_from(_read(self.folder / f"outcome-{block}"))
            holder = self._holder(block)
            if holder in over:
                return Outcome(cause=self._cause(holder))
            if holder is None and len(over) == len(self.members):
                return self._untaken()
            stopped.wait(LOOK_S)
        return Outcome(cause="the run was stopped")

    def _holder(self, block: int) -> int | None:
        try:
            return int((self.folder / f"claim-{block}").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def _cause(self, place: int) -> str:
        job = self.members[place]
        said = str(job.exception() or "it ended early")
        return f"job {job.job_id}: " + said.partition("\n")[0]

    def _untaken(self) -> Outcome:
        """Return how a block ended that no worker of the array came to."""
        reasons: dict[str, str] = {}
        for place, member in enumerate(self.members):
            if member.exception() is not None:
                return Outcome(cause=self._cause(place))
            machine, ended = member.result()
            outcome = outcome_from(ended)
            if outcome.left_out:
                reasons.setdefault(machine, outcome.left_out)
            elif not outcome.done:
                return outcome
        return none_alike(reasons)


class Arrays:
    """What was submitted: the array of all blocks, and one for each block that goes back."""

    def __init__(self, executor: Any, folder: Path) -> None:
        self._executor, self._folder = executor, folder
        self._one_by_one = Lock()
        self._first: dict[str, tuple[Batch, int]] = {}
        self._members: list[Any] = []
        self._named: set[str] = set()

    def submit(self, texts: Sequence[str], workers: int) -> Batch:
        """Hand blocks to an array of so many workers."""
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir(parents=True)
        (folder / BLOCKS).write_text(json.dumps(list(texts)), encoding="utf-8")
        with self._one_by_one:
            members = self._executor.map_array(
                work_through, [str(folder)] * workers, list(range(workers))
            )
            self._members += members
        return Batch(folder, tuple(members))

    def begin(self, texts: Sequence[str], workers: int) -> None:
        """Submit all blocks at once."""
        batch = self.submit(texts, workers)
        self._first = {_name(text): (batch, block) for block, text in enumerate(texts)}

    def run(self, text: str, stopped: Event) -> Outcome:
        """Return how a block ended; the second time it is asked for, it goes back."""
        batch, block = self._first.pop(_name(text), (None, 0))
        if batch is None:
            batch = self.submit([text], 1)
        outcome = batch.outcome(block, stopped)
        self._name_left_out(batch)
        return outcome

    def cancel(self) -> None:
        """Cancel what has not ended."""
        for member in self._members:
            if not member.done():
                member.cancel()

    def _name_left_out(self, batch: Batch) -> None:
        for member in batch.members:
            if not member.done() or member.exception() is not None:
                continue
            machine, ended = member.result()
            reason = ended["left_out"]
            with self._one_by_one:
                if reason and member.job_id not in self._named:
                    log.warning("A worker on %s is left out: %s.", machine, reason)
                    self._named.add(member.job_id)


@contextmanager
def under_slurm(options: FanOutOptions, folder: Path, jobs: Sequence[Job]) -> Iterator[Backend]:
    """Submit an array of workers, and wait for what they make of the blocks."""
    submitit = require("submitit", extra="cluster")
    os.environ["PYTHONSAFEPATH"] = "1"  # jobs inherit it; see `worker.py`
    arrays = Arrays(_executor(submitit, options, folder, jobs[0]), folder / "submitit")
    room = MOST
    if options.slurm.get("cluster") == "local":
        room = max(1, usable_cores() // jobs[0].cores)
    workers = min(len(jobs), options.workers or room)
    arrays.begin([job.to_json() for job in jobs], workers)
    stopped = Event()
    try:
        yield Backend(
            min(len(jobs), MOST), lambda text: arrays.run(text, stopped), arrays.cancel, stopped
        )
    finally:
        stopped.set()
        arrays.cancel()


def work_through(batch: str, place: int) -> tuple[str, dict[str, Any]]:
    """Work through blocks of a batch that nobody has taken; runs where Slurm puts it.

    Returns the machine's name and how the worker's admission ended.
    """
    folder = Path(batch)
    texts: list[str] = _read(folder / BLOCKS)
    worker, admitted = None, Outcome(done=True)
    try:
        for block, text in enumerate(texts):
            if (folder / f"claim-{block}").exists():
                continue
            if worker is None:
                worker = begin(text)
                admitted = worker.call("admit", text)
                if not admitted.done:
                    break
            if not _claim(folder / f"claim-{block}", place):
                continue
            outcome = worker.call("work", text)
            _write(folder / f"outcome-{block}", asdict(outcome))
            if not outcome.done:
                worker.end()
                worker = None
    finally:
        if worker is not None:
            worker.end()
    return platform.node(), asdict(admitted)


def _claim(path: Path, place: int) -> bool:
    """Make a file that nobody has made yet; false where somebody has."""
    temporary = path.with_name(f"{path.name}.{place}")
    temporary.write_text(str(place), encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def _write(path: Path, plain: Mapping[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(json.dumps(plain), encoding="utf-8")
    temporary.replace(path)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _name(text: str) -> str:
    return job_from_json(text).folder.name


def _executor(submitit: Any, options: FanOutOptions, folder: Path, job: Job) -> Any:
    named = {**options.slurm}
    cluster = named.pop("cluster", "slurm")
    try:
        executor = submitit.AutoExecutor(folder / "submitit", cluster)
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
        "cpus_per_task": job.cores,
        "gpus_per_node": job.gpus,
    }
    parameters |= {
        name if name in shared else f"slurm_{name}": int(value) if value.isdigit() else value
        for name, value in named.items()
    }
    if options.slurm_setup:
        parameters[f"{cluster}_setup"] = list(options.slurm_setup)
    try:
        executor.update_parameters(**parameters)
    except NameError as unknown:
        raise SelectionError(f"--slurm: {unknown}") from unknown
    return executor
