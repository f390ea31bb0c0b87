"""Which instances a task is made of, by its conditions."""

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    FAMILIES,
    Profile,
    generate,
    instances,
)
from adabench.workloads.algorithms.stragglers.substrate.delay_reader import read_profile

REAL_WORKERS = 8
REAL_JOBS = 16
LEVELS = ("simulated", "real")


def profiles(
    delays: str, level: str, n: int, jobs: int, probe: int, alpha: float, mu: float, draws: int,
    seed: int,
) -> tuple[Profile, ...]:  # fmt: skip
    """Return the profiles: `draws` of a family, or as many as the suite has; one if recorded.

    At level=real it is one each, of at most `REAL_WORKERS` workers and `REAL_JOBS` jobs.

    Raises:
        SelectionError: if there is no such level, or `delays` is nothing.
    """
    if level not in LEVELS:
        raise SelectionError(f"There is no level {level!r}.", f"There are {', '.join(LEVELS)}.")
    if level == "real":
        n, jobs, draws = min(n, REAL_WORKERS), min(jobs, REAL_JOBS), 1
    if delays == "suite" or delays in FAMILIES:
        counts = {name: instances(name, draws) for name in FAMILIES}
        counts = counts if delays == "suite" else {delays: draws}
        return tuple(
            generate(name, n, jobs, probe, alpha, mu, seed, number)
            for name, count in counts.items()
            for number in range(count)
        )
    return (read_profile(delays, n, jobs, probe, alpha, mu, seed),)
