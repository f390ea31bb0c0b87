"""The command whose run can decide a claim: its rivals, its conditions, its sweep, its scale."""

from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.contract.card import Scalar, Where
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Monotone, rival_names

Value = Scalar | tuple[Scalar, ...]


def command(claim: Claim, method: str, evidence: Evidence) -> str:
    """Return `adabench run ...` for a claim of a method."""
    expect = claim.expect
    wanted = [method, *rival_names(expect), *_controls(claim, evidence)]
    words = [f"{evidence.task}/{name}" for name in dict.fromkeys(wanted)]
    words += ["--defaults"]
    where: Where = getattr(expect, "where", {})
    there: Where = getattr(expect, "there", {})
    for name, value in where.items():
        words += _option(name, (*_values(value), *_values(there.get(name, ()))))
    for name, value in there.items():
        if name not in where:
            words += _option(name, (*_usual(name, method, evidence), *_values(value)))
    if isinstance(expect, Monotone) and expect.over not in where:
        words += _option(expect.over, _sweep(expect.over, method, evidence))
    words += [] if claim.scale == "embedded" else ["--scale", claim.scale]
    return " ".join(["adabench run", *words])


def _controls(claim: Claim, evidence: Evidence) -> tuple[str, ...]:
    if claim.apart_from is not None:
        return claim.apart_from
    if not claim.published:
        return ()
    return tuple(n for n, card in evidence.methods.items() if card.role in ("control", "static"))


def _option(name: str, values: tuple[Scalar, ...]) -> list[str]:
    different = list(dict.fromkeys(values))
    joined = ",".join(str(value) for value in different)
    return ["--set" if len(different) == 1 else "--sweep", f"{name}={joined}"]


def _values(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _usual(name: str, method: str, evidence: Evidence) -> tuple[Scalar, ...]:
    knob = evidence.card.knob(name) or evidence.methods[method].knob(name)
    return () if knob is None else (knob.default,)


def _sweep(name: str, method: str, evidence: Evidence) -> tuple[Scalar, ...]:
    knob = evidence.methods[method].knob(name) or evidence.card.knob(name)
    return () if knob is None else knob.values
