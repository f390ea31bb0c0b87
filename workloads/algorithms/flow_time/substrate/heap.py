"""A part for methods: a heap of jobs by a key, the least on top; ties go to the earlier arrival.

Lives in a policy's own arrays. `notes` from `HEAP` on: how many, the jobs (n,), where each job
stands (n,) plus 1, or 0; `weights`: each job's key (n,). O(log n) a change.
"""

from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats, Ints, compiled

HEAP = 1
"""Where the heap starts in the notes: the word before it is the policy's own."""


def heap_size(n_jobs: int) -> int:
    """Return how many notes a policy with a heap needs."""
    return HEAP + 1 + 2 * n_jobs


@compiled
def _before(weights: Floats, one: int, other: int) -> bool:
    return weights[one] < weights[other] or (weights[one] == weights[other] and one < other)


@compiled
def _put(notes: Ints, n_jobs: int, at: int, job: int) -> None:
    notes[HEAP + 1 + at] = job
    notes[HEAP + 1 + n_jobs + job] = at + 1


@compiled
def _settle(notes: Ints, weights: Floats, n_jobs: int, at: int, job: int) -> None:
    """Put a job where it belongs, up or down from a place that is free."""
    start, size = at, notes[HEAP]
    while at > 0:
        above = notes[HEAP + 1 + ((at - 1) >> 1)]
        if not _before(weights, job, above):
            break
        _put(notes, n_jobs, at, above)
        at = (at - 1) >> 1
    while at >= start and 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and _before(weights, notes[HEAP + 2 + below], notes[HEAP + 1 + below]):
            below += 1
        child = notes[HEAP + 1 + below]
        if not _before(weights, child, job):
            break
        _put(notes, n_jobs, at, child)
        at = below
    _put(notes, n_jobs, at, job)


@compiled
def set_key(notes: Ints, weights: Floats, n_jobs: int, job: int, key: float) -> None:
    """Give `job` a key; put it into the heap if it is not there."""
    at = notes[HEAP + 1 + n_jobs + job] - 1
    weights[job] = key
    if at < 0:
        at = notes[HEAP]
        notes[HEAP] += 1
    _settle(notes, weights, n_jobs, at, job)


@compiled
def remove(notes: Ints, weights: Floats, n_jobs: int, job: int) -> None:
    """Take `job` out, if it is there."""
    at = notes[HEAP + 1 + n_jobs + job] - 1
    if at < 0:
        return
    notes[HEAP] -= 1
    notes[HEAP + 1 + n_jobs + job] = 0
    last = notes[HEAP + 1 + notes[HEAP]]
    if last != job:
        _settle(notes, weights, n_jobs, at, last)


@compiled
def least(notes: Ints) -> int:
    """Return the job with the least key, or -1 if the heap is empty."""
    return notes[HEAP + 1] if notes[HEAP] > 0 else -1
