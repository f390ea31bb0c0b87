"""What a paper's abstract states, sentence by sentence, and the answer that recorded runs have for each."""

from collections.abc import Mapping, Sequence

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.papers import Paper, Sentence
from docs.markdown_table import cell, table

NOT_MEASURED = "in no recorded run"
PLANNED = (
    "By a pilot on seeds that decide nothing (`adabench power`): what each claim takes to be told with power 0.9, "
    "at the paper's effect and at none. A recorded `adabench reproduce` of the paper looks at fifths of it; other "
    "recorded runs have other sizes."
)


def section(paper: Paper, rows: Sequence[ClaimRow]) -> list[str]:
    """Return the part of a paper's page with its sentences; none where they are not written down."""
    known = {row.id: row for row in rows}
    lines = [f"| {cell(one.says)} | {cell(_answer(one, known))} |" for one in paper.sentences]
    heading = "## What the abstract states, in our words"
    return [heading, table(("it states", "here"), lines)] if lines else []


def plans(paper: Paper) -> list[str]:
    """Return the part of a paper's page with the sizes that were planned; none where none was."""
    lines = [
        f"| {plan.claim} | {plan.size:,} {plan.unit if plan.size != 1 else plan.unit[:-1]} | {plan.seeds:,} |"
        for plan in paper.plans.values()
    ]
    head = ("claim", "takes", "seeds of a run that has them")
    return ["## What its claims take", PLANNED, table(head, lines)] if lines else []


def _answer(sentence: Sentence, known: Mapping[str, ClaimRow]) -> str:
    if sentence.out_of_reach:
        return f"Nothing here can test it: {sentence.out_of_reach.rstrip('.')}."
    if sentence.not_built:
        return f"Not built: {sentence.not_built.rstrip('.')}."
    return "; ".join(_verdict(name, known.get(name)) for name in sentence.claims)


def _verdict(name: str, row: ClaimRow | None) -> str:
    """Return the word on a claim, with the reason where nothing here can test it."""
    if row is None:
        return f"**{NOT_MEASURED}** ({name})"
    if row.verdict == "not testable here":
        return f"**{row.verdict}**: {row.reason.rstrip('.')} ({name})"
    return f"**{row.verdict}** ({name})"
