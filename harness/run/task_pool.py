"""Several loaded tasks at once, so that a race can go from one seed to the next and back."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from adabench.harness.contract.record import Record, Turn, Unit
from adabench.harness.run.block import block_name
from adabench.harness.run.execute import Bench
from adabench.harness.run.method_handle import ServerHandle
from adabench.harness.run.settings import Settings

BENCHES = 8
"""Tasks that stay loaded at once: the seeds of one race."""


@dataclass
class TaskPool:
    """Loaded tasks, one bench for each task under its conditions at a seed."""

    settings: Settings
    benches: dict[str, Bench] = field(default_factory=dict)
    servers: dict[str, ServerHandle] = field(default_factory=dict)

    def run(self, turn: Turn, cases: set[int], done: set[Unit]) -> Iterator[Record]:
        """Run some cases of a turn, and what has to be prepared for them."""
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
        """Return the bench on which a turn's task stays loaded; the oldest ones are dropped."""
        name = block_name(turn.cell)
        if name not in self.benches:
            while len(self.benches) >= BENCHES:
                self.benches.pop(next(iter(self.benches))).close()
            self.benches[name] = Bench(self.settings, servers=self.servers, shared=True)
        return self.benches[name]
