"""What is fitted to a policy of this task: a head that judges by its states, and a table of strategies.

    adabench train state-judge-smollm2
    adabench train 'text/*' --set model=hf:./my-llama

A head is fitted to how the policy's own roll-outs ended, on generated sums that no run asks
(`training/train_state_judge.py`), a table to what each vote answers of such sums
(`training/train_votes.py`). A name says which model; the card, which weights.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from adabench.workloads.shared.sources.model_spec import model_spec

FOLDER = Path(__file__).parent / "checkpoints"
PREFIX = "state-judge-"
TABLE_PREFIX = "compute-optimal-"
DEFAULT = "smollm2"


@dataclass(frozen=True)
class Recipe:
    """What to fit, and to how many roll-outs."""

    name: str
    model: str
    steps: int = 64
    """Questions."""
    samples: int = 8
    """Roll-outs of each."""
    seed: int = 0
    forecast_s: int = 200
    kind: Literal["judge", "table"] = "judge"

    @property
    def words(self) -> str:
        """Return what `adabench train` is told."""
        return self.name if self.model == DEFAULT else f"'text/*' --set model={self.model}"


def recipe_of(model: str) -> Recipe:
    """Return the recipe of a model's judge."""
    return Recipe(f"{PREFIX}{quote(model, safe='')}", model)


def table_of(model: str) -> Recipe:
    """Return the recipe of a model's table of strategies."""
    return Recipe(
        f"{TABLE_PREFIX}{quote(model, safe='')}", model, steps=40, forecast_s=300, kind="table"
    )


def recipes(model: str = DEFAULT) -> dict[str, Recipe]:
    """Return the recipes of a model.

    Raises:
        SelectionError: if it names none.
    """
    name = str(model_spec(model))
    return {recipe.name: recipe for recipe in (table_of(name), recipe_of(name))}
