"""What methods that answer questions get: a backbone, routers, other questions, an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from adabench.workloads.depth_width.ledger_qa.recipes import recipes
from adabench.workloads.depth_width.ledger_qa.substrate.train_questions import QuestionBackbone
from adabench.workloads.depth_width.methods.dr_llm.train_path_routers import PathRecipe
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.answers.read_models import ReadModels
from adabench.workloads.depth_width.substrate.answers.rule_works import rule_apart
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.costs import counted
from adabench.workloads.depth_width.substrate.keyed_draws import drawn
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.paths.path_routers import Guided, PathReader
from adabench.workloads.depth_width.substrate.questions import Asked, Exam, ask
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import of_run, trainings

BASE = "qa-6"
TOGETHER = {"prefill": 16, "decode1": 1, "decode16": 16}
CALIBRATION_SEED, CALIBRATION = 777, 400
STATIC_SEED = 778
R = TypeVar("R", bound=checkpoints.Recipe)


@dataclass(frozen=True)
class ReplyTally:
    """A reply as the engine wrote it down."""

    said: Tensor
    """Answer tokens, [n, 3]."""
    executions: Tensor
    """Layers run per token of prompt and answers, [n]."""
    counted: Mapping[str, float]
    """Costs per token."""


@dataclass(frozen=True)
class Models(ReadModels):
    """The trained models of a run, and how they are read."""

    seed: int
    mode: str

    def path_reader(self) -> PathReader:
        """Return the frozen backbone.

        Raises:
            EnvironmentProblem: if it was not trained yet.
        """
        return self._reader(self._recipe(BASE, QuestionBackbone).load())

    def guided(self, base: str) -> tuple[PathReader, Guided]:
        """Return a frozen backbone and the routers trained for it.

        Raises:
            EnvironmentProblem: if they were not trained yet.
            SelectionError: if no recipe has that name.
        """
        guided = self._recipe(base, PathRecipe).load()
        return self._reader(guided.model), guided

    def _reader(self, model: Backbone) -> PathReader:
        return self._answers.bind(PathReader(model, TOGETHER[self.mode]), answer=rule_apart)

    def _recipe(self, base: str, kind: type[R]) -> R:
        return of_run(base, self.seed, recipes(), kind)

    def calibration(self) -> Exam:
        """Return questions without keys that no score is taken on."""
        return Exam(-1, drawn(ask, CALIBRATION_SEED, CALIBRATION).questions)

    def training_questions(self) -> Asked:
        """Return questions *with* keys that no score is taken on: what a static path is fitted to."""
        return drawn(ask, STATIC_SEED, CALIBRATION, self.seed % trainings(BASE, recipes()))

    def fitted_path(self, length: int) -> tuple[int, ...] | None:
        """Return None: no static path was fitted beforehand, so the best is found on the spot."""
        return None

    def account(self, exam: Exam, reply: Reply) -> ReplyTally:
        """Return what the engine wrote down of a reply.

        Raises:
            MethodContractError: if no engine made it for this exam, or it was changed.
        """
        return reply_tally(exam, self._confirmed(exam, reply))


def reply_tally(exam: Exam, reply: Reply) -> ReplyTally:
    """Return what was written down of a reply."""
    passes = reply.passes().sum(1).double()
    lengths = torch.from_numpy(exam.questions.lengths)
    ran = (passes * lengths + 2 * reply.decoded()) / (lengths + 2)
    works = [work for tile in reply.tiles for work in (tile.prefill, tile.decode)]
    return ReplyTally(reply.said, ran, counted(works, reply.tokens, reply.parameters))
