"""What is fitted to a pretrained model, by name, and SmolLM2's weights themselves.

    adabench train smollm2                # the weights, converted once into the cache
    adabench train real-informed          # a router and a forecaster for each unit
    adabench train 'real-static-*'        # thinned models with the same recovery
    adabench train real-exits             # lenses that let the head read inner layers
    adabench train real-acm               # gates, and what stands in for learners that do not run
    adabench train real-width-3           # three learners of four for everybody, the same steps
    adabench train real-dr-llm            # labels from a search, routers, static paths as rivals
    adabench train 'pretrained/real-*' --set model=hf:./my-llama --set data=my-corpus.txt

For SmolLM2 one to six CPU minutes each where bfloat16 is multiplied natively, and many times that
elsewhere. What is shipped lies in `checkpoints/`; what is not lies in the user's cache folder, where a
run that needs it finds it, or fits it itself (`fitted_file.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from adabench.harness.errors import AdabenchError
from adabench.harness.store import checkpoint_folders
from adabench.workloads.depth_width.pretrained.substrate import (
    fitted_file,
    model_and_text,
    path_files,
    plans,
    unit_files,
    width_files,
)
from adabench.workloads.depth_width.pretrained.substrate.fitted_file import Fit, Plan
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.substrate.checkpoints import Recipe
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import RealShape
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.training.checkpoints import Progress

SMOLLM2 = RealShape(30, 576, 1536, 9, 3, 49_152, 256, 100_000.0, 1e-5)
"""Written down, so that recipes are listed where no package of weights is installed."""


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
        model = model_and_text.backbone(ModelAndText())
        progress(1, 1)
        count = sum(weight.numel() for weight in model.parameters())
        return {"recipe": self.name, "held_out": {"parameters": count}}


@dataclass(frozen=True)
class FittedRecipe:
    """Parts of one kind, fitted to one model on one text."""

    plan: Any
    source: ModelAndText
    fit: Fit = field(repr=False)
    code: tuple[ModuleType, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """Of the files."""
        return str(self.plan.name)

    @property
    def steps(self) -> int:
        """Steps of training."""
        return int(self.plan.steps)

    @property
    def forecast_s(self) -> float:
        """CPU seconds."""
        return float(self.plan.forecast_s)

    @property
    def home(self) -> Path:
        """Among the shipped files if it is one of them, else in the cache folder."""
        return fitted_file.home(self.plan, self.source, *self.code)

    @property
    def is_cached(self) -> bool:
        """Say whether it was fitted into the cache folder, with the code of today."""
        if self.source.model == "smollm2" and not smollm2.is_converted():
            return False
        try:
            return checkpoint_folders.holds(self.home, self.name)
        except AdabenchError:  # without model or text nothing that was fitted to them is of use
            return False

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Fit it and write weights and card."""
        return self.fit(self.plan, self.source, progress, folder)


def recipes(
    model: str = "smollm2", data: str = "brown", device: str = "cpu", fitting: float = 1.0
) -> dict[str, Recipe]:
    """Return every recipe by name, for a model and a text.

    Raises:
        AdabenchError: if another model or text than the default is not here.
    """
    source = ModelAndText(model, data, device, fitting=float(fitting))
    shape = SMOLLM2
    if not source.is_shipped:
        source.check()
        shape = model_and_text.shape(source)
    kinds: list[tuple[Callable[..., dict[str, Any]], Any]] = [
        (plans.unit_plans, unit_files),
        (plans.width_plans, width_files),
        (plans.path_plans, path_files),
    ]
    found: list[Recipe] = [PretrainedWeights()] if source.is_shipped else []
    for known, files in kinds:
        made: list[Plan] = list(known(shape, source.share).values())
        found += [FittedRecipe(plan, source, files.train, files.CODE) for plan in made]
    return {recipe.name: recipe for recipe in found}
