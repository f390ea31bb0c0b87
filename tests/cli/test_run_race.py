"""`adabench run --race`: fewer evaluations, a certificate, and the same after a kill."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.errors import SelectionError
from adabench.harness.plan.quantities import seconds
from adabench.harness.store.run_folder import records
from tests.cli.program import PROGRAM, adabench
from tests.suite.waits import has_happened

SELECT = ("run", "roots/fixed", "roots/residual", "roots/hindsight", "--seeds", "0..7")


def certificate(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "certificate.json").read_text())
    return found


def places(folder: Path) -> dict[str, str]:
    return {
        f"{race['race']} {point['label']}": point["place"]
        for race in certificate(folder)["races"]
        for point in race["points"]
    }


def front(document: dict[str, Any]) -> set[str]:
    """The methods of the true front of a whole run, by exact means."""
    rows = {
        json.dumps([row["method"], row["point"]]): (
            row["metrics"]["steps"]["estimate"],
            row["metrics"]["right"]["estimate"],
        )
        for row in document["summary"]
        if row["conditions"]["spread"] == 4.0 and row["method"] != "hindsight"
    }
    return {
        name
        for name, (cost, quality) in rows.items()
        if not any(c <= cost and q > quality + 0.02 for c, q in rows.values())
    }


@pytest.mark.usefixtures("in_process")
def test_a_race_is_certified_with_fewer_evaluations_and_agrees_with_the_grid(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "raced"
    words = (*SELECT, "--sweep", "steps_each=4,8,12,16", "--json", "--no-report")
    done = adabench(*words, "--race", "1h", "--out", folder, env=toy_env)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    found = certificate(folder)
    assert document["certificate"] == {k: v for k, v in found.items() if k != "sha256"}  # its seal
    assert found["ended"] == "certified"
    assert found["share"] < 0.95
    assert found["evaluations"] == sum(
        point["cases"] for race in found["races"] for point in race["points"]
    )
    assert any("raced" in warning for warning in document["warnings"])
    assert [race["oracles"] for race in found["races"]] == [["hindsight"]]
    grid = adabench(*words, "--counts", "--out", tmp_path / "whole", env=toy_env)
    whole = json.loads(grid.stdout.splitlines()[-1])
    on = {
        json.dumps([point["method"], point["point"]])
        for point in found["races"][0]["points"]
        if point["place"] == "on"
    }
    assert on <= front(whole)
    claims = adabench("claims", folder, env=toy_env)
    assert claims.returncode == 0
    assert "raced" in claims.stderr
    assert adabench("report", folder, env=toy_env).returncode == 0
    assert "was raced" in (folder / "report.html").read_text()


@pytest.mark.usefixtures("in_process")
def test_a_race_by_counts_ends_where_one_by_times_does(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = ("run", "roots/fixed", "--seeds", "0", "--sweep", "steps_each=4,12", "--no-report")
    for name, more in (("timed", ()), ("counted", ("--counts",))):
        done = adabench(*words, *more, "--race", "1h", "--out", tmp_path / name, env=toy_env)
        assert done.returncode == 0, done.stderr
    assert places(tmp_path / "counted") == places(tmp_path / "timed")
    timed, counted = (
        {record.unit: record.values for record in records(tmp_path / name)}
        for name in ("timed", "counted")
    )
    assert counted.keys() == timed.keys()
    for unit, values in counted.items():
        assert "latency_s" not in values
        assert all(timed[unit][name] == value for name, value in values.items())


@pytest.mark.usefixtures("in_process")
def test_a_killed_race_ends_as_one_that_was_not(toy_env: dict[str, str], tmp_path: Path) -> None:
    swept = ("--sweep", "steps_each=4,8,12,16", "--seeds", "0..5")
    words = ["run", "roots/fixed", *swept, "--race", "1h", "--no-report"]
    adabench(*words, "--out", tmp_path / "whole", env=toy_env)
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [PROGRAM, *words, "--out", str(folder)], env=toy_env, stdout=subprocess.PIPE
    )
    has_happened(lambda: _lines(folder) >= 60, process)
    process.kill()
    process.communicate()
    again = adabench("run", "--resume", folder, "--no-report", env=toy_env)
    assert again.returncode == 0, again.stderr
    assert places(folder) == places(tmp_path / "whole")
    assert certificate(folder)["evaluations"] == certificate(tmp_path / "whole")["evaluations"]
    lines = _lines(folder)
    once_more = adabench("run", "--resume", folder, "--no-report", env=toy_env)
    assert once_more.returncode == 0
    assert _lines(folder) == lines  # certified: nothing is run any more


@pytest.mark.usefixtures("in_process")
def test_a_spent_budget_is_said_and_the_rest_left_undecided(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = ("run", "roots", "--seeds", "0..39", "--sweep", "spread=2,3,4", "--no-report")
    done = adabench(*words, "--race", "1s", "--out", tmp_path / "r", env=toy_env)
    found = certificate(tmp_path / "r")
    assert done.returncode == (0 if found["evaluations"] else 3), (
        done.stderr
    )  # a busy machine loads for longer
    assert found["ended"] == "budget spent"
    assert found["evaluations"] < found["full_grid"]
    assert found["not_started"] or "undecided" in places(tmp_path / "r").values()
    assert "budget spent" in done.stdout


@pytest.mark.usefixtures("in_process")
def test_a_race_that_measured_nothing_says_so_and_is_no_success(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    words = ("run", "roots/fixed", "--no-report", "--race", "1ms", "--out", tmp_path / "r")
    done = adabench(*words, env=toy_env)
    assert done.returncode == 3, done.stderr
    assert certificate(tmp_path / "r")["evaluations"] == 0
    assert "Nothing was measured: the race was over" in done.stderr


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--race", "soon"], "5m"),
        (["--race", "5m", "--repeats", "2"], "--repeats"),
        (["--race", "5m", "--time-limit", "3"], "--time-limit"),
    ],
)
def test_what_a_race_cannot_do_is_refused(
    words: list[str], says: str, toy_env: dict[str, str], tmp_path: Path
) -> None:
    done = adabench("run", "roots/fixed", *words, "--out", tmp_path / "r", env=toy_env)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("text", "value"), [("5m", 300.0), ("90s", 90.0), ("1.5h", 5400.0), ("20", 20.0), ("2min", 120)]
)
def test_times_are_read_as_written(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "m", "-3s", "inf", "5 years", "0"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(SelectionError):
        seconds(text)


def _lines(folder: Path) -> int:
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0
