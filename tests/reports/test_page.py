"""The page without a browser: numbers, bytes, hostile names, what is missing."""

import base64
import hashlib
import json
import math
import re
import time
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.record import Cell, Record
from adabench.harness.store.table import from_records
from adabench.reports.report import drill_down
from adabench.reports.report import page as html
from adabench.reports.report.chart_data import document, encode
from adabench.reports.report.page import render

VENDOR = Path(html.__file__).parent / "vendor"


class Numbers(HTMLParser):
    """Collects every element with an exact value, its run, its origin and its text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.run, self.scripts = [], 0, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag == "article":
            self.run = int(known["data-run"])
        if tag == "script":
            self.scripts.append(known)
        if "data-value" in known:
            self.found.append([self.run, known.get("data-ref"), known["data-value"], ""])

    def handle_data(self, data):
        if self.found and not self.found[-1][3]:
            self.found[-1][3] = data


def at(tree, ref):
    """Follow a JSON pointer."""
    for part in ref.split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        tree = tree[int(key)] if isinstance(tree, list) else tree[key]
    return tree


def same(a, b):
    return (math.isnan(a) and math.isnan(b)) or a == b


@pytest.fixture(scope="module", params=["findings", "crowd", "odd"])
def run(request) -> Findings:
    return request.getfixturevalue(request.param)


def test_every_number_is_that_of_run_json(run):
    told = json.loads(json.dumps(run.to_json()))
    numbers = Numbers(render(run)).found
    assert len(numbers) > 40
    for _, ref, value, _ in numbers:
        assert ref is not None
        assert same(float(value), float(at(told, ref))), ref
    refs = {ref for _, ref, _, _ in numbers}
    for i, row in enumerate(told["claims"]):  # and none of the claims is left out
        assert row["estimate"] is None or f"claims/{i}/estimate" in refs
    for i, row in enumerate(told["gap"]):
        assert row["gap_closed"] is None or f"gap/{i}/gap_closed" in refs


def test_a_wrong_number_would_be_noticed(findings):
    told = json.loads(json.dumps(findings.to_json()))
    told["gap"][0]["gap_closed"] += 1e-12
    page = Numbers(render(findings)).found
    [value] = {value for _, ref, value, _ in page if ref == "gap/0/gap_closed"}
    assert not same(float(value), at(told, "gap/0/gap_closed"))


def test_the_document_holds_the_numbers_of_run_json(run):
    told, drawn = run.to_json(), json.loads(encode(document(run)))
    seen = 0
    for task in drawn["tasks"]:
        for m, metric in enumerate(task["metrics"]):
            for row, *numbers in zip(task["rows"], *task["values"][m], strict=True):
                known = told["summary"][row[0]]["metrics"].get(metric["name"])
                keys = ("estimate", "low", "high", "n")
                for key, value in zip(keys, numbers, strict=True):
                    wanted = known[key] if known else None
                    assert (value is None) == (wanted is None)
                    assert value is None or same(float(value), float(wanted))
                    seen += value is not None
    assert seen > 50


def test_several_runs_keep_their_numbers_apart(findings, crowd):
    told = [json.loads(json.dumps(run.to_json())) for run in (findings, crowd)]
    numbers = Numbers(render(findings, crowd)).found
    assert {run for run, *_ in numbers} == {0, 1}
    for run, ref, value, _ in numbers:
        assert same(float(value), float(at(told[run], ref)))


def test_same_findings_same_bytes_and_few_of_them(crowd):
    page = render(crowd)
    assert render(crowd) == page
    assert len(page.encode()) < 2_000_000


@pytest.mark.slow
def test_the_page_of_a_crowd_is_made_fast(crowd):
    began = time.process_time()
    render(crowd)
    assert time.process_time() - began < 5


def test_a_drill_down_of_the_crowd_stays_below_five_megabytes(crowd):
    rng = np.random.default_rng(3)
    inside = {
        i: drill_down.PointDetails(
            {f"level {g}": (200, _six(rng)) for g in range(5)},
            {
                name: tuple(drill_down.brief(x) for x in np.sort(rng.random(21)))
                for name in _six(rng)
            },
            1000,
        )
        for i in range(len(crowd.summary))
    }
    page = render(crowd, insides=[inside])
    assert 1_000_000 < len(page.encode()) < 5_000_000
    assert "with a look inside each" in page


def _six(rng):
    names = ("flops_counted", "accuracy", "latency_s", "energy_j", "generated", "kv_peak_bytes")
    return {name: drill_down.brief(float(rng.random())) for name in names}


def test_only_our_scripts_may_run(odd):
    page = render(odd)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 3 == len(Numbers(page).scripts)
    policy = unescape(re.search(r'Security-Policy" content="([^"]*)"', page)[1])
    assert policy.startswith("default-src 'none'")
    for kind, body in scripts:
        if "json" not in kind:
            digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_what_is_bundled_is_what_was_published():
    readme = (VENDOR / "README.md").read_text()
    bundle = (VENDOR / "plot.js").read_bytes()
    assert hashlib.sha256(bundle).hexdigest() in readme
    assert "Observable Plot" in (VENDOR / "LICENSES.txt").read_text() + readme
    assert b"</script" not in bundle
    assert not re.search(rb"\beval\(|new Function", bundle)


def test_hostile_names_are_text(odd):
    page = render(odd)
    body = re.sub(r"<script.*?</script>|<style>.*?</style>", "", page, flags=re.DOTALL)
    assert "<img" not in body
    assert not re.search(r"<[^>]*\sonmouseover=", body)
    assert "&lt;/script&gt;" in body
    data = re.search(r'id="findings">(.*?)</script>', page, re.DOTALL)[1]
    assert not set("<>&\u2028") & set(data)
    names = [method["name"] for method in json.loads(data)["runs"][0]["tasks"][0]["methods"]]
    assert "y" * 10_000 in names
    assert len(page) < 1_000_000


def test_what_is_no_number_is_told_and_never_zero(odd):
    numbers = {(ref, value): text for _, ref, value, text in Numbers(render(odd)).found}
    by = {ref: (value, text) for (ref, value), text in numbers.items()}
    assert by["gap/0/gap_closed"] == ("NaN", "NaN")
    assert by["gap/1/gap_closed"] == ("Infinity", "∞")
    assert by["gap/2/gap_closed"] == ("-Infinity", "−∞")
    assert by["gap/3/gap_closed"] == ("-3.5", "-3.50")
    assert by["claims/1/estimate"] == ("Infinity", "∞")
    assert by["claims/1/low"] == ("Infinity", "∞")
    for (_, value), text in numbers.items():
        assert text not in ("0", "0.00") or float(value) == 0 or abs(float(value)) < 0.005


def test_missing_numbers_are_dashes_with_their_reason(findings):
    text = render(findings).replace("<wbr>", "")
    board = re.search(r'<table id="board".*?</table>', text, re.DOTALL)[0]
    row = re.search(r'<tr[^>]*><th scope="row"[^>]*><bdi>coin</bdi>.*?</tr>', board)[0]
    gap = re.search(r'<td class="h.*?</td>', row)[0]
    assert "data-value" not in gap
    assert "It shares no cost range." in gap
    assert row.count("–") >= 3


def test_a_drill_down_describes_the_cases(findings):
    row = findings.summary[0]
    cell = [Cell(row.task, row.method, row.point, row.conditions, "embedded", s) for s in (0, 1)]
    records = [
        Record(cell[seed], "solve", case, 0, "ok",
               {"slots_held": float(10 * case + seed), "hit_rate": 0.5}, group="ab"[case % 2])
        for case in range(30) for seed in (0, 1)
    ]  # fmt: skip
    one = drill_down.inside(findings, from_records(records))
    assert list(one) == [0]
    assert one[0].cases == 30
    assert one[0].groups["a"] == (15, {"slots_held": 140.5, "hit_rate": 0.5})
    assert one[0].groups["b"] == (15, {"slots_held": 150.5, "hit_rate": 0.5})
    assert one[0].quantiles["hit_rate"] == (0.5,)
    assert one[0].quantiles["slots_held"][::20] == (0.5, 290.5)
    assert len(one[0].quantiles["slots_held"]) == len(drill_down.QUANTILES)


def test_few_cases_are_shown_one_by_one(findings):
    row = findings.summary[0]
    cell = Cell(row.task, row.method, row.point, row.conditions, "embedded", 0)
    records = [
        Record(cell, "solve", case, 0, "ok", {"slots_held": float(v)})
        for case, v in enumerate((3, 1, 2))
    ]
    one = drill_down.inside(findings, from_records(records))[0]
    assert one.quantiles == {"slots_held": (1.0, 2.0, 3.0)}
    assert one.groups == {}
