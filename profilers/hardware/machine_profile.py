"""Writes a machine down as TOML, and holds it against a machine later.

Keys of the fingerprint must be equal. Ceilings may differ by three times their uncertainties, at least by `SLACK`; the noise floor,
what one could not measure at that moment, what was slow on a busy machine and what one does not know are not judged.
"""

import datetime
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

from adabench.profilers.hardware.ceilings import QUICK_S, measure_apart
from adabench.profilers.hardware.fingerprint import Fingerprint, fingerprint
from adabench.profilers.hardware.fingerprint import from_json as fingerprint_from_json
from adabench.profilers.hardware.host import HERE, Machine
from adabench.profilers.hardware.idle_power import LOWER_IS_BETTER, Ceiling
from adabench.profilers.hardware.noise import OtherLoad

SCHEMA = 1
SLACK = {"B/s": 0.30, "FLOP/s": 0.30, "s": 0.60, "W": 0.30}
"""Least allowance on the logarithm of a ratio, by unit. What a neighbour on the same memory or
a turbo clock moves between two calm moments stays below it; a wrong memory configuration, a
throttled board or a debug build does not."""
STATES = frozenset({"noise_floor"})

Word = Literal["same", "differs", "not judged"]


class InvalidProfile(ValueError):
    """A file that is not a hardware profile; the message says what is wrong with it."""


@dataclass(frozen=True)
class Profile:
    """A machine: what it is and what it can do at most."""

    fingerprint: Fingerprint
    ceilings: Mapping[str, Ceiling]
    company: OtherLoad
    disturbed: float | None
    busy: bool
    adabench: str | None = None
    measured: str | None = None
    """The day, as 2026-11-24."""


class CeilingComparison(NamedTuple):
    """One ceiling of two profiles, held against each other."""

    key: str
    word: Word
    then: Ceiling | None
    now: Ceiling | None
    reason: str

    def __str__(self) -> str:
        return f"{self.key} ({self.reason})"


class Fraction(NamedTuple):
    """A figure as a fraction of a ceiling."""

    name: str
    value: float
    u_rel: float
    """Of the ceiling; the figure's own uncertainty is not in it."""
    of: str
    """The ceiling's key."""


def pin(machine: Machine = HERE, seconds: float = QUICK_S) -> Profile:
    """Describe this machine and measure its ceilings (in a child process).

    Raises:
        Unmetered: if the child process fails.
    """
    found, measured = fingerprint(machine), measure_apart(seconds)
    return Profile(
        found,
        measured.values,
        measured.company,
        measured.disturbed,
        measured.busy,
        machine.version("adabench"),
        datetime.date.today().isoformat(),
    )


def to_toml(pinned: Profile) -> str:
    """Write a profile; `from_toml` reads it back as it was."""
    return "\n".join(_tables("", to_json(pinned))).strip() + "\n"


def to_json(pinned: Profile) -> dict[str, Any]:
    """Return a profile as plain data without what is unknown."""
    conditions = {**asdict(pinned.company), "disturbed": pinned.disturbed, "busy": pinned.busy}
    return {
        "schema": SCHEMA,
        **({"adabench": pinned.adabench} if pinned.adabench else {}),
        **({"measured": pinned.measured} if pinned.measured else {}),
        "fingerprint": pinned.fingerprint.to_json(),
        "conditions": {name: value for name, value in conditions.items() if value is not None},
        "ceilings": {name: item.to_json() for name, item in pinned.ceilings.items()},
    }


def from_toml(text: str) -> Profile:
    """Read a profile.

    Raises:
        BadProfile: if it is not one, or of another schema.
    """
    try:
        return from_json(tomllib.loads(text))
    except tomllib.TOMLDecodeError as broken:
        raise InvalidProfile(f"it is not TOML: {broken}") from broken


def from_json(data: Mapping[str, Any]) -> Profile:
    """Rebuild a profile from plain data.

    Raises:
        BadProfile: if it is not one, or of another schema.
    """
    if data.get("schema") != SCHEMA:
        raise InvalidProfile(f"it has schema {data.get('schema')}, this adabench reads {SCHEMA}")
    try:
        conditions = data["conditions"]
        return Profile(
            fingerprint_from_json(data["fingerprint"]),
            {name: Ceiling(**item) for name, item in data.get("ceilings", {}).items()},
            OtherLoad(conditions.get("others"), conditions.get("stolen")),
            conditions.get("disturbed"),
            bool(conditions["busy"]),
            data.get("adabench"),
            data.get("measured"),
        )
    except (KeyError, TypeError, AttributeError) as broken:
        raise InvalidProfile(f"it is damaged: {broken}") from broken


def judge(then: Profile, now: Profile) -> list[CeilingComparison]:
    """Hold every ceiling of two profiles against each other."""
    keys = [*then.ceilings, *(key for key in now.ceilings if key not in then.ceilings)]
    return [_judged(key, then, now) for key in keys]


def fractions(
    values: Mapping[str, float],
    pinned: Profile,
    *,
    place: Literal["core", "cpu", "gpu"] = "cpu",
    dtype: str = "float32",
) -> list[Fraction]:
    """Return what a case made of the machine: its figures as fractions of the ceilings.

    `values` are those of a record, by their names: `latency_s` with `flops` gives the share of
    the matrix product's rate, with `bytes_moved` the share of the copy's; `launches` or 1
    gives the share of the latency that launches take at least; `energy_gpu_j` or
    `energy_cpu_j` the share of the joules that the idle machine would have drawn. What a
    value or a ceiling is missing for is absent. A rate of all cores that was not measured is
    bounded by that of one core times the cores, and `of` says so.
    """
    seconds = values.get("latency_s")
    if not seconds or seconds <= 0:
        return []
    meter = "energy_gpu_j" if place == "gpu" else "energy_cpu_j"
    wanted = [
        ("compute", f"gemm_{place}_{dtype}", _over(values.get("flops"), seconds)),
        ("bandwidth", f"copy_{place}", _over(values.get("bytes_moved"), seconds)),
        ("launch", f"launch_{place}", _over(values.get("launches", 1.0), seconds)),
        (
            "idle",
            f"idle_power_{'gpu' if place == 'gpu' else 'cpu'}",
            _over(seconds, values.get(meter)),
        ),
    ]
    found = (_fraction(name, *_ceiling(pinned, key), rate) for name, key, rate in wanted)
    return [item for item in found if item is not None]


def _ceiling(pinned: Profile, key: str) -> tuple[Ceiling | None, str]:
    """Return a ceiling and its name; for a rate of all cores that is missing, a bound of it."""
    own = pinned.ceilings.get(key)
    one = pinned.ceilings.get(key.replace("_cpu", "_core"))
    lacking = own is None or own.value is None
    if not lacking or one is None or one.value is None or one.unit in LOWER_IS_BETTER:
        return own, key
    cores = pinned.fingerprint.cores
    name = f"{cores} x {key.replace('_cpu', '_core')}"
    return replace(one, value=cores * one.value), name


def _fraction(name: str, ceiling: Ceiling | None, key: str, rate: float | None) -> Fraction | None:
    """Divide a rate by a ceiling; times and powers are multiplied, being per unit already."""
    if ceiling is None or ceiling.value is None or rate is None:
        return None
    whole = rate * ceiling.value if ceiling.unit in LOWER_IS_BETTER else rate / ceiling.value
    return Fraction(name, whole, ceiling.u_rel or 0.0, key)


def _over(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below


def _judged(key: str, then: Profile, now: Profile) -> CeilingComparison:
    a, b = then.ceilings.get(key), now.ceilings.get(key)
    word, reason = _verdict(key, a, b, then, now)
    return CeilingComparison(key, word, a, b, reason)


def _verdict(
    key: str, a: Ceiling | None, b: Ceiling | None, then: Profile, now: Profile
) -> tuple[Word, str]:
    if a is None or b is None:
        return "not judged", "only one of the two profiles knows it"
    if key in STATES:
        return "not judged", "it is a state of the machine, not a property"
    if a.value is None or b.value is None:
        return _absent(a, b)
    off, allowed = math.log(b.value / a.value), allowance(a, b)
    reason = f"{a.value:.3g} {a.unit} then, {b.value:.3g} {b.unit} now; {allowed:.0%} is allowed"
    if abs(off) <= allowed:
        return "same", reason
    worse_now = (off > 0) == (a.unit in LOWER_IS_BETTER)
    if (now if worse_now else then).busy:
        return "not judged", f"{reason}, and others used the processors: slow proves nothing"
    return "differs", reason


def allowance(a: Ceiling, b: Ceiling) -> float:
    """Return how far the logarithms of two values of one ceiling may lie apart."""
    together = math.hypot(a.u_rel or 0.0, b.u_rel or 0.0)
    return max(SLACK.get(a.unit, 0.30), 3 * together)


def _absent(a: Ceiling, b: Ceiling) -> tuple[Word, str]:
    if a.value is None and b.value is None:
        return "same", "unavailable in both"
    lacking = a if a.value is None else b
    when = "then" if a.value is None else "now"
    reason = f"unavailable {when}: {lacking.unavailable}"
    return ("not judged" if lacking.passing else "differs"), reason


def _tables(path: str, data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a TOML table: its own keys first, then the tables inside it."""
    inner = {k: v for k, v in data.items() if isinstance(v, Mapping) or _is_array(v)}
    yield from (f"{key} = {_scalar(value)}" for key, value in data.items() if key not in inner)
    for key, value in inner.items():
        name = f"{path}.{key}" if path else key
        for item in value if _is_array(value) else [value]:
            has_keys = _is_array(value) or any(not isinstance(v, Mapping) for v in item.values())
            head = f"[[{name}]]" if _is_array(value) else f"[{name}]"
            yield from ("", head) if has_keys else ()
            yield from _tables(name, item)


def _is_array(value: Any) -> bool:
    return isinstance(value, list)


def _scalar(value: Any) -> str:
    """Write one value; JSON's strings, integers and booleans are TOML's too."""
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
