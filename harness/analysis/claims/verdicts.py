"""Claims against records: what each claim became, by rules fixed beforehand.

All intervals are the 95 % intervals of `harness/stats/intervals.py` over cases nested in seeds, and
over trained models where these are fewer. The words and the rule are those of `verdict_rule.py`; each
form of statement has its module (`ratio_and_difference.py`, `monotone.py`, `frontier_and_reach.py`,
`ranking.py`, `bound.py`).

*Before any number.* A claim that no run can decide (`OutOfReach`), whose instrument is missing, or
whose metric is an estimate (`*_est_*`) is `not testable here`, as are a published one whose task fails a
gate under the conditions that it was tested at (`room_gate.py`), and a method that was skipped; one that failed is `undecided`. Where a rival, a condition, a sweep or a scale is missing it is `not
run`, and the row names the command whose run can decide it.

*Operating points.* Conditions and knobs named in `where` take those values, others their
default; a rival takes a named knob's value too if it has that knob, or what `there` says. `Bound`
looks at every recorded condition, `Monotone` at every value of `over`, fronts at every knob and budget.

*Together.* A claim and those that it requires get the weakest of their verdicts. And a published claim that a
control or a static setting at hardly more work meets in the method's place `does not discriminate`; it is
`undecided` while one that reaches its bar may still turn out to meet it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from adabench.harness.analysis.claims import discrimination, heterogeneity
from adabench.harness.analysis.claims.bound import rule_bound
from adabench.harness.analysis.claims.command import command
from adabench.harness.analysis.claims.evidence import Evidence, Ruling
from adabench.harness.analysis.claims.frontier_and_reach import rule_frontier, rule_reach
from adabench.harness.analysis.claims.monotone import rule_monotone
from adabench.harness.analysis.claims.ranking import (
    rule_correlation,
    rule_level,
    rule_rank,
    rule_signed_rank,
)
from adabench.harness.analysis.claims.ratio_and_difference import rule_paired
from adabench.harness.analysis.claims.room_gate import no_room
from adabench.harness.analysis.claims.verdict_rule import said
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.independent_units import with_units
from adabench.harness.analysis.operating_points import OperatingPoint, collapse
from adabench.harness.contract.card import Card, Where
from adabench.harness.contract.claim import PUBLISHED, Claim
from adabench.harness.contract.expectations import (
    Bound,
    Contrast,
    Correlation,
    Difference,
    Frontier,
    Level,
    Monotone,
    OutOfReach,
    Rank,
    Ratio,
    Reach,
    SignedRank,
    metric_names,
    rival_names,
)
from adabench.harness.contract.permuted_control import permuted_name
from adabench.harness.contract.record import Record
from adabench.harness.store.energy_labels import label
from adabench.harness.store.table import Table, from_records

CERTAIN = (*PUBLISHED, "theorem")
"""Whose certainties are put to others: our own identities are made to hold for all."""
MOST_NAMED = 3
"""Of those who keep a certainty too."""
Look = tuple[float | None, int | None]
"""Of a planned look: how much further out the ends lie, and the last seed that was there."""
NO_LOOK: Look = (None, None)
FAILED = ("not reproduced", "contradicted", "violated")


@dataclass(frozen=True)
class Court:
    """All that a method's claims are judged by on one task at one scale."""

    method: str
    evidence: Evidence
    table: Table

    def judge(self, claim: Claim) -> tuple[Ruling, tuple[str, ...]]:
        """Rule on a claim, and name the rivals that meet it too."""
        ruling = self._alone(claim)
        if ruling.over == "cases" and ruling.trainings > 1:
            own = partial(rule_of, claim, self.method)
            apart = heterogeneity.between_trainings(claim, self.evidence, own)
            ruling = ruling._replace(reason=said(ruling.reason, apart))
        required = self._required(claim)
        ruling = _joined(ruling, [(other, self._alone(other)) for other in required])
        if ruling.verdict == "holds" and claim.source in CERTAIN:
            return self._said_of_others(claim, ruling)
        if not claim.published or ruling.verdict != "reproduced":
            return ruling, ()
        missing = discrimination.unrun(claim, self.method, self.evidence)
        if missing:
            reason = f"to be told apart from {' and '.join(missing)}: run that too"
            return ruling._replace(verdict="not run", reason=said(reason, ruling.reason)), ()

        def parts(evidence: Evidence) -> list[tuple[Claim, Ruling]]:
            return [(one, rule_of(one, self.method, evidence)) for one in (claim, *required)]

        def stands(evidence: Evidence) -> Ruling:
            (_, own), *others = parts(evidence)
            return _joined(own, others)

        met, undecided = discrimination.met_by(claim, self.method, self.evidence, stands, parts)
        if met:
            reason = said(f"{' and '.join(met)} meets it too", ruling.reason)
            return ruling._replace(verdict="does not discriminate", reason=reason), met
        if undecided:
            reason = said(f"{' and '.join(undecided)} may meet it too", ruling.reason)
            return ruling._replace(verdict="undecided", reason=reason), ()
        return ruling._replace(reason=said(ruling.reason, self._not_permuted(claim))), ()

    def _not_permuted(self, claim: Claim) -> str:
        """Say it if a claim was not put to the method with its signal permuted, and could have been."""
        signal, control = self.evidence.methods[self.method].signal, permuted_name(self.method)
        if not signal or claim.apart_from == ():
            return ""
        ran = any(dot.method == control for dot in self.evidence.dots)
        return "" if ran else f"not yet put to {control}"

    def _said_of_others(self, claim: Claim, ruling: Ruling) -> tuple[Ruling, tuple[str, ...]]:
        """Say who keeps a certainty too: what coins keep says nothing of a method."""

        def judge(evidence: Evidence) -> Ruling:
            return rule_of(claim, self.method, evidence)

        others = discrimination.also_held_by(claim, self.method, self.evidence, judge)
        if not others:
            return ruling, ()
        named = " and ".join(others[:MOST_NAMED])
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        verb = "does" if len(others) == 1 else "do"
        reason = said(f"so {verb} {named}{more}", ruling.reason)
        return ruling._replace(reason=reason), others

    def _required(self, claim: Claim) -> list[Claim]:
        own = self.evidence.methods[self.method].claims
        return [other for other in own if other.id in claim.requires]

    def _alone(self, claim: Claim) -> Ruling:
        """Rule on a claim by itself, or say why nothing here can."""
        expect, own = claim.expect, (self.evidence.task, self.method)
        if isinstance(expect, OutOfReach):
            return Ruling("not testable here", reason=expect.reason)
        methods = self.evidence.methods
        closed = no_room(claim, self.method, methods[self.method], self.evidence.card)
        if closed:
            return Ruling("not testable here", reason=closed)
        recorded = [c for c in self.table.all_cells if (c.task, c.method) == own]
        scales = sorted({cell.scale for cell in recorded})
        if claim.scale not in scales:
            known = claim.scale in self.evidence.card.scales and claim.scale != "gpu"
            reason = f"needs scale {claim.scale}; this run was {' and '.join(scales)}"
            return Ruling("not run" if known else "not testable here", reason=reason)
        kinds = {kind for kind in self.table.kinds if kind[0] == self.evidence.task}
        estimated = [n for n in metric_names(expect) if label(n, kinds, {}) == "estimated"]
        if estimated:
            reason = f"{estimated[0]} is an estimate, and an estimate decides no claim"
            return Ruling("not testable here", reason=reason)
        if not any(dot.method == self.method for dot in self.evidence.dots):
            return _without_leaves(self.method, claim.scale, self.evidence.task, self.table)
        return rule_of(claim, self.method, self.evidence)


def verdicts(
    records: Iterable[Record] | Table,
    task_cards: Mapping[str, Card],
    method_cards: Mapping[str, Card],
    dots: Sequence[OperatingPoint] | None = None,
    rivals: Mapping[str, Card] | None = None,
    looks: Mapping[str, Look] | None = None,
) -> tuple[ClaimRow, ...]:
    """Return a row for each claim of each method that has a record, sorted by address.

    `dots` are those of `records`, if they are collapsed already. `rivals` are the cards of controls
    and static methods of these tasks that may not have been run; a claim waits for its controls. `looks`
    are those of claims (by id) whose run planned its looks: the last one of each counts.
    """
    table = records if isinstance(records, Table) else from_records(records)
    known = collapse(table) if dots is None else dots
    rows = []
    for task, method in sorted({(cell.task, cell.method) for cell in table.all_cells}):
        near = [dot for dot in known if dot.task == task]
        cards = _of_task(task, {**(rivals or {}), **method_cards})
        for claim in method_cards[f"{task}/{method}"].claims:
            at_scale = [dot for dot in near if dot.scale == claim.scale]
            widening, last = (looks or {}).get(claim.id, NO_LOOK)
            seen = at_scale if last is None else _up_to(at_scale, last)
            found = Evidence(task, task_cards[task], cards, seen)
            evidence = clustered(claim, method, found, widening)
            ruling, met = Court(method, evidence, table).judge(claim)
            rows.append(_row(claim, method, evidence, ruling, met))
    return tuple(rows)


def _up_to(dots: Sequence[OperatingPoint], last: int) -> list[OperatingPoint]:
    """Return what was there when a run had come to some seed."""
    found = (dot.only(dot.leaves.table.seed[dot.rows] <= last) for dot in dots)
    return [dot for dot in found if len(dot)]


def clustered(claim: Claim, method: str, evidence: Evidence, look: float | None = None) -> Evidence:
    """Return evidence that knows on which units a claim rests: see `independent_units.py`."""
    expect = claim.expect
    where: Where = getattr(expect, "where", {})
    at = {**where, **getattr(expect, "there", {})}
    rivals = [(name, at) for name in rival_names(expect) if name in evidence.methods]
    compared = [
        dot
        for name, there in [(method, where), *rivals]
        for dot in evidence.of(name, there, free=_free(claim, name, evidence))
    ]
    cards = [evidence.methods[name] for name, _ in [(method, where), *rivals]]
    dots = with_units(evidence.dots, compared, evidence.card, cards, claim.over, look)
    return replace(evidence, dots=dots)


def _free(claim: Claim, name: str, evidence: Evidence) -> set[str]:
    """Return the knobs and conditions at every value of which a claim looks."""
    match claim.expect:
        case Bound():
            return {knob.name for knob in evidence.card.knobs}
        case Monotone(over=over):
            return {over}
        case Frontier() | Reach() | Rank():
            return {knob.name for knob in evidence.methods[name].knobs} | {evidence.card.budget}
    return set()


def _of_task(task: str, method_cards: Mapping[str, Card]) -> dict[str, Card]:
    """Return the cards of a task's methods by bare name."""
    addresses = [address.rpartition("/") for address in method_cards]
    return {name: method_cards[f"{own}/{name}"] for own, _, name in addresses if own == task}


def _row(
    claim: Claim, method: str, evidence: Evidence, ruling: Ruling, met: tuple[str, ...]
) -> ClaimRow:
    card = evidence.methods[method]
    testable = not isinstance(claim.expect, OutOfReach)
    return ClaimRow(
        claim.id,
        evidence.task,
        method,
        ruling.verdict,
        ruling.estimate,
        ruling.low,
        ruling.high,
        ruling.bar,
        ruling.n,
        ruling.trainings,
        ruling.reason,
        ruling.p_value,
        source=claim.source,
        paper_slug=card.slug,
        says=claim.says,
        paper=claim.paper,
        effect=claim.effect,
        fidelity=card.fidelity,
        met_by=met,
        run_with=_run_with(claim, method, evidence, ruling) if testable else "",
        over=ruling.over,
        power=ruling.power,
        needed=ruling.needed,
    )


def _run_with(claim: Claim, method: str, evidence: Evidence, ruling: Ruling) -> str:
    """Return the command whose run can decide a claim: with more trainings where these would."""
    of_trainings = _counts_trainings(ruling) and ruling.units > 0
    return command(
        claim, method, evidence, _runnable(ruling, evidence.card), of_trainings=of_trainings
    )


def _runnable(ruling: Ruling, card: Card) -> int:
    """Return how many units a command should ask for: of trainings no more than there are recipes."""
    return min(ruling.units, card.recipes) if _counts_trainings(ruling) else ruling.units


def _counts_trainings(ruling: Ruling) -> bool:
    """Say whether the units that more are asked for of are trainings."""
    return ruling.trainings > 0 and ruling.over != "cases"


def _joined(ruling: Ruling, required: Sequence[tuple[Claim, Ruling]]) -> Ruling:
    """Return a ruling as it stands with those on the claims that are stated together with it.

    The weakest of them counts: what fails makes it not reproduced, what is open leaves it undecided,
    what goes the claimed way and no further makes it direction only.
    """
    if ruling.verdict not in (*discrimination.MET, "direction only", "undecided"):
        return ruling
    known = [one.p_value for one in (ruling, *(own for _, own in required)) if one.p_value]
    ruling = ruling._replace(p_value=max(known) if known else ruling.p_value)
    failed = [other.id for other, own in required if own.verdict in FAILED]
    if failed:
        reason = f"it is stated together with {' and '.join(failed)}, which fails"
        return ruling._replace(verdict="not reproduced", reason=said(reason, ruling.reason))
    if ruling.verdict == "undecided":
        return ruling
    half = [other.id for other, own in required if own.verdict == "direction only"]
    open_ = [
        o.id for o, own in required if own.verdict not in (*discrimination.MET, "direction only")
    ]
    if open_:
        reason = f"it is stated together with {' and '.join(open_)}, which is open"
        units = max(own.units for _, own in required)
        reason = said(reason, ruling.reason)
        return ruling._replace(verdict="undecided", reason=reason, units=units)
    if half:
        reason = f"it is stated together with {' and '.join(half)}, which is direction only"
        return ruling._replace(verdict="direction only", reason=said(reason, ruling.reason))
    return ruling


def rule_of(claim: Claim, method: str, evidence: Evidence) -> Ruling:
    """Rule on a claim by the rule of its form, by itself and whatever the rivals do."""
    expect = claim.expect
    assert not isinstance(expect, OutOfReach)
    return _RULES[type(expect)](claim, method, evidence)


_RULES = {
    Ratio: rule_paired,
    Difference: rule_paired,
    Contrast: rule_paired,
    Reach: rule_reach,
    Correlation: rule_correlation,
    Bound: rule_bound,
    Monotone: rule_monotone,
    Frontier: rule_frontier,
    Level: rule_level,
    Rank: rule_rank,
    SignedRank: rule_signed_rank,
}


def _without_leaves(method: str, scale: str, task: str, table: Table) -> Ruling:
    """Say why a method left nothing to judge: skipped here, or failed."""
    where = (task, method, scale)
    own = [r for r in table.others if (r.cell.task, r.cell.method, r.cell.scale) == where]
    notes = sorted({record.note for record in own if record.status != "ok" and record.note})
    reason = notes[0] if notes else "no case was solved"
    skipped = all(record.status == "skipped" for record in own)
    return Ruling("not testable here" if skipped else "undecided", reason=reason)
