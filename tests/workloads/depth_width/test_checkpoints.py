"""Reading weights trains nothing; training a recipe trains what it builds on."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SEEDS, SUFFIX
from adabench.workloads.depth_width.substrate.train_backbone import FOLDER
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import (
    TRAININGS,
    at_home,
    of_run,
    trainings,
)
from adabench.workloads.shared.training.checkpoints import Progress


@dataclass(frozen=True)
class Plan:
    """A recipe of one number that notes when it is made."""

    name: str
    home: Path
    base: "Plan | None" = None
    steps: int = 1
    forecast_s: float = 7.0
    made: list[str] = field(default_factory=list)

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Write the base's number and one more."""
        number = 0.0 if self.base is None else float(checkpoints.weights(self.base)["number"])
        weights = {"number": torch.tensor(number + 1)}
        checkpoints.write(weights, folder / f"{self.name}{SUFFIX}")
        self.made.append(self.name)
        return {"recipe": self.name}


def test_what_is_missing_is_not_trained_but_named(tmp_path: Path) -> None:
    plan = Plan("ten", tmp_path)
    with pytest.raises(EnvironmentProblem, match=r"ten\.safetensors\.xz is missing") as caught:
        checkpoints.weights(plan)
    assert "adabench train ten" in caught.value.hint
    assert not plan.made


def test_a_model_without_its_file_says_what_to_call(tmp_path: Path) -> None:
    plan: Any = recipes()["vanilla-6-s0"]
    with pytest.raises(EnvironmentProblem, match="trains nothing"):
        plan.load(tmp_path)


def test_bases_are_trained_first_and_once(tmp_path: Path) -> None:
    made: list[str] = []
    one = Plan("one", tmp_path / "shipped", made=made)
    two = Plan("two", tmp_path / "shipped", one, made=made)
    three = Plan("three", tmp_path / "shipped", two, made=made)
    one.home.mkdir()
    checkpoints.train(three, folder=tmp_path)
    assert made == ["one", "two", "three"]
    assert float(checkpoints.weights(three, tmp_path)["number"]) == 3
    assert [path.name for path in tmp_path.glob(f"*{SUFFIX}")] == [f"three{SUFFIX}"]
    checkpoints.train(two)
    assert made == ["one", "two", "three", "two"]


def test_a_recipe_s_home_is_where_its_file_is_shipped_or_else_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    shipped = tmp_path / "task" / "checkpoints"
    shipped.mkdir(parents=True)
    one = Plan("one", shipped)
    checkpoints.train(one)
    two = at_home(Plan("two", shipped, one))
    assert two.home == tmp_path / "cache" / "checkpoints" / "task"
    assert two.base == one
    checkpoints.train(two)
    assert float(checkpoints.weights(at_home(Plan("two", shipped, one)))["number"]) == 2
    (shipped / f"one{SUFFIX}").unlink()
    base = at_home(Plan("two", shipped, one)).base
    assert base is not None
    assert base.home == two.home


def test_every_recipe_is_read_from_where_it_is_shipped() -> None:
    mine = {name: r for name, r in recipes().items() if "-coins-" not in name}
    shipped = [r for name, r in mine.items() if int(name.rpartition("-s")[2]) in SEEDS]
    assert len(shipped) == len(mine) * len(SEEDS) // len(TRAININGS)
    for recipe in shipped:
        assert (recipe.home / f"{recipe.name}{SUFFIX}").exists()
        assert recipe.home == FOLDER


def test_a_run_takes_the_trainings_that_are_there_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = recipes()["vanilla-2-s0"]
    known = {f"x-s{k}": dataclasses.replace(one, name=f"x-s{k}", home=tmp_path) for k in TRAININGS}
    assert trainings("x", known) == 1  # whoever asks for it is told to train it
    for k in (0, 1, 2, 4):
        (tmp_path / f"x-s{k}{SUFFIX}").touch()
    assert trainings("x", known) == 3  # the fourth is missing
    names = [of_run("x", seed, known, type(one)).name for seed in range(5)]
    assert names == ["x-s0", "x-s1", "x-s2", "x-s0", "x-s1"]
    (tmp_path / f"x-s3{SUFFIX}").touch()
    assert of_run("x", 104, known, type(one)).name == "x-s4"
