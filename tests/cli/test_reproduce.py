"""`adabench reproduce` from the outside."""

import json
from pathlib import Path

import pytest

from adabench.harness.store import run_folder
from tests.cli.program import adabench

READS = ("flow_time",)
"""For tests/suite/dependencies.py."""

NAME = "flow-time"


pytestmark = pytest.mark.usefixtures("here")


def test_a_dry_run_prints_commands_and_counts_and_measures_nothing(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    done = adabench(
        "reproduce", "2502.13575", "--dry-run", "--out", str(tmp_path / "x"), env=toy_env
    )
    assert done.returncode == 0
    assert "adabench run chain/ets" in done.stdout
    assert "runs of configurations" in done.stdout
    assert not (tmp_path / "x").exists()
    document = json.loads(adabench("reproduce", "ets", "--dry-run", "--json", env=toy_env).stdout)
    assert document["name"] == "ets"
    assert [run["turns"] > 0 for run in document["runs"]] == [True, True]  # N = 16, and 64


def test_a_paper_is_measured_judged_and_not_measured_again(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = ("reproduce", NAME, "--seeds", "0", "--out", str(tmp_path / "run"))
    done = adabench(*words, env=toy_env)
    assert done.returncode == 0, done.stderr
    for head in ("paper said", "bar", "measured", "verdict"):
        assert head in done.stdout
    assert "arXiv 2602.12716" in done.stdout
    count = len(run_folder.records(tmp_path / "run"))
    again = adabench(*words, "--json", env=toy_env)
    assert again.returncode == 0, again.stderr
    assert "goes on where it ended" in again.stderr
    assert len(run_folder.records(tmp_path / "run")) == count
    claims = json.loads(again.stdout)["claims"]
    assert claims
    assert {row["paper_slug"] for row in claims} == {NAME}
    assert all(row["id"] in done.stdout and row["verdict"] in done.stdout for row in claims)


def test_counts_alone_judge_what_they_can_and_no_time_is_recorded(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = (
        "reproduce",
        NAME,
        "--seeds",
        "0",
        "--counts",
        "--out",
        str(tmp_path / "run"),
        "--json",
    )
    done = adabench(*words, env=toy_env)
    assert done.returncode == 0, done.stderr
    records = run_folder.records(tmp_path / "run")
    assert {record.status for record in records} == {"ok"}
    assert not any(name.endswith("_s") for r in records if r.phase == "solve" for name in r.values)
    claims = json.loads(done.stdout)["claims"]
    assert {row["verdict"] for row in claims} - {"not run", "not testable here"}
    again = adabench(*words, env=toy_env)
    assert "goes on where it ended" in again.stderr
    assert len(run_folder.records(tmp_path / "run")) == len(records)


def test_another_run_at_the_place_is_refused_and_stays(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    place = str(tmp_path / "run")
    words = ("run", "roots/residual", "--alone", "--no-sweep", "--counts", "--no-report")
    first = adabench(*words, "--out", place, env=toy_env)
    assert first.returncode == 0, first.stderr
    count = len(run_folder.records(tmp_path / "run"))
    done = adabench("reproduce", NAME, "--seeds", "0", "--out", place, env=toy_env)
    assert done.returncode == 3
    assert "holds another run" in done.stderr
    assert len(run_folder.records(tmp_path / "run")) == count


def test_an_unknown_name_ends_with_2_and_names_near_ones(toy_env: dict[str, str]) -> None:
    done = adabench("reproduce", "etz", env=toy_env)
    assert done.returncode == 2
    assert "ets" in done.stderr
