"""What oracles get: a bench that says how right an adapter is on the tests of its case."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from adabench.workloads.moe.adapters.substrate import few_shot
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import CLASSES, Ints
from adabench.workloads.moe.adapters.substrate.workbench import AdaptationCase, Tests, Workbench
from adabench.workloads.shared.training.checkpoints import one_thread


@dataclass(frozen=True)
class AnsweredTests:
    """Tests of a case, and their answers."""

    tests: Tests
    answers: Ints


@dataclass
class OracleBench(Workbench):
    """A bench that knows the answers of the case that was entered."""

    answers: Ints = field(default_factory=lambda: np.empty((0, 0), np.int64))

    def enter(self, case: AdaptationCase, tests: Tests | AnsweredTests) -> None:
        """Take the tests of the next case, and their answers."""
        assert isinstance(tests, AnsweredTests)
        super().enter(case, tests.tests)
        self.answers = tests.answers

    def credits(
        self, case: AdaptationCase, adapter: Adapter, rate: float, wrong: Sequence[int] = ()
    ) -> list[float]:
        """Return how right an adapter would be after an adaptation to the case.

        And, for each seed of `wrong`, how right if one random wrong answer to each test were the right one.
        """
        with one_thread():
            seed = few_shot.seed_of(self.seed, case.task)
            after, _ = few_shot.adapt(
                self.base(), adapter, case.examples, self.schedule(rate), Work(), seed
            )
            said = self._classes(after, Work())
        return [float((said == self._targets(seed)).mean()) for seed in (None, *wrong)]

    def _targets(self, wrong: int | None) -> Ints:
        """Return the answers, or others in the same notation, none of which is right."""
        if wrong is None:
            return self.answers
        half = CLASSES // 2
        notation, value = np.divmod(self.answers, half)
        shift = np.random.default_rng(wrong).integers(1, half, size=value.shape)
        return np.asarray(notation * half + (value + shift) % half, np.int64)
