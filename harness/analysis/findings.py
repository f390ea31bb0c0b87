"""What a run amounts to: everything that is computed on reading its records.

`find` is the only way from raw records to numbers that are shown: the terminal table, the
JSON document and the HTML report are three drawings of one `Findings`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from adabench.harness.contract.card import Card, Point
from adabench.harness.contract.record import Record
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.store import energy_labels
from adabench.harness.store.energy_labels import Kind
from adabench.harness.store.table import Table, from_records

SCHEMA = 2
"""Of the document of `run --json`. 1 had `headroom` and `conversion` in the places of `gap` and
`speedup`, and no `scoreboard`."""

VerdictWord = Literal[
    "reproduced",
    "direction only",
    "not reproduced",
    "contradicted",
    "does not discriminate",
    "undecided",
    "not run",
    "not testable here",
    "holds",
    "violated",
]
"""What becomes of a claim; `harness/analysis/claims/verdict_rule.py` says when."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; `low`/`high` are None where n is too small for one."""

    estimate: float
    low: float | None
    high: float | None
    n: int
    unit: str = ""


@dataclass(frozen=True)
class SummaryRow:
    """One method at one operating point under one set of conditions."""

    task: str
    method: str
    point: Point
    conditions: Point
    metrics: Mapping[str, Estimate]


GapStatus = Literal[
    "measured",
    "oracle too weak",
    "not validated",
    "worse than random",
    "below the mixture",
    "no room here",
    "not distinguishable",
    "no oracle",
    "not run",
]
"""What became of an oracle gap; `harness/analysis/oracle_gap.py` says when."""


@dataclass(frozen=True)
class Compared:
    """A difference from the best static mixture, with its 95 % interval and unit."""

    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    reason: str = ""
    """Why there is no number."""
    n: int = 0
    """Cases."""
    trainings: int = 0
    """Trained models behind them; 0 where nothing is trained."""


@dataclass(frozen=True)
class GapRow:
    """How much of the gap between its static mixture and its oracle a method closes."""

    task: str
    method: str
    status: GapStatus
    gap_closed: float | None = None
    """Only where the status is `measured`: 1 the oracle, 0 the mixture, -1 the random router."""
    low: float | None = None
    high: float | None = None
    oracle: str = ""
    mixture: str = ""
    coin: str = ""
    cost: str = ""
    quality: str = ""
    room: float | None = None
    """The oracle's mean lead over the mixture at the costs where the method runs."""
    n: int = 0
    reason: str = ""
    """Why there is no number, when `gap_closed` is None."""
    cost_at_equal_quality: Compared = field(default_factory=Compared)
    quality_at_equal_cost: Compared = field(default_factory=Compared)
    artefacts: Mapping[str, str] = field(default_factory=dict)
    """Digests of what the mixture and the oracle are made of, by address."""

    @property
    def settled(self) -> bool:
        """Whether a number is given whose interval excludes 0."""
        ends = self.low, self.high
        return self.gap_closed is not None and (
            None in ends or not (self.low or 0.0) <= 0 <= (self.high or 0.0)
        )


@dataclass(frozen=True)
class SpeedupRow:
    """How much of the saved work became time (or energy) at matched quality."""

    task: str
    method: str
    metric: str
    work: str
    """The name of the counter that is the work."""
    speedup: float | None
    low: float | None
    high: float | None
    work_ratio: float | None = None
    against: str = ""
    n: int = 0
    reason: str = ""
    """One word for why there is no number."""
    remark: str = ""
    """The reason as a sentence."""
    conditions: Point = field(default_factory=dict)
    """The condition that is not at its default, if one is not."""


@dataclass(frozen=True)
class FrontBand:
    """The simultaneous band of a task's common front, as the corners of two step curves."""

    task: str
    cost: str
    quality: str
    level: float
    units: int
    worst: tuple[tuple[float, float], ...]
    """(cost, quality) from which on the front is at least so good."""
    best: tuple[tuple[float, float], ...]
    """(cost, quality) from which on it may be so good."""


@dataclass(frozen=True)
class ClaimRow:
    """What became of one claim."""

    id: str
    task: str
    method: str
    verdict: VerdictWord
    estimate: float | None
    low: float | None
    high: float | None
    bar: float | None
    n: int
    """Cases."""
    trainings: int = 0
    """Trained models behind them; 0 where nothing is trained."""
    reason: str = ""
    p_value: float | None = None
    """One-sided, that the truth falls short of the bar."""
    source: str = ""
    paper_slug: str = ""
    says: str = ""
    paper: str = ""
    effect: float | None = None
    fidelity: str = ""
    met_by: tuple[str, ...] = ()
    """Controls and static settings that meet it too."""
    run_with: str = ""
    """The command whose run can decide it."""
    over: str = ""
    """What the interval rests on: cases, trainings or seeds; empty in findings of before."""
    power: float | None = None
    """At the paper's full effect, of the size that was run."""
    needed: int = 0
    """Cases, trainings or seeds at which the power is 0.9; 0 where no number would do."""


@dataclass(frozen=True)
class Tally:
    """What was recorded, counted, and what of it has no result."""

    cells: int = 0
    records: int = 0
    seeds: tuple[int, ...] = ()
    scales: tuple[str, ...] = ()
    without_result: tuple[Record, ...] = ()
    """What is not ok."""
    kinds: frozenset[Kind] = frozenset()
    """What is behind the run's joules."""

    @classmethod
    def of(cls, records: Iterable[Record] | Table) -> "Tally":
        """Count the records of a run."""
        table = records if isinstance(records, Table) else from_records(records)
        return cls(
            len(table.all_cells),
            table.total,
            tuple(sorted({cell.seed for cell in table.all_cells})),
            tuple(sorted({cell.scale for cell in table.all_cells})),
            tuple(record for record in table.others if record.status != "ok"),
            table.kinds,
        )


@dataclass(frozen=True)
class Findings:
    """A run, read: the cards it used, its records counted, and what they amount to."""

    run: str
    manifest: Mapping[str, Any]
    task_cards: Mapping[str, Card]
    method_cards: Mapping[str, Card]
    """By address, `task/method`."""
    tally: Tally
    summary: Sequence[SummaryRow] = field(default_factory=tuple)
    gaps: Sequence[GapRow] = field(default_factory=tuple)
    speedups: Sequence[SpeedupRow] = field(default_factory=tuple)
    claims: Sequence[ClaimRow] = field(default_factory=tuple)
    fronts: Sequence[FrontBand] = field(default_factory=tuple)

    @property
    def failed(self) -> list[Record]:
        """The records of what went wrong."""
        return [r for r in self.tally.without_result if r.status in ("error", "timeout")]

    @property
    def exit_code(self) -> int:
        """What a run of it ends with: 1 if records failed, 3 if nothing was measured."""
        if self.failed:
            return 1
        return EnvironmentProblem.exit_code if self.is_empty else 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured: all was skipped or failed, or a race ended before the first case."""
        certificate = self.manifest.get("certificate")
        skipped = 0 < self.tally.records == len(self.tally.without_result)
        return skipped or (certificate is not None and not certificate["evaluations"])

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The label of every energy by the metric's name (`harness/store/energy_labels.py`)."""
        names = {
            name
            for row in self.summary
            for name, value in row.metrics.items()
            if energy_labels.is_energy(name, value.unit)
        }
        declared = [metric for card in self.task_cards.values() for metric in card.metrics]
        names |= {item.name for item in declared if energy_labels.is_energy(item.name, item.unit)}
        names |= {row.metric for row in self.speedups if energy_labels.is_energy(row.metric)}
        return energy_labels.labels(sorted(names), self.tally.kinds, self.manifest)

    def to_json(self) -> dict[str, Any]:
        """Return the document that `adabench run --json` prints as its last line."""
        return {
            "schema": SCHEMA,
            "run": self.run,
            "cells": self.tally.cells,
            "records": self.tally.records,
            "errors": len(self.failed),
            "warnings": list(self.manifest.get("warnings", ())),
            "summary": [self._labelled(row) for row in self.summary],
            "gap": [asdict(row) for row in self.gaps],
            "speedup": [
                asdict(row)
                | ({"label": self.labels[row.metric]} if row.metric in self.labels else {})
                for row in self.speedups
            ],
            "claims": [asdict(row) for row in self.claims],
            "scoreboard": scoreboard(self.claims),
            "front": [asdict(row) for row in self.fronts],
        }

    def _labelled(self, row: SummaryRow) -> dict[str, Any]:
        """Return a row as plain data, a label beside every energy."""
        plain = asdict(row)
        for name in plain["metrics"].keys() & self.labels.keys():
            plain["metrics"][name]["label"] = self.labels[name]
        return plain


def scoreboard(claims: Iterable[ClaimRow]) -> list[dict[str, Any]]:
    """Count the verdicts on the headline claims of each paper, by the paper's short name.

    `{"paper_slug": "ets", "headline": {"reproduced": 1, "undecided": 2}}`, words from best to worst.
    Papers without a headline claim are left out.
    """
    headline: dict[str, Counter[str]] = {}
    for row in claims:
        if row.paper_slug and row.source == "headline":
            headline.setdefault(row.paper_slug, Counter())[row.verdict] += 1
    return [
        {"paper_slug": slug, "headline": in_order(counts)}
        for slug, counts in sorted(headline.items())
    ]


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts of verdicts from the best word to the worst, without those that are 0."""
    return {word: counts[word] for word in get_args(VerdictWord) if counts.get(word)}
