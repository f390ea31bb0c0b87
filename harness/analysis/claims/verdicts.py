"""Published claims against records: what each claim became, by rules fixed beforehand.

Every claim of every method in the run gets one of five words. All intervals are the 95 %
bootstrap intervals of `intervals.py` over cases nested in seeds.

*Before any number.* A claim that no run can decide (`OutOfReach`), that needs another scale
than the run's, whose instrument is missing, or whose metric is an estimate (`*_est_*`)
is `not testable here`, as is a method that was skipped; one that failed is `undecided`.
Where a rival, a condition or a sweep is missing it is `undecided`, and the reason says what to
run. One replicate has no interval, hence decides nothing but identities and theorems.

*Operating points.* Conditions and knobs named in `where` take those values, others their
default; a rival takes a named knob's value too if it has that knob. `Bound` looks at every
recorded condition, `Monotone` at every value of `over`, `Frontier` at every knob and budget.

*Bound.* The estimate is the largest `metric / bound` over cases (less three standard errors
for a mean): how near the theorem was approached. Reproduced iff no case exceeds 1. A bound
of zero or less is compared, not divided by, and adds nothing to the estimate.

The rules of the other kinds stand where they are applied: `ratio.py`, `monotone_and_frontier.py`
and `ranking.py`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from adabench.harness.analysis.claims.evidence import (
    Evidence,
    Ruling,
    join_rows,
    place_of,
    ruling_on_unrecorded,
)
from adabench.harness.analysis.claims.monotone_and_frontier import rule_frontier, rule_monotone
from adabench.harness.analysis.claims.ranking import rule_level, rule_rank, rule_signed_rank
from adabench.harness.analysis.claims.ratio import SLACK, rule_ratio
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.operating_points import OperatingPoint, collapse
from adabench.harness.contract.card import (
    Bound,
    Card,
    Claim,
    Frontier,
    Level,
    Monotone,
    OutOfReach,
    Rank,
    Ratio,
    SignedRank,
    Testable,
)
from adabench.harness.contract.record import Record
from adabench.harness.stats.intervals import FloatArray
from adabench.harness.store.energy_labels import label
from adabench.harness.store.table import Table, from_records

STANDARD_ERRORS = 3.0
"""Allowed for when the bounded metric is itself a mean over random streams."""


def verdicts(
    records: Iterable[Record] | Table,
    task_cards: Mapping[str, Card],
    method_cards: Mapping[str, Card],
    dots: Sequence[OperatingPoint] | None = None,
) -> tuple[ClaimRow, ...]:
    """Return a row for each claim of each method that has a record, sorted by address.

    `dots` are those of `records`, if they are collapsed already.
    """
    table = records if isinstance(records, Table) else from_records(records)
    known = collapse(table) if dots is None else dots
    rows = []
    for task, method in sorted({(cell.task, cell.method) for cell in table.all_cells}):
        near = [dot for dot in known if dot.task == task]
        card = method_cards[f"{task}/{method}"]
        for claim in card.claims:
            evidence = Evidence(
                task,
                task_cards[task],
                _of_task(task, method_cards),
                [dot for dot in near if dot.scale == claim.scale],
            )
            rows.append(_row(claim, method, evidence, _judged(claim, method, evidence, table)))
    return tuple(rows)


def _of_task(task: str, method_cards: Mapping[str, Card]) -> dict[str, Card]:
    """Return the cards of a task's methods by bare name."""
    addresses = [address.rpartition("/") for address in method_cards]
    return {name: method_cards[f"{own}/{name}"] for own, _, name in addresses if own == task}


def _row(claim: Claim, method: str, evidence: Evidence, ruling: Ruling) -> ClaimRow:
    return ClaimRow(
        claim.id,
        evidence.task,
        method,
        *ruling,
        says=claim.says,
        paper=claim.paper,
        fidelity=evidence.methods[method].fidelity,
    )


def _judged(claim: Claim, method: str, evidence: Evidence, table: Table) -> Ruling:
    """Rule on a claim, or say why nothing here can."""
    expect = claim.expect
    if isinstance(expect, OutOfReach):
        return Ruling("not testable here", reason=expect.reason)
    own = (evidence.task, method)
    scales = sorted({cell.scale for cell in table.all_cells if (cell.task, cell.method) == own})
    if claim.scale not in scales:
        reason = f"needs scale {claim.scale}; this run was {' and '.join(scales)}"
        return Ruling("not testable here", reason=reason)
    kinds = {kind for kind in table.kinds if kind[0] == evidence.task}
    estimated = [name for name in _metrics(expect) if label(name, kinds, {}) == "estimated"]
    if estimated:
        reason = f"{estimated[0]} is an estimate, and an estimate decides no claim"
        return Ruling("not testable here", reason=reason)
    if not any(dot.method == method for dot in evidence.dots):
        return _without_leaves(method, claim.scale, evidence.task, table)
    return _ruled(expect, method, evidence)


def _ruled(expect: Testable, method: str, evidence: Evidence) -> Ruling:
    match expect:
        case Ratio():
            return rule_ratio(expect, method, evidence)
        case Bound():
            return rule_bound(expect, method, evidence)
        case Monotone():
            return rule_monotone(expect, method, evidence)
        case Frontier():
            return rule_frontier(expect, method, evidence)
        case Level():
            return rule_level(expect, method, evidence)
        case Rank():
            return rule_rank(expect, method, evidence)
        case SignedRank():
            return rule_signed_rank(expect, method, evidence)


def _metrics(expect: Testable) -> tuple[str, ...]:
    if isinstance(expect, Frontier):
        return expect.cost, expect.quality
    return (expect.metric, *expect.keeping) if isinstance(expect, Ratio) else (expect.metric,)


def _without_leaves(method: str, scale: str, task: str, table: Table) -> Ruling:
    """Say why a method left nothing to judge: skipped here, or failed."""
    where = (task, method, scale)
    own = [r for r in table.others if (r.cell.task, r.cell.method, r.cell.scale) == where]
    notes = sorted({record.note for record in own if record.status != "ok" and record.note})
    reason = notes[0] if notes else "no case was solved"
    skipped = all(record.status == "skipped" for record in own)
    return Ruling("not testable here" if skipped else "undecided", reason=reason)


def rule_bound(claim: Bound, method: str, evidence: Evidence) -> Ruling:
    """Rule on `claim` of `method`."""
    free = {knob.name for knob in evidence.card.knobs}
    dots = evidence.of(method, claim.where, groups=claim.groups, free=free)
    if not dots:
        reason = evidence.why_none(method, claim.where, claim.groups, free)
        return Ruling("undecided", threshold=1.0, reason=reason)
    for name in (claim.metric, claim.bound):
        dots = [dot for dot in (dot.holding(name) for dot in dots) if len(dot)]
        if not dots:
            return ruling_on_unrecorded(name)._replace(threshold=1.0)
    leaves, rows = dots[0].leaves, join_rows(dots)
    bound, allowed = leaves.column(claim.bound, rows), _allowed(claim, dots)
    broken = allowed > bound + SLACK * np.maximum(1.0, np.abs(bound))
    shares = allowed[bound > 0] / bound[bound > 0]
    ruling = Ruling(
        "reproduced", float(shares.max()) if len(shares) else None, threshold=1.0, n=len(rows)
    )
    if not broken.any():
        return ruling
    worst = rows[int(np.argmax(np.where(broken, allowed - bound, -np.inf)))]
    where = place_of(leaves, int(worst), evidence.card.defaults)
    reason = f"{int(broken.sum())} of {len(rows)} cases exceed the bound; the worst: {where}"
    return ruling._replace(verdict="not reproduced", reason=reason)


def _allowed(claim: Bound, dots: Sequence[OperatingPoint]) -> FloatArray:
    """Return the metric, less three standard errors if it is a mean."""
    leaves, rows = dots[0].leaves, join_rows(dots)
    metric = leaves.column(claim.metric, rows)
    if claim.over != "mean":
        return metric
    error = np.nan_to_num(leaves.column(f"{claim.metric}_se", rows))
    return np.asarray(metric - STANDARD_ERRORS * error, np.float64)
