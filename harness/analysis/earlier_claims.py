"""Reads rows on claims from plain data, those that earlier rules gave included.

Before a claim carried the paper's effect it had a `threshold` of our choosing, and `reproduced` meant
that the mean met it. Such a verdict does not mean what the word means now. Where the records are there
it is given anew; where only findings were stored the row reads `undecided` and says what it was.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from adabench.harness.analysis.findings import ClaimRow, Findings

EARLIER = "threshold"
SAME_MEANING = ("undecided", "not testable here", "not run")
"""Words that say the same by both rules."""


def with_todays_sources(findings: Findings) -> Findings:
    """Return findings whose rows say where a claim comes from as its file says it today.

    What a claim is counted among is no matter of records; findings without them say it as they were made.
    """
    sources = {
        (address, claim.id): claim.source
        for address, card in findings.method_cards.items() for claim in card.claims
    }  # fmt: skip
    rows = tuple(
        replace(row, source=sources.get((f"{row.task}/{row.method}", row.id), row.source))
        for row in findings.claims
    )
    return replace(findings, claims=rows)


def claim_row(plain: Mapping[str, Any]) -> ClaimRow:
    """Return a row on a claim.

    Raises:
        TypeError: if fields are missing.
    """
    known = {name: plain[name] for name in (one.name for one in fields(ClaimRow)) if name in plain}
    known["met_by"] = tuple(known.get("met_by", ()))
    if EARLIER not in plain:
        return ClaimRow(**known)
    word, limit = plain["verdict"], plain[EARLIER]
    was = f"judged by the rules of before: {word}"
    if limit is not None and word not in SAME_MEANING:
        was += f", against a limit of {limit:g}"
    known["verdict"] = word if word in SAME_MEANING else "undecided"
    known["reason"] = "; ".join(filter(None, [was, plain.get("reason", "")]))
    return ClaimRow(**{**known, "bar": None})
