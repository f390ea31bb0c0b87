"""A cell is what is run, a record what was seen; one record is one line of JSON.

A cell's `key` is a digest of its canonical JSON, so a run can be taken up again after a
crash: units whose (key, phase, case, repeat) is recorded as ok are not run twice.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from adabench.harness.contract.card import Point

Phase = Literal["prepare", "solve"]
Status = Literal["ok", "error", "timeout", "skipped"]


@dataclass(frozen=True)
class Cell:
    """One method at one operating point, under one set of conditions, with one seed."""

    task: str
    method: str
    point: Point
    conditions: Point
    scale: str
    seed: int

    @cached_property
    def key(self) -> str:
        """A digest that is equal for equal cells, in every process and on every machine."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def address(self) -> str:
        """`task/method`."""
        return f"{self.task}/{self.method}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "task": self.task,
            "method": self.method,
            "point": dict(self.point),
            "conditions": dict(self.conditions),
            "scale": self.scale,
            "seed": self.seed,
        }


class Turn(NamedTuple):
    """A cell's turn in the order of execution: repeats of a cell lie apart."""

    cell: Cell
    repeat: int
    counts: bool = False
    """Whether its cases are counted only, many at once and under no clock."""


class Unit(NamedTuple):
    """The identity of one record: what must be there exactly once in a finished run."""

    key: str
    phase: Phase
    case: int
    repeat: int


@dataclass(frozen=True)
class Record:
    """What was seen: one measured case, or one preparation (`case == -1`).

    `values` holds SI units by name (`latency_s`, `energy_j`) and counts. A quantity that
    could not be measured is absent; it is never zero and never estimated under the same name.
    """

    cell: Cell
    phase: Phase
    case: int
    repeat: int
    status: Status
    values: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    """Why the status is not ok; for an ok record what is to be known of its timing: that it is
    invalid, that the method was not steady, or why measuring on ended. No statistic reads it."""
    group: str = ""
    """The case's own label (a trace family, a difficulty)."""
    energy: tuple[Mapping[str, Any], ...] = ()
    """What each energy counter says of its window (`profilers/energy/provenance.py`), by `key`; also the
    reason, where one gave no joules. Empty where there is no counter: a model's provenance
    stands once, in the manifest's instruments."""
    trained: Mapping[str, str] = field(default_factory=dict)
    """The trained artefacts that the method used, by name, each with a digest of its file; empty where
    nothing is trained. They belong to the cell: all its records name the same."""

    @property
    def unit(self) -> Unit:
        """The identity of this record."""
        return Unit(self.cell.key, self.phase, self.case, self.repeat)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; numbers that JSON cannot hold are refused.

        Raises:
            ValueError: if a value is not finite.
        """
        return {
            "cell": self.cell.to_json(),
            "phase": self.phase,
            "case": self.case,
            "repeat": self.repeat,
            "status": self.status,
            "values": {name: short(value) for name, value in finite(self).items()},
            "note": self.note,
            "group": self.group,
            **({"energy": list(self.energy)} if self.energy else {}),
            **({"trained": dict(self.trained)} if self.trained else {}),
        }


def finite(record: Record) -> Mapping[str, float]:
    """Return a record's values.

    Raises:
        ValueError: if one is not finite: JSON cannot hold it.
    """
    bad = [name for name, value in record.values.items() if not math.isfinite(value)]
    if bad:
        raise ValueError(f"{record.cell.address} gave values that are not finite: {bad}")
    return record.values


def short(value: float) -> float | int:
    """Write counts as integers: shorter lines, the same number when read back."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def record_from_json(data: Mapping[str, Any]) -> Record:
    """Rebuild a record from a parsed line.

    Raises:
        KeyError, TypeError: if the line is not a record.
    """
    energy = tuple(data.get("energy", ()))
    return Record(**{**data, "cell": Cell(**data["cell"]), "energy": energy})
