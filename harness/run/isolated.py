"""The same execution in a child process, for what may hang, leak or crash.

The child runs turns exactly as `execute` does and writes one JSON line for every step it
begins and every record it makes. The parent waits for lines: a step that stays silent longer
than `timeout_s` is killed and becomes a `timeout` record; a child that dies (a segmentation
fault, the memory limit) leaves an `error` record; in both cases a fresh child takes the rest.

The memory limit is RLIMIT_DATA, private writable memory: an address-space limit would refuse
the large mappings that torch reserves and never touches.
"""

import ctypes
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

from adabench.harness.contract.record import Cell, Record, Turn, Unit, record_from_json
from adabench.harness.errors import SelectionError
from adabench.harness.run.execute import Bench, Settings
from adabench.profilers.timing.stopping import Target

STARTUP_S = 60.0
"""Loading a task or method (imports, generators) may take this long beyond the timeout."""


@dataclass(frozen=True)
class Limits:
    """What one step may use."""

    timeout_s: float | None = None
    memory_bytes: int | None = None


@dataclass
class _Child:
    """A running worker and the half line it has written so far."""

    process: subprocess.Popen[bytes]
    lines: IO[bytes]
    pending: bytes = b""

    def end(self) -> int:
        self.process.kill()
        code = self.process.wait()
        self.lines.close()
        return code


def execute_isolated(
    turns: Sequence[Turn],
    limits: Limits,
    *,
    settings: Settings | None = None,
    done: set[Unit] | None = None,
) -> Iterator[Record]:
    """Run every turn in a child process and yield its records, as `execute` does.

    Raises:
        SelectionError: if the child finds that the input makes no sense.
    """
    finished = set(done or ())
    rest = list(turns)
    while rest:
        child = _start(rest, limits, settings or Settings(), finished)
        position, begun, silent = 0, None, False
        try:
            for message in _messages(child, limits):
                if "turn" in message:
                    position, begun = message["turn"], None
                elif "begin" in message:
                    begun = Unit(*message["begin"])
                elif "refused" in message:
                    raise SelectionError(*message["refused"])
                else:
                    record = record_from_json(message["record"])
                    finished.add(record.unit)
                    yield record
        except TimeoutError:
            silent = True
        finally:
            code = child.end()
        if position == len(rest):
            return
        yield _lost(rest[position], begun, silent, code, limits)
        if begun is not None:
            finished.add(begun)
        # A turn that cannot be loaded or prepared is given up; else its other cases follow.
        rest = rest[position + (begun is None or begun.phase == "prepare") :]


def _start(turns: Sequence[Turn], limits: Limits, settings: Settings, done: set[Unit]) -> _Child:
    reading, writing = os.pipe()
    job = {
        "turns": [[turn.cell.to_json(), turn.repeat] for turn in turns],
        "done": sorted(done),
        "settings": plain_settings(settings),
        "memory_bytes": limits.memory_bytes,
        "descriptor": writing,
    }
    # -P keeps the working directory off sys.path: our folder names must not shadow packages.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "adabench.harness.run.isolated"],
        stdin=subprocess.PIPE,
        stdout=2,
        pass_fds=[writing],
    )
    os.close(writing)
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode())
    process.stdin.close()
    return _Child(process, os.fdopen(reading, "rb", buffering=0))


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Every setting as plain JSON data; `read_settings` reads it back in the child."""
    folder = settings.cache_folder
    return {**asdict(settings), "cache_folder": str(folder) if folder else None}


def read_settings(plain: dict[str, Any]) -> Settings:
    """Rebuild settings from `plain_settings`."""
    folder, target = plain["cache_folder"], plain["target"]
    return Settings(
        **{
            **plain,
            "cache_folder": Path(folder) if folder else None,
            "target": Target(**target) if target else None,
            "l2": tuple(plain["l2"]),
            "meters": tuple(plain["meters"]),
        }
    )


def _messages(child: _Child, limits: Limits) -> Iterator[dict[str, Any]]:
    """Yield what the child says.

    Raises:
        TimeoutError: if it is silent for longer than a step may take.
    """
    loading = True
    with selectors.DefaultSelector() as selector:
        selector.register(child.lines, selectors.EVENT_READ)
        while True:
            limit = limits.timeout_s
            if limit is not None and loading:
                limit += STARTUP_S
            if not selector.select(limit):
                raise TimeoutError
            data = child.lines.read(1 << 16)
            if not data:
                return
            *whole, child.pending = (child.pending + data).split(b"\n")
            for line in whole:
                message = json.loads(line)
                loading = "begin" not in message
                yield message


def _lost(turn: Turn, begun: Unit | None, silent: bool, code: int, limits: Limits) -> Record:
    """The record of a step that never came back; `case` is -1 if none had begun."""
    phase, case = (begun.phase, begun.case) if begun else ("solve", -1)
    if silent:
        note = f"no result within {limits.timeout_s:g} s; the worker was ended"
        return Record(turn.cell, phase, case, turn.repeat, "timeout", {}, note)
    cause = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    limit = limits.memory_bytes
    memory = f"; its memory limit was {limit / 2**30:.3g} GiB" if limit is not None else ""
    return Record(
        turn.cell, phase, case, turn.repeat, "error", {}, f"the worker died: {cause}{memory}"
    )


def end_with_parent() -> None:
    """Ask Linux to end this process when its parent ends; elsewhere a kill -9 leaves it."""
    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, signal.SIGKILL)


def main() -> None:
    """Be the child: read the job from stdin, write lines to the descriptor it names."""
    from adabench.profilers.probe import open_probes

    job = json.load(sys.stdin)
    end_with_parent()
    if job["memory_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (job["memory_bytes"],) * 2)
    on_gpu = any(cell["scale"] == "gpu" for cell, _ in job["turns"])
    settings = read_settings(job["settings"])
    device: Literal["cuda"] | None = "cuda" if on_gpu else None
    probes = open_probes(flops=True, device=device, meters=settings.meters)
    bench = Bench(
        settings,
        [probe for probe in probes if not probe.intrusive],
        [probe for probe in probes if probe.intrusive],
    )
    done = {Unit(*unit) for unit in job["done"]}
    with os.fdopen(job["descriptor"], "w", buffering=1, encoding="utf-8") as out:

        def say(**message: Any) -> None:
            out.write(json.dumps(message) + "\n")

        for index, (cell, repeat) in enumerate(job["turns"]):
            say(turn=index)
            try:
                for step in bench.steps(Turn(Cell(**cell), repeat), done):
                    say(begin=list(step.unit))
                    record = step.news()
                    if record is not None:
                        say(record=record.to_json())
            except SelectionError as problem:
                say(refused=[problem.message, problem.hint])
        say(turn=len(job["turns"]))


if __name__ == "__main__":
    main()
