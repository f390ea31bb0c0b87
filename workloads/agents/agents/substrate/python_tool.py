"""`python[...]`: a model's code in a process of its own, with limits that a busy machine does not move.

It has ten million instructions of Python, two seconds of sleep, which are counted and not slept, 256 MB
of address space, no file to write, and an environment in which sets have one order. Twenty seconds of
processor time end what loops below Python. These limits hold honest code back; they are no jail.
"""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem

MOST_INSTRUCTIONS = 10_000_000
"""A second of processor time or two: each is looked at."""
PROCESSOR_S, PATIENCE_S = 20, 60.0
"""Far beyond what so many instructions take on any machine."""
MEMORY_BYTES, MOST_SIGNS = 256 << 20, 200
ENVIRONMENT = {"PYTHONHASHSEED": "0"}

COUNTED = f"""
import os, resource, signal, sys, time

def limit():
    for name, most in (
        ("AS", {MEMORY_BYTES}), ("CPU", {PROCESSOR_S}), ("CORE", 0), ("FSIZE", 0), ("NPROC", 0)
    ):
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (most, most + (name == "CPU")))

def run(code, instructions, rest_s):
    def end():
        os.kill(os.getpid(), signal.SIGXCPU)

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
    sys.settrace(look)
    exec(code, {{"__name__": "__main__"}})

limit()
run(sys.argv.pop(1), int(sys.argv.pop(1)), 2.0)
"""
"""A program that runs another and ends itself, as the kernel would, when that has taken too much."""


def run_python(code: str, instructions: int = MOST_INSTRUCTIONS) -> tuple[str, bool]:
    """Return what some code prints, or how it failed, and whether it came to its end within limits.

    Raises:
        EnvironmentProblem: if this machine gave the code no time to run.
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-s", "-S", "-c", COUNTED, code, str(instructions)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        text=True, env=ENVIRONMENT, errors="replace",
    ) as process:  # fmt: skip
        try:
            out, talk = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            is_waiting = _is_asleep(process.pid)
            process.kill()
            if is_waiting:  # for what never comes, on any machine
                return "", False
            raise _starved() from None
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "", False
    said = out.strip() or (talk.strip().splitlines() or ["It printed nothing."])[-1]
    return said[:MOST_SIGNS], True


def _is_asleep(pid: int) -> bool:
    """Return whether a process waits for something other than a processor or a disk."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"
    return False


def _starved() -> EnvironmentProblem:
    """Return the problem of a machine on which all questions that follow would have no answer either."""
    problem = EnvironmentProblem(
        f"The Python tool had too little of this machine: {PATIENCE_S:g} s were not enough for what takes a few.",
        "Run fewer processes beside it, then go on with --resume.",
    )
    problem.ends_run = True
    return problem
