"""Where the blocks of a run are worked through: in processes here, on a Ray cluster, under Slurm.

    journal (plan) ─ blocks ─▶ place.run(job) ─▶ shard: a run folder of its own ─┐
                               place.run(job) ─▶ shard                           ├▶ records, in order
                               ...                                               ┘

**What fans out is a block**: all turns of one task, seed and set of conditions. Methods are
compared within a block and interleaved there (`grid.py`: A B C, then C A B), so that what drifts
hits all of them; spread over workers, two methods would be compared on two machines. A block also
has every preparation that its cells share, so no unit belongs to two blocks.

**Nothing that was finished is lost.** A worker writes into its shard, line by line, and a shard is
taken up again: a worker that dies (killed, a node gone) is replaced, and what it had
recorded is not run again. A turn at which workers die `TRIES` times in a row without finishing
a unit becomes an error record, and the rest goes on. The parent copies a shard's records once
its block is done, in the order of the plan: the file it ends up with is that of a local run, but
for the clocks. If the parent dies, `adabench run --resume` finds the shards.

**One measurement does not disturb another.** Every worker has cores of its own (`core_locks.py`),
and at scale gpu accelerators of its own. Ray and Slurm are told how many, and choose the machine;
which cores of it, the worker claims there.

**Workers are alike to each other**, whatever started them. The first writes down what it is
(`worker_environment.py`), one that differs is left out and named, and the run's manifest tells of the
workers.

**Shards lie under the run's folder**, which workers on other machines must see at the same path (as
submitit asks anyway).
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path

from adabench.harness import errors
from adabench.harness.contract.record import Record, Turn
from adabench.harness.distributed import shard
from adabench.harness.distributed.backends import Backend, FanOutOptions
from adabench.harness.distributed.places import PLACES
from adabench.harness.distributed.shard import Job
from adabench.harness.errors import EnvironmentProblem, StoreError
from adabench.harness.provenance import worker_environment
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.store import run_folder
from adabench.profilers.hardware.host import usable_cores

log = logging.getLogger(__name__)

SHARDS = "shards"
TRIES = 3
Block = tuple[Turn, ...]


def blocks(turns: Sequence[Turn]) -> tuple[Block, ...]:
    """Split a plan, in its order, into what has to stay together."""
    return tuple(tuple(block) for _, block in groupby(turns, _block))


def fan_out(
    journal: run_folder.Run, spread: FanOutOptions, settings: Settings, limits: Limits
) -> Iterator[Record]:
    """Run what is left of a run's blocks on workers, and yield their records in order.

    Raises:
        EnvironmentProblem: if there is no such cluster, no worker can join the run, or workers
            do not start there.
        StoreError: if a shard belongs to another run.
    """
    jobs = _jobs(journal, spread, settings, limits)
    if not jobs:
        return
    with PLACES[spread.kind](spread, journal.folder.resolve(), jobs) as place:
        pool = ThreadPoolExecutor(place.workers)
        try:
            for done in [pool.submit(_finish, place, job) for job in jobs]:
                folder = done.result()
                _note_workers(journal.folder)
                yield from _collected(journal, folder)
        finally:
            place.stopped.set()
            place.stop()
            pool.shutdown(cancel_futures=True)


def has_shards(folder: Path) -> bool:
    """Return whether a run was fanned out before."""
    return (folder / SHARDS).is_dir()


def _jobs(
    journal: run_folder.Run, spread: FanOutOptions, settings: Settings, limits: Limits
) -> list[Job]:
    """Describe every block of which something is left."""
    folder = journal.folder.resolve()
    manifest = run_folder.read_manifest(folder)
    whole = manifest.pop("plan")
    told = manifest.pop(worker_environment.KEY, None)
    workers = worker_environment.agree(folder, told) if told else worker_environment.read(folder)
    cores = spread.cores or (workers or {}).get("worker_cores") or _share(spread)
    remaining = set(map(_name, journal.remaining))
    jobs = []
    for index, block in enumerate(blocks(journal.turns)):
        left = [turn for turn in block if _name(turn) in remaining]
        if left:
            keys = {turn.cell.key for turn in block}
            jobs.append(
                Job(
                    folder / SHARDS / f"{index:04d}",
                    block,
                    {**manifest, "whole": whole, "executor": spread.kind},
                    settings.to_json(),
                    asdict(limits),
                    cores,
                    _gpus(spread, journal.turns),
                    tuple(sorted(unit for unit in journal.done if unit.key in keys)),
                    variables=shard.variables(),
                )
            )
    return jobs


def _finish(place: Backend, job: Job) -> Path:
    """Run a block, as often as workers die at it, until every turn is recorded or given up."""
    lost, seen = 0, -1
    while not place.stopped.is_set():
        outcome = place.run(job.to_json())
        if outcome.done:
            break
        if outcome.refused:
            kind, message, hint = outcome.refused
            raise getattr(errors, kind, EnvironmentProblem)(message, hint)
        found = _finished(job)
        lost, seen = (lost + 1 if found == seen else 1), found
        log.warning("The worker of %s was lost (%s).", job.folder.name, outcome.cause)
        if lost >= TRIES:
            job, lost = _without_next(job, outcome.cause), 0
    return job.folder


def _finished(job: Job) -> int:
    """Return how many units a shard holds; -1 if no worker came so far as to make it."""
    if not (job.folder / run_folder.MANIFEST).exists():
        return -1
    return sum(record.status == "ok" for record in run_folder.records(job.folder))


def _without_next(job: Job, cause: str) -> Job:
    """Give up the turn that workers die at.

    Raises:
        EnvironmentProblem: if they died before the first, or after the last.
    """
    turn = _next(job)
    if turn is None:
        raise EnvironmentProblem(
            f"{TRIES} workers died outside of every run ({cause}).",
            f"What they said is in {job.folder / 'log.txt'}. Is adabench installed where they "
            "run, and do they see this folder?",
        )
    said = f"{TRIES} workers died at this run: {cause}"
    return replace(job, lost=(*job.lost, (turn, said)))


def _next(job: Job) -> Turn | None:
    """Return the turn that a worker died at; where it noted none, the first that is left."""
    if not (job.folder / run_folder.MANIFEST).exists():
        return None
    given_up = {_name(turn) for turn, _ in job.lost}
    with closing(shard.open_shard(job)) as run:
        left = [turn for turn in run.remaining if _name(turn) not in given_up]
    at = shard.begun(job.folder)
    return next((turn for turn in left if _name(turn) == at), left[0] if left else None)


def _collected(journal: run_folder.Run, folder: Path) -> Iterator[Record]:
    """Yield what a shard has and the run has not; tracebacks are copied beside it."""
    if not (folder / run_folder.MANIFEST).exists():
        raise StoreError(
            f"{folder} was written by a worker and is not to be seen here.",
            "Workers on other machines must see the run's folder at the same path.",
        )
    if (folder / "errors").is_dir():
        shutil.copytree(folder / "errors", journal.folder / "errors", dirs_exist_ok=True)
    for record in run_folder.records(folder):
        if record.unit not in journal.done:
            yield record


def _block(turn: Turn) -> tuple[str, int, str]:
    """What the plan keeps together; the same words as there."""
    return (turn.cell.task, turn.cell.seed, repr(sorted(turn.cell.conditions.items())))


def _name(turn: Turn) -> tuple[str, int]:
    return turn.cell.key, turn.repeat


def _share(spread: FanOutOptions) -> int:
    """Return the cores of a worker for which none were asked."""
    return max(1, usable_cores() // (spread.workers or 1)) if spread.kind == "local" else 1


def _gpus(spread: FanOutOptions, turns: Sequence[Turn]) -> int:
    if spread.gpus is not None:
        return spread.gpus
    return int(any(turn.cell.scale == "gpu" for turn in turns))


def _note_workers(folder: Path) -> None:
    """Let the run's manifest say what its workers are, once one of them has said so."""
    workers = worker_environment.read(folder)
    if workers and worker_environment.KEY not in run_folder.read_manifest(folder):
        run_folder.amend_manifest(folder, **{worker_environment.KEY: workers})
