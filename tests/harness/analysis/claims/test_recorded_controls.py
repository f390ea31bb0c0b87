"""Over every recorded run: no published claim reads `reproduced` that a control of its task meets.

Each control and each cheaper static of the task stands in for the method: its operating points are given
the method's name and the method's own settings, and the claim is judged as one of our own, which
no control is tried on. So an engine that looks away would be noticed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.claims.verdicts import Court, verdicts
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.load_run import find_cards, find_rivals
from adabench.harness.analysis.operating_points import OperatingPoint, collapse
from adabench.harness.contract.card import Card
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Frontier, Reach
from adabench.harness.store import packed_run, run_folder
from adabench.harness.store.table import Table, read

RECORDED = Path(__file__).parents[4] / "docs" / "recorded"
LARGE = 30_000_000
"""Bytes of records that would take longer to read than the suite has time for."""
RUNS = [
    folder for folder in sorted(filter(Path.is_dir, RECORDED.iterdir()))
    if not run_folder.has_only_findings(folder)
    and packed_run.size_bytes(folder / run_folder.RECORDS) < LARGE
]  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """A recorded run and today's cards."""

    table: Table
    tasks: dict[str, Card]
    methods: dict[str, Card]
    dots: tuple[OperatingPoint, ...]
    rows: tuple[ClaimRow, ...]

    def evidence(self, task: str, scale: str) -> Evidence:
        """All that the run holds of a task at a scale."""
        cards = {
            address.rpartition("/")[2]: card
            for address, card in (find_rivals([task]) | self.methods).items()
            if address.startswith(f"{task}/")
        }
        dots = [dot for dot in self.dots if (dot.task, dot.scale) == (task, scale)]
        return Evidence(task, self.tasks[task], cards, dots)


@cache
def opened(folder: Path) -> Opened:
    """Read a run."""
    plan = run_folder.read_plan(run_folder.read_manifest(folder))
    cells = [turn.cell for turn in plan]
    table = read(folder, run_folder.digest(folder))
    tasks, methods = ({c.task for c in cells}, {c.address for c in cells})
    cards, dots = (find_cards(tasks), find_cards(methods)), collapse(table)
    return Opened(table, *cards, dots, verdicts(table, *cards, dots, find_rivals(tasks)))


def rivals(claim: Claim, method: str, evidence: Evidence) -> Iterator[list[OperatingPoint]]:
    """Each setting of each method that must not meet a claim; all at once for fronts."""
    names = claim.apart_from
    if names is None:
        names = tuple(
            n
            for n, card in evidence.methods.items()
            if card.role == "static" or card.controls(method)
        )
    for name in names:
        own = [dot for dot in evidence.dots if dot.method == name and name != method]
        if isinstance(claim.expect, Frontier | Reach):
            yield own
            continue
        for point in {dot.setting[2] for dot in own}:
            dots = [dot for dot in own if dot.setting[2] == point]
            card = evidence.methods[name]
            if (
                claim.apart_from is None
                and card.role == "static"
                and dearer(dots, method, evidence)
            ):
                continue
            yield dots


def dearer(dots: list[OperatingPoint], method: str, evidence: Evidence) -> bool:
    """Whether a setting does more of the primary work than the method under each condition."""
    work = next((m.name for m in evidence.card.metrics if m.primary and m.role == "work"), None)
    own = [dot for dot in evidence.dots if dot.method == method]
    pairs = [
        (np.nanmean(one.column(work)), np.nanmean(other.column(work)))
        for one in dots for other in own
        if work and one.conditions == other.conditions and one.holds(work).any()
        and other.holds(work).any()
    ]  # fmt: skip
    return not pairs or any(theirs > 1.005 * ours for theirs, ours in pairs)


def in_place(dots: list[OperatingPoint], claim: Claim, method: str, evidence: Evidence) -> Evidence:
    """The evidence with a rival's dots under the method's name, at what the claim asks for."""
    card = evidence.methods[method]
    asked = {
        name: value for name, value in getattr(claim.expect, "where", {}).items()
        if card.knob(name) and not isinstance(value, tuple)
    }  # fmt: skip
    whole = isinstance(claim.expect, Frontier | Reach)
    posing = [
        replace(dot, method=method, point=dict(dot.point) if whole else {**card.defaults, **asked})
        for dot in dots
    ]
    return replace(evidence, dots=[d for d in evidence.dots if d.method != method] + posing)


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_no_control_meets_what_reads_reproduced(folder):
    run = opened(folder)
    met = []
    for row in run.rows:
        if row.verdict != "reproduced" or row.source not in ("headline", "measured"):
            continue
        claims = run.methods[f"{row.task}/{row.method}"].claims
        claim = next(claim for claim in claims if claim.id == row.id)
        evidence = run.evidence(row.task, claim.scale)
        for dots in rivals(claim, row.method, evidence):
            own = in_place(dots, claim, row.method, evidence)
            ruling, _ = Court(row.method, own, run.table).judge(replace(claim, source="own"))
            if ruling.verdict == "reproduced":
                met.append(f"{row.id}: {dots[0].method} at {dict(dots[0].point)}")
    assert met == []


def test_the_engine_finds_controls_that_meet_a_claim():
    """A claim that any method meets: else the test above would pass for want of claims."""
    found = 0
    for folder in RUNS:
        words = [row.verdict for row in opened(folder).rows]
        found += sum(word in ("reproduced", "does not discriminate") for word in words)
    assert found > 0
