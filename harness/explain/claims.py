"""A claim's verdict, taken back to its sides: the leaves of the method and of its rivals.

Which leaves a claim speaks of is decided as `harness/analysis/claims/verdicts.py` does, by
`Evidence`; the rule is quoted from the module that applies it.
"""

import math
from collections.abc import Mapping
from types import ModuleType

from adabench.harness.analysis.claims import (
    bound,
    frontier_and_reach,
    monotone,
    ranking,
    ratio_and_difference,
    verdicts,
)
from adabench.harness.analysis.claims.evidence import Evidence, Pairs
from adabench.harness.analysis.claims.ratio_and_difference import Comparison, compare
from adabench.harness.analysis.findings import ClaimRow, Findings
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import (
    Bound,
    Contrast,
    Correlation,
    Difference,
    Expectation,
    Frontier,
    Level,
    Monotone,
    Rank,
    Ratio,
    Reach,
    SignedRank,
    is_certainty,
    metric_names,
    rival_names,
)
from adabench.harness.explain.named_numbers import Number
from adabench.harness.explain.samples_and_meters import (
    KindDetails,
    how_interval,
    meter,
    paragraph,
    samples,
    without_number,
)
from adabench.harness.store.table import Table

RULES: Mapping[type[Expectation], tuple[ModuleType, str]] = {
    Ratio: (ratio_and_difference, "*Ratio.*"),
    Difference: (ratio_and_difference, "*Difference.*"),
    Contrast: (ratio_and_difference, "*Contrast.*"),
    Bound: (bound, "How a `Bound`"),
    Monotone: (monotone, "The curve is turned"),
    Frontier: (frontier_and_reach, "*Frontier.*"),
    Reach: (frontier_and_reach, "*Reach.*"),
    Level: (ranking, "*Level.*"),
    Rank: (ranking, "*Rank.*"),
    SignedRank: (ranking, "*SignedRank.*"),
    Correlation: (ranking, "*Correlation.*"),
}
"""Where the rule of each kind of claim stands, and how its paragraph begins."""


def explain_claim(findings: Findings, table: Table, number: Number, row: ClaimRow) -> KindDetails:
    """Explain a claim's estimate."""
    what = f"Claim {row.id} of {row.task}/{row.method}: {row.says} Verdict: {row.verdict}."
    card = findings.method_cards[f"{row.task}/{row.method}"]
    claim = next((claim for claim in card.claims if claim.id == row.id), None)
    if claim is None or type(claim.expect) not in RULES:
        return without_number(findings, number, what, verdicts, "", row.reason, ())
    evidence = verdicts.clustered(claim, row.method, _evidence(findings, table, claim, row.task))
    names = [row.method, *rival_names(claim.expect)]
    where, groups = getattr(claim.expect, "where", {}), getattr(claim.expect, "groups", ())
    free = _free(claim.expect, evidence)
    sides = {
        name: evidence.of(name, where, groups=groups, free=free)
        for name in names
        if name in evidence.methods
    }
    metrics = metric_names(claim.expect)
    sides_told = tuple(
        samples(table, dots, metrics[0], name) for name, dots in sides.items() if dots
    )
    pairs = _pairs(evidence, row.method, claim.expect)
    written = f"{claim.expect}"
    if isinstance(claim.expect, Ratio) and pairs is not None and row.estimate is not None:
        written = _ratio_written(claim.expect, pairs, row)
    elif row.estimate is not None:
        against = "" if row.bar is None else f", held against {row.bar:g}"
        written = f"estimate {row.estimate:.6g} over n = {row.n:,}{against}"
    words = "none: a statement about every single case"
    if isinstance(claim.expect, SignedRank):
        words = "none: a test of ranks"
    elif isinstance(claim.expect, Level) and claim.expect.reaching is not None:
        words = (
            "95 %: that of a share, of the cases or of what seeds show (harness/stats/intervals.py)"
        )
    elif not is_certainty(claim.expect):
        own = sides.get(row.method) or []
        places = pairs.places if pairs is not None else own[0].places if own else None
        words = how_interval(number, places, logged=isinstance(claim.expect, Ratio))
    module, start = RULES[type(claim.expect)]
    return KindDetails(
        what, sides_told, tuple(meter(findings, row.task, name) for name in metrics),
        paragraph(module, start), written, words, module, row.reason,
    )  # fmt: skip


def _evidence(findings: Findings, table: Table, claim: Claim, task: str) -> Evidence:
    dots = [d for d in collapse(table) if d.task == task and d.scale == claim.scale]
    addresses = [address.rpartition("/") for address in findings.method_cards]
    methods = {n: findings.method_cards[f"{own}/{n}"] for own, _, n in addresses if own == task}
    return Evidence(task, findings.task_cards[task], methods, dots)


def _free(expect: Expectation, evidence: Evidence) -> set[str]:
    """Return the knobs and conditions that a claim leaves open (`harness/analysis/claims/verdicts.py`)."""
    match expect:
        case Bound():
            return {knob.name for knob in evidence.card.knobs}
        case Monotone():
            return {expect.over}
        case Frontier() | Reach():
            knobs = {knob.name for card in evidence.methods.values() for knob in card.knobs}
            return knobs | {evidence.card.budget}
        case Rank():
            rivals = [
                evidence.methods[name] for name in rival_names(expect) if name in evidence.methods
            ]
            return {knob.name for card in rivals for knob in card.knobs}
    return set()


def _pairs(evidence: Evidence, method: str, expect: Expectation) -> Pairs | None:
    if not isinstance(expect, Ratio | Difference | Contrast):
        return None
    found = compare(expect, method, evidence)
    return found.pairs if isinstance(found, Comparison) else None


def _ratio_written(claim: Ratio, pairs: Pairs, row: ClaimRow) -> str:
    ours, theirs = pairs.columns(claim.metric)
    ours = ours - claim.allowance
    best = theirs.max(axis=1) if (row.bar or 1.0) >= 1 else theirs.min(axis=1)
    limit = f" against {row.bar:g}" if row.bar is not None else ""
    sides = (
        f"mean {claim.metric} {ours.mean():.6g} against {best.mean():.6g} over {len(ours):,} pairs"
    )
    if claim.every:
        return f"the worst pair's ratio = {row.estimate:.6g}{limit}; {sides}"
    if min(ours.min(), best.min()) > 0:
        log = math.log(row.estimate or math.nan)
        return (
            f"exp(mean of ln(ours / theirs)) = exp({log:.6g}) = {row.estimate:.6g}{limit}; {sides}"
        )
    return f"sum of ours / sum of theirs = {row.estimate:.6g}{limit}; {sides}"
