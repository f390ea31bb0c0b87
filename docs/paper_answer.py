"""A paper's answer as the first line of its page and as a row of the index, and what an open claim excludes."""

from collections.abc import Sequence

from adabench.harness.analysis.findings import ClaimRow, Compared
from adabench.harness.contract.claim import Claim, is_sameness
from adabench.harness.contract.expectations import Monotone, is_certainty
from adabench.harness.decision.answer import Answer
from adabench.reports.tables.answer_line import difference, figures_of, of_paper

HEADS = (
    "answer", "quality at equal cost", "cost at equal quality", "of the saving in time", "the paper's number",
)  # fmt: skip


def line(answer: Answer) -> str:
    """Return the first line of a paper's page."""
    word = answer.word[0].upper() + answer.word[1:]
    why = f" ({answer.why.rstrip('.')})" if answer.why else ""
    figures = "; ".join(figures_of(answer))
    return f"**{word}**{why}{': ' if figures else ''}{figures}."


def columns(answer: Answer) -> tuple[str, ...]:
    """Return the cells of a paper's row in the index, under `HEADS`."""
    why = f" ({answer.why.rstrip('.')})" if answer.why else ""
    number = of_paper(answer.number) if answer.number else "–"
    return (
        f"**{answer.word}**{why}",
        *(_of(one) for one in (answer.quality, answer.work, answer.time)),
        number,
    )


def _of(found: Compared) -> str:
    return difference(found) if found.estimate is not None else "–"


def power(rows: Sequence[ClaimRow]) -> str:
    """Return the power with which recorded runs could have decided what is open; a dash where nothing is."""
    known = [row.power for row in rows if row.verdict == "undecided" and row.power is not None]
    if not known:
        return "–"
    least, most = min(known), max(known)
    return f"{least:.2f}" if f"{least:.2f}" == f"{most:.2f}" else f"{least:.2f} to {most:.2f}"


def excluded(claim: Claim, row: ClaimRow) -> str:
    """Return what the interval of an undecided claim excludes: what the paper says, or more than so much.

    The cases of one training exclude nothing of a claim over trainings.
    """
    alone = row.trainings == 1 and row.over != "cases"
    if row.verdict != "undecided" or alone or row.low is None or row.high is None:
        return ""
    if row.effect is not None:
        said = row.low <= row.effect <= row.high
        return "" if said else f"the {row.effect:.3g} that is said is excluded"
    if is_certainty(claim.expect) or is_sameness(claim) or isinstance(claim.expect, Monotone):
        return ""
    if row.bar is not None and not row.low <= row.bar <= row.high:
        return ""
    falls = getattr(claim.expect, "high", None) is not None
    return f"{'less' if falls else 'more'} than {row.low if falls else row.high:.3g} is excluded"
