"""Cells in, records out: the one path on which methods are run.

`execute` is a generator and never learns who listens. This process plans, holds the truth, scores and
records. Every method lives in a process of its own (`method_process.py`), forked from a server of its
task (`task_server.py`), and measures itself there (`measurement.py`):

    task.load -> substrate -> server -> method's process: prepare -> warm up -> measure -> account
                                                                                   |
    record <- values are joined and checked <- task.judge(case, outcome) <- plain data

What a method does to its process (a crash, a hang, a mutation, an exit) ends there: it becomes an
`error` or `timeout` record, a fresh process takes the next case, and the run goes on. Bad input, a
server of a model that is gone, and a run's only task that cannot be loaded here end the run with a
message; what was recorded stays.
"""

import contextlib
import functools
import pickle
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.protocols import judge, starts_cold
from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.harness.run.block import (
    LoadedBlock,
    block_name,
    first_methods,
    load_block,
    needs_before_fork,
)  # fmt: skip
from adabench.harness.run.failure import FAILURES, MethodFailure, MethodLost, failed_record
from adabench.harness.run.method_handle import MethodHandle, ServerHandle
from adabench.harness.run.record_values import check_laps, check_values, join_values
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.run.step import Step, TurnCases, failed_step
from adabench.harness.store import prepared_states
from adabench.profilers.compute.torch_trace import PLAIN, Trace

STARTUP_S = 60.0
"""Importing a method may take this long beyond the timeout of a step."""
ENDS_ALONE = (SelectionError, EnvironmentProblem)


@dataclass
class Bench:
    """What is loaded right now: a block of a task, servers, and the processes of methods."""

    settings: Settings
    limits: Limits = field(default_factory=Limits)
    servers: dict[str, ServerHandle] = field(default_factory=dict)
    """By task. Whoever passes some in ends them."""
    shared: bool = False
    """Whether the servers are somebody else's."""
    blocks: dict[str, LoadedBlock] = field(default_factory=dict)
    """Tasks that are loaded, by the names of their blocks; the one used last comes last."""
    most_blocks: int = 1
    make_room: Callable[[int], None] = lambda most: None
    """Called before a process starts on a device: others than ours may be so many there."""
    alone: bool = False
    """Whether all of the run is one task under one set of conditions: it ends if that cannot be loaded."""
    block: LoadedBlock | None = None
    methods: dict[str, MethodHandle] = field(default_factory=dict)
    """By address, of the block that is loaded; the one used last comes last."""

    def steps(self, turn: Turn, done: Container[Unit] = ()) -> Iterator[Step]:
        """Yield the steps of one turn that are not done yet; prepare first, then the cases."""
        cell = turn.cell
        try:
            entry = registry.find(cell.address)
            self.begin_imports([entry])
            block = self._block(cell)
            registry.check_readable(entry)
            handle = self._handle(block, entry)
        except FAILURES as problem:  # a plug-in's task may raise anything
            cause = problem.problem if isinstance(problem, MethodFailure) else problem
            unloaded = not self.block or getattr(problem, "of_task", False)
            if isinstance(cause, ENDS_ALONE if self.alone and unloaded else SelectionError):
                raise cause from None  # no turn of what was asked for can be done
            yield failed_step(turn, problem, self.limits)
            return
        name = ""
        if handle.prepares:
            prepared = _prepare_cell(cell, entry.card)
            name = prepared_states.key(prepared, block.entry, entry)
            if name not in handle.states:
                unit = Unit(prepared.key, "prepare", -1, 0)
                run = functools.partial(self._prepare, block, entry, prepared, name)
                yield Step(unit, run, known=unit in done)
            if name not in self._alive(entry, handle).states:
                return
        units = [Unit(cell.key, "solve", i, turn.repeat) for i in range(len(block.cases))]
        cases = TurnCases(solved=any(unit in done for unit in units))
        for index, unit in enumerate(units):
            if unit not in done:
                solve = functools.partial(self._case, turn, index, block, entry, name)
                yield Step(unit, functools.partial(cases.run, solve))
                if cases.refused:
                    return

    def count(self, turn: Turn) -> int | None:
        """Load the turn's task and count its cases; None if it cannot be loaded."""
        try:
            return len(self._block(turn.cell).cases)
        except SelectionError:
            raise
        except FAILURES:  # the record that `steps` yields will say why
            return None

    def trace(self, cell: Cell, case: int, folder: Path) -> Trace:
        """Return one case taken apart under a profiler that writes into a folder; no record.

        Raises:
            MethodFailure, MethodLost: if the method cannot be loaded, or fails.
            IndexError: if there is no such case.
        """
        block, entry = self._block(cell), registry.find(cell.address)
        handle = self._handle(block, entry)
        name = ""
        if handle.prepares:
            prepared = _prepare_cell(cell, entry.card)
            name = prepared_states.key(prepared, block.entry, entry)
            # A stored state is taken. One that is made here is not stored, for no record says what
            # it cost: a run would take it for free.
            self._prepared(handle, prepared, name, store=False)
        handle.channel.schema = PLAIN
        data, files = block.case_message(case, entry, handle.cases)
        said = handle.ask({
            "do": "trace", **data, "name": name, "point": dict(cell.point), "folder": str(folder),
        }, None, *files)  # fmt: skip
        trace: Trace = said["trace"]
        return replace(trace, files=tuple(map(Path, said["files"])))

    def open(self, turn: Turn) -> MethodHandle:
        """Return the process of a turn's method, started now if need be.

        Raises:
            MethodFailure, MethodLost: if the method cannot be loaded.
        """
        return self._handle(self._block(turn.cell), registry.find(turn.cell.address))

    def starts_cold(self, turn: Turn) -> bool:
        """Say whether a turn's task measures its methods at once, for a clock ends their solves."""
        return starts_cold(self._block(turn.cell).task)

    def trial(self, turn: Turn, order: Iterable[int]) -> Iterator[Record]:
        """Solve some cases of a turn in an order of their own; yield the records of those alone."""
        block, entry = self._block(turn.cell), registry.find(turn.cell.address)
        name = ""
        try:
            if self._handle(block, entry).prepares:
                prepared = _prepare_cell(turn.cell, entry.card)
                name = prepared_states.key(prepared, block.entry, entry)
        except (MethodFailure, MethodLost) as problem:
            yield failed_record(turn.cell, "solve", -1, turn.repeat, problem, self.limits)
            return
        for index in order:
            if index < len(block.cases):
                yield self._case(turn, index, block, entry, name)

    def begin_imports(self, entries: Iterable[Entry]) -> None:
        """Start servers of tasks that have none, and let them import what a first method needs."""
        for entry in entries:
            if entry.task not in self.servers:
                self._server(entry.task).begin_imports(needs_before_fork(entry))

    def preload(self, entry: Entry) -> None:
        """Start the server of a method's task, and let it import what the method will need."""
        self._server(entry.task).preload(needs_before_fork(entry))

    def own_rules(self, entry: Entry) -> list[str]:
        """Return what the rules of its task find wrong with a method, tried in its process.

        Raises:
            MethodFailure, MethodLost: if the method ends that process, or the rules.
        """
        server, task = self._server(entry.task), registry.find(entry.task)
        handle = server.start(self._order(entry, None, rules_of=task), ())
        try:
            return list(handle.reply(self.limits.timeout_s)["problems"])
        finally:
            handle.close()

    @property
    def _step_s(self) -> float | None:
        """How long a step may take; the pass for energy comes on top of what the user set."""
        limit, more = self.limits.timeout_s, self.settings.energy_s if self.settings.energy else 0.0
        return None if limit is None else limit + more

    def end_oldest(self) -> None:
        """End the process of the method that was used longest ago."""
        self.methods.pop(next(iter(self.methods))).finish()

    def renew(self) -> None:
        """End the processes of methods; the next ones are forked anew, with memory of their own."""
        self._begin_ends()
        self._await_quiet()

    def _begin_ends(self) -> None:
        for server in {
            id(handle.server): handle.server for handle in self.methods.values()
        }.values():
            server.end_all([h.pid for h in self.methods.values() if h.server is server])
        for handle in self.methods.values():
            handle.channel.close()
        self.methods.clear()

    def _await_quiet(self) -> None:
        for server in self.servers.values():
            server.await_quiet()

    def close(self) -> None:
        """End every process that was started here."""
        if not self.shared:
            for server in self.servers.values():
                server.close()  # with every method that lives
            self.servers.clear()
        for handle in self.methods.values():
            handle.close()
        self.methods.clear()

    def _block(self, cell: Cell) -> LoadedBlock:
        """Load the cell's task, or take the loaded one; the block before is let go."""
        name = block_name(cell)
        if self.block is None or self.block.name != name:
            self._begin_ends()  # a block loads meanwhile
            self.block = self.blocks.pop(name, None)
            while len(self.blocks) >= self.most_blocks:
                self.blocks.pop(next(iter(self.blocks)))
            self.block = self.blocks[name] = self.block or load_block(cell)
        return self.block

    def _handle(self, block: LoadedBlock, entry: Entry) -> MethodHandle:
        """Return the living process of a method, started now if there is none.

        Raises:
            MethodFailure: if the substrate or the method cannot be loaded.
            MethodLost: if its process ended before that.
        """
        handle = self.methods.pop(entry.address, None)
        if handle is not None and not handle.alive:
            handle.close()
            handle = None
        if handle is None:
            while len(self.methods) >= block.most_alive:
                self.end_oldest()
            if block.on_device:
                self.make_room(block.most_alive - len(self.methods) - 1)
            handle = self._start(block, entry)
        self.methods[entry.address] = handle
        return handle

    def _start(self, block: LoadedBlock, entry: Entry) -> MethodHandle:
        server = self._server(entry.task)
        self._await_quiet()  # nothing may run beside what is measured, nor hold memory of a device
        try:
            server.load(block.name, block.substrate, entry.task, self.most_blocks)
        except MethodFailure as problem:
            problem.of_task = True
            raise
        handle = server.start(self._order(entry, block), block.outcomes)
        limit = self.limits.timeout_s
        try:
            said = handle.reply(None if limit is None else limit + STARTUP_S)
        except (MethodFailure, MethodLost):
            handle.close()
            raise
        handle.prepares, handle.solves = said["prepares"], said["solves"]
        return handle

    def _server(self, task: str) -> ServerHandle:
        server = self.servers.get(task)
        if server is None or server.process.poll() is not None:
            server = self.servers[task] = ServerHandle.open()
        return server

    def _order(
        self, entry: Entry, block: LoadedBlock | None, *, rules_of: Entry | None = None
    ) -> dict[str, Any]:
        """Return what a new process is to know of its method."""
        on_device = block is not None and block.on_device
        oracle = block is not None and entry.card.role == "oracle"
        return {
            "address": entry.address,
            "entry": pickle.dumps(entry),
            "rules_of": pickle.dumps(rules_of) if rules_of else None,
            **needs_before_fork(entry),
            "oracle": block.oracle if block is not None and oracle else None,
            "settings": self.settings.to_json(),
            "device": "cuda" if on_device else None,
            "memory_bytes": self.limits.memory_bytes,
            "descendants": self.limits.descendants,
            "outcomes": block.outcome_names if block is not None else [],
        }

    def _alive(self, entry: Entry, handle: MethodHandle) -> MethodHandle:
        return self.methods.get(entry.address, handle)

    def _prepare(self, block: LoadedBlock, entry: Entry, cell: Cell, name: str) -> Record:
        """Prepare a state, from disk if it is there, and return what it cost."""
        try:
            said = self._prepared(self._handle(block, entry), cell, name)
            values = join_values(cell.address, said["values"])
        except (MethodFailure, MethodLost, MethodContractError) as problem:
            return failed_record(cell, "prepare", -1, 0, problem, self.limits)
        energy, trained = tuple(said["energy"]), said["trained"]
        return Record(cell, "prepare", -1, 0, "ok", values, energy=energy, trained=trained)

    def _prepared(
        self, handle: MethodHandle, cell: Cell, name: str, *, store: bool = True
    ) -> Mapping[str, Any]:
        folder = self.settings.cache_folder
        file = str(folder / prepared_states.file_name(name)) if folder else None
        message = {
            "do": "prepare", "cell": cell.to_json(), "name": name, "file": file, "store": store,
        }  # fmt: skip
        said = handle.ask(message, self.limits.timeout_s)
        handle.states.add(name)
        return said

    def _case(self, turn: Turn, index: int, block: LoadedBlock, entry: Entry, name: str) -> Record:
        """Let one case be measured, and score it."""
        cell = turn.cell
        group = str(getattr(block.cases[index], "group", ""))
        try:
            handle = self._handle(block, entry)
            if name and name not in handle.states:  # a process that took the place of a lost one
                self._prepared(handle, _prepare_cell(cell, entry.card), name)
            case, files = block.case_message(index, entry, handle.cases)
            said = handle.ask(
                {
                    "do": "solve", "name": name, **case, "point": dict(cell.point),
                    "count": list(block.metric_names),
                },
                self._step_s, *files,
            )  # fmt: skip
            handle.cases.add(index)
            values = self._scored(block, entry, index, said)
            check_values(cell.address, values, block.entry.card, cell.scale, block.unseen)
        except FAILURES as problem:  # a task's score may raise anything
            failed = failed_record(cell, "solve", index, turn.repeat, problem, self.limits)
            return replace(failed, group=group)
        energy = tuple(said["energy"])
        return Record(
            cell, "solve", index, turn.repeat, "ok", values, said["note"], group, energy,
            said["trained"],
        )  # fmt: skip

    def _scored(
        self, block: LoadedBlock, entry: Entry, index: int, said: Mapping[str, Any]
    ) -> dict[str, float]:
        if not getattr(block.task, "laps_differ", False):
            check_laps(entry.address, said, getattr(block.task, "levels", frozenset()))
        score = judge(block.task, block.cases[index], said["outcome"])
        plain = {name: float(value) for name, value in score.items()}
        return join_values(entry.address, said["values"], said["counts"], plain)


def execute(
    turns: Iterable[Turn],
    settings: Settings | None = None,
    *,
    limits: Limits | None = None,
    done: Container[Unit] = (),
    alone: bool = False,
) -> Iterator[Record]:
    """Run every turn and yield its records; units in `done` are left out."""
    with contextlib.closing(Bench(settings or Settings(), limits or Limits())) as bench:
        bench.alone = alone
        if isinstance(turns, tuple):  # a race does not know yet
            bench.begin_imports(first_methods(turns))
        for turn in turns:
            for step in bench.steps(turn, done):
                record = step.news()
                if record is not None:
                    yield record


def _prepare_cell(cell: Cell, card: Card) -> Cell:
    """The cell a preparation belongs to: knobs turned only at `solve` are at their default."""
    solve_time = {knob.name: knob.default for knob in card.knobs if knob.at == "solve"}
    return replace(cell, point={**cell.point, **solve_time})
