"""Training recipes are found in every task's folder, and say what they build on."""

from pathlib import Path

import pytest

from adabench.harness.contract import recipes, registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.recipes import bases_of, find_recipes
from adabench.harness.errors import SelectionError

READS = (
    "workloads/agents",
    "workloads/algorithms",
    "workloads/depth_width",
    "workloads/moe",
    "workloads/test_time",
)
"""For tests/suite/dependencies.py: recipes and outcomes of all tasks are imported by name."""


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One task with three recipes, and one with none."""
    folder = tmp_path / "schooled"
    folder.mkdir()
    (folder / "recipes.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class Recipe:\n"
        "    name: str\n"
        "    steps: int\n"
        "    forecast_s: float = 1.0\n"
        "    base: object = ''\n"
        "    def build(self): ...\n"
        "large = Recipe('large', 9, base='small')\n"
        "found = [Recipe('small', 3), large, Recipe('wide', 5, base=large)]\n"
        "def recipes():\n"
        "    return {recipe.name: recipe for recipe in found}\n"
    )
    (folder / "checkpoints.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    tasks = {
        name: registry.Entry(name, f"{name}.task", tmp_path / name / "task.py", Card(name))
        for name in ("schooled", "plain")
    }
    monkeypatch.setattr(recipes.registry, "tasks", lambda: tasks)


@pytest.mark.usefixtures("school")
def test_recipes_are_found_by_name_and_by_address() -> None:
    assert {recipe.name for recipe in find_recipes()} == {"small", "large", "wide"}
    assert [recipe.name for recipe in find_recipes(("small",))] == ["small"]
    assert [recipe.steps for recipe in find_recipes(("schooled/l*",))] == [9]
    with pytest.raises(SelectionError, match="smal") as unknown:
        find_recipes(("smal",))
    assert "small" in unknown.value.hint


@pytest.mark.usefixtures("school")
def test_a_recipe_builds_on_what_its_fields_hold_or_name() -> None:
    bases = {recipe.name: [base.name for base in bases_of(recipe)] for recipe in find_recipes()}
    assert bases == {"small": [], "large": ["small"], "wide": ["large"]}


def test_recipes_of_one_task_build_on_those_of_another() -> None:
    [paths] = find_recipes(("dr-llm-s0",))
    [questions] = bases_of(paths)
    [stream] = bases_of(questions)
    assert (questions.task, questions.name) == ("ledger_qa", "qa-6-s0")
    assert (stream.task, stream.name) == ("ledger", "vanilla-6-s0")
    [judge] = find_recipes(("judge-orders-s0",))
    assert [base.name for base in bases_of(judge)] == ["lm-s-orders-s0"]
