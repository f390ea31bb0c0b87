"""A training that is killed at any moment leaves whole checkpoints or none, and nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.recipes import TrainingRecipe, find_recipes
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.store import checkpoint_folders, staged_training
from adabench.harness.store.staged_training import destination, follow_recipe, missing_bases, where

RECIPES = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Recipe:
    name: str
    steps: int = 2
    forecast_s: float = 1.0
    trunk: str = ""

def recipes():
    return {"small": Recipe("small"), "large": Recipe("large", trunk="small")}
"""
CHECKPOINTS = """
import json, os

MOMENT = lambda name: None

def train(name, progress, folder):
    version = os.environ["VERSION"]
    base = (folder / "small.bin").read_text() if name == "large" else ""
    progress(1, 2)
    (folder / f"{name}.bin").write_text(f"{base}{name}{version} " * 1000)
    MOMENT("weights are made")
    card = {"name": name, "version": version}
    (folder / f"{name}.json").write_text(json.dumps(card))
    MOMENT("card is made")
    progress(2, 2)
    return card
"""
STUDENT = """
import os, shutil, signal, sys
from pathlib import Path
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.recipes import find_recipes
from adabench.harness.store.staged_training import follow_recipe

base, name, moment, times = Path(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
out = Path(sys.argv[5]) if len(sys.argv) > 5 else None
sys.path.insert(0, str(base))
entry = registry.Entry("academy", "academy.task", base / "academy" / "task.py", Card("academy"))
registry.tasks = lambda: {"academy": entry}

def reach(here):
    if here == moment:
        os.kill(os.getpid(), signal.SIGKILL)

def half(source, target, copy=shutil.copyfileobj):
    target.write(source.read(100))
    target.flush()
    reach("half is copied")
    copy(source, target)

def replace(path, target, replace=Path.replace):
    reach(f"{target.suffix} is copied")
    replace(path, target)
    reach(f"{target.suffix} is in place")

[recipe] = find_recipes((name,))
recipe.trainer.MOMENT = reach
shutil.copyfileobj, Path.replace = half, replace
for _ in range(times):
    follow_recipe(recipe, out=out)
"""
MOMENTS = (
    "weights are made", "card is made", "half is copied", ".bin is copied", ".bin is in place",
    ".json is in place",
)  # fmt: skip


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task with two recipes, in a source tree, with a cache and a temporary folder of its own."""
    folder = tmp_path / "academy"
    for made in (folder, tmp_path / "tmp"):
        made.mkdir()
    (folder / "recipes.py").write_text(RECIPES)
    (folder / "checkpoints.py").write_text(CHECKPOINTS)
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("academy", "academy.recipes", "academy.checkpoints"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    entry = registry.Entry("academy", "academy.task", folder / "task.py", Card("academy"))
    monkeypatch.setattr(registry, "tasks", lambda: {"academy": entry})
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("VERSION", "1")
    return tmp_path


def recipe(name: str) -> TrainingRecipe:
    [found] = find_recipes((name,))
    return found


def student(
    school: Path, name: str, moment: str = "", times: int = 1, out: Path | None = None,
    version: str = "1",
) -> "subprocess.Popen[bytes]":  # fmt: skip
    """Start a process that follows a recipe, and is killed at a moment."""
    words = [str(school), name, moment, str(times), *([str(out)] if out else [])]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", STUDENT, *words], env={**os.environ, "VERSION": version}
    )


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


def left_behind(school: Path) -> list[Path]:
    """Return what no checkpoint is made of: scratch folders, their locks, and drafts."""
    return [*school.glob("tmp/*/*"), *school.glob("**/.adabench-*")]


def pair(name: str, version: str) -> dict[str, str]:
    card = json.dumps({"name": name, "version": version})
    return {f"{name}.bin": f"{name}{version} " * 1000, f"{name}.json": card}


def test_what_is_not_shipped_goes_into_the_cache_and_is_found_there(school: Path) -> None:
    small, steps = recipe("small"), list[tuple[int, int]]()
    assert where(small) == "missing"
    card = follow_recipe(small, lambda done, of: steps.append((done, of)))
    assert card == {"name": "small", "version": "1"}
    assert steps == [(1, 2), (2, 2)]
    assert contents(school / "cache/checkpoints/academy") == pair("small", "1")
    assert where(small) == "cached"
    assert checkpoint_folders.home("small.bin", small.shipped) == destination(small)
    assert not small.shipped.exists()
    assert not left_behind(school)


def test_what_is_shipped_is_rebuilt_there_and_never_in_an_installation(
    school: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = recipe("small")
    follow_recipe(small, out=small.shipped)
    assert where(small) == "shipped"
    assert destination(small) == small.shipped
    monkeypatch.setenv("VERSION", "2")
    follow_recipe(small)
    assert contents(small.shipped) == pair("small", "2")
    assert not (school / "cache").exists()
    monkeypatch.setattr(checkpoint_folders, "is_writable_source", lambda folder: False)
    monkeypatch.setenv("VERSION", "3")
    follow_recipe(small)
    assert contents(small.shipped) == pair("small", "2")
    assert contents(school / "cache/checkpoints/academy") == pair("small", "3")


def test_an_installation_is_no_source(tmp_path: Path) -> None:
    installed = tmp_path / "site-packages" / "academy" / "checkpoints"
    installed.mkdir(parents=True)
    assert checkpoint_folders.is_writable_source(tmp_path)
    assert not checkpoint_folders.is_writable_source(installed)
    assert not checkpoint_folders.is_writable_source(tmp_path / "nowhere")


def test_a_base_that_is_missing_is_made_first_where_readers_look(school: Path) -> None:
    large = recipe("large")
    assert [base.name for base in missing_bases(large)] == ["small"]
    follow_recipe(large, out=school / "out")
    assert set(contents(school / "out")) == {"large.bin", "large.json"}
    assert contents(school / "cache/checkpoints/academy") == pair("small", "1")
    assert not missing_bases(large)


def test_a_base_is_read_from_the_destination_before_all_other_places(
    school: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large, out = recipe("small"), recipe("large"), school / "out"
    follow_recipe(small)
    monkeypatch.setenv("VERSION", "2")
    follow_recipe(small, out=out)
    follow_recipe(large, out=out)
    assert contents(out)["large.bin"].startswith("small2")
    assert contents(school / "cache/checkpoints/academy") == pair("small", "1")


def test_a_destination_that_cannot_be_written_is_refused_before_anything_is_trained(
    school: Path,
) -> None:
    (school / "file").write_text("")
    steps: list[tuple[int, int]] = []
    with pytest.raises(EnvironmentProblem, match="cannot be written") as refused:
        follow_recipe(
            recipe("small"), lambda done, of: steps.append((done, of)), school / "file" / "out"
        )
    assert "--out" in refused.value.hint
    assert not steps


def test_a_training_that_fails_leaves_nothing(school: Path) -> None:
    small = recipe("small")
    follow_recipe(small)

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow_recipe(small, stop)
    assert contents(school / "cache/checkpoints/academy") == pair("small", "1")
    assert not left_behind(school)


@pytest.mark.parametrize("before", ["", "0", "1"], ids=["none", "another", "the-same"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_it_is_followed_anew(moment: str, before: str, school: Path) -> None:
    out = school / "out"
    if before:
        assert student(school, "small", out=out, version=before).wait() == 0
    held = pair("small", before) if before else {}
    assert student(school, "small", moment, out=out).wait() == -signal.SIGKILL
    assert left_behind(school)
    seen = {name: text for name, text in contents(out).items() if not name.startswith(".")}
    new = pair("small", "1")
    if before == "1":
        assert seen == new
    elif moment in MOMENTS[:3]:
        assert seen == held
    elif moment == ".json is in place":
        assert seen == new
    else:  # whole weights, and never a card that is not theirs
        text = new["small.bin"] if moment == ".bin is in place" else held.get("small.bin")
        assert seen == ({"small.bin": text} if text else {})
    assert student(school, "small", out=out).wait() == 0
    assert contents(out) == new
    assert not left_behind(school)


def test_killed_between_weights_and_card_it_is_missing_and_mended_where_it_is(
    school: Path,
) -> None:
    small = recipe("small")
    follow_recipe(small, out=small.shipped)
    dead = student(school, "small", ".bin is in place", version="2")
    assert dead.wait() == -signal.SIGKILL
    assert where(small) == "missing"
    assert destination(small) == small.shipped
    assert [base.name for base in missing_bases(recipe("large"))] == ["small"]
    follow_recipe(recipe("large"))
    assert contents(small.shipped) == pair("small", "1")
    assert not left_behind(school)


def test_two_at_once_into_one_folder_leave_the_files_of_one_of_them(school: Path) -> None:
    both = [student(school, "small", "", 15, school / "out", version=v) for v in ("1", "2")]
    assert [one.wait() for one in both] == [0, 0]
    assert contents(school / "out") in (pair("small", "1"), pair("small", "2"))
    assert not left_behind(school)


def test_a_recipe_with_a_home_of_its_own_goes_there(school: Path) -> None:
    class Plan:
        home = school / "shelf"
        is_cached = True

    small = staged_training.TrainingRecipe(
        "academy", "small", 2, 1.0, recipe("small").package, Plan(), recipe("small").shipped
    )
    follow_recipe(small)
    assert contents(school / "shelf") == pair("small", "1")
    assert where(small) == "cached"


def test_what_makes_no_file_is_followed_too(school: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = recipe("small")
    card: dict[str, Any] = {"recipe": "small"}
    monkeypatch.setattr(small.trainer, "train", lambda name, progress, folder: card)
    assert follow_recipe(small, out=school / "out") == card
    assert contents(school / "out") == {}
