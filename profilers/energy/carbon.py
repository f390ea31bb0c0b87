"""Carbon: grams of CO2 equivalent from joules that we have, and a factor that we look up.

The factor is a country's mean over a year, or the world's, out of codecarbon's tables (`pip install
'adabench[carbon]'`, imported when asked, read from its own files). Only the factor is taken from
there: codecarbon's own joules are mostly constants where there is no counter. Grams carry the label of
their joules; the factor, its region, year and source travel with them. A region that the tables lack
is refused, and not replaced by the world's mean.
"""

import importlib
import importlib.metadata
from dataclasses import dataclass
from typing import Any

from adabench.profilers.nvml import Unmetered

JOULES_PER_KWH = 3.6e6
WORLD = "world"


@dataclass(frozen=True)
class Factor:
    """Grams of CO2 equivalent per kilowatt-hour in a region."""

    g_per_kwh: float
    region: str
    year: int | None
    source: str

    def grams(self, joules: float) -> float:
        """Return the grams of CO2 equivalent of some joules."""
        return joules * self.g_per_kwh / JOULES_PER_KWH

    def __str__(self) -> str:
        year = f", {self.year}" if self.year else ""
        return f"{self.g_per_kwh:g} g CO2e/kWh ({self.region}{year}; {self.source})"


def carbon_factor(region: str = WORLD) -> Factor:
    """Look up a country by its three-letter code (`DEU`), or the mean of the world.

    Raises:
        Unmetered: if codecarbon is not installed or does not know the country.
    """
    tables = _tables()
    version = importlib.metadata.version("codecarbon")
    if region == WORLD:
        mean = tables.get_carbon_intensity_per_source_data()["world_average"]
        return Factor(float(mean), WORLD, None, f"codecarbon {version}, world_average")
    table: dict[str, dict[str, Any]] = tables.get_global_energy_mix_data()
    entry = table.get(region.upper())
    if entry is None or "carbon_intensity" not in entry:
        raise Unmetered(
            f"codecarbon has no carbon factor for {region!r}.",
            "Use a three-letter country code (DEU, FRA, USA), or `world`.",
        )
    return Factor(
        float(entry["carbon_intensity"]),
        region.upper(),
        entry.get("year"),
        f"codecarbon {version}, global_energy_mix",
    )


def _tables() -> Any:
    try:
        return importlib.import_module("codecarbon.input").DataSource()
    except ModuleNotFoundError as missing:
        raise Unmetered(
            "Carbon factors come from codecarbon, which is not installed.",
            "pip install 'adabench[carbon]'",
        ) from missing
