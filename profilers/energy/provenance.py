"""Says where a joule comes from, how sure it is, and what may be added to what.

Labels, strongest first: `measured` (an external instrument), `counter` (in the hardware), `estimated` (sampled power, a model, a
share, somebody's print), `unavailable` (no number, and why). A sum has the weakest label of its parts; scopes that overlap are
never added. `u_j` is one standard uncertainty, the instrument's own error included.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

Label = Literal["measured", "counter", "estimated", "unavailable"]

STRENGTH: tuple[Label, ...] = ("measured", "counter", "estimated", "unavailable")
"""Strongest first."""
K95 = 1.959964
"""Standard uncertainties on either side that hold 95 % of a normal distribution."""

_INSIDE: Mapping[str, frozenset[str]] = {
    "node": frozenset({"module", "gpu_board", "gpu_memory", "psys", "cpu_package", "dram"}),
    "module": frozenset({"gpu_board", "gpu_memory", "cpu_package", "dram"}),
    "psys": frozenset({"cpu_package", "dram"}),
    "gpu_board": frozenset({"gpu_memory"}),
}
"""What each scope contains besides itself."""


class Overlap(ValueError):
    """Two readings that cover the same thing."""


@dataclass(frozen=True)
class Reading:
    """The energy of one window with everything needed to argue about it.

    Raises:
        ValueError: for a number without uncertainty, an absence without a reason, or joules
            that are negative or not finite.
    """

    j: float | None
    u_j: float | None
    kind: str
    scope: str
    reason: str = ""
    """Why there is no number."""
    device_uuid: str | None = None
    window_s: float | None = None
    work_share: float | None = None
    """The part of the window that was undisturbed work; None where nobody watched."""
    call_s: float | None = None
    """The mean undisturbed call within the window."""
    ticks: int | None = None
    tick_s: float | None = None
    aligned: bool = False
    phase_steps: int = 1
    units: float | None = None
    j_per_unit: float | None = None
    u_j_per_unit: float | None = None
    interval: tuple[float, float] | None = None
    """95 % of `j_per_unit`, the instrument's own error included."""
    idle_w: float | None = None
    idle_kind: str | None = None
    net_j: float | None = None
    u_net_j: float | None = None
    cross_check: Mapping[str, Any] | None = None
    cal_id: str | None = None
    gain: float | None = None
    throttled: bool | None = None
    exclusive: bool | None = None
    temp_c: tuple[float, ...] = ()
    sm_mhz: tuple[float, ...] = ()
    power_limit_w: float | None = None
    driver: str | None = None
    flags: tuple[str, ...] = ()
    parts: tuple["Reading", ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if (self.j is None) != (self.label == "unavailable"):
            raise ValueError(f"{self.kind}: a label and a number come together or not at all.")
        if self.j is None and not self.reason:
            raise ValueError("An unavailable energy says why.")
        if self.j is not None and not (math.isfinite(self.j) and self.j >= 0):
            raise ValueError(f"{self.kind} gave {self.j} J, which is no energy.")
        if self.j is not None and self.u_j is None:
            raise ValueError(f"{self.kind}: joules without an uncertainty are not a measurement.")

    @property
    def label(self) -> Label:
        """The word that users see."""
        return label_of(self.kind)

    def flagged(self, *flags: str) -> "Reading":
        """Return the same reading with further flags, each once."""
        return replace(self, flags=tuple(dict.fromkeys((*self.flags, *flags))))

    def per(self, units: float) -> "Reading":
        """Return the same reading as that of `units` units of work.

        Raises:
            ValueError: for no units.
        """
        if units <= 0:
            raise ValueError("Energy per unit needs at least some part of a unit.")
        if self.j is None or self.u_j is None:
            return replace(self, units=units)
        each, u = self.j / units, self.u_j / units
        ends = (each - K95 * u, each + K95 * u)
        return replace(self, units=units, j_per_unit=each, u_j_per_unit=u, interval=ends)

    def to_json(self) -> dict[str, Any]:
        """Return plain data with the label beside the number; parts are readings themselves."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["parts"] = [part.to_json() for part in self.parts]
        for name in ("interval", "temp_c", "sm_mhz", "flags"):
            plain[name] = None if plain[name] is None else list(plain[name])
        return {"label": self.label, **plain}


def label_of(kind: str) -> Label:
    """Return the label of a kind such as `counter.nvml`.

    Raises:
        ValueError: for a kind that none of the labels covers.
    """
    head = kind.split(".")[0]
    if head == "imported":  # a printed number is as good as the model it may come from
        return "estimated"
    for label in STRENGTH:
        if head == label:
            return label
    raise ValueError(f"{kind!r} is no kind of energy: it starts with one of {', '.join(STRENGTH)}.")


def weakest(labels: Sequence[Label]) -> Label:
    """Return the weakest label; of no labels, `unavailable`."""
    return max(labels, key=STRENGTH.index, default="unavailable")


def unavailable(scope: str, reason: str) -> Reading:
    """Return the reading that has no number."""
    return Reading(None, None, "unavailable", scope, reason)


def overlap(readings: Sequence[Reading]) -> tuple[str, str] | None:
    """Return the scopes of two readings that have something in common, if any do."""
    for index, one in enumerate(readings):
        for other in readings[index + 1 :]:
            if _share(one, other):
                return one.scope, other.scope
    return None


def _share(one: Reading, other: Reading) -> bool:
    """Tell whether two readings cover something twice; two boards don't."""
    boards = {one.scope, other.scope} <= {"gpu_board", "gpu_memory"}
    uuids = {one.device_uuid, other.device_uuid}
    if boards and None not in uuids and len(uuids) == 2:
        return False
    inside = {one.scope, *_INSIDE.get(one.scope, ())}
    return bool(inside & {other.scope, *_INSIDE.get(other.scope, ())})


def total(readings: Sequence[Reading]) -> Reading:
    """Add readings of the same window over disjoint scopes; the label is the weakest.

    If a part has no number the total has none either: a sum of what happens to be known is
    a number of its own making.

    Raises:
        Overlap: if two scopes overlap.
    """
    if not readings:
        return unavailable("none", "no instrument read any energy")
    scope = "+".join(part.scope for part in readings)
    missing = [f"{part.scope}: {part.reason}" for part in readings if part.j is None]
    if missing:
        return replace(unavailable(scope, "; ".join(missing)), parts=tuple(readings))
    if twice := overlap(readings):
        raise Overlap(f"{twice[0]} and {twice[1]} overlap: their joules would count twice.")
    kinds = {part.kind for part in readings}
    label = weakest([part.label for part in readings])
    return Reading(
        j=sum(part.j or 0.0 for part in readings),
        u_j=math.hypot(*(part.u_j or 0.0 for part in readings)),
        kind=kinds.pop() if len(kinds) == 1 else f"{label}.sum",
        scope=scope,
        window_s=max(part.window_s or 0.0 for part in readings) or None,
        flags=tuple(dict.fromkeys(flag for part in readings for flag in part.flags)),
        parts=tuple(readings),
    )


def sums(readings: Sequence[tuple[str, Reading]]) -> tuple[dict[str, float], dict[str, str]]:
    """Return the joules under each key and those of the whole, and why others are missing.

    Several boards share a key. The whole is `energy_j`, or `energy_est_j` if a part is an estimate.
    """
    values, why = dict[str, float](), dict[str, str]()
    for key in dict.fromkeys(key for key, _ in readings):
        _add(values, why, key, [reading for own, reading in readings if own == key])
    parts = [reading for _, reading in readings]
    modelled = any(part.label == "estimated" for part in parts)
    _add(values, why, "energy_est_j" if modelled else "energy_j", parts)
    return values, why


def _add(values: dict[str, float], why: dict[str, str], key: str, parts: Sequence[Reading]) -> None:
    try:
        whole = total(parts)
    except Overlap as problem:
        why[key] = str(problem)
        return
    if whole.j is None:
        why[key] = whole.reason
    else:
        values[key] = whole.j


def to_plain(readings: Iterable[tuple[str, Reading]]) -> tuple[Mapping[str, Any], ...]:
    """Return what each reading says, by key, as records hold it.

    Fields that are left open are left out. A model says the same every time, so where nothing
    but models spoke there is nothing to keep.
    """
    said = list(readings)
    if all(reading.label == "estimated" for _, reading in said):
        return ()
    return tuple(
        {"key": key, **{k: v for k, v in reading.to_json().items() if v not in (None, "", [])}}
        for key, reading in said
    )
