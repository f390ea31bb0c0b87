"""Which instances a task is made of, by its conditions."""

from adabench.harness.errors import SelectionError
from adabench.workloads.stragglers.delays import FAMILIES, Profile, generate
from adabench.workloads.stragglers.reader import read_profile

REAL_WORKERS = 8
REAL_JOBS = 16
LEVELS = ("simulated", "real")


def profiles(
    delays: str, level: str, n: int, jobs: int, probe: int, alpha: float, mu: float, seed: int
) -> tuple[Profile, ...]:
    """Return the profiles; at level=real at most `REAL_WORKERS` workers and `REAL_JOBS` jobs.

    Raises:
        SelectionError: if there is no such level, or `delays` is nothing.
    """
    if level not in LEVELS:
        raise SelectionError(f"There is no level {level!r}.", f"There are {', '.join(LEVELS)}.")
    if level == "real":
        n, jobs = min(n, REAL_WORKERS), min(jobs, REAL_JOBS)
    if delays == "suite" or delays in FAMILIES:
        names = tuple(FAMILIES) if delays == "suite" else (delays,)
        return tuple(generate(name, n, jobs, probe, alpha, mu, seed) for name in names)
    return (read_profile(delays, n, jobs, probe, alpha, mu, seed),)
