"""`adabench train` from the outside: the recipes of every task, listed."""

import json
import subprocess
from pathlib import Path

import pytest

from adabench.harness.contract import registry

pytestmark = pytest.mark.usefixtures("here")


def adabench(*words: str) -> subprocess.CompletedProcess[str]:
    raise NotImplementedError("the fixture here")


def test_every_task_with_recipes_is_listed() -> None:
    done = adabench("train", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
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
    text = adabench("train").stdout
    assert all(f"{row['task']}/{row['name']}" in text for row in rows)


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
