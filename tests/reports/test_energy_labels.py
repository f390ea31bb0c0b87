"""No joule without a label, and no estimate under the name of a measurement, in any export.

Runs are made up: which energies were recorded, under which names, by which instruments, with
or without stored provenance. Each is read as a real run is, and then every export is searched
for joules: the terminal, `run --json`, `claims --json`, the flat table as CSV, the page.
"""

import csv
import io
import json
import math
import re
from html import unescape
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from adabench.cli.commands.claims import show_claims
from adabench.harness.analysis.analyse import analyse
from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.card import Card, Claim, Metric, Ratio
from adabench.harness.contract.record import Cell, Record
from adabench.harness.store.energy_labels import UNKNOWN, kinds_of, label
from adabench.harness.store.table import from_records
from adabench.profilers.energy.energy_probe import Energy
from adabench.profilers.energy.provenance import STRENGTH, label_of
from adabench.reports.export.records_frame import records_frame
from adabench.reports.export.tidy_frame import tidy_frame
from adabench.reports.export.tracked_points import tracked_run
from adabench.reports.notebook.findings_frames import summary_frame
from adabench.reports.report.chart_data import document
from adabench.reports.report.page import render
from adabench.reports.tables import terminal

NAMES = ("energy_j", "energy_gpu_j", "energy_cpu_j", "energy_dram_j", "energy_node_j",
         "energy_est_j", "energy_gpu_est_j", "modelled_j", "joules")  # fmt: skip
"""Ours, one that a task makes up by the end of its name, and one by its unit alone."""
KINDS = ("counter.nvml", "counter.rapl", "measured.wall", "estimated.integrated",
         "estimated.tdp", "imported.paper")  # fmt: skip
WORDS = ("counter", "measured", "est.", UNKNOWN)
JOULE = re.compile(r"~?\d[\d.,]*(?:e[+-]?\d+)? ?[nµmkM]?J\b")
LABELLED = re.compile(rf"\s*\(?(?:{'|'.join(map(re.escape, WORDS))})")

METHODS = {
    "roots/fixed": Card("Fixed", role="static"),
    "roots/clever": Card(
        "Clever",
        claims=tuple(
            Claim(
                f"E-{name}", "Saves energy.", "measured", "0.5", 0.5, Ratio(name, "fixed", high=0.9)
            )
            for name in NAMES
        ),
    ),
}


class Made(NamedTuple):
    findings: Findings
    records: list[Record]


@st.composite
def runs(draw) -> Made:
    names = draw(st.sets(st.sampled_from(NAMES), min_size=1))
    declared = draw(st.sampled_from(["", *NAMES]))  # an energy may be the task's own work
    kinds = {n: draw(st.sampled_from(["", *KINDS])) for n in sorted(names)}
    sizes = draw(st.lists(st.floats(1e-9, 1e6), min_size=6, max_size=6))
    records = [
        _record(method, seed, names, kinds, sizes[3 * place + seed])
        for place, method in enumerate(("fixed", "clever"))
        for seed in range(3)
    ]
    metrics = (
        Metric("right", "share", "higher", "quality", primary=True),
        Metric(declared or "steps", "J" if declared else "", "lower", "work", primary=True),
        Metric("joules", "J", "lower", "cost"),
    )
    tasks = {"roots": Card("Roots", metrics=metrics)}
    listed = [
        {"name": name, "label": draw(st.sampled_from(WORDS[:2])), "available": draw(st.booleans()),
         "keys": [name, "energy_j"]}
        for name in draw(st.sets(st.sampled_from(NAMES[:5])))
    ]  # fmt: skip
    manifest = {"instruments": listed, "warnings": []}
    return Made(analyse("runs/made-up", manifest, tasks, METHODS, records), records)


def _record(method, seed, names, kinds, size):
    values = {"right": 0.5 + 0.1 * seed, "steps": 3.0 + seed, "latency_s": 0.01, "loops": 1}
    values |= {name: size * (1 + 0.1 * place) for place, name in enumerate(sorted(names))}
    energy = tuple(
        {"key": name, "kind": kinds[name], "label": label_of(kinds[name]), "j": values[name]}
        for name in sorted(names)
        if kinds[name]
    )
    cell = Cell("roots", method, {}, {}, "embedded", seed)
    return Record(cell, "solve", 0, 0, "ok", values, energy=energy)


def expected(made: Made, name: str) -> str:
    """Say anew, without the code under test, what an energy may be called at best."""
    if "_est_" in name:
        return "estimated"
    told = [
        label_of(reading["kind"])
        for record in made.records
        for reading in record.energy
        if name in record.values and name in ("energy_j", reading["key"])
    ]
    if told:
        return max(told, key=STRENGTH.index)
    instruments = made.findings.manifest["instruments"]
    words = [i["label"] for i in instruments if i["available"] and name in i["keys"]]
    return words[0] if words else UNKNOWN


def check_text(text: str) -> None:
    """Every joule is followed by its label; a tilde and `est.` come together."""
    for found in JOULE.finditer(text):
        rest = text[found.end() : found.end() + 40]
        assert LABELLED.match(rest), text[max(0, found.start() - 80) : found.end() + 40]
        assert found[0].startswith("~") == rest.lstrip(" (").startswith("est."), found[0]


EVERY = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@EVERY
@given(runs())
def test_the_terminal(made: Made) -> None:
    console = Console(file=io.StringIO(), width=600)
    for table in terminal.overview(made.findings):
        console.print(table)
    text = console.file.getvalue()
    assert ("energy" in text) or not JOULE.search(text)
    check_text(text)


@EVERY
@given(runs())
def test_the_page(made: Made) -> None:
    page = render(made.findings)
    # What the page's own script draws is read in test_browser.py.
    rest = re.sub(r"<(style|script)\b.*?</\1>", " ", page, flags=re.DOTALL)
    check_text(unescape(re.sub(r"<[^>]+>", " ", rest)))


@EVERY
@given(runs())
def test_the_page_is_given_the_label_of_every_energy(made: Made) -> None:
    for task in document(made.findings)["tasks"]:
        for metric in task["metrics"]:
            word = expected(made, metric["name"]) if metric["unit"] == "J" else ""
            assert metric["label"] == {"estimated": "est."}.get(word, word)


@EVERY
@given(runs())
def test_the_documents(made: Made) -> None:
    document = json.loads(json.dumps(made.findings.to_json()))
    seen = 0
    for row in document["summary"]:
        for name, value in row["metrics"].items():
            if name.endswith("_j") or value["unit"] == "J":
                assert value["label"] == expected(made, name)
                seen += 1
            else:
                assert "label" not in value
    assert seen
    for row in document["speedup"]:
        if row["metric"].endswith("_j"):
            assert row["label"] == expected(made, row["metric"])


@EVERY
@given(runs())
def test_claims_hold_no_joules_and_estimates_decide_none(made: Made) -> None:
    for row in made.findings.claims:
        name = row.id.removeprefix("E-")
        told = {label_of(e["kind"]) for r in made.records for e in r.energy
                if name in r.values and name in ("energy_j", e["key"])}  # fmt: skip
        if "_est_" in name or "estimated" in told:
            assert (row.verdict, row.estimate) == ("not testable here", None)
        check_text(row.reason)


@EVERY
@given(runs())
def test_the_flat_table(made: Made) -> None:
    frame = records_frame(made.records, made.findings.manifest)
    for row in csv.DictReader(io.StringIO(frame.to_csv(index=False))):
        for name in row:
            if name.endswith("_j") and not name.startswith("label.") and row[name]:
                assert row[f"label.{name}"] == expected(made, name)


@EVERY
@given(runs())
def test_the_tidy_frame_has_a_label_beside_every_joule_and_none_is_zero(made: Made) -> None:
    cards = made.findings.task_cards
    frame = tidy_frame(from_records(made.records), made.findings.manifest, cards)
    joules = frame[(frame.unit == "J") | frame.metric.str.endswith("_j")]
    for row in joules.itertuples():
        if math.isnan(row.value):
            assert row.label == "unavailable"
        else:
            assert row.value > 0
            assert row.label == expected(made, row.metric)
    assert not frame.drop(joules.index).label.any()
    assert (frame.groupby(["method", "seed"]).metric.apply(list).map(set) >= {"energy_j"}).all()


@EVERY
@given(runs())
def test_the_summary_frame_and_trackers_name_the_joules_that_nobody_measured(made: Made) -> None:
    held = {name for record in made.records for name in record.values}
    summary = summary_frame(made.findings)
    own = summary[summary.metric == "energy_j"]
    assert (
        own.label == (expected(made, "energy_j") if "energy_j" in held else "unavailable")
    ).all()
    assert own.estimate.isna().all() == ("energy_j" not in held)
    for point in tracked_run(made.findings).points:
        assert ("energy_j" in point.metrics) == ("energy_j" in held)
        assert (point.labels["energy_j"] == "unavailable") == ("energy_j" not in held)
        assert point.labels.keys() >= {n for n in point.metrics if n.endswith("_j")}


def test_claims_as_json_hold_ratios_alone(findings, capsys) -> None:
    show_claims(findings, as_json=True, everything=False)
    rows = json.loads(capsys.readouterr().out)
    assert rows
    assert not any(key.endswith("_j") for row in rows for key in row)


def test_an_estimate_cannot_be_recorded_under_the_name_of_a_measurement() -> None:
    from adabench.profilers.energy.energy_probe import TdpModel

    meter = TdpModel()
    meter.key = "energy_j"
    with pytest.raises(ValueError, match="energy_j is no key"):
        Energy([meter])


def test_the_weakest_window_speaks_for_all() -> None:
    def record(seed: int, kind: str) -> Record:
        energy = ({"key": "energy_gpu_j", "kind": kind, "j": 1.0},)
        cell = Cell("roots", "fixed", {}, {}, "embedded", seed)
        values = {"energy_gpu_j": 1.0, "energy_j": 1.0}
        return Record(cell, "solve", 0, 0, "ok", values, energy=energy)

    sure, model = record(0, "counter.nvml"), record(1, "estimated.integrated")
    both = [*kinds_of(sure), *kinds_of(model)]
    assert label("energy_j", [*kinds_of(sure)], {}) == "counter"
    assert label("energy_j", both, {}) == "estimated"
    assert label("energy_cpu_j", both, {}) == UNKNOWN
