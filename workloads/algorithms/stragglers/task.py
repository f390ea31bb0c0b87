"""Stragglers: gradients that n workers compute together while some of them are late.

A run is a sequence of jobs, one a round; each is one full-data gradient, to be put together from
what the workers return. Some workers are slow in some rounds. A method hands a *scheme* to
`Stragglers.run`, which plays the rounds and counts (`scheme.py` has the contract):

    def solve(task, case, point):
        return task.run(case, scheme)

**Two levels.** `--set level=simulated` (the default): 256 workers, delays from `delay_models.py`
plus alpha times the load. Nothing is computed: what is counted is time by the waiting rule, work,
and whether each job could be decoded. `--set level=real`: 8 processes on this machine under
`torch.distributed` (gloo) that compute, encode and send real gradients of several small networks;
the master decodes them and trains (`train.py`). There a straggler is a process that does its work
several times over, and lateness is judged on CPU seconds that the processes measure themselves.

**The waiting rule**, alike for all: whoever takes longer than (1 + mu) times the fastest is late. A
round ends there if the scheme can do without the late, else with the slowest (a wait-out).

**What is given to everybody alike.** The delays, drawn before; a *probe* of other delays of the
same kind, from another stream, to choose parameters on (`parameter_search.py`); alpha and mu. A
seed has 12 instances with short bursts, four of each hostile family and one without stragglers,
each with a probe of its own: effects of 2 % are small beside a run's own scatter of 5 %.

**What is scored.** `time` to finish all jobs, the extra rounds of a delayed scheme included.
`optimality` = a lower bound on it / time, times `delivered`, the share of the data that the
gradients cover: 1 for every exact scheme. `work` in passes over the data set, `load` the
most a worker is given in a round, `results` the vectors sent. A job that a scheme promised to
decode and could not is refused.

    adabench run 'stragglers/*' --set delays=profile.csv

reads a recorded profile, rounds x workers (`delay_reader.py`); `--set delays=long` runs one family.

**Limitations.** A scheme that is ahead of its rounds cannot start the next: rounds are a barrier,
as in the paper. A late worker is free again in the next round. Simulated time is no time of any
machine; at level=real the processes share the cores of one, so that its seconds say what encoding
and decoding cost, not what a cluster would save.
"""

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.stragglers.conformance import check
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    FAMILIES,
    generate,
    instances,
)
from adabench.workloads.algorithms.stragglers.substrate.delay_reader import read_profile
from adabench.workloads.algorithms.stragglers.substrate.replay import Outcome, Stragglers

CARD = Card(
    title="Gradients from workers of which some are late",
    paper="Sequential Gradient Coding For Straggler Mitigation, arXiv 2211.13802, ICLR 2023",
    adapts="what each worker does in a round, on who was late before",
    no_speedup="time here is simulated, or the CPU time of processes that share few cores: "
    "work that was saved cannot become time on this machine",
    gaps=(
        Gap(
            mixture=("gradient_code", "ignore_stragglers", "uncoded"),
            methods=("backup_tasks", "random_backup"),
            oracle="hindsight",
            coin="random_backup",
        ),
        Gap(
            mixture=("gradient_code", "ignore_stragglers", "uncoded"),
            methods=("multiplexed_gc", "sequential_gc"),
            oracle="hindsight",
        ),
    ),
    knobs=(
        Knob("delays", ("suite",), "suite", open=True),
        Knob("level", ("simulated",), "simulated", open=True),
        Knob("n", (256,), 256, open=True, low=1, high=4096),
        Knob("jobs", (3, 10, 30, 60, 480), 60, open=True, low=1, high=100000),
        Knob("probe", (40, 120, 240), 120, open=True, low=1, high=100000),
        Knob("draws", (12,), 12, open=True, low=1, high=1000),
        Knob("alpha", (0.0, 1.0, 3.0, 6.0, 12.0), 6.0, open=True, low=0.0, high=1000.0),
        Knob("mu", (0.2, 1.0), 1.0, open=True, low=0.0, high=100.0),
    ),
    cases="nested",
    metrics=(
        Metric("optimality", "", "higher", "quality", primary=True),
        Metric("work", "passes", "lower", "work", primary=True),
        Metric("time", "time", "lower", "cost"),
        Metric("load", "share", "lower", "cost"),
        Metric("ratio", "", "lower", "cost"),
        Metric("results", "vectors", "lower", "cost"),
        Metric("rounds", "rounds", "lower", "cost"),
        Metric("extra_rounds", "rounds", "lower", "cost"),
        Metric("wait_outs", "rounds", "lower", "cost"),
        Metric("copies", "parts", "lower", "cost"),
        Metric("delivered", "share", "higher", "info"),
        Metric("stopped", "rounds", "lower", "info"),
        Metric("delay", "rounds", "lower", "info"),
        Metric("least_time", "time", "lower", "info"),
        Metric("jobs", "jobs", "higher", "info"),
        Metric("workers", "workers", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
        Metric("gradient_error", "", "lower", "info"),
        Metric("tolerance", "", "lower", "info"),
        Metric("models", "models", "higher", "info"),
        Metric("loss", "nat", "lower", "info"),
        Metric("accuracy", "share", "higher", "info"),
        Metric("compute_cpu_s", "s", "lower", "info"),
        Metric("encode_cpu_s", "s", "lower", "info"),
        Metric("decode_cpu_s", "s", "lower", "info"),
        Metric("sent_bytes", "bytes", "lower", "info"),
    ),
)

CHECK_CONDITIONS = {"n": 32, "jobs": 12, "probe": 40, "draws": 2}
OUTCOMES = (Outcome,)
LEVELS = ("simulated", "real")
REAL_WORKERS, REAL_JOBS = 8, 16
"""The most at level=real, which plays one instance of a family."""

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    delays: str = "suite",
    level: str = "simulated",
    n: int = 256,
    jobs: int = 60,
    probe: int = 120,
    draws: int = 12,
    alpha: float = 6.0,
    mu: float = 1.0,
) -> Stragglers:
    """Return the task under the given conditions.

    Raises:
        SelectionError: if there is no such level, or `delays` is neither a family nor a readable profile.
    """
    if scale != "embedded":
        raise SelectionError(f"stragglers has no scale {scale!r}.", "It runs at `embedded`.")
    if level not in LEVELS:
        raise SelectionError(f"There is no level {level!r}.", f"There are {', '.join(LEVELS)}.")
    if level == "real":
        n, jobs, draws = min(n, REAL_WORKERS), min(jobs, REAL_JOBS), 1
    if delays != "suite" and delays not in FAMILIES:
        recorded = read_profile(delays, n, jobs, probe, alpha, mu, seed)
        return Stragglers((recorded,), real=level == "real")
    suite = {name: instances(name, draws) for name in FAMILIES}
    counts = suite if delays == "suite" else {delays: draws}
    profiles = [
        generate(name, n, jobs, probe, alpha, mu, seed, number)
        for name, count in counts.items()
        for number in range(count)
    ]
    return Stragglers(profiles, real=level == "real")
