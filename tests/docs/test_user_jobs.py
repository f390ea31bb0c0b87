"""Ten things that people do: each is one command, which stands on one page, and does what was wanted."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from adabench.harness.contract.record import Record
from adabench.harness.store import run_folder
from adabench.harness.store.method_copies import copy_of
from docs import guide_page
from tests.docs.guide_reader import Journey, page_text

pytestmark = pytest.mark.xdist_group("paging")
JOBS = {
    want: (command, f"guides/{page}")
    for want, command, page in guide_page.jobs(page_text("guides/README.md"))
}


def said(journey: Journey, want: str) -> str:
    """What the command of a job printed."""
    command, page = JOBS[want]
    return journey.replies[page, command].stdout


def solved(folder: Path) -> list[Record]:
    return [record for record in run_folder.records(folder) if record.phase == "solve"]


def mean_faults(folder: Path, method: str) -> float:
    values = [r.values["faults"] for r in solved(folder) if r.cell.method == method]
    return sum(values) / len(values)


def own_method(journey: Journey) -> None:
    records = solved(journey.folder / "runs" / "mine")
    assert {r.cell.address for r in records} == {"paging/mine", "paging/lru", "paging/belady"}
    assert {r.status for r in records} == {"ok"}
    copy = copy_of(journey.folder / "runs" / "mine", "paging/mine")
    assert copy.read_text() == (journey.folder / "mine.py").read_text()


def own_model(journey: Journey) -> None:
    records = solved(journey.folder / "runs" / "model")
    assert {r.cell.address for r in records} == {"text/greedy", "text/majority"}
    assert {r.status for r in records} == {"ok"}
    assert {r.cell.conditions["model"] for r in records} == {"hf:./my-llama"}
    assert {r.cell.conditions["data"] for r in records} == {"mine.jsonl"}


def own_data(journey: Journey) -> None:
    records = solved(journey.folder / "runs" / "requests")
    assert {r.cell.method for r in records} == {"lru", "mark0", "belady"}
    assert {r.status for r in records} == {"ok"}
    assert {r.cell.conditions["trace"] for r in records} == {"requests.csv:url"}


def paper(journey: Journey) -> None:
    text = said(journey, "reproduce a paper")
    for head in ("paper said", "bar", "measured", "verdict", "2602.12716"):
        assert head in text


def gate(journey: Journey) -> None:
    """Unchanged code is green, whatever else this machine does."""
    assert (journey.folder / "outputs").read_text().strip() in ("exit-code=0", "exit-code=5")
    (suite,) = ET.parse(journey.folder / "gate.xml").getroot()
    assert suite.get("failures") == "0"
    assert "regression" not in said(journey, "gate a pull request")


def site(journey: Journey) -> None:
    page = (journey.folder / "site" / "index.html").read_text()
    assert "mine" in page
    assert (journey.folder / "site" / "methods" / "paging-mine.html").is_file()


def pandas(journey: Journey) -> None:
    frame = pd.read_csv(journey.folder / "mine.csv")
    faults = frame[(frame.metric == "faults") & (frame.method == "mine")]["value"]
    expected = mean_faults(journey.folder / "runs" / "mine", "mine")
    assert faults.mean() == pytest.approx(expected)
    [printed] = [
        done.stdout for (page, text), done in journey.replies.items() if "read_csv" in text
    ]
    assert "belady" in printed


def compare(journey: Journey) -> None:
    text = said(journey, "compare two runs")
    assert "same" in text
    assert "worse" not in text


def explain(journey: Journey) -> None:
    text = said(journey, "explain a number")
    name, _, value = text.splitlines()[0].partition(" = ")
    assert name == "summary/paging/lru/faults"
    expected = mean_faults(journey.folder / "runs" / "mine", "lru")
    assert float(value.split()[0]) == pytest.approx(expected, rel=1e-4)
    for part in ("Samples", "Meter", "Formula", "Interval"):
        assert part in text


def resume(journey: Journey) -> None:
    folder = journey.folder / "runs" / "requests"
    records = solved(folder)
    names = [(r.cell.key, r.repeat, r.case) for r in records]
    assert len(names) == len(set(names))
    assert run_folder.remaining(folder) == ()


CHECKS: dict[str, Callable[[Journey], None]] = {
    "try a method of my own": own_method,
    "measure my Hugging Face model": own_model,
    "use my own data": own_data,
    "reproduce a paper": paper,
    "gate a pull request": gate,
    "publish a site": site,
    "read a run with pandas": pandas,
    "compare two runs": compare,
    "explain a number": explain,
    "go on after a crash or a kill": resume,
}


def test_there_are_ten_jobs_and_each_has_a_check() -> None:
    assert list(JOBS) == list(CHECKS)
    assert len(JOBS) == 10


@pytest.mark.parametrize("want", CHECKS)
def test_a_job_takes_one_command_of_one_page(want: str, journey: Journey) -> None:
    command, page = JOBS[want]
    lines = [line for block in guide_page.blocks(page_text(page)) for line in block.commands]
    assert lines.count(command) == 1
    assert journey.replies[page, command].returncode == 0, journey.replies[page, command].stderr
    CHECKS[want](journey)
