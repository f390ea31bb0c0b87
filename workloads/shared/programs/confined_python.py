"""Programs of a model, run in a process of their own that has limits.

    said, in_time = run_python("print(6 * 7)")     honest code is held back; it is no jail
    said, in_time = run_closed("print(6 * 7)")     it opens no file, socket or process, and prints 64 kB at most

Both have so many instructions of Python, two seconds of sleep, which are counted and not slept, 256 MB of address
space, no file to write, and an environment in which sets have one order; twenty seconds of processor time end what
loops below Python. A busy machine moves none of these limits. A closed one may have no new descriptor (so the kernel
refuses files and sockets, and modules are those of `AT_HAND`), and a hook that cannot be taken out refuses all that
Python reports of itself (PEP 578) but a few harmless events.
"""

import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from adabench.harness.errors import EnvironmentProblem

MOST_INSTRUCTIONS = 10_000_000
"""A second of processor time or two: each is looked at."""
PROCESSOR_S, PATIENCE_S = 20, 60.0
"""Far beyond what so many instructions take on any machine."""
MEMORY_BYTES, MOST_SIGNS = 256 << 20, 200
MOST_BYTES = 64 << 10
"""Of what a closed program prints."""
ENVIRONMENT = {"PYTHONHASHSEED": "0"}
AT_HAND = (
    "bisect",
    "collections",
    "functools",
    "heapq",
    "itertools",
    "json",
    "math",
    "random",
    "statistics",
)
HARMLESS = (
    "builtins.id", "code.__new__", "compile", "exec", "import", "object.__delattr__", "object.__getattr__",
    "object.__setattr__", "sys._getframe", "sys.excepthook", "sys.unraisablehook", "time.sleep",
)  # fmt: skip

COUNTED = f"""
import os, resource, signal, sys, time

def limit(most_bytes):
    for name, most in (
        ("AS", {MEMORY_BYTES}), ("CPU", {PROCESSOR_S}), ("CORE", 0), ("FSIZE", most_bytes), ("NPROC", 0)
    ):
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (most, most + (name == "CPU")))

harmless = frozenset({HARMLESS})

def refuse(event, arguments):
    if event not in harmless:
        raise PermissionError("a program may not do this here: " + event)

def run(code, instructions, rest_s, is_closed):
    raised = signal.raise_signal

    def end():
        raised(signal.SIGXCPU)

    def look(frame, event, arg):
        nonlocal instructions
        instructions -= 1
        if instructions < 0:
            end()
        frame.f_trace_opcodes = True
        return look

    def sleep(seconds):
        nonlocal rest_s
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        rest_s -= seconds
        if rest_s < 0:
            end()

    time.sleep = sleep
    code = compile(code, "<string>", "exec")
    if is_closed:
        for name in {AT_HAND}:
            __import__(name)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    sys.settrace(look)
    if is_closed:
        sys.addaudithook(refuse)
    exec(code, {{"__name__": "__main__"}})

code, instructions, most_bytes = sys.argv.pop(1), int(sys.argv.pop(1)), int(sys.argv.pop(1))
limit(most_bytes)
run(code, instructions, 2.0, most_bytes > 0)
"""
"""A program that runs another and ends itself, as the kernel would, when that has taken too much."""


def run_python(code: str, instructions: int = MOST_INSTRUCTIONS) -> tuple[str, bool]:
    """Return what some code prints, or how it failed, and whether it came to its end within limits.

    Raises:
        EnvironmentProblem: if this machine gave the code no time to run.
    """
    with _started(code, instructions, 0, subprocess.PIPE, subprocess.PIPE) as process:
        try:
            out, talk = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            return _overdue(process)
    return _said(
        process.returncode, out.decode(errors="replace"), talk.decode(errors="replace"), MOST_SIGNS
    )


def run_closed(code: str, instructions: int = MOST_INSTRUCTIONS) -> tuple[str, bool]:
    """Return the same of code that is closed in; what it prints lies in a file that the kernel keeps short.

    Raises:
        EnvironmentProblem: if this machine gave the code no time to run.
    """
    with ExitStack() as files:
        out, talk = (files.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        with _started(code, instructions, MOST_BYTES, out, talk) as process:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                return _overdue(process)
        return _said(process.returncode, _read(out), _read(talk), MOST_BYTES)


def _started(
    code: str, instructions: int, most_bytes: int, out: int | IO[bytes], talk: int | IO[bytes]
) -> "subprocess.Popen[bytes]":
    words = [code.replace("\0", ""), str(instructions), str(most_bytes)]
    return subprocess.Popen(
        [sys.executable, "-P", "-s", "-S", "-c", COUNTED, *words],
        stdin=subprocess.DEVNULL, stdout=out, stderr=talk, env=ENVIRONMENT,
    )  # fmt: skip


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(MOST_BYTES).decode(errors="replace")


def _said(code: int, out: str, talk: str, most: int) -> tuple[str, bool]:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "", False
    said = out.strip() or (talk.strip().splitlines() or ["It printed nothing."])[-1]
    return said[:most], True


def _overdue(process: "subprocess.Popen[bytes]") -> tuple[str, bool]:
    """End what did not end; what was not even waiting had too little of this machine."""
    is_waiting = _is_asleep(process.pid)
    process.kill()
    if is_waiting:  # for what never comes, on any machine
        return "", False
    raise _starved() from None


def _is_asleep(pid: int) -> bool:
    """Return whether a process waits for something other than a processor or a disk."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"
    return False


def _starved() -> EnvironmentProblem:
    """Return the problem of a machine on which all questions that follow would have no answer either."""
    problem = EnvironmentProblem(
        f"Confined Python had too little of this machine: {PATIENCE_S:g} s were not enough for what takes a few.",
        "Run fewer processes beside it, then go on with --resume.",
    )
    problem.ends_run = True
    return problem
