"""What this machine can do for a benchmark: examined in three seconds, drawn by the CLI.

Everything is data. What is missing comes with its reason and its remedy; how noisy the machine
is comes from doing what a run does: timing a small pure-Python loop again and again, while the
kernel tells which of the laps had to wait for a processor. From that noise follows the smallest
effect that n repeats can show (`detectable_effect.py`), and from earlier runs how long a selection would
take (`forecast.py`).
"""

import importlib.metadata
import os
import re
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from time import get_clock_info, perf_counter_ns
from typing import TYPE_CHECKING, Any

from adabench.harness.doctor.forecast import Forecast
from adabench.harness.provenance.environment import fingerprint
from adabench.harness.run.guards.landlock import confinement
from adabench.harness.store import prepared_states
from adabench.profilers.hardware.capabilities import Ability, abilities
from adabench.profilers.hardware.host import HERE, Machine
from adabench.profilers.hardware.noise import (
    DISTURBED,
    UNIT_S,
    Laps,
    LoadObserver,
    OtherLoad,
    watch,
)

if TYPE_CHECKING:
    from adabench.harness.stats.detectable_effect import DetectableEffect

FORMULA = "exp(d * s * sqrt(2/n)) - 1, d from the noncentral t with n - 1 degrees"
"""Of the effects (`harness/stats/detectable_effect.py`)."""
from adabench.profilers.timing.clock import settle

NOISE_S = 0.5
"""How long the noise is watched."""
SPREAD = 0.10
"""Above this the machine is called noisy."""

REPEATING = ("all", "paper", "real", "serve")
"""Extras that repeat what others bring."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")


@dataclass(frozen=True)
class Package:
    """A dependency: which extra brings it, which version is here (None: not installed)."""

    name: str
    extra: str
    """Empty for the core."""
    version: str | None
    remedy: str


@dataclass(frozen=True)
class Timer:
    """The clock, and what this machine does to a loop of about `unit_s`."""

    resolution_s: float
    pair_s: float
    """Cost of two readings."""
    unit_s: float
    samples: int
    median_s: float
    p95_s: float
    spread: float
    """Interquartile range over the median."""
    disturbed: float | None
    """Share of samples that had to wait for a processor; None where the kernel is silent."""
    undisturbed_median_s: float | None
    floor: float | None
    """The noise floor: what two repeats differ by, as a fraction (`profilers/hardware/noise.py`)."""
    company: OtherLoad
    """Who else used the processors meanwhile."""


@dataclass(frozen=True)
class Store:
    """The folder of prepared states; a path under the home folder starts with `~`."""

    folder: str
    writable: bool
    prepared: int
    """States that are ready to be used."""
    prepared_bytes: int
    remedy: str


@dataclass(frozen=True)
class Examination:
    """All that was found, and sentences of advice where something should be done."""

    machine: Mapping[str, Any]
    abilities: tuple[Ability, ...]
    packages: tuple[Package, ...]
    timer: Timer
    cache: Store
    advice: tuple[str, ...]
    forecast: Forecast | None = None
    """Of a selection, if one was given."""
    obstacles: tuple[str, ...] = ()
    """What of that selection cannot run here, why, and what would let it."""

    @property
    def effects(self) -> "tuple[DetectableEffect, ...]":
        """What n repeats can show; none where the noise floor is unknown.

        Computed when it is read, since examining a machine loads neither numpy nor scipy.
        """
        from adabench.harness.stats.detectable_effect import effects

        return () if self.timer.floor is None else effects(self.timer.floor)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        effects = [asdict(effect) for effect in self.effects]
        return {**asdict(self), "effects": effects, "formula": FORMULA}


def examine(noise_s: float = NOISE_S, machine: Machine = HERE) -> Examination:
    """Examine a machine; takes about a second and imports no torch.

    The noise is always that of the machine this runs on.
    """
    observer = LoadObserver(machine)
    timer = summarise_laps(watch(noise_s), observer.company())
    packages = examine_packages()
    store = examine_cache(prepared_states.default_folder())
    return put_together(machine, timer, packages, store)


def put_together(
    machine: Machine, timer: Timer, packages: tuple[Package, ...], store: Store
) -> Examination:
    """Examine a machine whose noise, packages and store are known."""
    able = abilities(machine)
    return Examination(
        machine=fingerprint(machine) | ({"methods": str(confinement())} if machine is HERE else {}),
        abilities=able,
        packages=packages,
        timer=timer,
        cache=store,
        advice=tuple(_advice(timer, packages, store, able)),
    )


def examine_packages() -> tuple[Package, ...]:
    """Return the dependencies that adabench's metadata names, the core's first."""
    try:
        requirements = importlib.metadata.requires("adabench") or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    found = [_package(requirement) for requirement in requirements]
    return tuple(
        sorted(
            (package for package in found if package is not None),
            key=lambda package: (package.extra, package.name),
        )
    )


def summarise_laps(laps: Laps, company: OtherLoad) -> Timer:
    """Say what this machine did to a loop of about 100 us."""
    ordered = sorted(laps.laps_ns)
    lower, median, upper, high = (
        ordered[int(share * (len(ordered) - 1))] for share in (0.25, 0.5, 0.75, 0.95)
    )
    calm = laps.calm_ns
    return Timer(
        resolution_s=get_clock_info("perf_counter").resolution,
        pair_s=_pair_s(),
        unit_s=UNIT_S,
        samples=len(ordered),
        median_s=median / 1e9,
        p95_s=high / 1e9,
        spread=(upper - lower) / median,
        disturbed=laps.disturbed,
        undisturbed_median_s=settle(array("q", calm))["latency_s"] if calm else None,
        floor=laps.floor,
        company=company,
    )


def examine_cache(folder: Path) -> Store:
    """Try to write into the folder of prepared states, if it exists, and count what is in it."""
    states = [path.stat().st_size for path in folder.glob("*.state")]
    if folder.is_dir():
        writable = _can_write(folder)
    else:  # it will be made when the first state is stored
        parent = next(path for path in folder.absolute().parents if path.exists())
        writable = parent.is_dir() and os.access(parent, os.W_OK)
    remedy = "" if writable else "Set ADABENCH_CACHE to a folder that you may write to."
    return Store(_without_home(folder), writable, len(states), sum(states), remedy)


def _pair_s() -> float:
    """Return the cost of two readings: the best of ten batches (one may be preempted)."""
    return min(_pairs_s(2_000) for _ in range(10))


def _pairs_s(pairs: int) -> float:
    clock = perf_counter_ns
    start = clock()
    for _ in repeat(None, pairs):
        clock()
        clock()
    return (clock() - start) / pairs / 1e9


def _package(requirement: str) -> Package | None:
    """Read one line of metadata: `lm-eval>=0.4.9; extra == "eval"`."""
    name, extra = _NAME.match(requirement), _EXTRA.search(requirement)
    if name is None or (extra and extra["extra"] in REPEATING):
        return None
    group = extra["extra"] if extra else ""
    try:
        version: str | None = importlib.metadata.version(name[0])
    except importlib.metadata.PackageNotFoundError:
        version = None
    target = f"'adabench[{group}]'" if group else "adabench"
    return Package(name[0], group, version, "" if version else f"pip install {target}")


def _advice(
    timer: Timer, packages: Iterable[Package], store: Store, able: Iterable[Ability]
) -> Iterator[str]:
    lame = sum(bool(item.remedy) for item in able)
    if lame:
        yield f"Of what can be measured, {lame} {'has' if lame == 1 else 'have'} a remedy above (->)."
    lacking = [package.name for package in packages if not package.extra and not package.version]
    if lacking:
        yield f"The core lacks {', '.join(lacking)}: pip install adabench."
    if timer.disturbed is not None and timer.disturbed > DISTURBED:
        yield (
            f"{timer.disturbed:.0%} of the timed samples had to wait for a processor:"
            " stop other programs, or read counts rather than times."
        )
    if timer.company.busy:
        others, stolen = timer.company.others or 0.0, timer.company.stolen or 0.0
        yield (
            f"Others used {others:.0%} of the processors and a hypervisor took {stolen:.0%}: "
            "figures of all cores together (a parallel product, a large copy) are not to be "
            "trusted meanwhile."
        )
    if timer.spread > SPREAD:
        yield (
            f"Times of the same loop spread by {timer.spread:.0%}:"
            " fix the clock rate, plug in the mains, or take more repeats."
        )
    if store.remedy:
        yield f"Prepared states cannot be kept in {store.folder}. {store.remedy}"


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _without_home(path: Path) -> str:
    """Write a path without saying whose home it lies in."""
    try:
        return str(Path("~") / path.absolute().relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
