"""One block of a run, worked through by a process of its own into a run folder of its own.

    python -P -m adabench.harness.distributed.shard   a line of stdin an errand: `admit JOB`, `work JOB`;
                                                      a line of stdout how it ended

Whoever schedules (`fan_out.py`: threads here, Ray, Slurm) only decides where a `Worker` (`worker.py`)
runs this. It goes on to the next block when it has done one: what it has imported is warm by then.

**A shard is a run.** Its folder has a manifest, records and locks like every other, so a
worker that was killed is taken up with `store.resume`, and `adabench merge` reads it. Its manifest
also holds the plan of the whole run (`whole`), which is how a merge knows that parts belong
together.

**Exclusive cores.** A process claims cores by locking one file a core in a folder of the
machine, and holds them until it ends; the kernel frees the locks of one that was killed.
Threads of one core come last: two workers share a core only when no other is left. The claim is
made, and the process pinned, before numpy or torch are loaded, because their thread pools are as
large as the cores they find. Where the run needs GPUs it claims them in the same way, unless a
scheduler has chosen them.

**Left out before anything is measured:** a worker that was given less than it needs, and one whose
machine or installation is not like that of the run's other workers (`environment.py`:
`worker_differences`). What the process that started the run is, and what a scheduler gave beyond the
need, does not count. Sources that differ from the parent's end the run.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.distributed.core_locks import claim, pin
from adabench.harness.errors import AdabenchError, EnvironmentProblem, StoreError
from adabench.harness.provenance import environment, run_sources, worker_environment
from adabench.harness.run.descendants import die_with_parent
from adabench.harness.run.execute import execute
from adabench.harness.run.guards.landlock import confinement
from adabench.harness.run.instruments import require_instruments
from adabench.harness.run.settings import Limits, settings_from_json
from adabench.harness.store import run_folder
from adabench.profilers.hardware.allotment import ORDER, VISIBLE, allotment
from adabench.profilers.probe import instruments
from adabench.profilers.timing.disturbance import Watch

log = logging.getLogger(__name__)

AT = "turn.begun"
BUSY_S = 10.0
"""So long it waits for a folder that a process which was just killed still holds."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Ray sets the first in its workers; a worker has what the parent has, set or not."""
KEPT = ("ADABENCH_CACHE", "ADABENCH_KERNELS")
Errand = Literal["admit", "work"]


@dataclass(frozen=True)
class Job:
    """What a worker is told."""

    folder: Path
    turns: tuple[Turn, ...]
    manifest: Mapping[str, Any]
    """The shard's; the worker puts in what it is itself."""
    settings: Mapping[str, Any]
    """Of `Settings.to_json`."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    cores: int = 1
    gpus: int = 0
    done: tuple[Unit, ...] = ()
    """Units that the whole run has already."""
    lost: tuple[tuple[Turn, str], ...] = ()
    """Turns that are given up, each with the reason."""
    variables: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def run(self) -> Path:
        """The folder of the run that the shard is a part of."""
        return self.folder.parent.parent

    @property
    def on_gpu(self) -> bool:
        """Whether its cells run on an accelerator."""
        return any(turn.cell.scale == "gpu" for turn in self.turns)

    def to_json(self) -> str:
        """Return one line that `job_from_json` reads back."""
        plain = {
            **asdict(self),
            "folder": str(self.folder),
            "turns": [_plain(turn) for turn in self.turns],
            "lost": [[_plain(turn), why] for turn, why in self.lost],
        }
        return json.dumps(plain)


@dataclass(frozen=True)
class Outcome:
    """How an errand ended: done, refused with a sentence, left out, or neither, which is lost."""

    done: bool = False
    refused: tuple[str, str, str] | None = None
    """The name of an error, its message and its hint."""
    cause: str = ""
    left_out: str = ""
    """Why this worker cannot join the run, though others may."""


class LeftOut(Exception):
    """This worker cannot join the run: why, in words."""


def job_from_json(text: str) -> Job:
    """Rebuild a job."""
    plain = json.loads(text)
    return Job(
        **{
            **plain,
            "folder": Path(plain["folder"]),
            "turns": tuple(map(_turn, plain["turns"])),
            "done": tuple(Unit(*unit) for unit in plain["done"]),
            "lost": tuple((_turn(turn), why) for turn, why in plain["lost"]),
        }
    )


def variables() -> dict[str, str | None]:
    """Return what of this process's environment a worker has to have too."""
    return {name: os.environ.get(name) for name in (*THREADS, *KEPT)}


def outcome_from(plain: Mapping[str, Any]) -> Outcome:
    """Rebuild an outcome from plain data."""
    refused = plain["refused"]
    return Outcome(
        plain["done"],
        (refused[0], refused[1], refused[2]) if refused else None,
        plain["cause"],
        plain["left_out"],
    )


def end_of(code: int) -> str:
    """Return in words how a process ended."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def open_shard(job: Job) -> run_folder.Run:
    """Open the shard's folder: anew, or where a worker that was lost left it.

    Raises:
        StoreError: if it is a shard of another run, or another process keeps it.
    """
    if not (job.folder / run_folder.MANIFEST).exists():
        return run_folder.create(job.folder, job.turns, job.manifest)
    theirs = run_folder.read_manifest(job.folder)
    if theirs.get("whole") != job.manifest["whole"] or theirs["sources"] != job.manifest["sources"]:
        raise StoreError(
            f"{job.folder} is a part of another run.", "Move it away, or choose another --out."
        )
    until = time.monotonic() + BUSY_S
    while True:
        try:
            return run_folder.resume(job.folder)
        except StoreError as problem:
            if not isinstance(problem.__cause__, BlockingIOError) or time.monotonic() > until:
                raise
        time.sleep(0.1)


def admit(job: Job) -> None:
    """Take cores and boards for good, and be held against the other workers of the run.

    Raises:
        LeftOut: if too little was given, or the machine or installation is not like theirs.
        EnvironmentProblem: if other runs hold the cores.
    """
    given = allotment()
    shortage = given.shortage(job.cores, job.gpus)
    if shortage:
        raise LeftOut(shortage)
    cores = pin(job.cores)
    log.info("This is process %d on cores %s", os.getpid(), cores)
    _claim_boards(job.gpus)
    own = _description(job, given.cores)
    others = worker_environment.agree(job.run, own)
    differ = environment.worker_differences(
        others["environment"], own["environment"], gpus=bool(job.gpus)
    ) | {
        key: (others.get(key), own[key])
        for key in ("worker_cores", "worker_gpus")
        if others.get(key) != own[key]
    }
    if differ:
        said = ", ".join(f"{key} ({was} there, {now} here)" for key, (was, now) in differ.items())
        raise LeftOut(f"it is not like the other workers: {said}")


def work(job: Job) -> None:
    """Append what is not done yet to the shard; for a worker that was admitted.

    Raises:
        EnvironmentProblem: if the sources are not the parent's.
    """
    _require_sources(job)
    own = worker_environment.read(job.run) or {}
    job = replace(job, manifest={**job.manifest, **own})
    with open_shard(job) as run:
        (job.folder / AT).unlink(missing_ok=True)
        lost = {(turn.cell.key, turn.repeat): why for turn, why in job.lost}
        rest = []
        for turn in run.remaining:
            why = lost.get((turn.cell.key, turn.repeat))
            if why is None:
                rest.append(turn)
            else:
                run.append(Record(turn.cell, "solve", -1, turn.repeat, "error", {}, why))
        for record in run.to_the_end(_records(job, rest, run)):
            run.append(record)


def _description(job: Job, cores: int) -> dict[str, Any]:
    """Return what the run's manifest says of its workers; `cores` were given before it took its own."""
    with closing(Watch()) as watch:
        unwatched = dict(watch.absent)
    return {
        "environment": {
            **environment.fingerprint(),
            "methods": str(confinement()),
            "cores": cores,
        },
        "instruments": [{**asdict(item), "keys": list(item.keys)} for item in instruments()],
        "unwatched": unwatched,
        "worker_cores": job.cores,
        "worker_gpus": job.gpus,
    }


def _require_sources(job: Job) -> None:
    said = run_sources.changed(run_sources.digests(job.turns), job.manifest["sources"])
    if said:
        raise EnvironmentProblem(
            f"A worker runs other code than the process that started the run: {', '.join(said)}.",
            "Install the same adabench, plug-ins and files where the workers run.",
        )


def _claim_boards(count: int) -> None:
    """Take boards where some are needed and no scheduler has chosen them."""
    if count and not os.environ.get(VISIBLE):
        boards = allotment().gpus or ()
        taken = claim("gpu", range(len(boards)), count)
        os.environ[ORDER] = "PCI_BUS_ID"
        os.environ[VISIBLE] = ",".join(map(str, taken))


def _records(job: Job, turns: Sequence[Turn], run: run_folder.Run) -> Iterator[Record]:
    run.done |= set(job.done)
    settings = settings_from_json(job.settings)
    require_instruments(settings.meters, on_device=job.on_gpu)
    noted = _noted(job.folder, turns)
    return execute(noted, settings, limits=Limits(**job.limits), done=run.done)


def _noted(folder: Path, turns: Sequence[Turn]) -> Iterator[Turn]:
    """Note each turn as it is begun, so that one at which this process dies can be named."""
    for turn in turns:
        (folder / AT).write_text(json.dumps([turn.cell.key, turn.repeat]), encoding="utf-8")
        yield turn
    (folder / AT).unlink(missing_ok=True)


def begun(folder: Path) -> tuple[str, int] | None:
    """Return the turn that a worker was at when it died: its cell's key and its repeat."""
    try:
        key, repeat = json.loads((folder / AT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return key, repeat


def main() -> None:
    """Be the worker: read errands from stdin, do them, say on stdout how each ended."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a method prints is talk
    die_with_parent()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for line in sys.stdin:
        errand, _, text = line.partition(" ")
        out.write(json.dumps(asdict(_end({"admit": admit, "work": work}[errand], text))) + "\n")
        out.flush()


def _end(errand: Callable[[Job], None], text: str) -> Outcome:
    job = job_from_json(text)
    _talk_into(job.folder / "log.txt")
    try:
        errand(job)
    except LeftOut as reason:
        return Outcome(left_out=str(reason))
    except AdabenchError as problem:
        return Outcome(refused=(type(problem).__name__, problem.message, problem.hint))
    return Outcome(done=True)


def _talk_into(path: Path) -> None:
    """Let this process and its children talk into a file from here on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)


def _plain(turn: Turn) -> list[Any]:
    return [turn.cell.to_json(), *turn[1:]]


def _turn(plain: Sequence[Any]) -> Turn:
    return Turn(Cell(**plain[0]), *plain[1:])


if __name__ == "__main__":
    main()
