"""`adabench train` from the outside: the recipes of every task, listed."""

import fnmatch
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract import registry
from tests.cli.program import adabench

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Every recipe, as the list has it."""
    done = adabench("train", "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_task_with_recipes_is_listed(rows: list[dict[str, Any]]) -> None:
    tasks = {
        name
        for name, entry in registry.tasks().items()
        if entry.path.with_name("recipes.py").is_file()
    }
    assert tasks
    assert {row["task"] for row in rows} == tasks
    assert all(row["steps"] > 0 and row["forecast_s"] > 0 for row in rows)
    assert {row["where"] for row in rows} <= {"shipped", "cached", "missing"}
    shipped = {row["name"] for row in rows if row["where"] == "shipped"}
    assert {"lm-s-s0", "vanilla-6-s0", "k2-s0", "policies-s0", "real-informed"} <= shipped


def test_a_line_of_the_list_is_a_pattern_that_finds_what_it_counts(
    rows: list[dict[str, Any]],
) -> None:
    wheres = {f"{row['task']}/{row['name']}": row["where"] for row in rows}
    listed: list[str] = []
    for line in adabench("train").stdout.splitlines():
        pattern, places, _ = re.split(r"  +", line, maxsplit=2)
        own = fnmatch.filter(wheres, pattern)
        known = Counter(wheres[address] for address in own)
        numbers = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", places)}
        assert (numbers or {places: 1}) == known
        listed += own
    assert sorted(listed) == sorted(wheres)


def test_of_what_is_there_nothing_is_missing() -> None:
    done = adabench("train", "lookup/agent-s-s0", "--missing")
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 of 1 are there already." in done.stderr
    names = {row["where"] for row in json.loads(adabench("train", "--missing", "--json").stdout)}
    assert names == {"missing"}


def test_an_unknown_recipe_names_near_ones() -> None:
    done = adabench("train", "no-such-recipe")
    assert done.returncode == 2
    assert "no recipe 'no-such-recipe'" in done.stderr


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = adabench("train", "lm-s-s0", "--out", str(tmp_path / "file" / "out"))
    assert done.returncode == 3
    assert "cannot be written to" in done.stderr
    assert "--out" in done.stderr
    assert "steps" not in done.stderr


def test_recipes_are_listed_for_the_model_that_is_named(tmp_path: Path) -> None:
    done = adabench("train", "--set", "model=hf:/no/such/folder", "--set", f"data={tmp_path}")
    assert done.returncode == 2
    assert "names no text" in done.stderr
    done = adabench("train", "--set", "model")
    assert done.returncode == 2
    assert "is not k=v" in done.stderr
