"""Run folders, or logs of other harnesses, held against the first of them: read, admitted and compared."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adabench.harness.compare import loaded_run, margins, sample_log
from adabench.harness.compare.compare import Comparison, ComparisonRequest, compare
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.errors import EnvironmentProblem, SelectionError, StoreError
from adabench.harness.provenance import environment_diff


@dataclass(frozen=True)
class CompareRequest:
    """Which runs to compare, and how."""

    base: Path
    others: tuple[Path, ...]
    margins: tuple[str, ...] = ()
    """`latency_s=3%`, `accuracy=1pt`"""
    metrics: tuple[str, ...] = ()
    across: bool = False
    """Compare runs of unlike hardware: qualities, counts and shares of ceilings."""


def compare_runs(
    request: CompareRequest, say: Callable[[str], None] = lambda _: None
) -> list[Comparison]:
    """Read the runs and compare them; `say` is told of tasks that are not installed here.

    Raises:
        SelectionError: for a margin or metric that makes no sense, or a file that is no log.
        StoreError: for a folder that is no run, or runs without a common operating point.
        EnvironmentProblem: for unlike hardware that was not asked for.
    """
    question = ComparisonRequest(margins.parse_margins(request.margins), request.metrics)
    base, *others = (_load(path) for path in (request.base, *request.others))
    for other in others:
        _admit(base, other, across=request.across)
    tasks = sorted({cell.task for side in (base, *others) for cell in side.table.cells})
    known = {task: card for side in (base, *others) for task, card in side.cards.items()}
    cards = {task: known.get(task) or task_card(task, say) for task in tasks}
    comparisons = compare(base, others, cards, question)
    for comparison in comparisons:
        if not comparison.rows:
            raise StoreError(
                f"{comparison.base} and {comparison.other} have nothing in common that could be "
                "compared.",
                "They need the same task, method, knobs, conditions, scale and seeds; logs the same task "
                "and filter, or scorer.",
            )
    return comparisons


def _load(path: Path) -> loaded_run.LoadedRun:
    return sample_log.load_log(path) if path.is_file() else loaded_run.load_run(path)


def task_card(task: str, say: Callable[[str], None]) -> Card:
    """Return a task's card; of one that is not installed here nothing but its name is known."""
    try:
        return registry.find(task).card
    except SelectionError:
        say(
            f"task {task} is not installed here, so the direction of its own metrics is "
            "unknown: only times, joules and bytes of memory are compared."
        )
        return Card(task)


def _admit(base: loaded_run.LoadedRun, other: loaded_run.LoadedRun, *, across: bool) -> None:
    """Refuse runs of unlike hardware unless that was asked for."""
    forbidding = environment_diff.forbidding(
        environment_diff.differences(base.manifest, other.manifest)
    )
    if forbidding and not across:
        raise EnvironmentProblem(
            f"{other.name} is of other hardware than {base.name}: "
            f"{', '.join(map(str, forbidding))}.",
            "--across-hardware compares qualities, counts and fractions of measured ceilings.",
        )
