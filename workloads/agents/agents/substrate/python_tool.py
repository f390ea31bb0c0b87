"""`python[...]`: a model's code in a process of its own, with limits, for two seconds at most.

It has 256 MB of address space, one second of processor time, no file to write, and an environment that is empty.
These limits hold honest code back; they are no jail.
"""

import resource
import subprocess
import sys

DEADLINE_S = 2.0
MEMORY_BYTES, PROCESSOR_S, MOST_SIGNS = 256 << 20, 1, 200


def _limit() -> None:
    """Set the limits of the process to come."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def run_python(code: str, deadline_s: float = DEADLINE_S) -> tuple[str, bool]:
    """Return what some code prints, or how it failed, and whether it came to its end in time."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code],
            capture_output=True, text=True, timeout=deadline_s, env={}, preexec_fn=_limit,
            stdin=subprocess.DEVNULL, check=False, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", False
    said = done.stdout.strip() or (done.stderr.strip().splitlines() or ["It printed nothing."])[-1]
    return said[:MOST_SIGNS], True
