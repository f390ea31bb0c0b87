"""The parts of a site: its pages and its data, on made-up runs with planted steps."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.papers import papers
from adabench.harness.contract.record import Cell
from adabench.harness.history.archive import FORMAT, ArchivedRun
from adabench.harness.history.series import LevelChange, Link, Point, Series
from adabench.harness.store import run_folder
from adabench.reports.site import history, machine_readable, pages, scoreboard
from adabench.reports.site.build import build_site
from adabench.reports.site.model import Site

RECORDED = Path(__file__).parents[3] / "docs" / "recorded"
DAYS = 6
EVIL = "<img src=x onerror=alert(1)>\u202e\x00"
METRICS = [
    {"name": "accuracy", "unit": "1", "better": "higher", "role": "quality", "primary": True},
    {"name": "steps", "unit": "steps", "better": "lower", "role": "work", "primary": True},
]


def kept(folder: Path, day: int) -> ArchivedRun:
    cells = [
        Cell("sums", name, {"depth": 2}, {}, "embedded", 0).to_json() for name in ("long", EVIL)
    ]
    methods = {f"sums/{name}": {"title": name, "role": "adaptive", "defaults": {"depth": 2}}
               for name in ("long", EVIL)}  # fmt: skip
    manifest: dict[str, Any] = {
        "started": f"2026-03-{day:02}T08:00:00+00:00",
        "environment": {"git_commit": f"{day:08x}", "git_dirty": day == 3, "cpu_model": EVIL},
        "kept": {"format": FORMAT, "name": f"day {day}", "cells": cells, "kinds": [],
                 "cards": {"sums": {"title": "Sums", "metrics": METRICS, "defaults": {}}},
                 "methods": methods},
    }  # fmt: skip
    claim = {
        "id": "S-1",
        "task": "sums",
        "method": "long",
        "says": EVIL,
        "reason": "",
        "source": "headline",
    }
    words = ["not reproduced", "reproduced", "not testable here"]
    findings = {
        "records": 10, "errors": 0, "cells": 2,
        "claims": [{**claim, "verdict": words[min(day - 1, 2)]}],
        "gap": [{"task": "sums", "method": "long", "gap_closed": 0.1 * day,
                         "low": 0.1 * day - 0.05, "high": 0.1 * day + 0.05}],
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "findings.json").write_text(json.dumps(findings))
    return ArchivedRun(f"2026030{day}-080000-aa", folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Site:
    base = tmp_path_factory.mktemp("site")
    runs = [kept(base / str(day), day) for day in range(1, DAYS + 1)]
    cell = Cell("sums", "long", {"depth": 2}, {}, "embedded", 0).to_json()
    link = Link(
        cell, "latency_s", "s", "timing", "lower", 0.02, 1.0, 1.0, 0.0, -0.01, 0.01, 1.0, 40
    )
    broken = Link(cell, "latency_s", "s", "timing", "lower", 0.02, None, None, None, None, None,
                  1.0, 0, broken=EVIL)  # fmt: skip
    points = [Point(runs[0].id, None, None), Point(runs[1].id, 1e-3, broken)]
    points += [Point(run.id, 1e-3 * (1.2 if i > 1 else 1), link) for i, run in enumerate(runs[2:])]
    change = LevelChange(runs[3].id, runs[4].id, True, 1.2, 1.15, 1.25, False, (3, 2))
    series = Series(0, "sums", "long", "embedded", {"depth": 2}, {}, "latency_s", "s", "timing",
                    "lower", 0.02, "", tuple(points), (change,), runs[-1].id)  # fmt: skip
    return Site("Ours", tuple(runs), (tuple(runs),), (series,))


def test_the_front_page_names_steps_methods_runs_and_machines(made: Site) -> None:
    page = pages.index(made)
    for word in ("×1.2", "worse", "6 runs", "2 methods", "1 machine", "00000003+", "latency_s"):
        assert word in page
    assert 'href="methods/sums-long.html"' in page
    assert "The next run will tell" in page


def test_a_method_page_draws_its_history_and_tells_every_run(made: Site) -> None:
    page = pages.method(made, "sums/long")
    assert page.count("<svg") == 1
    assert "step: ×1.2" in page
    assert "may be a step" in page
    rows = re.findall(r"2026-03-0\d 08:00", page)
    assert len(set(rows)) == DAYS
    assert "no history yet" in pages.method(made, f"sums/{EVIL}")


def test_hostile_words_are_text(made: Site) -> None:
    for page in (
        pages.index(made),
        pages.method(made, "sums/long"),
        pages.method(made, f"sums/{EVIL}"),
    ):
        assert "<img src=x" not in page
        assert "<script" not in page
        assert "script-src 'none'" in page


def test_the_same_site_has_the_same_bytes(made: Site) -> None:
    assert pages.method(made, "sums/long") == pages.method(made, "sums/long")


def test_the_verdict_that_stands_is_the_latest_that_is_one(made: Site) -> None:
    assert made.claims["sums", "long", "S-1"]["verdict"] == "reproduced"
    assert made.gaps["sums/long"]["gap_closed"] == pytest.approx(0.1 * DAYS)
    assert "1 of 1" in pages.index(made)


def test_the_default_operating_point_is_drawn(made: Site) -> None:
    assert history.series_to_draw(made.series, made.by_id) == list(made.series)
    assert history.defaults(made.runs[0], "sums", "long") == {"depth": 2}


def test_programs_get_the_same_numbers(made: Site) -> None:
    found = json.loads(machine_readable.history_json(made))
    [series] = found["series"]
    assert series["changes"][0]["estimate"] == 1.2
    index = json.loads(machine_readable.index_json(made))
    assert [run["id"] for run in index["runs"]] == [run.id for run in made.runs]


def test_a_run_whose_records_were_not_kept_is_published_with_its_answers(tmp_path: Path) -> None:
    """Findings alone are enough for the index, the report and the scoreboard; a second time changes nothing."""
    assert run_folder.has_only_findings(RECORDED / "lookup")
    first = build_site(tmp_path, [RECORDED / "lookup"])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('<svg class="small"') == 1
    assert "oracle likeliest_mode" in re.sub(r"<[^>]+>", "", page)
    assert all(number in page for _, number in scoreboard.catalogue().values())
    assert 'href="http' not in page
    assert first["runs"] == 1
    assert build_site(tmp_path, [RECORDED / "lookup"])["changed"] == []


def test_the_scoreboard_has_every_paper_of_the_catalogue_once(made: Site) -> None:
    drawn = scoreboard.sheet(made)
    slugs = [row[0].minor.partition(" · ")[0] for row in drawn.rows]
    assert len(slugs) == len(set(slugs)) == 47
    assert {row[-1].text for row in drawn.rows} <= set(scoreboard.STATES)
    told = {slug: row[-1].text for slug, row in zip(slugs, drawn.rows, strict=True)}
    for slug in scoreboard.catalogue():
        assert (told[slug] == "not yet") == (slug not in papers())
