"""Intervals of findings that were recorded before intervals stayed within the range of what they measure.

A run that keeps its findings alone cannot be computed again. What of its intervals lies outside the range of the
metric is cut off as they are read: no value there is possible, so nothing is claimed by it.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from adabench.harness.analysis.findings import ClaimRow, Compared, Estimate, Findings, SummaryRow
from adabench.harness.analysis.metric_range import (
    ANYWHERE,
    POSITIVE,
    SHARE,
    Range,
    clip,
    is_share,
    range_of,
)
from adabench.harness.analysis.operating_points import metric_of
from adabench.harness.contract.card import Card
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import (
    Contrast,
    Correlation,
    Difference,
    Expectation,
    Frontier,
    Level,
    Monotone,
    Ratio,
    Reach,
    SignedRank,
)
from adabench.harness.stats.intervals import Interval

PERCENT = Range(-100.0)


def within_ranges(findings: Findings) -> Findings:
    """Return findings whose intervals hold possible values only."""
    cards = findings.task_cards
    claims = {
        (address, claim.id): claim
        for address, card in findings.method_cards.items()
        for claim in card.claims
    }
    return replace(
        findings,
        summary=tuple(_summary_row(row, cards.get(row.task)) for row in findings.summary),
        gaps=tuple(
            replace(
                row,
                cost_at_equal_quality=_compared(row.cost_at_equal_quality),
                quality_at_equal_cost=_compared(row.quality_at_equal_cost),
            )
            for row in findings.gaps
        ),
        claims=tuple(
            _claim_row(row, claims.get((f"{row.task}/{row.method}", row.id)), cards)
            for row in findings.claims
        ),
    )


def range_of_effect(expect: Expectation, card: Card) -> Range:
    """Return where the quantity of a claim's form can lie."""
    match expect:
        case Ratio() | Reach():
            return POSITIVE
        case Correlation() | SignedRank():
            return SHARE.differences
        case Level(reaching=None):
            return SHARE if is_share(metric_of(expect.metric, card)) else ANYWHERE
        case Level():
            return SHARE
        case Contrast() if is_share(metric_of(expect.metric, card)):
            return SHARE.differences.differences
        case Difference() | Monotone() if is_share(metric_of(expect.metric, card)):
            return SHARE.differences
        case Frontier() if is_share(metric_of(expect.quality, card)):
            return SHARE.differences
    return ANYWHERE


def _summary_row(row: SummaryRow, card: Card | None) -> SummaryRow:
    if card is None:
        return row
    return replace(row, metrics={n: _estimate(n, one, card) for n, one in row.metrics.items()})


def _estimate(name: str, found: Estimate, card: Card) -> Estimate:
    ends = range_of(name, metric_of(name, card))
    _, low, high = clip(Interval(found.estimate, found.low, found.high), ends)
    return replace(found, low=low, high=high)


def _compared(found: Compared) -> Compared:
    ends = PERCENT if found.unit == "%" else ANYWHERE
    if found.estimate is None:
        return found
    _, low, high = clip(Interval(found.estimate, found.low, found.high), ends)
    return replace(found, low=low, high=high)


def _claim_row(row: ClaimRow, claim: Claim | None, cards: Mapping[str, Card]) -> ClaimRow:
    if claim is None or row.task not in cards:
        return row
    ends = range_of_effect(claim.expect, cards[row.task])
    estimate = math.nan if row.estimate is None else row.estimate
    _, low, high = clip(Interval(estimate, row.low, row.high), ends)
    return replace(row, low=low, high=high)
