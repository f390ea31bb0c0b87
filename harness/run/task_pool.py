"""Several loaded tasks at once, so that a race can go from one seed to the next and back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adabench.harness.contract.record import Record, Turn, Unit
from adabench.harness.run.execute import Bench, Settings
from adabench.profilers.probe import Probe

BENCHES = 8
"""Tasks that stay loaded at once: the seeds of one race."""


@dataclass
class TaskPool:
    """Loaded tasks, one bench for each task under its conditions at a seed."""

    settings: Settings
    probes: Sequence[Probe]
    benches: dict[str, Bench] = field(default_factory=dict)
    warmed: dict[str, str] = field(default_factory=dict)

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
        """Close the witnesses of disturbance."""
        for bench in self.benches.values():
            bench.watch.close()

    def _bench(self, turn: Turn) -> Bench:
        """Return the bench on which a turn's task stays loaded; the oldest ones are dropped."""
        cell = turn.cell
        name = repr((cell.task, cell.scale, cell.seed, sorted(cell.conditions.items())))
        if name not in self.benches:
            while len(self.benches) >= BENCHES:
                self.benches.pop(next(iter(self.benches))).watch.close()
            timing = [probe for probe in self.probes if not probe.intrusive]
            intrusive = [probe for probe in self.probes if probe.intrusive]
            self.benches[name] = Bench(self.settings, timing, intrusive, warmed=self.warmed)
        return self.benches[name]
