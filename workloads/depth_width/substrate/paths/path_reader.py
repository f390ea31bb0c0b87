"""What a method that chooses paths holds, and the task that hands it out."""

from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.paths.path_forward import Decide, Reply, answer
from adabench.workloads.depth_width.substrate.paths.path_routers import Guided
from adabench.workloads.depth_width.substrate.questions import Asked, Exam


@dataclass(frozen=True)
class PathReader:
    """A frozen backbone that answers along paths: what a method gets to hold."""

    model: Backbone
    together: int

    def answer(self, exam: Exam, decide: Decide | Tensor, *, more: int = 0) -> Reply:
        """Answer the questions; `more` is the parameters of whatever decides."""
        reply = answer(self.model, exam.questions, decide, tile=self.together)
        return replace(reply, parameters=reply.parameters + more)


class PathTask(Protocol):
    """A frozen backbone, routers for it, and questions that nothing is scored on.

    `ledger_qa` is such a task; `pretrained`, where prompts of a text stand for questions, another.
    """

    def path_reader(self) -> PathReader:
        """Return the frozen backbone."""
        ...

    def guided(self, base: str, /) -> tuple[PathReader, Guided]:
        """Return a frozen backbone and the routers trained for it."""
        ...

    def calibration(self) -> Exam:
        """Return questions without keys."""
        ...

    def training_questions(self) -> Asked:
        """Return questions with keys: what a static path is fitted to."""
        ...

    def fitted_path(self, length: int, /) -> tuple[int, ...] | None:
        """Return a static path that was fitted beforehand; None: find the best on the spot."""
        ...
