"""A paper's answer in one line, and what a claim without an answer excludes."""

from collections.abc import Mapping, Sequence

from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.claim import Claim, is_sameness
from adabench.harness.contract.expectations import Monotone, Ratio, Reach, is_certainty
from adabench.reports.number_format import quantity
from docs.paper_index import OPEN, OUT

WORDS = {
    "reproduced": "Yes",
    "holds": "It holds",
    "direction only": "Less than is said",
    "not reproduced": "No",
    "contradicted": "The other way",
    "violated": "It is violated",
    "does not discriminate": "So does what it must be told apart from",
}
Claims = Mapping[str, Claim]


def answer(rows: Sequence[ClaimRow], claims: Claims) -> str:
    """Return the answer of a paper's headline claims, in the order of its file; `claims` are by id.

    A claim with a number in the abstract comes before one without, and that before an identity.
    """
    decided = [row for row in rows if row.verdict not in (*OPEN, OUT)]
    if decided:
        row = min(
            decided,
            key=lambda one: (one.effect is None, one.verdict == "holds", _place(one, claims)),
        )
        return f"**{WORDS[row.verdict]}**{_rivals(row)}{_numbers(row, claims)} ({row.id})"
    if not rows:
        return "no headline claim is in a recorded run"
    if all(row.verdict == OUT for row in rows):
        return "Cannot be told here"
    return "Open"


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


def _place(row: ClaimRow, claims: Claims) -> int:
    return list(claims).index(row.id) if row.id in claims else len(claims)


def _rivals(row: ClaimRow) -> str:
    return f" ({', '.join(row.met_by)})" if row.met_by and row.verdict != "holds" else ""


def _numbers(row: ClaimRow, claims: Claims) -> str:
    """Say what was measured, and what is said or asked for."""
    claim = claims.get(row.id)
    if row.estimate is None or claim is None or row.verdict in ("holds", "violated"):
        return ""
    times = " times" if isinstance(claim.expect, Ratio | Reach) else ""
    measured = f": {quantity(row.estimate, '')}{times}"
    if row.effect is not None:
        return f"{measured} where {quantity(row.effect, '')} is said"
    return measured
