"""What `run --energy` prints of carbon: grams a case, and the factor that made them of joules."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adabench.cli.terminal import table_console, talk
from adabench.harness.errors import NoInstrument

if TYPE_CHECKING:
    from adabench.harness.analysis.findings import Findings
    from adabench.profilers.energy.carbon import Factor


@dataclass(frozen=True)
class CarbonOutput:
    """The factor of a run, or none: then nothing is printed."""

    factor: "Factor | None" = None

    def document(self, findings: "Findings") -> dict[str, Any]:
        """Return what the run's JSON document holds besides."""
        from adabench.reports.tables.carbon import carbon_document

        return {"carbon": carbon_document(findings, self.factor)} if self.factor else {}

    def print(self, findings: "Findings") -> None:
        """Print a table per task, or say that there are no joules."""
        from adabench.reports.tables import terminal

        if not self.factor:
            return
        tables, console = terminal.carbon_tables(findings, self.factor), table_console()
        for table in tables:
            console.print(table)
        if not tables:
            talk("no gCO2e: no method has a valid energy")


def carbon_output(region: str | None, *, energy: bool) -> CarbonOutput:
    """Look up the factor of a region before the run; without one the world's, if there are tables.

    Raises:
        NoInstrument: if the region that was asked for is not known.
    """
    from adabench.profilers.energy.carbon import WORLD, carbon_factor
    from adabench.profilers.nvml import Unmetered

    if not (energy or region):
        return CarbonOutput()
    try:
        return CarbonOutput(carbon_factor(region or WORLD))
    except Unmetered as absent:
        if region:
            raise NoInstrument(str(absent), absent.remedy) from absent
        talk(f"no gCO2e: {absent} {absent.remedy}")
        return CarbonOutput()
