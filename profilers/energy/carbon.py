"""Carbon: grams of CO2 equivalent from joules that we measured, and a factor that we look up.

The factor is a country's mean over a year, out of codecarbon's tables (`pip install
'adabench[carbon]'`, imported when asked), or a number of your own with its source. Only the
factor is taken from there: codecarbon's own joules are mostly constants where there is no
counter. Grams carry the label of their joules; the factor, its region, year and source travel
with them. A region that the tables lack is refused, and not replaced by the world's mean.
"""

import importlib
import importlib.metadata
from dataclasses import dataclass
from typing import Any

from adabench.profilers.energy.provenance import Label, Reading
from adabench.profilers.nvml import Unmetered

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Factor:
    """Grams of CO2 equivalent per kilowatt-hour in a region."""

    g_per_kwh: float
    region: str
    year: int | None
    source: str


@dataclass(frozen=True)
class Carbon:
    """Grams of CO2 equivalent of one reading; `u_g` is that of the joules alone."""

    g: float | None
    u_g: float | None
    label: Label
    factor: Factor
    reason: str = ""


def country_factor(iso_code: str) -> Factor:
    """Look up a country by its three-letter code, `DEU`.

    Raises:
        Unmetered: if codecarbon is not installed or does not know the country.
    """
    source = _tables()
    table: dict[str, dict[str, Any]] = source.get_global_energy_mix_data()
    entry = table.get(iso_code.upper())
    if entry is None or "carbon_intensity" not in entry:
        raise Unmetered(
            f"codecarbon has no carbon factor for {iso_code!r}.",
            "Use a three-letter country code (DEU, FRA, USA), or give a factor of your own.",
        )
    version = importlib.metadata.version("codecarbon")
    return Factor(
        float(entry["carbon_intensity"]),
        iso_code.upper(),
        entry.get("year"),
        f"codecarbon {version}, global_energy_mix",
    )


def carbon(reading: Reading, factor: Factor) -> Carbon:
    """Return the grams of a reading; without joules there are none, and none is not zero."""
    if reading.j is None or reading.u_j is None:
        return Carbon(None, None, "unavailable", factor, reading.reason)
    each = factor.g_per_kwh / JOULES_PER_KWH
    return Carbon(reading.j * each, reading.u_j * each, reading.label, factor)


def _tables() -> Any:
    try:
        return importlib.import_module("codecarbon.input").DataSource()
    except ModuleNotFoundError as missing:
        raise Unmetered(
            "Carbon factors come from codecarbon, which is not installed.",
            "pip install 'adabench[carbon]'",
        ) from missing
