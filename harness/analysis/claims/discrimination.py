"""Whether a claim tells the method from what does not adapt: rivals put in the method's place.

"Fewer tokens than the chain of thought" is also true of no thought at all. So each control, each static
setting of the task that does hardly more work, and each adaptive method that the paper itself says it beats
stands in for the method, on the same records, and is held to the same claim, with all that the claim
requires. Where one meets it, the claim says nothing of the method. A claim may name what it must be told
apart from (`Claim.apart_from`).

A certainty that holds is put to every other method of the task but oracles, and says who keeps it too: a
theorem is none the less true for that, and a reader sees what it is worth.

A claim waits for a rival whose estimate reaches the bar while its interval does not tell: with more cases it
may meet it too.

What a control would have done is not guessed: where one was not run under the conditions of the
claim, the claim waits for it. A static setting that was not run may be left out, and so may a control
that is made for other conditions than the claim's (`Card.conditions`): it is the twin of another method.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from adabench.harness.analysis.claims.evidence import Evidence, Ruling
from adabench.harness.analysis.claims.verdict_rule import least_worth, reaches
from adabench.harness.analysis.operating_points import (
    OperatingPoint,
    settings,
    shared_places,
    table,
)
from adabench.harness.contract.card import Card
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.claim_rivals import rivals
from adabench.harness.contract.expectations import Frontier, Monotone, Reach, rival_names

Judge = Callable[[Evidence], Ruling]
"""Rules on the claim, and on all that it requires, from evidence."""
Parts = Callable[[Evidence], Sequence[tuple[Claim, Ruling]]]
"""Rules on the claim and on all that it requires, each by itself."""
MET = ("reproduced", "holds")
ALIKE = 1.10
"""Up to so much more work counts as hardly more: nobody chooses an adaptive method for a tenth of the work."""
WHOLE = (Frontier, Reach)
"""Forms that speak of all operating points at once."""


def unrun(claim: Claim, method: str, evidence: Evidence) -> list[str]:
    """Return the rivals that a claim must be told apart from and that were not run where it speaks."""
    controls = rivals(claim, method, evidence.card, evidence.methods, ("control",))
    return [name for name in controls if not _present(name, claim, method, evidence)]


def _present(rival: str, claim: Claim, method: str, evidence: Evidence) -> bool:
    """Say whether a rival was run under the conditions of a claim."""
    expect = claim.expect
    own = [dot for dot in evidence.dots if dot.method == rival]
    free = {evidence.card.budget} if isinstance(expect, WHOLE) else set()
    if isinstance(expect, Monotone):
        free = {expect.over}
    where, groups = getattr(expect, "where", {}), getattr(expect, "groups", ())
    return bool(_posing(method, own, evidence).of(method, where, groups=groups, free=free))


class Rivals(NamedTuple):
    """Those in whose place a claim says something of a method no more, by name."""

    meeting: tuple[str, ...]
    """Who meets it."""
    open: tuple[str, ...]
    """Who reaches its bar, and more cases may show that they meet it, or that they do not."""


def met_by(
    claim: Claim, method: str, evidence: Evidence, judge: Judge, parts: Parts | None = None
) -> Rivals:
    """Put the rivals that a claim must be told apart from in the method's place.

    `parts` rules on the claim and on each that it requires, by itself; without it the claim is all there is.
    Nobody waits for what the claim compares with: it is equal to itself in any number of cases.
    """
    meeting, undecided = [], []
    compared = rival_names(claim.expect)
    for name in rivals(claim, method, evidence.card, evidence.methods):
        places = list(stand_ins(claim, method, name, evidence))
        if any(judge(one).verdict == "reproduced" for one in places):
            meeting.append(name)
        elif name not in compared and any(
            _may_meet(parts(one) if parts else [(claim, judge(one))], evidence.card)
            for one in places
        ):
            undecided.append(name)
    return Rivals(tuple(meeting), tuple(undecided))


def _may_meet(parts: Sequence[tuple[Claim, Ruling]], card: Card) -> bool:
    """Say whether a rival meets every part, or is undecided there and reaches the bar by its estimate."""
    return all(
        ruling.verdict in MET
        or (
            ruling.verdict == "undecided"
            and reaches(part, ruling.estimate, least_worth(part, card))
        )
        for part, ruling in parts
    )


def also_held_by(claim: Claim, method: str, evidence: Evidence, judge: Judge) -> tuple[str, ...]:
    """Return the other methods of the task that keep a certainty too, by name.

    Oracles do not count, and what is compared with keeps an identity with itself.
    """
    ran = {dot.method for dot in evidence.dots} - {method, *rival_names(claim.expect)}
    others = [
        name for name, card in evidence.methods.items()
        if name in ran and card.role != "oracle"
    ]  # fmt: skip
    return tuple(name for name in others if _keeps(claim, method, name, evidence, judge))


def _keeps(claim: Claim, method: str, rival: str, evidence: Evidence, judge: Judge) -> bool:
    """Say whether every setting of a rival that was run keeps a certainty."""
    own = [dot for dot in evidence.dots if dot.method == rival]
    return judge(_posing(method, own, evidence)).verdict == "holds"


def stand_ins(claim: Claim, method: str, rival: str, evidence: Evidence) -> Iterator[Evidence]:
    """Yield the evidence with a rival in the method's place, one for each of its settings.

    A rival that the claim compares with stays there too. Settings that do more work than the method are
    left out, unless the claim names the rival or it is a control.
    """
    expect = claim.expect
    own = [dot for dot in evidence.dots if dot.method == rival]
    if not own:
        return
    if isinstance(expect, Monotone) and evidence.methods[method].knob(expect.over):
        if evidence.methods[rival].knob(expect.over):  # else it has no such knob to be turned
            yield _posing(method, own, evidence)
        return
    if isinstance(expect, WHOLE):
        yield _posing(method, own, evidence)
        return
    if _turns(claim, method, rival, evidence):
        yield replace(
            _posing(method, own, evidence), posing=""
        )  # its knobs stand where the claim asks
        return
    for key in sorted({dot.setting[2] for dot in own}):
        dots = [dot for dot in own if dot.setting[2] == key]
        limited = claim.apart_from is None and evidence.methods[rival].role != "control"
        if not (limited and _dearer(dots, claim, method, evidence)):
            yield _posing(method, dots, evidence)


def _turns(claim: Claim, method: str, rival: str, evidence: Evidence) -> bool:
    """Say whether a claim holds two settings of its method against each other by knobs that a rival has too."""
    asked = {**getattr(claim.expect, "where", {}), **getattr(claim.expect, "there", {})}
    knobs = [name for name in asked if evidence.methods[method].knob(name)]
    own = method in rival_names(claim.expect) and bool(knobs)
    return own and all(evidence.methods[rival].knob(name) for name in knobs)


def _posing(method: str, dots: Sequence[OperatingPoint], evidence: Evidence) -> Evidence:
    """Return evidence in which some operating points pass for the method's."""
    others = [dot for dot in evidence.dots if dot.method != method]
    posing = [replace(dot, method=method) for dot in dots]
    return replace(evidence, dots=[*others, *posing], posing=method)


def _dearer(dots: Sequence[OperatingPoint], claim: Claim, method: str, evidence: Evidence) -> bool:
    """Say whether a rival's setting does more of the task's primary work than the method."""
    work = next((m.name for m in evidence.card.metrics if m.primary and m.role == "work"), None)
    if work is None:
        return False
    where, groups = getattr(claim.expect, "where", {}), getattr(claim.expect, "groups", ())
    posing = _posing(method, dots, evidence).of(method, where, groups=groups)
    ours = settings(evidence.of(method, where, groups=groups), (work,))
    theirs = settings(posing, (work,))
    if not ours or not theirs:
        return False
    places = shared_places(ours, theirs)
    if not len(places):
        return False
    cost, rival = (float(np.mean(table(side, places, work))) for side in (ours, theirs))
    return rival > cost * ALIKE
