"""What methods that reckon in steps get: trained models, questions without keys, an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_plain_student import (
    PlainStudentRecipe,
)
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_shortcuts import (
    ShortcutRecipe,
)
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_soft_shortcuts import (
    KIND,
    SoftShortcutRecipe,
)
from adabench.workloads.depth_width.ledger_cot.recipes import recipes
from adabench.workloads.depth_width.ledger_cot.substrate import traces
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import (
    TOGETHER,
    ShortenedSolver,
    Solver,
    shortcut_apart,
)
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import StudentRecipe
from adabench.workloads.depth_width.ledger_cot.substrate.train_teacher import TeacherRecipe
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.answers.read_models import ReadModels
from adabench.workloads.depth_width.substrate.answers.rule_works import as_it_is
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.costs import counted
from adabench.workloads.depth_width.substrate.keyed_draws import drawn
from adabench.workloads.depth_width.substrate.questions import Exam
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import of_run

STUDENT, PLAIN_STUDENT = "cot-latent", "cot-plain"
CALIBRATION_SEED, CALIBRATION = 777, 200
R = TypeVar("R", bound=checkpoints.Recipe)


@dataclass(frozen=True)
class SolutionTally:
    """A solution as the engine wrote it down."""

    said: Tensor
    """Answer tokens, [n]; 0 where none was given."""
    steps: Tensor
    """Latent steps, [n]."""
    exits: Tensor
    """[n, most steps]: layers that ran in each latent step; -1 where there was no such step."""
    counted: Mapping[str, float]
    """Per question, or per token of question and answer."""


@dataclass(frozen=True)
class Models(ReadModels):
    """The trained models of a run, and how they are read."""

    seed: int
    mode: str

    def solver(self, base: str) -> Solver:
        """Return a backbone such as `cot-words`.

        Raises:
            EnvironmentProblem: if it was not trained yet.
            SelectionError: if no recipe has that name.
        """
        if base == STUDENT:
            model = self._recipe(base, StudentRecipe).load()
        elif base == PLAIN_STUDENT:
            model = self._recipe(base, PlainStudentRecipe).load()
        else:
            model = self._recipe(base, TeacherRecipe).load()
        return self._solver(model)

    def shortened(self, kind: str) -> ShortenedSolver:
        """Return a latent student and the shortcuts that were trained for it.

        Raises:
            EnvironmentProblem: if they were not trained yet.
            SelectionError: if no recipe has that name.
        """
        name = f"cot-shortcuts-{kind}"
        if kind == KIND:
            found = self._recipe(name, SoftShortcutRecipe).load()
        else:
            found = self._recipe(name, ShortcutRecipe).load()
        return ShortenedSolver(self._solver(found.model), found)

    def _solver(self, model: Backbone) -> Solver:
        solver = Solver(model, TOGETHER[self.mode])
        self._answers.bind(solver, speak=as_it_is, pause=as_it_is, think=shortcut_apart)
        return self._answers.join(solver, "joined")

    def _recipe(self, base: str, kind: type[R]) -> R:
        return of_run(base, self.seed, recipes(), kind)

    def calibration(self) -> Exam:
        """Return questions without keys that no score is taken on."""
        return Exam(-1, drawn(traces.pose, CALIBRATION_SEED, CALIBRATION).questions)

    def account(self, exam: Exam, solution: Solution) -> SolutionTally:
        """Return what the engine wrote down of a solution.

        Raises:
            MethodContractError: if no engine made it for this exam, or it was changed.
        """
        own = self._confirmed(exam, solution)
        tokens = int(exam.questions.lengths.sum()) + len(own.said)
        return solution_tally(own, tokens)


def solution_tally(solution: Solution, tokens: int) -> SolutionTally:
    """Return what was written down of a solution; `tokens` are those of questions and answers."""
    counted = phases(solution, tokens) | costs(solution, tokens)
    return SolutionTally(solution.said, solution.steps, solution.exits, counted)


def phases(solution: Solution, tokens: int) -> dict[str, float]:
    """Return what ran in the question, in latent steps and in language."""
    ran = {phase: solution.executions(phase) for phase in ("question", "latent", "language")}
    return {
        "executions": float(sum(part.sum() for part in ran.values())) / tokens,
        "executions_latent": float(ran["latent"].double().mean()),
        "executions_language": float(ran["language"].double().mean()),
        "tokens_language": float(solution.spoken.double().mean()),
        "steps_latent": float(solution.steps.double().mean()),
    }


def costs(solution: Solution, tokens: int) -> dict[str, float]:
    """Return what was counted in all phases together, per token."""
    works = [
        work for book in solution.books for work in (book.question, book.latent, book.language)
    ]
    return counted(works, tokens, solution.parameters)
