"""The real level computes gradients, encodes, sends and decodes them, and trains with them.

The master plays the rounds of `master_loop.py` with processes (`workers.py`) for workers and judges by the CPU
seconds that they measure who is late. A worker that the chain of `delay_models.py` slows does its work as many
times over as the drawn delay says, rounded. What a late worker sent is thrown away.

M = max(4, T + 1) networks are trained in turn: job t is a gradient of network t mod M, at the parameters that
the job M before left. No gradient is stale, which is the only way in which a delay of T is of no harm.
`gradient_error` is the largest relative difference of a decoded gradient from the full-batch one. `least_time`
is an estimate, no bound: the median CPU seconds of a pass over the data, shared by all workers, once a job.
"""

from dataclasses import dataclass, field
from time import process_time

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    Flags,
    Floats,
    Ints,
    Profile,
)
from adabench.workloads.algorithms.stragglers.substrate.master_loop import Counts, schedule
from adabench.workloads.algorithms.stragglers.substrate.real.models import (
    SAMPLES,
    Data,
    decoded,
    gradient,
    make_data,
    quality,
    start,
)
from adabench.workloads.algorithms.stragglers.substrate.real.workers import (
    WorkerProcesses,
    WorkerResult,
    worker_processes,
)
from adabench.workloads.algorithms.stragglers.substrate.scheme import IDLE, Layout, Orders, Scheme

MODELS = 4
RATE = 0.5
BYTES = 8
TOLERANCE = 1e-5
"""Relative; how far a decoded gradient may be from the full one."""


@dataclass
class TrainingResult:
    """What was measured of a real run."""

    models: list[Floats]
    unit_s: float = 0.0
    """CPU seconds of one pass over the data, once: the median over what was done."""
    gradient_error: float = 0.0
    compute_cpu_s: float = 0.0
    """Of all workers, late ones and copies included."""
    encode_cpu_s: float = 0.0
    decode_cpu_s: float = 0.0
    sent_bytes: int = 0
    """By workers; late vectors are sent too."""
    loss: float = 0.0
    accuracy: float = 0.0

    def values(self) -> dict[str, float]:
        """Return the metrics."""
        names = (
            "gradient_error", "compute_cpu_s", "encode_cpu_s", "decode_cpu_s", "sent_bytes",
            "loss", "accuracy",
        )  # fmt: skip
        values = {name: float(getattr(self, name)) for name in names}
        return {**values, "models": len(self.models), "tolerance": TOLERANCE}


@dataclass
class RealWorkers:
    """The fleet of processes, and the master's memory."""

    profile: Profile
    layout: Layout
    exact: bool
    hands: WorkerProcesses
    data: Data
    trained: TrainingResult
    at: dict[int, Floats] = field(default_factory=dict)
    """The parameters at which each open job's gradient is taken."""
    came: dict[int, WorkerResult] = field(default_factory=dict)
    held: dict[int, dict[int, Floats]] = field(default_factory=dict)
    """Results by job and mini-task."""
    units_s: list[float] = field(default_factory=list)
    """Of each worker and round: CPU seconds of a pass over the data, done once."""

    def work(self, r: int, orders: Orders, loads: Floats) -> Floats:
        """Have a round done; return each worker's CPU seconds."""
        if r < self.profile.case.jobs:
            self._begin(r)
        times = np.maximum(1, np.rint(self.profile.base[r])).astype(np.int64)
        self.came = self.hands.round(orders, times)
        took = np.zeros(self.hands.n)
        for i, one in self.came.items():
            took[i] = one.compute_s + one.encode_s
            self.units_s.append(one.compute_s / float(loads[i] * times[i]))
            self._count(one)
        return took

    def again(self, r: int, orders: Orders, helper: Ints, whom: Ints, took: Floats) -> Floats:
        """Have helpers do copies; theirs are the results that are taken."""
        job = np.full_like(orders.job, IDLE)
        piece = np.full_like(orders.piece, IDLE)
        job[helper], piece[helper] = orders.job[whom], orders.piece[whom]
        copies = self.hands.round(Orders(job, piece), np.ones(self.hands.n, np.int64))
        for own, other in zip(helper.tolist(), whom.tolist(), strict=True):
            self._count(copies[own])
            self.came[other] = copies[own]
        return np.array([copies[i].compute_s + copies[i].encode_s for i in helper.tolist()])

    def take(self, r: int, orders: Orders, returned: Flags) -> None:
        """Keep the vectors of those that returned."""
        for i in np.flatnonzero(returned).tolist():
            there = orders.piece[i] != IDLE
            pairs = zip(orders.job[i][there].tolist(), orders.piece[i][there].tolist(), strict=True)
            for (job, piece), vector in zip(pairs, self.came[i].vectors, strict=True):
                self.held[job][piece] = vector

    def decode(self, job: int, done: Flags) -> None:
        """Decode a job's gradient, hold it against the full one, and make a step."""
        begun = process_time()
        total = decoded(self.layout, self.held.pop(job), self.exact)
        self.trained.decode_cpu_s += process_time() - begun
        samples, own = len(self.data.classes), job % len(self.trained.models)
        parameters = self.at.pop(job)
        full = gradient(parameters, self.data, 0, samples)
        off = float(np.linalg.norm(total - full) / np.linalg.norm(full))
        self.trained.gradient_error = max(self.trained.gradient_error, off)
        self.trained.models[own] = parameters - RATE * total / samples

    def _begin(self, job: int) -> None:
        """Open a job at its network's parameters.

        Raises:
            MethodContractError: if the network's last job is still open: this one would be stale.
        """
        models = len(self.trained.models)
        if job - models in self.at:
            raise MethodContractError(f"Job {job} would be taken at stale parameters.")
        self.at[job] = self.trained.models[job % models]
        self.held[job] = {}
        self.hands.publish(job, self.at[job])

    def _count(self, one: WorkerResult) -> None:
        self.trained.compute_cpu_s += one.compute_s
        self.trained.encode_cpu_s += one.encode_s
        self.trained.sent_bytes += BYTES * one.vectors.size


def train(
    profile: Profile, scheme: Scheme, *, foresight: bool, exact: bool, samples: int = SAMPLES
) -> tuple[Counts, TrainingResult]:
    """Run all jobs for real; return the counts and what was measured.

    Raises:
        MethodContractError: if the scheme breaks its contract.
        EnvironmentProblem: if there are no processes to be had.
    """
    case, layout, seed = profile.case, scheme.layout, profile.case.seed
    models = [start(seed, model) for model in range(max(MODELS, scheme.delay + 1))]
    trained, data = TrainingResult(models), make_data(seed, samples)
    with worker_processes(case.n, layout, seed, samples) as hands:
        worker_group = RealWorkers(profile, layout, exact, hands, data, trained)
        counts = schedule(profile, scheme, worker_group, foresight=foresight, exact=exact)
    trained.unit_s = float(np.median(worker_group.units_s))
    losses = [quality(parameters, data) for parameters in trained.models]
    trained.loss = float(np.mean([loss for loss, _ in losses]))
    trained.accuracy = float(np.mean([right for _, right in losses]))
    return counts, trained
