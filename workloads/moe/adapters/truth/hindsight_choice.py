"""A choice among pre-trained adapters with the answers in hand, and what of its gain is luck.

Each candidate adapts to the case; the one whose adapter then answers most tests is taken, ties to the first, and what
is measured is its adaptation. So it is a bound on what a choice among these can do. The best of several looks good on
some tests by chance alone: `luck` gives the same search random answers that are all wrong, and compares what it
gains over the best single candidate by truth and by chance.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Adapted
from adabench.workloads.moe.adapters.truth.oracle_bench import OracleBench


@dataclass(frozen=True)
class Candidates:
    """The bench, and adapters to choose from with their rates."""

    bench: OracleBench
    adapters: tuple[tuple[Adapter, float], ...]

    def credits(self, case: AdaptationCase, *wrong: int) -> list[list[float]]:
        """Return of each how right it would be, `wrong` as in `OracleBench.credits`."""
        return [self.bench.credits(case, one, rate, wrong) for one, rate in self.adapters]

    def adapt_best(self, case: AdaptationCase) -> Adapted:
        """Adapt the one that turns out best."""
        right = [own[0] for own in self.credits(case)]
        adapter, rate = self.adapters[int(np.argmax(right))]
        return self.bench.adapt(case, adapter, rate=rate)

    def luck(self, task: Any, wrong: int) -> dict[str, float]:
        """Return what the search gains over its best single candidate, by truth and by chance."""
        rows = []
        for case in task.cases():
            self.bench.enter(case, task.oracle_environment(case))
            rows.append(self.credits(case, wrong))
        gains = np.max(rows, axis=1).mean(0) - np.mean(rows, axis=0).max(0)
        return dict(zip(("by_truth", "by_chance"), map(float, gains), strict=True))
