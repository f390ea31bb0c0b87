"""What an energy meter is, and how somebody else's is found.

A meter turns two readings of itself into the joules between them. Whether it reads an
accumulator, integrates samples, looks into the log of a wall meter or evaluates a model is its
own affair and is said by its `kind` (`profilers/energy/provenance.py`). A meter that has to do
something between the two readings is a context manager as well and is entered for the window.

Third parties offer meters under the entry point group `adabench.meters`: a name and a function
that takes "cpu" or "cuda" and returns an `EnergyMeter`, or raises `Unmetered` with a reason
and a remedy. Nothing is imported before a meter is asked for by name.
"""

import difflib
from typing import Literal, Protocol

from adabench.profilers import installed_packages
from adabench.profilers.nvml import Unmetered, Witness

GROUP = "adabench.meters"

Counts = tuple[int, ...]


class CounterReset(ValueError):
    """An energy counter ran backwards (the driver was reloaded): the window has no value."""


class NoValue(ValueError):
    """This window has no energy, though the meter works; the message says why."""


class EnergyMeter(Protocol):
    """One source of energy readings."""

    key: str
    """The quantity it gives, in joules: `energy_gpu_j`. Estimates end in `_est_j`."""
    kind: str
    """Its provenance, `counter.nvml`."""
    scope: str
    """What the joules cover, `gpu_board`."""
    u_rel: float
    """Relative standard uncertainty of the instrument itself. It drops out of ratios."""
    min_window_s: float
    max_window_s: float
    lag_s: float
    """How old a reading can be: the period with which its source is renewed."""
    stepping: bool
    """The lag matters and the jumps can be seen: windows begin and end at them."""

    def counts(self) -> Counts:
        """Read the raw state of the meter."""
        ...

    def joules(self, before: Counts, after: Counts) -> float:
        """Turn two readings into joules.

        Raises:
            CounterReset: if a counter ran backwards and cannot have wrapped.
            NoValue: if the meter has nothing for this window.
        """
        ...

    def witness(self) -> Witness | None:
        """Return what could invalidate a window, or None if nothing is known."""
        ...


def witnesses(meter: EnergyMeter) -> list[Witness]:
    """Return what the meter knows of its surroundings, if anything."""
    seen = meter.witness()
    return [] if seen is None else [seen]


class Null:
    """The meter of a machine that has none: it has a reason instead of a number."""

    kind = "unavailable"
    u_rel = 0.0
    min_window_s = 0.0
    max_window_s = float("inf")
    lag_s = 0.0
    stepping = False

    def __init__(
        self, key: str, scope: str, reason: str, remedy: str = "", uuid: str | None = None
    ) -> None:
        self.key, self.scope, self.reason, self.remedy = key, scope, reason, remedy
        self.uuid = uuid

    def counts(self) -> Counts:
        """Return nothing."""
        return ()

    def joules(self, before: Counts, after: Counts) -> float:
        """Refuse.

        Raises:
            NoValue: always.
        """
        raise NoValue(self.reason)

    def witness(self) -> Witness | None:
        """Return None."""
        return None


def open_named(name: str, device: Literal["cpu", "cuda"]) -> EnergyMeter:
    """Open one meter of a third party.

    Raises:
        Unmetered: if nobody offers a meter of this name, it can't be imported, or it finds
            no instrument here.
    """
    points = {point.name: point for point in installed_packages.entry_points(GROUP)}
    if name not in points:
        near = difflib.get_close_matches(name, points, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Installed: {', '.join(points) or 'none'}."
        raise Unmetered(f"No installed package offers the meter {name!r}.", hint)
    try:
        opened: EnergyMeter = points[name].load()(device)
    except (ImportError, AttributeError) as problem:
        raise Unmetered(
            f"The meter {name!r} does not load: {problem}.",
            f"Reinstall the package behind {points[name].value}.",
        ) from problem
    return opened
