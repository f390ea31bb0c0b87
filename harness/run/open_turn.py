"""A turn whose task and method are loaded: its state is prepared, its cases are solved or counted.

A case that is *solved* is measured, alone in its message. Cases that are *counted* share a message and
run one lap each under no clock (`counts_pass.py`). Either way the method's process says what the
substrate accounted for, and the task judges that here, where the truth is.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

from adabench.harness.contract.card import Card
from adabench.harness.contract.load import PREFIX, Load, load_of
from adabench.harness.contract.protocols import KIND, judge, kind_of
from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import MethodContractError
from adabench.harness.run.block import OF_CLOCKS, LoadedBlock
from adabench.harness.run.failure import FAILURES, MethodFailure, MethodLost, failed_record
from adabench.harness.run.method_handle import MethodHandle
from adabench.harness.run.record_values import check_laps, check_values, join_values
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.run.step import Step
from adabench.harness.store import prepared_states
from adabench.harness.store.state_files import open_state


class Processes(Protocol):
    """What a turn needs of the bench that it is opened on."""

    settings: Settings
    limits: Limits
    methods: dict[str, MethodHandle]
    preparations: dict[str, Record]

    @property
    def step_s(self) -> float | None:
        """How long a step may take."""
        ...

    def process(self, block: LoadedBlock, entry: Entry) -> MethodHandle:
        """Return the living process of a method."""
        ...


@dataclass(frozen=True)
class OpenTurn:
    """What the steps of one turn share."""

    bench: Processes
    turn: Turn
    block: LoadedBlock
    entry: Entry
    prepared: Cell
    """The cell that its preparation belongs to."""
    state: str
    """The name of its prepared state; empty where the method prepares nothing."""

    @property
    def cases(self) -> Sequence[Any]:
        """The cases of its task."""
        return self.block.cases

    @property
    def is_prepared(self) -> bool:
        """Whether a process of the method holds the state, or needs none."""
        handle = self.bench.methods.get(self.entry.address)
        return not self.state or (handle is not None and self.state in handle.states)

    def preparation(self, done: Container[Unit] = ()) -> Iterator[Step]:
        """Yield the step that prepares the state, unless it is there."""
        if not self.is_prepared:
            unit = Unit(self.prepared.key, "prepare", -1, 0)
            yield Step(unit, self._prepare, known=unit in done)

    def process(self, *, store: bool = True) -> MethodHandle:
        """Return the method's living process, holding its state: a new one where one was lost.

        Raises:
            MethodFailure, MethodLost: if there can be none.
        """
        handle = self.bench.process(self.block, self.entry)
        if self.state and self.state not in handle.states:
            self._ask_for_state(handle, store=store)
        return handle

    def solve(self, index: int) -> Record:
        """Let one case be measured, and score it."""
        try:
            if load_of(self.block.task) is not None:
                raise MethodLost("it was not answered with the others that were in flight")
            handle = self.process()
            case, files = self.block.case_message(index, self.entry, handle.cases)
            said = handle.ask(
                {"do": "solve", **case, **self._work()}, self.bench.step_s, *files
            )  # fmt: skip
            handle.cases.update(self.block.sent_with(index, self.entry))
            if not getattr(self.block.task, "laps_differ", False):
                check_laps(
                    self.entry.address, said, getattr(self.block.task, "levels", frozenset())
                )
            return self._record(index, said)
        except FAILURES as problem:  # a task's score may raise anything
            return self.failed(index, problem)

    def count(self, indices: Sequence[int]) -> list[Record]:
        """Let cases be counted in one message, and score them; each that fails is its own record.

        Raises:
            MethodFailure, MethodLost: if the message as a whole failed.
        """
        handle = self._send_all("count", indices, {})
        said = handle.reply(self.bench.step_s)
        handle.sessions = int(said["sessions"])
        answers = said["answers"]
        if len(answers) > len(indices):
            raise MethodLost("its process gave more answers than it was asked for")
        return [
            self._counted(index, _with_notes(answer, said))
            for index, answer in zip(indices, answers, strict=False)
        ]

    def under_load(self, load: Load, indices: Sequence[int]) -> Iterator[Record]:
        """Let cases be solved as they come, several in flight; yield their records as they are answered.

        What was in flight when the method's process was lost failed with it.
        """
        left, over = dict(enumerate(indices)), False
        arrivals_s = load.arrivals_s(len(indices), self.turn.cell.seed)
        gap_s = max((later - first for first, later in pairwise(arrivals_s)), default=0.0)
        limit_s = None if self.bench.step_s is None else self.bench.step_s + gap_s
        how = {"arrivals_s": arrivals_s, "in_flight": min(load.in_flight, len(indices))}
        try:
            handle = self._send_all("load", indices, how)
            while "over" not in (said := handle.reply(limit_s)):
                if said.get("place") not in left:
                    raise MethodLost("its process answered a case that it was not asked for")
                yield self._counted(left.pop(said["place"]), said["answer"], under_load=True)
            over = True
        except (MethodFailure, MethodLost) as problem:
            for index in left.values():
                yield self.failed(index, problem)
        finally:
            if not over:
                self.end_process()

    @property
    def sessions(self) -> int:
        """Return how many cases of a message the method's process solves side by side."""
        handle = self.bench.methods.get(self.entry.address)
        return 1 if handle is None else handle.sessions

    def end_process(self) -> None:
        """End the method's process; the next case starts another."""
        handle = self.bench.methods.pop(self.entry.address, None)
        if handle is not None:
            handle.close()

    def failed(self, index: int, problem: BaseException) -> Record:
        """Return the record of a case that failed."""
        found = failed_record(
            self.turn.cell, "solve", index, self.turn.repeat, problem, self.bench.limits
        )
        return replace(found, group=self._group(index))

    def _counted(
        self, index: int, answer: Mapping[str, Any], *, under_load: bool = False
    ) -> Record:
        try:
            if "failed" in answer:
                raise MethodFailure(answer["failed"])
            return self._record(index, answer, clocked=False, under_load=under_load)
        except FAILURES as problem:
            return self.failed(index, problem)

    def _record(
        self,
        index: int,
        said: Mapping[str, Any],
        *,
        clocked: bool = True,
        under_load: bool = False,
    ) -> Record:
        """Score what the method's process said of a case.

        Without a clock no seconds are recorded; those under load have names of their own.
        """
        with self.block.lock:
            score = judge(self.block.task, self.cases[index], said["outcome"])
            kinds = self.bench.settings.kinds
            kind = kind_of(self.block.task, self.cases[index], said["outcome"]) if kinds else ""
        plain = {name: float(value) for name, value in score.items()}
        plain |= {f"{KIND}{kind}": 1.0} if kind else {}
        cell, address = self.turn.cell, self.entry.address
        values = join_values(address, said.get("values", {}), said["counts"], plain)
        unseen = self.block.unseen
        if not clocked:
            by_clock = self.block.by_clock | {name for name in values if name.endswith(OF_CLOCKS)}
            values = {
                f"{PREFIX}{name}" if name in by_clock else name: value
                for name, value in values.items()
                if under_load or name not in by_clock
            }
            unseen |= by_clock
        check_values(address, values, self.block.entry.card, cell.scale, unseen)
        return Record(
            cell, "solve", index, self.turn.repeat, "ok", values, said.get("note", ""),
            self._group(index), tuple(said.get("energy", ())), said["trained"],
        )  # fmt: skip

    def _send_all(self, verb: str, indices: Sequence[int], how: Mapping[str, Any]) -> MethodHandle:
        """Send several cases in one message, and return the process that will answer.

        Raises:
            MethodFailure, MethodLost: if there can be none.
        """
        handle = self.process()
        messages = [self.block.case_message(i, self.entry, handle.cases) for i in indices]
        files = [file for _, own in messages for file in own]
        cases = [{**case, "files": len(own)} for case, own in messages]
        handle.send({"do": verb, "cases": cases, **how, **self._work()}, *files)
        for index in indices:
            handle.cases.update(self.block.sent_with(index, self.entry))
        return handle

    def _group(self, index: int) -> str:
        return str(getattr(self.cases[index], "group", ""))

    def _work(self) -> dict[str, Any]:
        """Say from which state, at which point, and under which probes that count."""
        return {
            "name": self.state,
            "point": dict(self.turn.cell.point),
            "count": list(self.block.metric_names),
        }

    def _prepare(self) -> Record:
        """Prepare a state, from disk if it is there, and return what it cost."""
        cell = self.prepared
        try:
            said = self._ask_for_state(self.bench.process(self.block, self.entry))
            values = join_values(cell.address, said["values"])
        except (MethodFailure, MethodLost, MethodContractError) as problem:
            return failed_record(cell, "prepare", -1, 0, problem, self.bench.limits)
        energy, trained = tuple(said["energy"]), said["trained"]
        record = Record(cell, "prepare", -1, 0, "ok", values, energy=energy, trained=trained)
        self.bench.preparations[self.state] = record
        return record

    def _ask_for_state(self, handle: MethodHandle, *, store: bool = True) -> Mapping[str, Any]:
        folder = self.bench.settings.cache_folder
        path = folder / prepared_states.file_name(self.state) if folder else None
        message = {"do": "prepare", "cell": self.prepared.to_json(), "name": self.state}
        with open_state(path, store=store) as files:
            said = handle.ask(
                {**message, "files": files.kinds}, self.bench.limits.timeout_s, *files.descriptors
            )
            files.keep(bool(said["stored"]))
        handle.states.add(self.state)
        return said


def _with_notes(answer: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of a case with what the message as a whole said."""
    note = answer.get("note", "") or said["note"]
    return {**answer, "trained": said["trained"], "note": note}


def open_turn(bench: Processes, turn: Turn, block: LoadedBlock, entry: Entry) -> OpenTurn:
    """Return a turn whose method has a living process.

    Raises:
        MethodFailure, MethodLost: if the method cannot be loaded.
    """
    prepared = prepared_cell(turn.cell, entry.card)
    prepares = bench.process(block, entry).prepares
    state = prepared_states.key(prepared, block.entry, entry) if prepares else ""
    return OpenTurn(bench, turn, block, entry, prepared, state)


def prepared_cell(cell: Cell, card: Card) -> Cell:
    """Return the cell of a preparation: knobs turned only at `solve` are at their default."""
    solve_time = {knob.name: knob.default for knob in card.knobs if knob.at == "solve"}
    return replace(cell, point={**cell.point, **solve_time})
