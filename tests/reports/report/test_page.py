import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from adabench.harness.analysis.findings import Findings, Tally
from adabench.reports.report.page import render
from adabench.reports.tables.claim_sheets import VERDICTS

VOID = {"meta", "br", "hr", "img", "input", "link", "wbr"}


class Page(HTMLParser):
    """Checks nesting while it collects tags, ids and texts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts, self.ids = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing, line {self.getpos()}"

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def text(findings):
    return render(findings)


def test_the_page_is_well_formed(text):
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    targets = {a["href"][1:] for a in page.all("a") if a.get("href")}
    assert len(targets) > 8
    assert targets <= set(page.ids)


def test_nothing_is_loaded(text):
    page = Page(text)
    loads = [a[k] for _, a in page.tags for k in ("src", "href", "xlink:href", "data") if k in a]
    assert [url for url in loads if not url.startswith("#")] == []
    ours = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"@import|url\(", ours)
    assert "http:" not in ours
    assert "https:" not in ours
    assert not page.all("link")


def test_the_same_findings_give_the_same_bytes(findings, text):
    assert render(findings) == text
    assert len(text) < 1_500_000


def test_hostile_text_stays_text(text, hostile):
    page = Page(text)
    assert len(page.all("script")) == 3
    assert hostile in "".join(page.texts)
    assert "<script>alert" not in text


def test_every_verdict_is_there_with_its_reason(text):
    page = Page(text)
    words = " ".join(page.texts)
    for word in VERDICTS:
        assert word in words
    assert "The interval holds 0.8." in words


def test_figures_and_tables_are_accessible(text):
    page = Page(text)
    assert len(page.all("figure")) == 2 + 2 + 2  # a small plot, a plot and curves for each task
    assert len(page.all("figcaption")) == 2 + 2
    small = [svg for svg in page.all("svg") if svg.get("class") == "small"]
    assert len(small) == 2
    assert all(svg["role"] == "img" and len(svg["aria-label"]) > 30 for svg in small)
    named = [table for table in page.all("table") if "aria-labelledby" in table]
    assert len(page.all("caption")) + len(named) == len(page.all("table"))
    assert {table["aria-labelledby"] for table in named} <= set(page.ids)
    assert all(head.get("scope") in ("col", "row", "rowgroup") for head in page.all("th"))
    assert page.all("html") == [{"lang": "en"}]
    regions = [div for div in page.all("div") if div.get("role") == "region"]
    assert all(div.get("aria-label") or div.get("aria-labelledby") for div in regions)


def test_no_joule_is_without_a_label(text):
    cells = re.findall(r"<t[dh][^>]*>(?:(?!</t[dh]>).)*</t[dh]>", text)
    joules = [cell for cell in cells if re.search(r"\d [kMmµn]?J\b", cell)]
    assert joules
    assert all("est." in cell or "(counter)" in cell for cell in joules)


def test_what_disturbed_the_run_is_told(text):
    words = re.sub(r"<[^>]+>", " ", text)
    assert "intervals over so few are rough" in words
    assert "needs the extra milp" in words
    assert "chmod a+r the energy_uj files." in words
    assert "adabench run &#x27;paging/*&#x27; --set &#x27;name=a b&#x27;" in words
    assert "cpu.model" in words


def test_a_negative_gap_is_shown(text):
    plain = text.replace("<wbr>", "")
    assert re.search(r"<bdi>random_eviction</bdi>.*?<b data-value=\"-0.31\"[^>]*>-0.31</b>", plain)


def test_an_empty_run_gives_a_page():
    page = Page(render(Findings("runs/empty", {}, {}, {}, Tally())))
    assert "Nothing was noticed." in page.texts


def test_a_task_without_results_gives_a_page(findings):
    bare = replace(findings, summary=(), gaps=(), speedups=(), claims=(), tally=Tally())
    assert "No plot" in render(bare)


def test_importing_the_report_is_cheap():
    code = (
        "import sys, adabench.reports.report.page, adabench.reports.tables.terminal, adabench.reports.export.records_frame\n"
        "assert not {'matplotlib', 'pandas', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
