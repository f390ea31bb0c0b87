"""Turns that are counted, on as many cores as there are; the records are those of one core.

Nothing is timed, so methods may run beside each other. Turns that need one prepared state stay
together (a *share*): it is prepared once, in one process. Each core has a bench with processes of its
own; loaded tasks are common, and their judges are asked one at a time. Records are yielded in the
order of the turns, whatever finished first, so a journal is the same to the byte on any number of cores.
"""

import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.record import Cell, Record, Turn, Unit
from adabench.harness.errors import AdabenchError
from adabench.harness.run.block import LoadedBlock, block_name, load_block
from adabench.harness.run.execute import Bench
from adabench.harness.run.open_turn import prepared_cell
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.store.counted_cells import counted_cells

END = None
"""Comes after the last record of a turn."""
MOST_BLOCKS = 2
"""Loaded tasks that stay: the one that is counted, and the next, which a free core begins."""
Share = list[int]
"""Places of turns in the plan."""


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
    shares: Iterator[Share]
    lock: threading.Lock = field(default_factory=threading.Lock)
    loaded: SharedBlocks = field(default_factory=SharedBlocks)
    found: dict[int, "SimpleQueue[Any]"] = field(default_factory=dict)
    ending: bool = False
    """Whether no further share is begun."""

    def records(self, cores: int) -> Iterator[Record]:
        """Yield the records of all turns in their order."""
        self.found = {place: SimpleQueue() for place in range(len(self.turns))}
        benches = [Bench(self.settings, self.limits, load=self.loaded.load) for _ in range(cores)]
        threads = [threading.Thread(target=self._work, args=(bench,)) for bench in benches]
        for thread in threads:
            thread.start()
        try:
            for place in range(len(self.turns)):
                while (said := self.found[place].get()) is not END:
                    if isinstance(said, BaseException):
                        raise said
                    yield said
        finally:
            self.ending = True
            for bench, thread in zip(benches, threads, strict=True):
                if thread.is_alive():
                    bench.abort()
                thread.join()

    def _work(self, bench: Bench) -> None:
        """Count shares until none is left; what is raised goes to whoever waits for that turn."""
        bench.alone = self.alone
        bench.counted = counted_cells(self.settings.cache_folder)
        with closing(bench):
            while (share := self._next()) is not None:
                for place in share:
                    try:
                        self._count(bench, place)
                    except Exception as problem:  # noqa: BLE001 - it is raised where it is waited for
                        self.found[place].put(problem)
                        self.ending = True
                        return

    def _count(self, bench: Bench, place: int) -> None:
        found = self.found[place]
        for record in bench.counts(self.turns[place], self.done):
            found.put(record)
            if bench.aborted:
                return
        found.put(END)

    def _next(self) -> Share | None:
        with self.lock:
            return None if self.ending else next(self.shares, None)


def count_turns(
    turns: Sequence[Turn],
    settings: Settings,
    limits: Limits,
    done: Container[Unit] = (),
    *,
    cores: int,
    alone: bool = False,
) -> Iterator[Record]:
    """Count the cases of turns on some cores, and yield the records in the order of the turns."""
    shares = shares_of(turns)
    pool = CountsPool(turns, settings, limits, done, alone, iter(shares))
    yield from pool.records(min(cores, len(shares)))


def shares_of(turns: Sequence[Turn]) -> list[Share]:
    """Return the places of turns that share a prepared state, in the order of the plan."""
    cards: dict[str, Card | None] = {}
    shares: dict[str, Share] = {}
    for place, (cell, *_) in enumerate(turns):
        if cell.address not in cards:
            cards[cell.address] = _card_of(cell.address)
        card = cards[cell.address]
        state = prepared_cell(cell, card) if card else cell
        shares.setdefault(state.key, []).append(place)
    return list(shares.values())


def _card_of(address: str) -> Card | None:
    try:
        return registry.find(address).card
    except AdabenchError:  # the turn's own record will say so
        return None
