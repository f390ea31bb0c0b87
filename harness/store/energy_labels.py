"""Which label the joules under a name carry: measured, counter, estimated, or nobody knows.

The provenance that records store decides; of all windows under one name the weakest label
speaks for it. Where none is stored, the run's list of instruments does. A name that holds `_est_`
is an estimate whatever else is said. A joule that no instrument answers for (a figure that
a task computes) says so.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from adabench.harness.contract.record import Record
from adabench.profilers.energy.provenance import label_of, weakest

UNKNOWN = "instrument unknown"
Kind = tuple[str, str, str]
"""A task, an energy's name, and the kind of one reading behind it."""


def labels(
    names: Iterable[str], kinds: Collection[Kind], manifest: Mapping[str, Any]
) -> dict[str, str]:
    """Return the label of every name."""
    return {name: label(name, kinds, manifest) for name in names}


def label(name: str, kinds: Iterable[Kind], manifest: Mapping[str, Any]) -> str:
    """Return the label of the joules under one name."""
    if "_est_" in name:
        return "estimated"
    told = {kind for _, energy, kind in kinds if energy == name}
    if told:
        return weakest([label_of(kind) for kind in told])
    for item in manifest.get("instruments", ()):
        if name in item.get("keys", ()) and item.get("available") and item.get("label"):
            return str(item["label"])
    return UNKNOWN


def is_energy(name: str, unit: str = "") -> bool:
    """Tell a metric in joules, by its unit or by the end of its name."""
    return unit == "J" or name.endswith("_j")


def kinds_of(record: Record) -> Iterator[Kind]:
    """Yield what a record says of its energies."""
    return kinds_behind(record.cell.task, record.values, record.energy)


def kinds_behind(
    task: str, names: Collection[str], energy: Iterable[Mapping[str, Any]]
) -> Iterator[Kind]:
    """Yield the kinds of the readings behind values; the whole, `energy_j`, has them all."""
    for reading in energy:
        for name in {"energy_j", reading["key"]} if reading.get("j") is not None else ():
            if name in names:
                yield task, name, reading["kind"]
