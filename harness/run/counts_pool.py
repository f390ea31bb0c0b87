"""Turns that are counted, on as many cores as there are; the records are those of one core.

Nothing is timed, so methods may run beside each other. Turns that need one prepared state stay
together (a *share*): it is prepared once, in one process. Where shares are fewer than cores, a turn that
prepares nothing is counted in parts. On an accelerator, and with a model of the run's own, which
may fill the memory, one bench does it all. Each core has a bench with processes of its
own; loaded tasks are common, and their judges are asked one at a time. Records are yielded in the
order of the turns, whatever finished first, so a journal is the same to the byte on any number of cores.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NamedTuple

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import AdabenchError
from adabench.harness.run.block import LoadedBlock, block_name, load_block
from adabench.harness.run.counts_pass import WHOLE, Part, needs_clock
from adabench.harness.run.execute import Bench
from adabench.harness.run.open_turn import prepared_cell
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.store.counted_cells import counted_cells

JOIN_AFTER_S = 1.0
"""Each further bench joins in so much later: its server imports for about as long, and a run that is over by
then needs none."""
MOST_BLOCKS = 2
"""Loaded tasks that stay: the one that is counted, and the next, which a free core begins."""
PREPARES = re.compile(r"\bprepare\b")
"""What the source of a method says that has a `prepare`, of its own or imported."""


class Share(NamedTuple):
    """What one bench counts: turns by their places in the plan, or a part of one."""

    places: list[int]
    part: Part = WHOLE


class End(NamedTuple):
    """Comes after the last record of a turn, or of a part of it."""

    cases: int | None
    """Of the turn; None where nothing is to be stored of it."""


@dataclass
class SharedBlocks:
    """Loaded tasks, for the benches of all cores."""

    blocks: dict[str, LoadedBlock] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self, cell: Cell) -> LoadedBlock:
        """Load a cell's task once."""
        name = block_name(cell)
        with self.lock:
            block = self.blocks.pop(name, None) or load_block(cell)
            while len(self.blocks) >= MOST_BLOCKS:
                self.blocks.pop(next(iter(self.blocks)))
            self.blocks[name] = block
            return block


@dataclass
class CountsPool:
    """Threads that each count one share after another, and what came of each turn."""

    turns: Sequence[Turn]
    settings: Settings
    limits: Limits
    done: Container[Unit]
    alone: bool
    shares: Sequence[Share]
    begun: int = 0
    """Shares that were taken."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    loaded: SharedBlocks = field(default_factory=SharedBlocks)
    ending: bool = False
    """Whether no further share is begun."""
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Make a queue for every turn, and every part of one."""
        self.found: dict[tuple[int, int], SimpleQueue[Any]] = {
            (place, share.part.number): SimpleQueue()
            for share in self.shares
            for place in share.places
        }
        self.parts: dict[int, list[int]] = defaultdict(list)
        for place, number in self.found:
            self.parts[place].append(number)
        self.counted = counted_cells(self.settings.counts_folder)

    def records(self, cores: int) -> Iterator[Record]:
        """Yield the records of all turns in their order."""
        benches = [Bench(self.settings, self.limits, load=self.loaded.load) for _ in range(cores)]
        threads = [
            threading.Thread(target=self._join_in, args=(bench, JOIN_AFTER_S * number))
            for number, bench in enumerate(benches)
        ]
        for thread in threads:
            thread.start()
        try:
            for place, turn in enumerate(self.turns):
                yield from self._of_turn(place, turn)
        finally:
            self.ending = True
            self.over.set()
            for bench, thread in zip(benches, threads, strict=True):
                if thread.is_alive():
                    bench.abort()
                thread.join()

    def _of_turn(self, place: int, turn: Turn) -> Iterator[Record]:
        """Yield what came of a turn, part by part; one that was counted in parts is stored here."""
        parts = self.parts[place]
        seen: list[Record] = []
        for part in parts:
            while not isinstance(said := self.found[place, part].get(), End):
                if isinstance(said, BaseException):
                    raise said
                yield said
                if said.status == "skipped":  # the method lacks what it needs in every part
                    return
                if len(parts) > 1:
                    seen.append(said)
        if self.counted and seen and said.cases == sum(one.status == "ok" for one in seen):
            task, method = registry.find(turn.cell.task), registry.find(turn.cell.address)
            self.counted.save(turn, task, method, seen)

    def _join_in(self, bench: Bench, after_s: float) -> None:
        """Count shares, if the run is not over by then."""
        if not self.over.wait(after_s):
            self._work(bench)

    def _work(self, bench: Bench) -> None:
        """Count shares until none is left; what is raised goes to whoever waits for that turn."""
        bench.alone, bench.counted = self.alone, self.counted
        with closing(bench):
            while (share := self._next()) is not None:
                for place in share.places:
                    try:
                        self._count(bench, place, share.part)
                    except Exception as problem:  # noqa: BLE001 - it is raised where it is waited for
                        self.found[place, share.part.number].put(problem)
                        self.ending = True
                        return

    def _count(self, bench: Bench, place: int, part: Part) -> None:
        found, turn = self.found[place, part.number], self.turns[place]
        for record in bench.counts(turn, self.done, part):
            found.put(record)
            if bench.aborted:
                return
        block = bench.block
        here = block is not None and block.name == block_name(turn.cell)
        found.put(End(len(block.cases) if block and here and not needs_clock(block) else None))

    def _next(self) -> Share | None:
        with self.lock:
            if self.ending or self.begun == len(self.shares):
                return None
            self.begun += 1
            return self.shares[self.begun - 1]


def count_turns(
    turns: Sequence[Turn],
    settings: Settings,
    limits: Limits,
    done: Container[Unit] = (),
    *,
    cores: int,
    alone: bool = False,
) -> Generator[Record, None, None]:
    """Count the cases of turns on some cores, and yield the records in the order of the turns."""
    cores = 1 if any(map(_holds_a_model, turns)) else cores
    shares = shares_of(turns, cores)
    pool = CountsPool(turns, settings, limits, done, alone, shares)
    yield from pool.records(min(cores, len(shares)))


def shares_of(turns: Sequence[Turn], cores: int) -> list[Share]:
    """Return what the benches of some cores count, in the order of the plan.

    Turns that need one prepared state are one share. Where that leaves cores idle, a turn that prepares
    nothing is counted in parts.
    """
    methods: dict[str, Entry | None] = {}
    states: dict[str, list[int]] = {}
    for place, (cell, *_) in enumerate(turns):
        if cell.address not in methods:
            methods[cell.address] = _method(cell.address)
        method = methods[cell.address]
        state = prepared_cell(cell, method.card) if method else cell
        states.setdefault(state.key, []).append(place)
    parts = max(1, cores // max(1, len(states)))
    shares = []
    for places in states.values():
        method = methods[turns[places[0]].cell.address]
        if parts > 1 and method and not PREPARES.search(method.path.read_text("utf-8")):
            shares += [Share([place], Part(k, parts)) for place in places for k in range(parts)]
        else:
            shares.append(Share(places))
    return shares


def _holds_a_model(turn: Turn) -> bool:
    """Tell a turn on an accelerator, or on a model that the run names: each bench would load it anew."""
    return turn.cell.scale == "gpu" or "model" in turn.cell.conditions


def _method(address: str) -> Entry | None:
    try:
        return registry.find(address)
    except AdabenchError:  # the turn's own record will say so
        return None
