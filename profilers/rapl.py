"""RAPL: the energy counters of Intel and AMD processor packages, read from sysfs.

The files are `/sys/class/powercap/intel-rapl:N/{name,energy_uj,max_energy_range_uj}` (AMD uses
the same driver). They are readable by root alone since 2020, when it was shown that a fine
reading betrays other processes' secrets; virtual machines have none. On server parts with
regulators on the die this is a measurement, on desktop parts a good model of one.
"""

from pathlib import Path

from adabench.profilers.nvml import Unmetered

POWERCAP = Path("/sys/class/powercap")
CEILING_W = 1000.0
"""More than any package draws: how fast its counter can possibly wrap."""


class Rapl:
    """The processor packages' energy counters under `/sys/class/powercap`.

    Only zones named `package-*` at the top: their sub-zones (core, uncore, dram) lie inside
    them or are absent, and `psys` contains them, so a sum over all would count twice. A counter
    wraps at `max_energy_range_uj`. One wrap is seen; a window in which two could hide, at
    `CEILING_W`, is refused as too long.

    Raises:
        Unmetered: if there is no package zone, or it may not be read.
    """

    key = "energy_cpu_j"
    kind = "counter.rapl"
    min_window_s = 0.05

    def __init__(self, root: Path = POWERCAP) -> None:
        zones = [zone for zone in sorted(root.glob("intel-rapl:*")) if _is_package(zone)]
        if not zones:
            raise Unmetered(
                "There is no RAPL counter (virtual machines and ARM have none).",
                "Run on the bare metal of an Intel or AMD machine.",
            )
        try:
            self._ranges_uj = tuple(_number(zone / "max_energy_range_uj") for zone in zones)
            self._paths = tuple(zone / "energy_uj" for zone in zones)
            self.counts()
        except OSError as problem:
            raise Unmetered(
                "The RAPL counter is there and may not be read.",
                f"sudo chmod o+r {root}/intel-rapl:*/energy_uj",
            ) from problem
        self.max_window_s = min(self._ranges_uj) / 1e6 / CEILING_W

    def counts(self) -> tuple[int, ...]:
        """Return microjoules per package."""
        return tuple(_number(path) for path in self._paths)

    def joules(self, before: tuple[int, ...], after: tuple[int, ...]) -> float:
        """Return the sum over packages; a lower reading has wrapped once."""
        spent_uj = 0
        for start, stop, span in zip(before, after, self._ranges_uj, strict=True):
            spent_uj += stop - start if stop >= start else stop - start + span
        return spent_uj / 1e6


def _is_package(zone: Path) -> bool:
    if zone.name.count(":") != 1:  # intel-rapl:0:0 lies inside intel-rapl:0
        return False
    try:
        return (zone / "name").read_text().startswith("package")
    except OSError:
        return False


def _number(path: Path) -> int:
    return int(path.read_text())
