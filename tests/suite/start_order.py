"""What a test orders of the warm process: a program, and what a new process has from its parent."""

import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

NAME = "ADABENCH_TEST_WARM"
"""The variable with the address of the warm process; what is started without it starts fresh."""
PROGRAM = str(Path(sys.executable).with_name("adabench"))
"""The script of the command line in this environment."""
PYTEST = str(Path(sys.executable).with_name("pytest"))
"""That of pytest. Typer takes the name of a program from how it was run, so groups run no module."""
NEEDS_EXTRAS = "ADABENCH_TEST_EXTRAS"
"""Set where the task servers to come need libraries that few tasks need."""
NEEDS_MODELS = "ADABENCH_TEST_MODELS"
"""Set where whatever comes runs models of transformers, or asks servers by openai's client."""
SERVERS, EXTRAS, MODELS, SESSIONS, PROGRAMS = "-servers", "-extras", "-models", "-sessions", ""
KINDS = (SERVERS, EXTRAS, MODELS, SESSIONS, PROGRAMS)
"""How the addresses end at which forks are ordered: task servers are forks of less than all else, and what needs
libraries of models is a fork of more."""
SERVER = "adabench.harness.run.task_server"
MODULES = (
    SERVER, "adabench.harness.distributed.shard", "adabench.profilers.hardware.ceilings",
    "tests.suite.fork_probe", "tests.workloads.lone_substrate", "pytest",
)  # fmt: skip
"""Those that are forked when they are run by their names: they end with their parent."""
NUMBER = struct.Struct("i")
"""Of an answer: the number of a process."""
END = struct.Struct("id")
"""Of what follows when it has ended: its status, as `os.waitpid` has it, and its processor seconds."""
STATUS = Path("/proc/self/status")
LIMITS = sorted({value for name, value in vars(resource).items() if name.startswith("RLIMIT_")})


@dataclass(frozen=True)
class Program:
    """What Python is to run."""

    kind: Literal["script", "module"]
    text: str
    """A path or the name of a module."""
    words: list[str]
    """What follows it on the command line."""
    safe: bool
    """Whether Python leaves the folder of the program off `sys.path`."""


@dataclass(frozen=True)
class Inheritance:
    """What a process has from its parent and nobody names."""

    mask: str
    """Of the modes of new files."""
    signals: list[list[int]]
    """Those that are blocked, and those that are ignored."""
    limits: list[list[int]]
    """Of resources, by their numbers: the soft and the hard one."""
    niceness: int
    group: int
    """Of processes; 0 for one that gets a group of its own."""


@dataclass(frozen=True)
class Order:
    """A process to be started."""

    program: Program
    environ: dict[str, str]
    folder: str
    """The working directory."""
    descriptors: list[int]
    """The numbers that open files have there, in the order in which they are sent."""
    new_session: bool
    cores: list[int]
    inheritance: Inheritance

    @property
    def address(self) -> str:
        """Where it is ordered."""
        models = NEEDS_MODELS in self.environ
        if self.program.text != SERVER:
            return self.environ[NAME] + (SESSIONS if models else PROGRAMS)
        less = EXTRAS if NEEDS_EXTRAS in self.environ else SERVERS
        return self.environ[NAME] + (MODELS if models else less)

    def to_json(self) -> bytes:
        """Return one message."""
        return json.dumps(asdict(self)).encode()


def order_from_json(data: bytes) -> Order:
    """Rebuild an order."""
    plain: dict[str, Any] = json.loads(data)
    program, inheritance = Program(**plain["program"]), Inheritance(**plain["inheritance"])
    return Order(**{**plain, "program": program, "inheritance": inheritance})


def program_of(words: Sequence[str], environ: Mapping[str, str]) -> Program | None:
    """Return the program that a command line means, if it is one that can be forked."""
    safe = bool(environ.get("PYTHONSAFEPATH"))
    match words:
        case [script, *rest] if script in (PROGRAM, PYTEST):
            return Program("script", script, rest, safe)
        case [python, "-P", "-m", module, *rest] if python == sys.executable:
            known = module in MODULES
            return Program("module", module, rest, True) if known else None
    return None


def inheritance(new_session: bool) -> Inheritance:
    """Return what a process that is started now would have from this one."""
    mask = next(x for x in STATUS.read_text().splitlines() if x.startswith("Umask:"))
    known = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
    ignored = [one for one in known if signal.getsignal(one) is signal.SIG_IGN]
    return Inheritance(
        mask,
        [sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))), list(map(int, ignored))],
        [list(resource.getrlimit(number)) for number in LIMITS],
        os.getpriority(os.PRIO_PROCESS, 0),
        0 if new_session else os.getpgrp(),
    )
