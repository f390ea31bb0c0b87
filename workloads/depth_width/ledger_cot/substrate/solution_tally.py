"""What a solution says and what it took in every phase, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.substrate.costs import counted


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
