"""One block of a run, worked through by a process of its own into a run folder of its own.

    python -P -m adabench.harness.distributed.shard  < job        the process; its last line says how it ended
    call(job)                                         starts one and waits, on any machine

Whoever schedules (`fan_out.py`: threads here, Ray, Slurm) only decides where `call` runs. What is
measured always runs in a fresh process that holds nothing of a scheduler, on cores that no
other adabench process of this user has, with the thread settings that the parent has.

**A shard is a run.** Its folder has a manifest, records and locks like every other, so a
worker that was killed is taken up with `store.resume`, and `adabench merge` reads it. Its manifest
also holds the plan of the whole run (`whole`), which is how a merge knows that parts belong
together.

**Exclusive cores.** A process claims cores by locking one file a core in a folder of the
machine, and holds them until it ends; the kernel frees the locks of one that was killed.
Threads of one core come last: two workers share a core only when no other is left. The claim is
made, and the process pinned, before numpy or torch are loaded, because their thread pools are as
large as the cores they find. At scale gpu it claims one accelerator in the same way, unless a
scheduler has chosen one.

**Refused before anything is measured:** a machine that is not like the parent's, in the keys that
must agree for records to be joined (`environment.CHECKED`), and sources that differ.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.distributed.core_locks import claim, pin
from adabench.harness.errors import AdabenchError, EnvironmentProblem, StoreError
from adabench.harness.provenance import environment, run_sources
from adabench.harness.run.death_signal import die_with_parent
from adabench.harness.run.execute import execute
from adabench.harness.run.settings import Limits, settings_from_json
from adabench.harness.store import run_folder

log = logging.getLogger(__name__)

AT = "turn.begun"
BUSY_S = 10.0
"""So long it waits for a folder that a process which was just killed still holds."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Ray sets the first in its workers; a worker has what the parent has, set or not."""
KEPT = ("ADABENCH_CACHE",)


@dataclass(frozen=True)
class Job:
    """What a worker is told."""

    folder: Path
    turns: tuple[Turn, ...]
    manifest: Mapping[str, Any]
    """The shard's, with the environment of the parent, which the worker's must equal."""
    settings: Mapping[str, Any]
    """Of `Settings.to_json`."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    cores: int = 1
    gpu: bool = False
    done: tuple[Unit, ...] = ()
    """Units that the whole run has already."""
    lost: tuple[tuple[Turn, str], ...] = ()
    """Turns that are given up, each with the reason."""
    variables: Mapping[str, str | None] = field(default_factory=dict)

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
    """How a worker ended: done, refused with a sentence, or neither, which is lost."""

    done: bool = False
    refused: tuple[str, str, str] | None = None
    """The name of an error, its message and its hint."""
    cause: str = ""


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


def call(text: str, running: set["subprocess.Popen[bytes]"] | None = None) -> dict[str, Any]:
    """Work through a job in a fresh process and return its outcome as plain data.

    Its talk goes into the shard's log.txt. Runs where the scheduler puts it, so it takes and
    gives plain data only; `running` lets the caller here see, and end, the process.
    """
    job = job_from_json(text)
    given = {name: value for name, value in job.variables.items() if value is not None}
    kept = {name: value for name, value in os.environ.items() if name not in job.variables}
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "log.txt").open("ab") as log:
        # -P keeps the working directory off sys.path: our folder names must not shadow packages.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adabench.harness.distributed.shard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**kept, **given, "PYTHONSAFEPATH": "1"},
        )
        running = set() if running is None else running
        running.add(process)
        try:
            said, _ = process.communicate(text.encode())
        finally:
            process.kill()
            running.discard(process)
    return asdict(_outcome(said, process.wait()))


def outcome_from(plain: Mapping[str, Any]) -> Outcome:
    """Rebuild what `call` returned."""
    refused = plain["refused"]
    return Outcome(
        plain["done"], (refused[0], refused[1], refused[2]) if refused else None, plain["cause"]
    )


def _outcome(said: bytes, code: int) -> Outcome:
    lines = said.splitlines()
    if code == 0 and lines:
        return outcome_from(json.loads(lines[-1]))
    return Outcome(cause=f"exit code {code}" if code >= 0 else signal.Signals(-code).name)


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


def work(job: Job) -> None:
    """Check, pin, and append what is not done yet to the shard.

    Raises:
        EnvironmentProblem: if this machine is not like the parent's, or its cores are taken.
    """
    _alike(job)
    _pin(job)
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
        for record in _records(job, rest, run):
            run.append(record)


def _alike(job: Job) -> None:
    """Refuse a machine or an installation that is not the parent's."""
    here = environment.fingerprint()
    differ = environment.differences(job.manifest["environment"], here)
    said = [f"{name} ({was} there, {now} here)" for name, (was, now) in differ.items()]
    said += run_sources.changed(run_sources.digests(job.turns), job.manifest["sources"])
    if said:
        raise EnvironmentProblem(
            f"A worker is not like the machine that started the run: {', '.join(said)}.",
            "Start the run on a machine of the workers' kind, with the same installation.",
        )


def _pin(job: Job) -> None:
    """Take cores, and an accelerator if one is needed and no scheduler has chosen it."""
    log.info("This is process %d on cores %s", os.getpid(), pin(job.cores))
    if job.gpu and not os.environ.get("CUDA_VISIBLE_DEVICES"):
        count = len(job.manifest["environment"]["gpus"] or ())
        os.environ["CUDA_VISIBLE_DEVICES"] = str(claim("gpu", range(count), 1)[0])


def _records(job: Job, turns: Sequence[Turn], run: run_folder.Run) -> Iterator[Record]:
    run.done |= set(job.done)
    noted, settings = _noted(job.folder, turns), settings_from_json(job.settings)
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
    """Be the worker: read a job from stdin, work, say on the last line of stdout how it ended."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a method prints is talk
    die_with_parent()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    outcome = Outcome(done=True)
    try:
        work(job_from_json(sys.stdin.read()))
    except AdabenchError as problem:
        outcome = Outcome(refused=(type(problem).__name__, problem.message, problem.hint))
    out.write(json.dumps(asdict(outcome)) + "\n")
    out.flush()


def _plain(turn: Turn) -> list[Any]:
    return [turn.cell.to_json(), turn.repeat]


def _turn(plain: Sequence[Any]) -> Turn:
    return Turn(Cell(**plain[0]), plain[1])


if __name__ == "__main__":
    main()
