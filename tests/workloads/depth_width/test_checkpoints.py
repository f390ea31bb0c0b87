"""Reading weights trains nothing; training a recipe trains what it builds on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoint_homes import at_home
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX, Progress
from adabench.workloads.depth_width.substrate.plain_backbones import FOLDER


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
    for recipe in recipes().values():
        assert (recipe.home / f"{recipe.name}{SUFFIX}").exists()
        assert recipe.home == FOLDER
