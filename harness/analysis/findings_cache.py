"""What was found in a long run, kept beside it, so that it is judged once and not every time.

`findings.cache` holds the rows of a `Findings` and what it takes to rebuild it. It stands for
exactly one state of everything that went in: the records and the manifest, the cards, the code that
judges, and the version of numpy. Change any of them and the run is judged anew. Short runs have none.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from adabench.harness.analysis.findings import (
    ClaimRow,
    Compared,
    Estimate,
    Findings,
    FrontBand,
    GapRow,
    SpeedupRow,
    SummaryRow,
    Tally,
)
from adabench.harness.contract.card import Card
from adabench.harness.contract.record import record_from_json
from adabench.harness.provenance import source_digests
from adabench.harness.store import derived_files, packed_run, run_folder
from adabench.harness.store.table import KEPT_FROM

CACHE = "findings.cache"
FORMAT = 3
JUDGE = "adabench.harness.analysis.load_run"
"""It imports everything that decides what is found; the data come in as arguments."""
Cards = Mapping[str, Card]


def made_of(folder: Path, sha256: str, tasks: Cards, methods: Cards) -> dict[str, Any]:
    """Return what findings depend on, digested; nothing for a run too short to keep them."""
    if packed_run.size_bytes(folder / run_folder.RECORDS) < KEPT_FROM:
        return {}
    cards = repr((sorted(tasks.items()), sorted(methods.items())))
    return {
        "format": FORMAT,
        "records": sha256,
        "manifest": hashlib.sha256(packed_run.read_bytes(folder / run_folder.MANIFEST)).hexdigest(),
        "cards": hashlib.sha256(cards.encode()).hexdigest(),
        "sources": source_digests.digest(source_digests.sources_of_modules(JUDGE)),
        "numpy": np.__version__,
    }


def save(folder: Path, made_of: Mapping[str, Any], findings: Findings) -> None:
    """Keep findings, where there is anything to keep and the folder can be written."""
    if not made_of:
        return
    derived_files.save(folder / CACHE, made_of, to_header(findings))


def to_header(findings: Findings) -> dict[str, Any]:
    """Return plain data from which, with the manifest and the cards, findings can be rebuilt."""
    tally = findings.tally
    return {
        "warnings": findings.manifest["warnings"],
        "tasks": _defaults(findings.task_cards),
        "methods": _defaults(findings.method_cards),
        "tally": {
            "cells": tally.cells,
            "records": tally.records,
            "seeds": tally.seeds,
            "scales": tally.scales,
            "without_result": [record.to_json() for record in tally.without_result],
            "kinds": sorted(tally.kinds),
        },
        "summary": [asdict(row) for row in findings.summary],
        "gaps": [asdict(row) for row in findings.gaps],
        "speedups": [asdict(row) for row in findings.speedups],
        "claims": [asdict(row) for row in findings.claims],
        "fronts": [asdict(row) for row in findings.fronts],
    }


def load(
    folder: Path,
    made_of: Mapping[str, Any],
    manifest: Mapping[str, Any],
    tasks: Cards,
    methods: Cards,
) -> Findings | None:
    """Return what was found in this very run with these very cards and this very code."""
    copy = derived_files.load(folder / CACHE, made_of) if made_of else None
    if copy is None:
        return None
    return from_header(folder, manifest, copy[0], tasks, methods)


def from_header(
    folder: Path,
    manifest: Mapping[str, Any],
    header: Mapping[str, Any],
    tasks: Cards,
    methods: Cards,
) -> Findings:
    """Rebuild findings from what `to_header` returned, of this version or of one before."""
    return Findings(
        str(folder),
        {**manifest, "warnings": header["warnings"]},
        _pinned(tasks, header["tasks"]),
        _pinned(methods, header["methods"]),
        _tally(header["tally"]),
        tuple(_summary_row(row) for row in header["summary"]),
        tuple(_gap_row(row) for row in header.get("gaps", ())),
        tuple(SpeedupRow(**row) for row in header.get("speedups", ())),
        tuple(_claim_row(row) for row in header["claims"]),
        tuple(_front(row) for row in header.get("fronts", ())),
    )


def _claim_row(row: Mapping[str, Any]) -> ClaimRow:
    """Rebuild a row on a claim; what an earlier version said beside it is left out."""
    known = {one.name: row[one.name] for one in fields(ClaimRow) if one.name in row}
    return ClaimRow(**{**known, "met_by": tuple(known.get("met_by", ()))})


def _front(row: dict[str, Any]) -> FrontBand:
    """Rebuild a band: JSON has lists where it has tuples."""
    steps = {name: tuple((x, y) for x, y in row[name]) for name in ("worst", "best")}
    return FrontBand(**{**row, **steps})


def _gap_row(row: Mapping[str, Any]) -> GapRow:
    names = ("cost_at_equal_quality", "quality_at_equal_cost")
    return GapRow(**{**row, **{name: Compared(**row[name]) for name in names}})


def _defaults(cards: Cards) -> dict[str, dict[str, Any]]:
    return {address: dict(card.defaults) for address, card in cards.items()}


def _pinned(cards: Cards, defaults: Mapping[str, Mapping[str, Any]]) -> dict[str, Card]:
    """Set the knobs that the run pinned."""
    return {
        address: replace(
            card,
            knobs=tuple(
                replace(k, default=defaults.get(address, {}).get(k.name, k.default))
                for k in card.knobs
            ),
        )
        for address, card in cards.items()
    }


def _summary_row(row: dict[str, Any]) -> SummaryRow:
    metrics = {name: Estimate(**value) for name, value in row["metrics"].items()}
    return SummaryRow(**{**row, "metrics": metrics})


def _tally(plain: Mapping[str, Any]) -> Tally:
    return Tally(
        plain["cells"],
        plain["records"],
        tuple(plain["seeds"]),
        tuple(plain["scales"]),
        tuple(record_from_json(data) for data in plain["without_result"]),
        frozenset((task, name, kind) for task, name, kind in plain["kinds"]),
    )
