"""RAPL: the energy counters of Intel and AMD processor packages, read from sysfs.

The files are `/sys/class/powercap/intel-rapl:N/{name,energy_uj,max_energy_range_uj}` (AMD uses
the same driver). They are readable by root alone since 2020, when it was shown that a fine
reading betrays other processes' secrets; virtual machines have none. On server parts with
regulators on the die this is a measurement, on desktop parts a good model of one.
See `docs/log/instruments.md`.
"""

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Self

from adabench.profilers.energy.meter import CounterReset, Counts, NoValue
from adabench.profilers.nvml import Unmetered, Witness
from adabench.profilers.timing.pacing import HOST, Clock

POWERCAP = Path("/sys/class/powercap")
CEILING_W = 1000.0
"""More than any package draws: how fast its counter can possibly wrap."""
POLLS_PER_WRAP = 4
POLL_S = (0.1, 1.0)
"""Shortest and longest pause between two looks."""

Domain = Literal["package", "dram"]


class Rapl:
    """The packages' energy counters under `/sys/class/powercap`, or those of their memory.

    For "package" only zones named `package-*` at the top: their sub-zones `core` and `uncore`
    lie inside them, and `psys` contains them, so a sum over all would count twice. For "dram"
    the sub-zones of that name, which the package does not contain.

    Raises:
        Unmetered: if there is no such zone, or it may not be read.
    """

    kind = "counter.rapl"
    u_rel = 0.05
    """Our assumption. Desktop parts, whose counter is a model, may be further off at idle."""
    min_window_s = 0.05
    max_window_s = float("inf")
    lag_s = 1e-3
    stepping = False

    def __init__(
        self, root: Path = POWERCAP, domain: Domain = "package", pace: Clock = HOST
    ) -> None:
        self.key = "energy_cpu_j" if domain == "package" else "energy_dram_j"
        self.scope = "cpu_package" if domain == "package" else "dram"
        zones = [zone for zone in sorted(root.glob("intel-rapl:*")) if _is(zone, domain)]
        if not zones:
            raise Unmetered(
                f"There is no RAPL counter of the {domain} (virtual machines and ARM have none).",
                "Run on the bare metal of an Intel or AMD machine.",
            )
        self._paths = tuple(zone / "energy_uj" for zone in zones)
        self._pace, self._lock = pace, threading.Lock()
        self._turns = [0] * len(zones)
        self._raw: tuple[int, ...] = ()
        self._looked_ns = pace.ns()
        self._blind_ns: list[int] = []
        self._repeating: AbstractContextManager[None] | None = None
        try:
            self._ranges_uj = tuple(_number(zone / "max_energy_range_uj") for zone in zones)
            self._raw = tuple(_number(path) for path in self._paths)
        except OSError as problem:
            raise Unmetered(
                "The RAPL counter is there and may not be read.",
                f"sudo chmod o+r {root}/intel-rapl:*/energy_uj",
            ) from problem
        self.wrap_s = min(self._ranges_uj) / 1e6 / CEILING_W

    def __enter__(self) -> Self:
        self._repeating = self._pace.repeat(self._poll)
        self._repeating.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._repeating is not None:
            self._repeating.__exit__(None, None, None)

    def counts(self) -> Counts:
        """Return microjoules per package, wraps added, and how often two may have been missed.

        Raises:
            CounterReset: if a counter fell and can't have wrapped.
        """
        with self._lock:
            self._look()
            sums = (
                raw + turns * span
                for raw, turns, span in zip(self._raw, self._turns, self._ranges_uj, strict=True)
            )
            return (*sums, len(self._blind_ns))

    def joules(self, before: Counts, after: Counts) -> float:
        """Return the sum over packages.

        Raises:
            NoValue: if the counter went unread for so long that it may have wrapped twice.
        """
        if after[-1] > before[-1]:
            blind_s = max(self._blind_ns[before[-1] : after[-1]]) / 1e9
            raise NoValue(
                f"too long: {blind_s:.3g} s without a look, {self.kind} may have wrapped twice"
            )
        return (sum(after[:-1]) - sum(before[:-1])) / 1e6

    def witness(self) -> Witness | None:
        """Return None: a package is shared by design, by all processes on the socket."""
        return None

    def _poll(self) -> float:
        self.counts()
        return min(max(self.wrap_s / POLLS_PER_WRAP, POLL_S[0]), POLL_S[1])

    def _look(self) -> None:
        """Read every zone; a lower reading has wrapped once, if it can have."""
        raw, now_ns = tuple(_number(path) for path in self._paths), self._pace.ns()
        blind_ns, self._looked_ns = now_ns - self._looked_ns, now_ns
        if blind_ns / 1e9 > self.wrap_s:
            self._blind_ns.append(blind_ns)
        pairs = enumerate(zip(self._raw, raw, self._ranges_uj, strict=True))
        self._raw = raw
        for index, (old, new, span) in pairs:
            if new >= old:
                continue
            if (new - old + span) / 1e6 > CEILING_W * max(blind_ns / 1e9, 1e-3):
                raise CounterReset("A RAPL counter ran backwards, and not by wrapping around.")
            self._turns[index] += 1


def _is(zone: Path, domain: Domain) -> bool:
    """Tell the zones of a domain: `intel-rapl:0` is a package, `intel-rapl:0:1` may be its DRAM."""
    depth = {"package": 1, "dram": 2}[domain]
    if zone.name.count(":") != depth:
        return False
    try:
        return (zone / "name").read_text().startswith(domain)
    except OSError:
        return False


def _number(path: Path) -> int:
    return int(path.read_text())
