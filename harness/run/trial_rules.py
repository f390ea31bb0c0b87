"""The rules that try a method: in a process of its own, on the one path on which all methods run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import monotonic

from adabench.harness import errors
from adabench.harness.contract import registry
from adabench.harness.contract.card import Metric, Point
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.run.block import LoadedBlock
from adabench.harness.run.execute import Bench
from adabench.harness.run.failure import MethodFailure, MethodLost
from adabench.harness.run.method_handle import ServerHandle
from adabench.harness.run.permuted_signal import UNREAD
from adabench.harness.run.record_values import TIMED
from adabench.harness.run.settings import Limits, Settings

CASES = 2
LAPS = Settings(retakes=0)
"""Several laps, whose counts must agree. No time is read, so none is taken again."""
ONE_LAP = Settings(window_s=0.0, retakes=0)
"""A repetition is compared by its counts and scores: one measured lap is enough."""
MOST_CASES, MOST_S = 16, 10.0
"""Of the default conditions: so many cases are tried, or those that fit into so many seconds."""
MOST_BLOCKS = 3
"""Conditions of a task that stay loaded: the small ones, the default ones, those of one method."""
LIMITS = Limits(timeout_s=300.0)
"""A method that hangs ends its check."""


@dataclass
class MethodTrials:
    """One method to be tried, and what methods of its task share."""

    entry: Entry
    servers: dict[str, ServerHandle]
    blocks: dict[str, LoadedBlock]
    most_s: float = MOST_S

    def loads(self) -> Iterator[str]:
        """The method can be imported and has a `solve`."""
        try:
            if not self._first.open(self._turn(small=True)).solves:
                yield "it has no function solve"
        except (MethodFailure, MethodLost) as problem:
            yield from _problems(problem)

    def contract(self) -> Iterator[str]:
        """Two cases: values finite and declared, twice the same, and the case left alone.

        What other order gives the same values is the same twice. Where it does not, the first case
        is solved again as before, which tells a chance from a memory.
        """
        known = {metric.name: metric for metric in registry.find(self.entry.task).card.metrics}
        again = self._backward
        if any(_differ(one, again.get(one.case, one)) for one in self._forward):
            again = self._by_case(range(1))
        for one in self._forward:
            other = again.get(one.case, one)
            yield from _failures((one, other))
            if one.status == other.status == "ok":
                yield from _judge_values(one.values, other.values, known, idle=self.entry.card.idle)

    def order(self) -> Iterator[str]:
        """A method must not remember: cases counted in the other order give the same values."""
        for record in self._forward:
            other = self._backward.get(record.case, record)
            for name in sorted(_unlike(record.values, other.values)):
                yield f"{name} of case {record.case} depends on which cases were solved before"

    def as_in_a_run(self) -> Iterator[str]:
        """Cases of the default conditions: what holds for few small ones holds for these.

        Not where solves take their budget of seconds whatever is done: that would be minutes.
        """
        until = monotonic() + self.most_s
        bench = self._bench()
        try:
            if bench.starts_cold(self._turn(small=True)):
                return
            for record in bench.trial(self._turn(small=False), range(MOST_CASES)):
                yield from _failures([record])
                if record.status != "ok" or monotonic() >= until:
                    return
        finally:
            bench.close()

    def signal(self) -> Iterator[str]:
        """What its card names as its signal is read: else its control would be the method itself."""
        control, first = registry.permuted_control(self.entry), self.entry.card.tasks[:1]
        if control is None or (first and first[0] != self.entry.task):
            return
        records = replace(self, entry=control)._by_case(range(CASES), counts=True)
        yield from _failures(list(records.values()))
        if all(record.note == UNREAD for record in records.values()):
            names = " or ".join(self.entry.card.signal)
            yield f"it does not read the signal that its card names ({names})"

    def own_rules(self) -> Iterator[str]:
        """The rules that the task adds, in a process of the method."""
        bench = self._bench()
        try:
            yield from bench.own_rules(self.entry)
        except (MethodFailure, MethodLost) as problem:
            yield from _problems(problem)
        finally:
            bench.close()

    @property
    def counts(self) -> list[dict[str, float]]:
        """What the small cases counted and scored, in their order; empty if none was tried."""
        return [_counted(record.values) for record in self.__dict__.get("_forward", ())]

    def close(self) -> None:
        """End the process in which the method was seen to load, if it lives."""
        self._first.close()

    @cached_property
    def _first(self) -> Bench:
        return self._bench()

    @cached_property
    def _forward(self) -> list[Record]:
        """What the process gives in which the method was seen to load, but for what follows from clocks."""
        metrics = registry.find(self.entry.task).card.metrics
        clocked = {metric.name for metric in metrics if metric.clocked}
        try:
            records = list(self._first.trial(self._turn(small=True), range(CASES)))
            return [
                replace(one, values={n: v for n, v in one.values.items() if n not in clocked})
                for one in records
            ]
        finally:
            self._first.close()

    @cached_property
    def _backward(self) -> dict[int, Record]:
        """What a new process counts, in the other order and without a clock, as the counts pass does."""
        return self._by_case(range(CASES - 1, -1, -1), counts=True)

    def _by_case(self, order: Sequence[int], *, counts: bool = False) -> dict[int, Record]:
        """Solve cases in a new process, each with one lap."""
        bench = self._bench(ONE_LAP)
        try:
            records = bench.trial(self._turn(small=True), order, counts=counts)
            return {record.case: record for record in records}
        finally:
            bench.close()

    def _bench(self, settings: Settings = LAPS) -> Bench:
        return Bench(
            settings, LIMITS, servers=self.servers, shared=True,
            blocks=self.blocks, most_blocks=MOST_BLOCKS,
        )  # fmt: skip

    def _turn(self, *, small: bool) -> Turn:
        """Return the default turn, under the task's small conditions or its own."""
        entry, task = self.entry, registry.find(self.entry.task)
        few: Point = getattr(registry.load(task), "CHECK_CONDITIONS", {}) if small else {}
        conditions = {**task.card.defaults, **few, **entry.card.conditions}
        scale = task.card.scales[0]
        return Turn(Cell(entry.task, entry.name, entry.card.defaults, conditions, scale, 0), 0)


def _failures(records: Sequence[Record]) -> Iterator[str]:
    """Yield what failed, once.

    Raises:
        EnvironmentProblem: if it was for want of something that is not here.
    """
    for record in records:
        if record.status == "ok":
            continue
        line = record.note.partition("\n")[0]
        kind, _, message = line.partition(": ")
        raised = getattr(errors, kind, None)
        if isinstance(raised, type) and issubclass(raised, EnvironmentProblem):
            raise EnvironmentProblem(message)
        ours = isinstance(raised, type) and issubclass(raised, errors.AdabenchError)
        yield message if ours else line
        return


def _problems(problem: MethodFailure | MethodLost) -> Iterator[str]:
    if isinstance(problem, MethodFailure) and problem.problem is not None:
        raise problem.problem
    yield problem.note.partition("\n")[0]


def _differ(one: Record, other: Record) -> bool:
    return one.status != other.status or bool(_unlike(one.values, other.values))


def _unlike(first: Mapping[str, float], second: Mapping[str, float]) -> set[str]:
    """Return the names of counts and scores that differ."""
    return {name for name, value in _counted(first).items() if second.get(name) != value}


def _judge_values(
    first: Mapping[str, float],
    second: Mapping[str, float],
    known: Mapping[str, Metric],
    *,
    idle: bool,
) -> Iterator[str]:
    for name in sorted(_counted(first).keys() - known.keys()):
        yield f"{name} is given but not declared in the task's CARD.metrics"
    for name in sorted(_unlike(first, second) & second.keys()):
        yield f"the same seed gave {name} = {first[name]} and then {second[name]}"
    costs = [name for name in known if known[name].role in ("cost", "work") and first.get(name)]
    if not costs and not idle:
        yield "it has no cost: the substrate counted nothing"
    if costs and idle:
        yield f"its card says that it does nothing (idle=), and it has {costs[0]}"


def _counted(values: Mapping[str, float]) -> dict[str, float]:
    """Return the counts and scores among the values of a record."""
    return {
        name: value for name, value in values.items()
        if not name.endswith(TIMED) and name not in INSTRUMENTS
    }  # fmt: skip


INSTRUMENTS = frozenset(("loops", "samples", "samples_dropped", "retakes", "cpu_pressure", "flops"))
"""What clocks and counters of the machine give beside times."""
