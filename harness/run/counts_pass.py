"""The counts pass: what the cases of a turn cost and score, under no clock.

Each case is solved once: no warm-up, no second lap, no clock and no meter of energy; of the probes only
those run that count (FLOPs of torch, where the task's card names them). Many cases go in one message.
A message that takes longer than one case may, or that ends the method's process, is asked again in
halves, so that a case which hangs or crashes is found and fails alone.

Where a task says so, the method's process solves several cases side by side, with their models in one
batch (`protocols.most_sessions`). A message then holds at least enough for two rounds of them.

A task whose solves a clock ends, or whose laps differ by design, has no counts without its clock: its
cases are measured one by one, as in the times pass.
"""

import random
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from adabench.harness.contract.load import load_of
from adabench.harness.contract.protocols import ends_by_itself, starts_cold
from adabench.harness.contract.record import Record, Unit
from adabench.harness.run.block import LoadedBlock
from adabench.harness.run.failure import MethodFailure, MethodLost
from adabench.harness.run.open_turn import OpenTurn
from adabench.harness.run.step import TurnCases

MOST_CASES = 50
"""Of one message."""
MESSAGE_S = 1.0
"""A message holds no more cases than are expected to take so long: progress is seen, and a case that
hangs costs little more than its own limit."""


@dataclass(frozen=True)
class Part:
    """A stretch of a turn's cases: of so many stretches of one length the one of this number."""

    number: int = 0
    of: int = 1
    chosen: frozenset[int] | None = None
    """These cases in the place of a stretch."""

    def cases(self, count: int) -> Sequence[int]:
        """Return its cases, of `count` in all."""
        if self.chosen is not None:
            return sorted(case for case in self.chosen if case < count)
        return range(count * self.number // self.of, count * (self.number + 1) // self.of)


WHOLE = Part()


def needs_clock(block: LoadedBlock) -> bool:
    """Tell a task whose methods cannot be counted without being timed."""
    task = block.task
    clocked = starts_cold(task) and not ends_by_itself(task)
    return clocked or bool(getattr(task, "laps_differ", False))


def counted_turn(opened: OpenTurn, done: Container[Unit], part: Part = WHOLE) -> Iterator[Record]:
    """Yield the record of preparing, if it is news, and those of the cases that are left."""
    turn = opened.turn
    units = [Unit(turn.cell.key, "solve", i, turn.repeat) for i in range(len(opened.cases))]
    left = [i for i in part.cases(len(units)) if units[i] not in done]
    for step in opened.preparation(done):
        record = step.news()
        if record is not None:
            yield record
    if not opened.is_prepared:
        return
    # What lacks an ability says so at the first case of a turn, which is in the first part.
    cases = TurnCases(solved=part.number > 0 or any(unit in done for unit in units))
    for record in counted(opened, left):
        yield cases.note(record)
        if cases.refused:
            return


def counted(opened: OpenTurn, indices: Sequence[int]) -> Iterator[Record]:
    """Yield the records of cases: a first one alone, then as many a message as its time allows.

    Under a load they come in the order in which they are answered.
    """
    load = load_of(opened.block.task)
    if load is not None:
        yield from opened.under_load(load, indices)
        return
    if needs_clock(opened.block):
        yield from map(opened.solve, indices)
        return
    begin, size = 0, 1
    while begin < len(indices):
        since = monotonic()
        yield from _in_halves(opened, indices[begin : begin + size])
        case_s = (monotonic() - since) / size
        begin += size
        size = _message_size(opened, max(case_s, 1e-9))


def timed_cases(opened: OpenTurn, most: int) -> Container[int]:
    """Return which cases of a turn are timed alone: a sample that its seed draws, the same for every method; 0: all.

    None is where all are solved under a load.
    Where a seed does not only draw further cases of one distribution, all are: a part of a list is another list.
    """
    every = range(len(opened.cases))
    if load_of(opened.block.task) is not None:
        return ()
    if not most or most >= len(every) or opened.block.entry.card.cases != "exchangeable":
        return every
    return frozenset(random.Random(opened.turn.cell.seed).sample(every, most))


def case_counter(opened: OpenTurn, indices: Sequence[int]) -> Callable[[int], Record]:
    """Return what gives the record of one of some cases that are counted, many a message, in whatever order."""
    found, records = counted(opened, indices), dict[int, Record]()

    def take(index: int) -> Record:
        while index not in records:
            record = next(found, None)
            if record is None:  # its message ended before it
                return opened.solve(index)
            records[record.case] = record
        return records.pop(index)

    return take


def _message_size(opened: OpenTurn, case_s: float) -> int:
    """Return how many cases go in a message, from the seconds that one took.

    With sessions side by side it does not depend on the seconds of a case that takes long: where a batch may
    change the last bits of a model's numbers, a run that is repeated makes the same batches.
    """
    limit, sessions = opened.bench.limits.timeout_s, opened.sessions
    by_time = int(_message_s(opened) / case_s)
    rounds = 2 * sessions if sessions > 1 else 1
    if limit is not None and rounds * case_s > limit:
        rounds = int(limit / case_s)
    return max(1, min(MOST_CASES, max(by_time, rounds)))


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
