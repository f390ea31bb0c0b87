"""What methods of affine operands get: trained models by name, unlabelled sequences, an account."""

from dataclasses import dataclass

import numpy as np

from adabench.workloads.depth_width.ledger_affine.recipes import recipes
from adabench.workloads.depth_width.ledger_affine.substrate import affine_stream
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import (
    LoopTally,
    Run,
    loop_tally,
)
from adabench.workloads.depth_width.ledger_affine.substrate.train_ffns import FfnRecipe
from adabench.workloads.depth_width.substrate.answers.read_models import ReadModels
from adabench.workloads.depth_width.substrate.answers.rule_works import rule_apart
from adabench.workloads.depth_width.substrate.keyed_draws import drawn
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import of_run

CALIBRATION_SEED, CALIBRATION = 777, 200


@dataclass(frozen=True)
class Models(ReadModels):
    """The trained models of a run, and how they are read."""

    seed: int
    mode: str

    def ffn_reader(self, base: str) -> FfnReader:
        """Return the reader of a model.

        Raises:
            EnvironmentProblem: if it was not trained yet.
            SelectionError: if no recipe has that name.
        """
        recipe = of_run(base, self.seed, recipes(), FfnRecipe)
        reader = self._answers.bind(FfnReader(recipe.load(), self.mode), read=rule_apart)
        return self._answers.join(reader, "joined")

    def calibration(self) -> Batch:
        """Return unlabelled sequences that no score is taken on."""
        corpus = drawn(affine_stream.draw, CALIBRATION_SEED, CALIBRATION)
        return Batch(-1, np.ascontiguousarray(corpus.inputs))

    def account(self, batch: Batch, answer: Run) -> LoopTally:
        """Return what the engine wrote down of an answer.

        Raises:
            MethodContractError: if no engine computed it for this batch, or it was changed.
        """
        return loop_tally(self._confirmed(batch, answer))
