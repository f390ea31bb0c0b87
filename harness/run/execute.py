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
from collections.abc import Callable, Container, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.load import load_of
from adabench.harness.contract.protocols import starts_cold
from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import AdabenchError, EnvironmentProblem, SelectionError
from adabench.harness.run.block import (
    LoadedBlock,
    block_name,
    first_methods,
    load_block,
    needs_before_fork,
    start_order,
)  # fmt: skip
from adabench.harness.run.counts_pass import (
    WHOLE,
    Part,
    case_counter,
    counted,
    counted_turn,
    needs_clock,
    timed_cases,
)
from adabench.harness.run.failure import FAILURES, MethodFailure, MethodLost, failed_record
from adabench.harness.run.method_handle import MethodHandle, ServerHandle
from adabench.harness.run.open_turn import OpenTurn, open_turn
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.run.step import Step, TurnCases, failed_step
from adabench.harness.store.counted_cells import CountedCells, counted_cells
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
    preparations: dict[str, Record] = field(default_factory=dict)
    """By the names of states: what preparing them here came to."""
    counted: CountedCells | None = None
    """Where turns that were counted whole are stored, and taken from."""
    load: Callable[[Cell], LoadedBlock] | None = None
    """Loads a task, where several benches have theirs from one place."""
    aborted: bool = False
    """Whether nothing is started any more."""
    alone: bool = False
    """Whether all of the run is one task under one set of conditions: it ends if that cannot be loaded."""
    writes: tuple[str, ...] = ()
    """Folders that processes of methods may write into: of a trace."""
    block: LoadedBlock | None = None
    methods: dict[str, MethodHandle] = field(default_factory=dict)
    """By address, of the block that is loaded; the one used last comes last."""

    def steps(self, turn: Turn, done: Container[Unit] = ()) -> Iterator[Step]:
        """Yield the steps of one turn that are not done yet; prepare first, then the cases."""
        opened = self.open_turn(turn)
        if isinstance(opened, Step):
            yield opened
            return
        yield from opened.preparation(done)
        if not opened.is_prepared:
            return
        units = [Unit(turn.cell.key, "solve", i, turn.repeat) for i in range(len(opened.cases))]
        cases = TurnCases(solved=any(unit in done for unit in units))
        left = [index for index, unit in enumerate(units) if unit not in done]
        timed = timed_cases(opened, self.settings.timed_cases)
        take = case_counter(opened, [index for index in left if index not in timed])
        for index in left:
            solve = opened.solve if index in timed else take
            yield Step(units[index], functools.partial(cases.run, functools.partial(solve, index)))
            if cases.refused:
                return

    def counts(
        self, turn: Turn, done: Container[Unit] = (), part: Part = WHOLE
    ) -> Iterator[Record]:
        """Yield the records of a turn that is counted, or a part of it.

        What was counted before is taken as it is, and a turn that is counted whole is stored.
        """
        stored = self._stored(turn)
        if stored:
            own = part.cases(sum(record.phase == "solve" for record in stored))
            for record in stored:
                wanted = record.case in own or (record.case < 0 and part.number == 0)
                if wanted and record.unit not in done:
                    yield record
            return
        opened = self.open_turn(turn)
        if isinstance(opened, Step):
            yield opened.run()
            return
        found: list[Record] = []
        for record in counted_turn(opened, done, part):
            found.append(record)
            yield record
        if part == WHOLE:
            self._store(opened, found)

    def open_turn(self, turn: Turn) -> OpenTurn | Step:
        """Load a turn's task and method; what cannot be loaded becomes the turn's one step.

        Raises:
            SelectionError, EnvironmentProblem: if no turn of what was asked for can be done.
        """
        try:
            entry = registry.find(turn.cell.address)
            self.begin_imports([entry])
            block = self._block(turn.cell)
            registry.check_readable(entry)
            return open_turn(self, turn, block, entry)
        except FAILURES as problem:  # a plug-in's task may raise anything
            cause = problem.problem if isinstance(problem, MethodFailure) else problem
            unloaded = not self.block or getattr(problem, "of_task", False)
            if isinstance(cause, ENDS_ALONE if self.alone and unloaded else SelectionError):
                raise cause from None  # no turn of what was asked for can be done
            return failed_step(turn, problem, self.limits)

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
        self.writes = (str(folder),)
        opened = open_turn(self, Turn(cell, 0), block, entry)
        # A stored state is taken. One that is made here is not stored, for no record says what
        # it cost: a run would take it for free.
        handle = opened.process(store=False)
        handle.channel.schema = PLAIN
        data, files = block.case_message(case, entry, handle.cases)
        said = handle.ask({
            "do": "trace", **data, "name": opened.state, "point": dict(cell.point), "folder": str(folder),
        }, None, *files)  # fmt: skip
        trace: Trace = said["trace"]
        return replace(trace, files=tuple(map(Path, said["files"])))

    def open(self, turn: Turn) -> MethodHandle:
        """Return the process of a turn's method, started now if need be.

        Raises:
            MethodFailure, MethodLost: if the method cannot be loaded.
        """
        return self.process(self._block(turn.cell), registry.find(turn.cell.address))

    def starts_cold(self, turn: Turn) -> bool:
        """Say whether a turn's task measures its methods at once, for a clock ends their solves."""
        return starts_cold(self._block(turn.cell).task)

    def trial(self, turn: Turn, order: Iterable[int], *, counts: bool = False) -> Iterator[Record]:
        """Solve some cases of a turn in an order of their own; yield the records of those alone.

        `counts` lets them be counted together, as the counts pass does.
        """
        block, entry = self._block(turn.cell), registry.find(turn.cell.address)
        try:
            opened = open_turn(self, turn, block, entry)
        except (MethodFailure, MethodLost) as problem:
            yield failed_record(turn.cell, "solve", -1, turn.repeat, problem, self.limits)
            return
        indices = [index for index in order if index < len(block.cases)]
        together = counts or load_of(block.task) is not None
        yield from counted(opened, indices) if together else map(opened.solve, indices)

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
        handle = server.start(self._order(entry, None, task), ())
        try:
            return list(handle.reply(self.limits.timeout_s)["problems"])
        finally:
            handle.close()

    @property
    def step_s(self) -> float | None:
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

    def abort(self) -> None:
        """Let nothing begin any more and end all processes, whatever another thread awaits of them."""
        self.aborted = True
        for server in list(self.servers.values()):
            server.process.kill()

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
            self.block = self.blocks[name] = self.block or (self.load or load_block)(cell)
        return self.block

    def process(self, block: LoadedBlock, entry: Entry) -> MethodHandle:
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

    def _stored(self, turn: Turn) -> list[Record]:
        """Return the records of a turn that the same code counted before on a machine like this."""
        if self.counted is None:
            return []
        try:
            task, method = registry.find(turn.cell.task), registry.find(turn.cell.address)
            return self.counted.load(turn, task, method)
        except (AdabenchError, OSError):  # opening the turn says what is wrong
            return []

    def _store(self, opened: OpenTurn, found: Iterable[Record]) -> None:
        """Store the records of a turn that was counted whole."""
        solved = [record for record in found if record.phase == "solve" and record.status == "ok"]
        prepared = self.preparations.get(opened.state)
        whole = len(solved) == len(opened.cases) and (prepared or not opened.state)
        if self.counted and whole and not needs_clock(opened.block):
            records = [prepared, *solved] if prepared else solved
            self.counted.save(opened.turn, opened.block.entry, opened.entry, records)

    def _order(
        self, entry: Entry, block: LoadedBlock | None, rules_of: Entry | None = None
    ) -> dict[str, Any]:
        limits = {"memory_bytes": self.limits.memory_bytes, "descendants": self.limits.descendants}
        return start_order(entry, block, self.settings, rules_of, self.writes) | limits

    def _server(self, task: str) -> ServerHandle:
        if self.aborted:
            raise MethodLost("the run is ending")
        server = self.servers.get(task)
        if server is not None and server.process.poll() is not None:
            server.channel.close()
            server = None
        if server is None:
            server = self.servers[task] = ServerHandle.open()
        return server


def execute(
    turns: Iterable[Turn],
    settings: Settings | None = None,
    *,
    limits: Limits | None = None,
    done: Container[Unit] = (),
    alone: bool = False,
) -> Generator[Record, None, None]:
    """Run every turn and yield its records; units in `done` are left out."""
    settings = settings or Settings()
    with contextlib.closing(Bench(settings, limits or Limits())) as bench:
        bench.alone, bench.counted = alone, counted_cells(settings.counts_folder)
        if isinstance(turns, tuple):  # a race does not know yet
            bench.begin_imports(first_methods(turns))
        for turn in turns:
            if turn.counts:
                yield from bench.counts(turn, done)
                continue
            for step in bench.steps(turn, done):
                record = step.news()
                if record is not None:
                    yield record
