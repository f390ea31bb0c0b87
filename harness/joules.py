"""Which label the joules under a name carry: measured, counter, estimated, or nobody knows.

The provenance that records store decides; of all windows under one name the weakest label
speaks for it. Where none is stored, the run's list of instruments does. A name that holds `_est_`
is an estimate whatever else is said. A joule that no instrument answers for (a figure that
a task computes) says so.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from adabench.harness.record import Record
from adabench.profilers.provenance import label_of, weakest

UNKNOWN = "instrument unknown"


def labels(
    names: Iterable[str], records: Iterable[Record], manifest: Mapping[str, Any]
) -> dict[str, str]:
    """Return the label of every name."""
    told = [record for record in records if record.energy]
    return {name: label(name, told, manifest) for name in names}


def label(name: str, records: Iterable[Record], manifest: Mapping[str, Any]) -> str:
    """Return the label of the joules under one name."""
    if "_est_" in name:
        return "estimated"
    kinds = {kind for record in records for kind in _kinds(name, record)}
    if kinds:
        return weakest([label_of(kind) for kind in kinds])
    for item in manifest.get("instruments", ()):
        if name in item.get("keys", ()) and item.get("available") and item.get("label"):
            return str(item["label"])
    return UNKNOWN


def is_energy(name: str, unit: str = "") -> bool:
    """Tell a metric in joules, by its unit or by the end of its name."""
    return unit == "J" or name.endswith("_j")


def _kinds(name: str, record: Record) -> list[str]:
    """Return the kinds of the readings behind a value; the whole, `energy_j`, has them all."""
    if name not in record.values:
        return []
    readings = [reading for reading in record.energy if reading.get("j") is not None]
    return [r["kind"] for r in readings if name in ("energy_j", r["key"])]
