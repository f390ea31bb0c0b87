"""What is fitted to SmolLM2, by name, and the pretrained weights themselves.

    adabench train smollm2                # the weights, converted once into the cache
    adabench train real-informed          # a router and a forecaster for each unit
    adabench train 'real-static-*'        # thinned models with the same recovery
    adabench train real-exits             # lenses that let the head read inner layers
    adabench train real-acm               # gates, and what stands in for learners that do not run
    adabench train real-width-3           # three learners of four for everybody, the same steps
    adabench train real-dr-llm            # labels from a search, routers, static paths as rivals

One to six CPU minutes each where bfloat16 is multiplied natively, and many times that elsewhere.
What is shipped lies in `checkpoints/`; what is not, `adabench train` keeps in the user's cache
folder. A run never fits: one that needs a file that is not there says so.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adabench.harness.errors import AdabenchError
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.pretrained.substrate import path_files, unit_files, width_files
from adabench.workloads.depth_width.pretrained.substrate.plans import (
    FOLDER,
    RealPathfinding,
    RealRetrofit,
    RealWidths,
    real_path_recipes,
    real_recipes,
    real_width_recipes,
)
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX, Progress, Recipe
from adabench.workloads.shared.language_model import smollm2


@dataclass(frozen=True)
class PretrainedWeights:
    """The pretrained weights themselves: nothing is trained, one conversion is made."""

    name: str = "smollm2"
    steps: int = 1
    forecast_s: float = 40.0

    @property
    def home(self) -> Path:
        """In the cache folder."""
        return smollm2.home()

    @property
    def is_cached(self) -> bool:
        """Say whether they were converted."""
        return smollm2.is_converted()

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Convert them into the cache; nothing goes into the folder."""
        model = unit_files.backbone()
        progress(1, 1)
        count = sum(weight.numel() for weight in model.parameters())
        return {"recipe": self.name, "held_out": {"parameters": count}}


@dataclass(frozen=True)
class UnitRecipe:
    """Routers, forecasters or exits."""

    plan: RealRetrofit

    @property
    def name(self) -> str:
        """Of the files."""
        return self.plan.name

    @property
    def steps(self) -> int:
        """Steps of training."""
        return self.plan.steps

    @property
    def forecast_s(self) -> float:
        """CPU seconds."""
        return self.plan.forecast_s

    @property
    def home(self) -> Path:
        """Among the shipped files if it is one of them, else in the cache folder."""
        return FOLDER if _shipped(self.name) else unit_files.shelf(self.plan)

    @property
    def is_cached(self) -> bool:
        """Say whether it was fitted into the cache folder, with the code of today."""
        return _fitted(self)

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Fit it and write weights and card."""
        return unit_files.train(self.plan, progress, folder)


@dataclass(frozen=True)
class WidthRecipe:
    """Granular MLPs, which are too large to be shipped."""

    plan: RealWidths

    @property
    def name(self) -> str:
        """Of the files."""
        return self.plan.name

    @property
    def steps(self) -> int:
        """Steps of training."""
        return self.plan.steps

    @property
    def forecast_s(self) -> float:
        """CPU seconds."""
        return self.plan.forecast_s

    @property
    def home(self) -> Path:
        """In the cache folder."""
        return width_files.shelf(self.plan)

    @property
    def is_cached(self) -> bool:
        """Say whether it was fitted into the cache folder, with the code of today."""
        return _fitted(self)

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Fit it and write weights and card."""
        return width_files.train(self.plan, progress, folder)


@dataclass(frozen=True)
class PathRecipe:
    """Routers of paths, and static paths as their rivals."""

    plan: RealPathfinding

    @property
    def name(self) -> str:
        """Of the files."""
        return self.plan.name

    @property
    def steps(self) -> int:
        """Passes over the labelled windows."""
        return self.plan.steps

    @property
    def forecast_s(self) -> float:
        """CPU seconds."""
        return self.plan.forecast_s

    @property
    def home(self) -> Path:
        """Among the shipped files if it is one of them, else in the cache folder."""
        return FOLDER if _shipped(self.name) else path_files.shelf(self.plan)

    @property
    def is_cached(self) -> bool:
        """Say whether it was fitted into the cache folder, with the code of today."""
        return _fitted(self)

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Search, teach and write weights and card."""
        return path_files.train(self.plan, progress, folder)


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name."""
    found: list[Recipe] = [
        PretrainedWeights(),
        *map(UnitRecipe, real_recipes().values()),
        *map(WidthRecipe, real_width_recipes().values()),
        *map(PathRecipe, real_path_recipes().values()),
    ]
    return {recipe.name: recipe for recipe in found}


def _shipped(name: str) -> bool:
    return (FOLDER / f"{name}{SUFFIX}").exists()


def _fitted(recipe: Recipe) -> bool:
    """Say whether a recipe's file is on its shelf; the backbone is read only where it may be."""
    file = f"{recipe.name}{SUFFIX}"
    if not any(default_folder().glob(f"retrofits/*/{file}")):
        return False
    try:
        return (recipe.home / file).exists()
    except AdabenchError:  # without the backbone nothing that was fitted to it is of use
        return False
