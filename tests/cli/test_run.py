"""`adabench run` from the outside: its document, its exit codes, and what a crash leaves."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.store import run_folder
from adabench.harness.store.manifest import write_manifest
from tests.cli.program import PROGRAM, adabench
from tests.suite.waits import has_happened

READS = ("<all cards>",)
"""For tests/suite/dependencies.py: a name that is not known is looked for among all of them."""
REASON = re.compile("precision reached|budget spent|disturbed")
FIELDS = {"k", "c", "n", "v"}


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_last_line_is_one_document(toy_env: dict[str, str], tmp_path: Path) -> None:
    done = adabench("run", "roots", "--out", tmp_path / "r", "--json", env=toy_env)
    assert done.returncode == 0, done.stderr
    found = document(done)
    parts = "run cells records errors summary gap speedup claims scoreboard"
    assert set(parts.split()) <= found.keys()
    lines = _lines(tmp_path / "r")
    assert found["records"] == len(lines)
    assert all(json.loads(line).keys() >= FIELDS for line in lines)
    metric = found["summary"][0]["metrics"]["steps"]
    assert metric.keys() == {"estimate", "low", "high", "n", "unit"}
    verdicts = {row["id"]: row["verdict"] for row in found["claims"]}
    # So few numbers, all right, do not yet show that no more than one in a hundred is lost.
    assert verdicts == {"T-1": "undecided", "T-2": "reproduced"}
    reasons = {row["id"]: row["reason"] for row in found["claims"]}
    assert "right may get worse" in reasons["T-1"]
    assert found["schema"] == 2
    gaps = {row["method"]: row for row in found["gap"]}
    assert gaps.keys() == {"residual", "coin"}
    assert gaps["residual"]["gap_closed"] > 0.5
    for row in gaps.values():
        assert (row["gap_closed"] is None) == (row["status"] != "measured")
        assert row["gap_closed"] is None or -1 <= row["gap_closed"] <= 1
    assert Path(found["report"]).read_text().startswith("<!")


@pytest.mark.usefixtures("in_process")
def test_a_missing_extra_is_skipped_by_pattern_and_an_error_by_name(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = ("--no-sweep", "--counts", "--no-report", "--json")
    done = adabench("run", "roots/*", *words, "--out", tmp_path / "r", env=toy_env)
    assert done.returncode == 0
    skipped = [r for r in run_folder.records(tmp_path / "r") if r.cell.method == "absent"]
    assert {r.status for r in skipped} == {"skipped"}
    assert "nowhere" in skipped[0].note
    named = adabench("run", "roots/absent", "--out", tmp_path / "n", env=toy_env)
    assert named.returncode == 3
    assert "nowhere" in named.stderr


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["roots/fixd"], 2, "roots/fixed"),
        (["rots"], 2, "roots"),
        (["roots", "--set", "spread=nan"], 2, "finite"),
        (["roots", "--set", "spread=99"], 2, "out of range"),
        (["roots", "--set", "sprad=1"], 2, "spread"),
        (["roots", "--set", "spread"], 2, "name=value"),
        (["roots", "--seeds", "4..1"], 2, "seeds"),
        (["roots", "--out", "/proc/nowhere"], 3, "--out"),
        (["roots", "--scale", "galactic"], 2, "embedded"),
        (["roots", "--memory-limit", "lots"], 2, "4GiB"),
        (["--resume", "/nowhere"], 3, "not a run"),
    ],
)
def test_bad_input_ends_in_a_sentence_and_its_exit_code(
    words: list[str], code: int, says: str, toy_env: dict[str, str], tmp_path: Path
) -> None:
    out = [] if "--out" in words or "--resume" in words else ["--out", str(tmp_path / "r")]
    done = adabench("run", *words, *out, env=toy_env)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("in_process")
def test_a_precision_is_kept_by_the_run_and_its_resumption(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = ("run", "roots/fixed", "--no-sweep", "--seeds", "0", "--no-report")
    asked = ("--target-ci", "50%", "--max-time-per-case", "2", "--warmup", "0.05")
    done = adabench(*words, *asked, "--out", tmp_path / "r", env=toy_env)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "r" / "records.jsonl"
    solved = [r for r in run_folder.records(tmp_path / "r") if r.phase == "solve"]
    assert solved
    assert all(REASON.search(r.note) for r in solved)
    manifest = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (manifest["asked"]["precision"], manifest["asked"]["per_case_s"]) == (0.5, 2.0)
    assert isinstance(manifest["unwatched"], dict)
    file.write_text("")
    again = adabench("run", "--resume", tmp_path / "r", "--no-report", env=toy_env)
    assert again.returncode == 0, [
        again.stderr,
        *(r.note for r in run_folder.records(tmp_path / "r")),
    ]
    solved = [r for r in run_folder.records(tmp_path / "r") if r.phase == "solve"]
    assert solved
    assert all(REASON.search(r.note) for r in solved)
    wrong = adabench(*words, "--target-ci", "fine", "--out", tmp_path / "no", env=toy_env)
    assert wrong.returncode == 2
    assert "--target-ci 1%" in wrong.stderr


@pytest.mark.usefixtures("in_process")
def test_claims_and_report_read_a_run_again(toy_env: dict[str, str], tmp_path: Path) -> None:
    adabench("run", "roots", "--counts", "--out", tmp_path / "r", "--no-report", env=toy_env)
    claims = adabench("claims", tmp_path / "r", "--json", env=toy_env)
    assert {row["id"] for row in json.loads(claims.stdout)} == {"T-1", "T-2"}
    assert adabench("claims", tmp_path / "r", "--strict", env=toy_env).returncode == 0
    page = tmp_path / "page.html"
    done = adabench("report", tmp_path / "r", "-o", page, "--figures", tmp_path / "f", env=toy_env)
    assert done.returncode == 0, done.stderr
    assert "roots" in page.read_text()
    assert {".png", ".svg"} <= {path.suffix for path in (tmp_path / "f").iterdir()}


@pytest.mark.usefixtures("in_process")
def test_a_run_from_other_sources_is_not_mixed(toy_env: dict[str, str], tmp_path: Path) -> None:
    adabench("run", "roots/fixed", "--counts", "--out", tmp_path / "r", "--no-report", env=toy_env)
    data = run_folder.read_manifest(tmp_path / "r")
    data["sources"]["roots/fixed"] = "0" * 64
    write_manifest(tmp_path / "r", data)
    done = adabench("run", "--resume", tmp_path / "r", env=toy_env)
    assert done.returncode == 3
    assert "roots/fixed" in done.stderr


@pytest.mark.cold
def test_an_interrupt_keeps_the_run(toy_env: dict[str, str], tmp_path: Path) -> None:
    words = ["run", "roots", "--seeds", "0..400", "--out", str(tmp_path / "r")]
    # A suite that runs in the background of a shell ignores interrupts, and so would its children.
    listening = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", listening, PROGRAM, *words]
    process = subprocess.Popen(command, env=toy_env, stderr=subprocess.PIPE)
    _wait_for_records(tmp_path / "r", 20, process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert adabench("claims", tmp_path / "r", env=toy_env).returncode == 0


def _lines(folder: Path) -> list[str]:
    path = folder / "records.jsonl"
    text = path.read_text() if path.exists() else ""
    whole = text[: text.rfind("\n") + 1].splitlines()
    return [line for line in whole if '"v":' in line]  # others declare names and cells


def _wait_for_records(folder: Path, count: int, process: subprocess.Popen[Any]) -> None:
    has_happened(lambda: len(_lines(folder)) >= count, process)


@pytest.mark.usefixtures("in_process")
def test_a_meter_that_is_not_there_is_refused(toy_env: dict[str, str], tmp_path: Path) -> None:
    for meter, why in (
        ("external:none.csv", "can't be read"),
        ("kilowatt", "No installed package"),
    ):
        words = ("run", "roots/fixed", "--no-sweep", "--energy-meter", meter)
        done = adabench(*words, "--out", tmp_path / meter, env=toy_env)
        assert done.returncode == 3, done.stderr
        assert why in done.stderr


@pytest.mark.usefixtures("in_process")
def test_a_file_that_cannot_be_read_leaves_nothing(toy_env: dict[str, str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    out = tmp_path / "out"
    done = adabench("run", "paging/lru", "--set", f"trace={bad}", "--out", out, env=toy_env)
    assert done.returncode == 2
    assert "has 2 columns" in done.stderr
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    adabench("run", "paging/lru", "--set", f"trace={bad}", "--out", out, env=toy_env)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
