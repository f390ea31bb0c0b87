"""Flow time: which job a machine runs, when a job's size becomes known piece by piece.

A case is a stream of jobs on one machine that may set a job aside at any time. A job is a
sequence of operations: the size of the first is known when it arrives, that of each other one
when the one before it ends, and so is whether there is another. The cost is the total flow
time, the sum over jobs of the time from arrival to completion. A method hands two compiled
hooks to `FlowTime.replay`, which runs the stream and counts (`policy_view.py` has the contract).

    def solve(task, case, point):
        return task.replay(case, hear, choose)

**What is given to everybody alike.** The streams (`job_streams.py`), all jobs to the last, no
warm-up cut off; what is revealed, and when; the seeds of each method's random streams.

**What is scored.** `optimality` = OPT / flow with OPT by SRPT on the true sizes, exact; `ratio`,
its inverse; mean, 99th percentile and largest flow time; and what theorems say of that very
run: `obligatory_bound` = 2 OPT, on uniform tests (absent elsewhere). A flow time below OPT
is refused: it would be a bug.

**The budget.** Information. `m` is how many operations a job may have, so how late its size is
known: `information` is the mean share of a job's size known at its arrival, 1 at m = 1 and
about 1/m else. It is handed to every policy, as slots are to a cache, and the gap is
measured between information and optimality. `information_used` beside it is what the
policy asked to see of it when it started a job.

    adabench run 'flow_time/*' --set trace=log.swf

reads a job log in the Standard Workload Format, each job cut into stages (`swf_reader.py`);
`--set trace=burst` runs one family.

**Limitations.** `burst` is the same in every seed and `tight_one` and `tight` nearly are; their
intervals say nothing. The largest flow time and its ratio depend on how long a run is.
"""

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.flow_time.conformance import check
from adabench.workloads.algorithms.flow_time.substrate.job_streams import FAMILIES, generate
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime
from adabench.workloads.algorithms.flow_time.substrate.swf_reader import read_log
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task

CARD = Card(
    title="Flow time with gradually revealed jobs",
    paper="Online Flow Time Minimization with Gradually Revealed Jobs, arXiv 2602.12716, 2026",
    adapts="which job the machine runs, on the operation sizes revealed so far",
    budget="m",
    no_speedup="latency here is the scheduler's bookkeeping: no job is run, so flow time "
    "that was saved cannot become time",
    gaps=(
        Gap(
            mixture=("fifo", "round_robin", "setf"),
            methods=("attained_current", "chunked", "noisy_srpt", "op_srpt", "random_job"),
            oracle="srpt",
            coin="random_job",
        ),
    ),
    knobs=(
        Knob("m", (1, 2, 4, 8, 16, 32), 8, open=True, low=1, high=1000),
        Knob("load", (0.7, 0.9, 0.95, 0.99), 0.95, open=True, low=0.01, high=2.0),
        Knob("jobs", (5000,), 5000, open=True, low=2, high=2000000),
        Knob("trace", ("suite",), "suite", open=True),
    ),
    cases="nested",
    metrics=(
        Metric("optimality", "", "higher", "quality", primary=True),
        Metric("information", "", "lower", "work", primary=True),
        Metric("ratio", "", "lower", "cost"),
        Metric("flow", "time", "lower", "cost"),
        Metric("information_used", "", "lower", "cost"),
        Metric("mean_flow p99_flow max_flow", "time", "lower", "cost"),
        Metric("preemptions max_alive max_partial", "jobs", "lower", "cost"),
        Metric("events", "events", "lower", "work"),
        Metric("decisions", "decisions", "lower", "work"),
        Metric("jobs", "jobs", "lower", "info"),
        Metric("streams", "streams", "higher", "info"),
        Metric("flow_se", "time", "lower", "info"),
        Metric("ratio_per_m2", "", "lower", "info", low=0.0),
        Metric("opt", "time", "lower", "info"),
        Metric("obligatory_bound", "time", "higher", "info"),
        Metric("burst_limit", "", "higher", "info", low=0.0),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"jobs": 300}

__all__ = ["CARD", "CHECK_CONDITIONS", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    m: int = 8,
    load: float = 0.95,
    jobs: int = 5000,
    trace: str = "suite",
) -> FlowTime:
    """Return the task under the given conditions.

    Raises:
        SelectionError: if `trace` is neither a family nor a readable job log.
    """
    if scale != "embedded":
        raise SelectionError(f"flow_time has no scale {scale!r}.", "It runs at `embedded`.")
    if trace == "suite" or trace in FAMILIES:
        names = tuple(FAMILIES) if trace == "suite" else (trace,)
        return scored_task(tuple(generate(name, jobs, m, load, seed) for name in names))
    return scored_task((read_log(trace, jobs, m, load, seed),))
