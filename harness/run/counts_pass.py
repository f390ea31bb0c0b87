"""The counts pass: what the cases of a turn cost and score, under no clock.

Each case is solved once: no warm-up, no second lap, no clock and no meter of energy; of the probes only
those run that count (FLOPs of torch, where the task's card names them). Many cases go in one message.
A message that takes longer than one case may, or that ends the method's process, is asked again in
halves, so that a case which hangs or crashes is found and fails alone.

A task whose solves a clock ends, or whose laps differ by design, has no counts without its clock: its
cases are measured one by one, as in the times pass.
"""

from collections.abc import Iterator, Sequence
from time import monotonic

from adabench.harness.contract.protocols import starts_cold
from adabench.harness.contract.record import Record
from adabench.harness.run.block import LoadedBlock
from adabench.harness.run.failure import MethodFailure, MethodLost
from adabench.harness.run.open_turn import OpenTurn

MOST_CASES = 50
"""Of one message."""
MESSAGE_S = 1.0
"""A message holds no more cases than are expected to take so long: progress is seen, and a case that
hangs costs little more than its own limit."""


def needs_clock(block: LoadedBlock) -> bool:
    """Tell a task whose methods cannot be counted without being timed."""
    return starts_cold(block.task) or bool(getattr(block.task, "laps_differ", False))


def counted(opened: OpenTurn, indices: Sequence[int]) -> Iterator[Record]:
    """Yield the records of cases: a first one alone, then as many a message as its time allows."""
    if needs_clock(opened.block):
        yield from map(opened.solve, indices)
        return
    begin, size = 0, 1
    while begin < len(indices):
        since = monotonic()
        yield from _in_halves(opened, indices[begin : begin + size])
        case_s = (monotonic() - since) / size
        begin += size
        size = max(1, min(MOST_CASES, int(_message_s(opened) / max(case_s, 1e-9))))


def _message_s(opened: OpenTurn) -> float:
    """Return how long a message should take: well below the limit of a case, which it shares."""
    limit = opened.bench.limits.timeout_s
    return MESSAGE_S if limit is None else min(MESSAGE_S, limit / 4)


def _in_halves(opened: OpenTurn, indices: Sequence[int]) -> Iterator[Record]:
    """Yield the records of one message, which is asked again in halves if it failed as a whole."""
    try:
        records = opened.count(indices)
        if len(records) < len(indices) and not (records and records[-1].status == "skipped"):
            raise MethodLost("its process answered fewer cases than it was asked for")
    except (MethodFailure, MethodLost) as problem:
        opened.end_process()
        if len(indices) == 1:
            records = [opened.failed(indices[0], problem)]
        else:
            middle = len(indices) // 2
            yield from _in_halves(opened, indices[:middle])
            yield from _in_halves(opened, indices[middle:])
            return
    yield from records
