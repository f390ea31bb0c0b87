"""Several loaded tasks at once, so that a race can go from one seed to the next and back.

Each process of a method on a device holds a context of its own there, so all tasks together have
no more of them than one may have (`LoadedBlock.most_alive`).
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

from adabench.harness.contract.record import Record, Turn, Unit
from adabench.harness.run.block import block_name
from adabench.harness.run.counts_pass import Part
from adabench.harness.run.execute import Bench
from adabench.harness.run.method_handle import ServerHandle
from adabench.harness.run.settings import Settings

BENCHES = 8
"""Tasks that stay loaded at once: the seeds of one race."""


@dataclass
class TaskPool:
    """Loaded tasks, one bench for each task under its conditions at a seed."""

    settings: Settings
    counts: bool = False
    """Whether cases are counted, many a message, in the place of being timed."""
    benches: dict[str, Bench] = field(default_factory=dict)
    """The one used last comes last."""
    servers: dict[str, ServerHandle] = field(default_factory=dict)

    def run(self, turn: Turn, cases: set[int], done: set[Unit]) -> Iterator[Record]:
        """Run some cases of a turn, and what has to be prepared for them."""
        if self.counts:
            yield from self._bench(turn).counts(turn, done, Part(chosen=frozenset(cases)))
            return
        for step in self._bench(turn).steps(turn, done):
            if step.unit.phase == "prepare" or step.unit.case in cases | {-1}:
                record = step.news()
                if record is not None:
                    yield record

    def count(self, turn: Turn) -> int | None:
        """Return how many cases a turn's task has; None if it cannot be loaded."""
        return self._bench(turn).count(turn)

    def close(self) -> None:
        """End every process."""
        for server in self.servers.values():
            server.close()  # with every method that lives
        for bench in self.benches.values():
            bench.close()

    def _bench(self, turn: Turn) -> Bench:
        """Return the bench on which a turn's task stays loaded; those used longest ago are dropped."""
        name = block_name(turn.cell)
        bench = self.benches.pop(name, None)
        if bench is None:
            while len(self.benches) >= BENCHES:
                self.benches.pop(next(iter(self.benches))).close()
            bench = Bench(self.settings, servers=self.servers, shared=True)
            bench.make_room = functools.partial(self._make_room, bench)
        self.benches[name] = bench
        return bench

    def _make_room(self, own: Bench, most: int) -> None:
        """End processes of other benches on a device until there are so many at most."""
        others = [
            b for b in self.benches.values() if b is not own and b.block and b.block.on_device
        ]
        while sum(len(bench.methods) for bench in others) > most:
            next(bench for bench in others if bench.methods).end_oldest()
