"""A worker: a fresh process on this machine that works through one block after another.

    worker = Worker(job.folder / "log.txt", job.variables)
    worker.call("admit", text)      takes its cores, and is held against the other workers
    worker.call("work", text)       as often as there is a block; what was imported stays warm
    worker.end()

What is measured runs in a process that holds nothing of a scheduler, on cores that no other
adabench process of this user has, with the thread settings that the parent has. Its talk goes into
the log of the block that it is at.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Protocol

from adabench.harness.distributed.shard import Errand, Outcome, end_of, outcome_from


class Blocks(Protocol):
    """What works through blocks, here or elsewhere."""

    def call(self, errand: Errand, text: str) -> Outcome:
        """Do an errand for a job, and return how it ended."""
        ...

    def end(self) -> None:
        """End the process, whatever it is at."""
        ...


class Worker:
    """A process of this machine."""

    def __init__(self, log: Path, variables: Mapping[str, str | None]) -> None:
        self._errand = Lock()
        given = {name: value for name, value in variables.items() if value is not None}
        others = {name: value for name, value in os.environ.items() if name not in variables}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            # -P keeps the working directory off sys.path: our folder names must not shadow packages.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "adabench.harness.distributed.shard"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env={
                    **others,
                    **given,
                    "PYTHONSAFEPATH": "1",
                    "PYTHONPATH": os.pathsep.join(sys.path),  # methods of a notebook are on it
                },
            )

    def call(self, errand: Errand, text: str) -> Outcome:
        """Do an errand for a job, and return how it ended; without a word the process is lost."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = b""
        with self._errand, suppress(OSError, ValueError):  # it died before, or was ended meanwhile
            self._process.stdin.write(f"{errand} {text}\n".encode())
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if line.endswith(b"\n"):
            return outcome_from(json.loads(line))
        self._process.kill()
        return Outcome(cause=end_of(self._process.wait()))

    def end(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        self._process.wait()
        with self._errand:  # whoever waits for an answer has seen by now that none comes
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
