"""The commands whose run can decide a claim: its rivals, its conditions, its sweeps, its seeds.

One command does for most. Where a rival calls something else by the name of a knob that is set, one command
cannot give both their values: then a second one runs the rival at its default, and `adabench reproduce` runs
both as one.

Where seeds of one training are no replicates of it, more of them decide nothing: of a task that has the
condition `trainings` the command asks for as many of these as seeds, unless the claim or one of its methods
is made for a number of them.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.claims.looks import TRAININGS
from adabench.harness.contract.card import Card, Knob, Scalar, Where
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.claim_rivals import rivals
from adabench.harness.contract.expectations import (
    Bound,
    Frontier,
    Monotone,
    Rank,
    Reach,
    rival_names,
)
from adabench.harness.contract.permuted_control import permuted_card, permuted_name

Value = Scalar | tuple[Scalar, ...]
Sweeps = dict[str, tuple[Scalar, ...]]
SEEDS = 5
"""With fewer an interval is too wide for most claims."""
PRODUCT = 40
"""Operating points of a front that are swept in full; of more one knob at a time is turned."""


def command(
    claim: Claim, method: str, evidence: Evidence, units: int = 0, *, of_trainings: bool = False
) -> str:
    """Return the command line of a run that decides a claim of a method.

    `units` is how many trainings or seeds should decide it, where that is known.
    """
    found = commands(claim, method, evidence, units, of_trainings=of_trainings)
    if len(found) == 1:
        return found[0]
    return f"adabench reproduce {claim.id} --seeds 0..{max(units, SEEDS) - 1}"


def commands(
    claim: Claim, method: str, evidence: Evidence, units: int = 0, *, of_trainings: bool = False
) -> tuple[str, ...]:
    """Return `adabench run ...` for a claim of a method, and another for rivals that need one."""
    evidence = _with_permuted(method, evidence)
    swept = sweeps(claim, method, evidence)
    apart = dict.fromkeys(_apart(claim, method, evidence))
    able = [name for name in apart if _takes(evidence.methods[name], swept)]
    first = _line(claim, method, evidence, swept, able, units, of_trainings=of_trainings)
    named = (method, *rival_names(claim.expect))
    aside = [name for name in apart if name not in (*able, *named)]
    needed = [name for name in aside if evidence.methods[name].role == "control"]
    if not needed:
        return (first,)
    conditions = [evidence.card.knob(name) for name in swept]
    words = [f"{evidence.task}/{name}" for name in needed] + ["--no-sweep"]
    for knob in conditions:
        words += _option(knob.name, swept[knob.name]) if knob else []
    words += ["--alone", *_seeds(claim, units)]
    return (first, " ".join(["adabench run", *words]))


def _with_permuted(method: str, evidence: Evidence) -> Evidence:
    """Add the control that the harness makes of a method, which its claims are put to."""
    card = permuted_card(method, evidence.methods[method])
    if card is None:
        return evidence
    return replace(evidence, methods={**evidence.methods, permuted_name(method): card})


def _line(
    claim: Claim, method: str, evidence: Evidence, swept: Sweeps, apart: Iterable[str],
    units: int, *, of_trainings: bool,
) -> str:  # fmt: skip
    names = [method, *rival_names(claim.expect)]
    trained = of_trainings and _takes_trainings(names, claim, evidence, swept)
    names += [name for name in apart if not (trained and _is_bound(name, evidence))]
    words = [f"{evidence.task}/{name}" for name in dict.fromkeys(names)]
    whole = isinstance(claim.expect, Frontier | Reach)
    if not whole or _size(swept) <= PRODUCT:
        words += ["--no-sweep"] if not swept or _size(swept) == 1 else []
        for name, values in swept.items():
            words += _option(name, values)
    else:  # every knob by itself, and what the claim names pinned
        for name, values in _conditions(claim, method, evidence).items():
            words += _option(name, values[-1:])
    words += ["--set", f"{TRAININGS}={max(units, SEEDS)}"] if trained else []
    words += ["--alone", *_seeds(claim, units)]
    return " ".join(["adabench run", *words])


def _seeds(claim: Claim, units: int) -> list[str]:
    scale = [] if claim.scale == "embedded" else ["--scale", claim.scale]
    return ["--seeds", f"0..{max(units, SEEDS) - 1}", *scale]


def _takes_trainings(
    names: Iterable[str], claim: Claim, evidence: Evidence, sweeps: Sweeps
) -> bool:
    """Say whether a task has the condition, and neither the claim nor who it names is bound to a number."""
    named = (*names, *(claim.apart_from or ()))
    bound = TRAININGS in sweeps or any(_is_bound(name, evidence) for name in named)
    return evidence.card.knob(TRAININGS) is not None and not bound


def _is_bound(name: str, evidence: Evidence) -> bool:
    """Say whether a method is made for a number of trainings."""
    card = evidence.methods.get(name)
    return card is not None and TRAININGS in card.conditions


def _apart(claim: Claim, method: str, evidence: Evidence) -> Iterable[str]:
    """Return the rivals that must not meet the claim."""
    if not claim.published and claim.apart_from is None:
        return ()
    known = (*rivals(claim, method, evidence.card, evidence.methods),)
    return (name for name in known if name in evidence.methods)


def _takes(card: Card, sweeps: Sweeps) -> bool:
    """Say whether every knob of a card that is set can stand at all the values."""
    return all(_allowed(knob, value) for knob in card.knobs for value in sweeps.get(knob.name, ()))


def _allowed(knob: Knob, value: Scalar) -> bool:
    if not knob.open:
        return value in knob.values
    if isinstance(value, str) or isinstance(knob.default, str):
        return isinstance(value, str) and isinstance(knob.default, str)
    low = -math.inf if knob.low is None else knob.low
    return low <= value <= (math.inf if knob.high is None else knob.high)


def sweeps(claim: Claim, method: str, evidence: Evidence) -> Sweeps:
    """Return every knob and condition that a claim needs at certain values, with these."""
    expect = claim.expect
    found = _conditions(claim, method, evidence)
    swept: list[Knob | None] = []
    if isinstance(expect, Monotone):
        swept = [_knob(expect.over, method, evidence)]
    elif isinstance(expect, Frontier | Reach):
        methods = [method] if isinstance(expect, Reach) else [method, expect.against]
        swept = [knob for name in methods for knob in _knobs(name, evidence)]
        swept.append(evidence.card.knob(evidence.card.budget))
    elif isinstance(expect, Rank):
        swept = [knob for name in rival_names(expect) for knob in _knobs(name, evidence)]
    elif isinstance(expect, Bound):
        swept = []  # it looks at what was recorded, and holds at the defaults too
    for knob in swept:
        if knob is not None and knob.name not in found:
            found[knob.name] = knob.values
    return found


def _conditions(claim: Claim, method: str, evidence: Evidence) -> Sweeps:
    """Return what the claim itself pins, on its own side and on that of its rival."""
    where: Where = getattr(claim.expect, "where", {})
    there: Where = getattr(claim.expect, "there", {})
    found = {
        name: (*_values(value), *_values(there.get(name, ()))) for name, value in where.items()
    }
    for name, value in there.items():
        if name not in where:
            found[name] = (*_usual(name, method, evidence), *_values(value))
    return found


def _size(sweeps: Sweeps) -> int:
    return math.prod(len(set(values)) for values in sweeps.values())


def _option(name: str, values: tuple[Scalar, ...]) -> list[str]:
    different = list(dict.fromkeys(values))
    joined = ",".join(str(value) for value in different)
    return ["--set" if len(different) == 1 else "--sweep", f"{name}={joined}"]


def _values(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _usual(name: str, method: str, evidence: Evidence) -> tuple[Scalar, ...]:
    """Return where a name stands that nobody turns."""
    own = evidence.methods[method]
    if name in own.conditions:
        return (own.conditions[name],)
    knob = _knob(name, method, evidence)
    return () if knob is None else (knob.default,)


def _knob(name: str, method: str, evidence: Evidence) -> Knob | None:
    return evidence.methods[method].knob(name) or evidence.card.knob(name)


def _knobs(method: str, evidence: Evidence) -> tuple[Knob, ...]:
    card = evidence.methods.get(method)
    return () if card is None else card.knobs
