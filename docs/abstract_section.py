"""What a paper's abstract states, sentence by sentence, and the answer that recorded runs have for each."""

from collections.abc import Mapping, Sequence

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.papers import Paper, Sentence
from docs.markdown_table import cell, table

NOT_MEASURED = "in no recorded run"


def section(paper: Paper, rows: Sequence[ClaimRow]) -> list[str]:
    """Return the part of a paper's page with its sentences; none where they are not written down."""
    words = {row.id: row.verdict for row in rows}
    lines = [f"| {cell(one.says)} | {cell(_answer(one, words))} |" for one in paper.sentences]
    heading = "## What the abstract states, in our words"
    return [heading, table(("it states", "here"), lines)] if lines else []


def _answer(sentence: Sentence, words: Mapping[str, str]) -> str:
    if sentence.out_of_reach:
        return f"Nothing here can test it: {sentence.out_of_reach.rstrip('.')}."
    if sentence.not_built:
        return f"Not built: {sentence.not_built.rstrip('.')}."
    said = (f"**{words.get(name, NOT_MEASURED)}** ({name})" for name in sentence.claims)
    return ", ".join(said)
