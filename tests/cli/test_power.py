"""Planned sizes, and decisions within a time, from the outside: `power`, `reproduce --time`, `run --decide`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from adabench.harness.store import run_folder

READS = ("paging",)
"""For tests/suite/dependencies.py."""

CLAIM = "PG-5"
"""LRU against a policy with bits: counts decide it, in seconds."""
Command = Callable[..., subprocess.CompletedProcess[str]]


def test_a_pilot_plans_a_size_and_decides_nothing(
    command: Command, toy_env: dict[str, str]
) -> None:
    done = command("power", CLAIM, "--json", env=toy_env)
    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout)["claims"]
    assert (row["id"], row["unit"], row["pilot"]) == (CLAIM, "seeds", 3)
    assert 0 < row["needed"] <= row["planned"]
    assert 0 <= row["power_of_pilot"] <= 1
    assert "verdict" not in row


def test_a_decision_is_a_run_whose_verdicts_are_those_of_its_looks(
    command: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    place = tmp_path / "run"
    words = ("reproduce", CLAIM, "--seeds", "7001..", "--time", "5m", "--out", str(place))
    done = command(*words, "--json", env=toy_env)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    [row] = document["claims"]
    assert (document["decided"], document["of"], row["left"]) == (1, 1, "")
    assert row["verdict"] in ("reproduced", "not reproduced", "contradicted", "direction only")
    seeds = {record.cell.seed for record in run_folder.records(place)}
    assert seeds == set(range(7001, 7001 + row["seeds"]))
    assert json.loads((place / "decision.json").read_text())["claims"] == document["claims"]
    told = json.loads(command("claims", str(place), "--all", "--json", env=toy_env).stdout)
    assert [r["verdict"] for r in told if r["id"] == CLAIM] == [row["verdict"]]
    again = command(*words, env=toy_env)
    assert (again.returncode, "holds a run already" in again.stderr) == (3, True)


def test_a_question_of_ones_own_is_decided(
    command: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    question = ("run", "paging", "--set", "slots=50", "--out", str(tmp_path / "run"))
    done = command(*question, "--decide", "faults: mark0 < lru by 1%", "--json", env=toy_env)
    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout)["claims"]
    assert row["verdict"] in ("reproduced", "not reproduced", "contradicted")
    assert row["over"] == "seeds"
    told = json.loads(command("claims", question[-1], "--all", "--json", env=toy_env).stdout)
    [answer] = [r for r in told if r["id"] == row["id"]]
    assert (answer["verdict"], answer["says"]) == (row["verdict"], row["says"])
    assert (answer["estimate"], answer["low"]) == (row["estimate"], row["low"])


def test_the_best_is_found_on_other_seeds_than_those_that_decide(
    command: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    """Of the toy's methods one adapts; controls and oracles are not there to be chosen."""
    place = tmp_path / "run"
    words = ("run", "roots", "--decide", "steps: best < fixed by 5%", "--out", str(place))
    done = command(*words, "--json", env=toy_env)
    assert "ahead in the pilot: residual" in done.stderr
    [row] = json.loads(done.stdout)["claims"]
    assert (row["says"], row["left"]) == ("residual has less steps than fixed by 5%.", "")
    records = list(run_folder.records(place))
    assert {record.cell.method for record in records} == {"residual", "fixed"}
    assert max(record.cell.seed for record in records) < 900
    told = json.loads(command("claims", str(place), "--all", "--json", env=toy_env).stdout)
    assert [r["verdict"] for r in told if r["id"] == row["id"]] == [row["verdict"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "paging", "--decide", "faults mark0 < lru"), "METRIC: METHOD > RIVAL"),
        (("run", "paging/lru", "--decide", "faults: mark0 < lru"), "on one task"),
        (("reproduce", CLAIM, "--time", "1m", "--seeds", "0..4"), "no first seed"),
        (("reproduce", CLAIM, "--time", "soon"), "soon"),
        (("reproduce", CLAIM, "--time", "1m", "--dry-run"), "adabench power"),
        (("run", "paging", "--decide", "faults: mark0 < lru", "--dry-run"), "leave out"),
        (("run", "paging", "--decide", "faults: mark0 < lru", "--race", "1m"), "two methods"),
        (("run", "paging", "--decide", "faults: mark0 < lru", "--workers", "2"), "leave out"),
    ],
)
def test_what_makes_no_sense_ends_with_2_and_says_so(
    words: tuple[str, ...], says: str, command: Command, toy_env: dict[str, str]
) -> None:
    done = command(*words, env=toy_env)
    assert done.returncode == 2
    assert says in done.stderr
