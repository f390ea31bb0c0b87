"""Training recipes are found in every task's folder, and followed without a word."""

from pathlib import Path

import pytest

from adabench.harness.contract import recipes, registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.recipes import find_recipes, follow_recipe
from adabench.harness.errors import SelectionError


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One task with two recipes, and one with none."""
    folder = tmp_path / "schooled"
    folder.mkdir()
    (folder / "recipes.py").write_text(
        "from types import SimpleNamespace as R\n"
        "def recipes():\n"
        "    return {'small': R(steps=3, forecast_s=1.0), 'large': R(steps=9, forecast_s=2.0)}\n"
    )
    (folder / "checkpoints.py").write_text(
        "def train(name, progress, folder='own'):\n"
        "    for step in range(3): progress(step + 1, 3)\n"
        "    return {'name': name, 'folder': str(folder)}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    tasks = {
        name: registry.Entry(name, f"{name}.task", tmp_path / name / "task.py", Card(name))
        for name in ("schooled", "plain")
    }
    monkeypatch.setattr(recipes.registry, "tasks", lambda: tasks)


@pytest.mark.usefixtures("school")
def test_recipes_are_found_by_name_and_by_address() -> None:
    assert {recipe.name for recipe in find_recipes()} == {"small", "large"}
    assert [recipe.name for recipe in find_recipes(("small",))] == ["small"]
    assert [recipe.steps for recipe in find_recipes(("schooled/l*",))] == [9]
    with pytest.raises(SelectionError, match="smal") as unknown:
        find_recipes(("smal",))
    assert "small" in unknown.value.hint


@pytest.mark.usefixtures("school")
def test_a_recipe_is_followed_into_its_folder_or_another(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    [recipe] = find_recipes(("small",))
    steps: list[tuple[int, int]] = []
    card = follow_recipe(recipe, lambda done, of: steps.append((done, of)))
    assert card == {"name": "small", "folder": "own"}
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert follow_recipe(recipe, out=tmp_path)["folder"] == str(tmp_path)
    assert capfd.readouterr() == ("", "")
