"""The workers of the real level: processes of this machine, under torch.distributed with gloo.

Rank 0 is the master, in the process that asked; rank i + 1 is worker i. A round is:

    master to all        the parameters of the round's own job, if there is one
    master to each       [kind, slots, times over], then its orders
    each to master       [CPU seconds of gradients, of encoding], then a vector a mini-task

A straggler computes its mini-tasks `times over` again: it really takes longer. Each measures
its own CPU seconds, which other processes on the same cores do not stretch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import process_time

import numpy as np
import torch
import torch.distributed as dist

from adabench.workloads.algorithms.stragglers.substrate.delay_models import Floats, Ints
from adabench.workloads.algorithms.stragglers.substrate.real.models import (
    DIM,
    Data,
    Part,
    gradient,
    make_data,
    parts,
)
from adabench.workloads.algorithms.stragglers.substrate.scheme import IDLE, Layout, Orders
from adabench.workloads.shared.ranks import joined_ranks

STOP, WORK, PARAMETERS = 0, 1, 2


@dataclass(frozen=True)
class WorkerResult:
    """What a worker sent back."""

    compute_s: float
    encode_s: float
    vectors: Floats
    """(mini-tasks, DIM)"""


class WorkerProcesses:
    """The master's end of n workers."""

    def __init__(self, n: int) -> None:
        self.n = n

    def publish(self, job: int, parameters: Floats) -> None:
        """Give all workers the parameters of a job."""
        for rank in range(1, self.n + 1):
            dist.send(torch.tensor([PARAMETERS, job, 0]), rank)
            dist.send(torch.from_numpy(parameters), rank)

    def ask(self, i: int, job: Ints, piece: Ints, times: int) -> None:
        """Send worker i its orders (slots,)."""
        dist.send(torch.tensor([WORK, len(job), times]), i + 1)
        dist.send(torch.from_numpy(np.stack([job, piece])), i + 1)

    def hear(self, i: int, pieces: int) -> WorkerResult:
        """Wait for worker i."""
        took, vectors = torch.zeros(2, dtype=torch.float64), torch.zeros(pieces, DIM).double()
        dist.recv(took, i + 1)
        dist.recv(vectors, i + 1)
        return WorkerResult(float(took[0]), float(took[1]), vectors.numpy())

    def round(self, orders: Orders, times: Ints) -> dict[int, WorkerResult]:
        """Have all that have something to do work at once; return what each sent."""
        busy = np.flatnonzero((orders.piece != IDLE).any(axis=1)).tolist()
        chosen = {}
        for i in busy:
            there = orders.piece[i] != IDLE
            chosen[i] = int(there.sum())
            self.ask(i, orders.job[i][there], orders.piece[i][there], int(times[i]))
        return {i: self.hear(i, chosen[i]) for i in busy}


@contextmanager
def worker_processes(n: int, layout: Layout, seed: int, samples: int) -> Iterator[WorkerProcesses]:
    """Start n workers, and end them when done.

    Raises:
        EnvironmentProblem: if processes cannot be started or reached.
    """
    with joined_ranks(
        n + 1,
        serve,
        (layout, seed, samples),
        who="The workers of level=real",
        instead="level=simulated needs none.",
    ):
        yield WorkerProcesses(n)
        for rank in range(1, n + 1):
            dist.send(torch.tensor([STOP, 0, 0]), rank)


def serve(rank: int, layout: Layout, seed: int, samples: int) -> None:
    """Be a worker until told to stop."""
    del rank
    data, own = make_data(seed, samples), parts(layout, samples)
    known: dict[int, Floats] = {}
    head = torch.zeros(3, dtype=torch.int64)
    while True:
        dist.recv(head, 0)
        kind, number, times = head.tolist()
        if kind == STOP:
            break
        if kind == PARAMETERS:
            parameters = torch.zeros(DIM, dtype=torch.float64)
            dist.recv(parameters, 0)
            known[number] = parameters.numpy()
            continue
        orders = torch.zeros(2, number, dtype=torch.int64)
        dist.recv(orders, 0)
        answer = work(orders.numpy(), known, data, own, times)
        dist.send(torch.tensor([answer.compute_s, answer.encode_s], dtype=torch.float64), 0)
        dist.send(torch.from_numpy(answer.vectors), 0)


def work(
    orders: Ints, known: dict[int, Floats], data: Data, own: list[Part], times: int
) -> WorkerResult:
    """Do orders (2, slots) `times` times over; the seconds are of all of them."""
    compute_s = encode_s = 0.0
    vectors = np.zeros((orders.shape[1], DIM))
    for _ in range(times):
        for slot, (job, piece) in enumerate(orders.T):
            part, begun = own[piece], process_time()
            gradients = np.stack([gradient(known[int(job)], data, a, b) for a, b in part.ranges])
            computed = process_time()
            vectors[slot] = part.factors @ gradients
            compute_s += computed - begun
            encode_s += process_time() - computed
    return WorkerResult(compute_s, encode_s, vectors)
