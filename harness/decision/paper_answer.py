"""The answer of a paper from whatever runs of its methods there are."""

from collections.abc import Iterable, Sequence

from adabench.harness.analysis.findings import ClaimRow, Findings
from adabench.harness.contract import registry
from adabench.harness.contract.papers import Paper
from adabench.harness.decision.answer import Answer
from adabench.harness.decision.answer_rules import answer, evidence


def paper_answer(paper: Paper, rows: Iterable[ClaimRow], runs: Sequence[Findings]) -> Answer:
    """Return what a paper comes to; `rows` hold each of its claims once, of several runs the first counts."""
    every = (entry for task in registry.tasks() for entry in registry.methods(task).values())
    own = [entry for entry in every if entry.card.slug == paper.slug]
    methods = [entry.address for entry in own if entry.card.role == "adaptive"]
    claims = {claim.id: claim for some in paper.claims.values() for claim in some}
    return answer(paper.slug, evidence(methods, rows, claims, runs))
