"""Choosers: small models that name the next tool, how they are trained, and any model that `--model` names.

    adabench train tools/chooser-s0

A chooser learns from an expert's walks on random graphs (`training/`). Steps, never seconds: the result does not depend
on how busy the machine is. One that cannot walk a graph without faults is a broken agent, against which any router
would look good: a chooser that misses a gate is refused.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.workloads.agents.substrate.named_models import trained_names
from adabench.workloads.agents.tools.substrate.choice_script import ChoiceScript, WordScript
from adabench.workloads.agents.tools.substrate.choice_words import (
    BOS,
    CHOICE_VOCABULARY,
    VOCABULARY,
)
from adabench.workloads.agents.tools.substrate.text_script import TextScript
from adabench.workloads.shared.language_model.contract import Costs, Engine
from adabench.workloads.shared.language_model.model import BigramShape, LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.sources.codec_source import context_of, open_codec
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.recipe_card import Gate, refuse_misses

if TYPE_CHECKING:
    from adabench.workloads.shared.language_model.backends.server_abilities import ServerAbilities


TRAININGS = (0, 1, 2, 3, 4)
CHOOSER = BigramShape(layers=2, width=64, heads=2, hidden=176, vocabulary=VOCABULARY)


@dataclass(frozen=True)
class ChooserRecipe:
    """What to train, from which seed."""

    name: str
    seed: int
    shape: BigramShape = CHOOSER
    steps: int = 800
    batch: int = 64
    rate: float = 2e-3
    forecast_s: int = 80


def recipes() -> dict[str, ChooserRecipe]:
    """Return every recipe by name; a name ends in its training seed."""
    found = [ChooserRecipe(f"chooser-s{seed}", seed) for seed in TRAININGS]
    return {recipe.name: recipe for recipe in found}


FOLDER = Path(__file__).parents[1] / "checkpoints"
CHOOSER_GATES = (
    Gate("clean", "held-out graphs without a fault are walked to their end", low=0.98),
    Gate("one_fault", "and with one tool down", low=0.90),
)


@dataclass(frozen=True)
class Chooser:
    """A chooser behind an engine, how it is asked, and the file that it was read from."""

    engine: Engine
    name: str
    script: ChoiceScript = field(default_factory=WordScript)
    is_shipped: bool = True
    """Whether it is one of ours, with a file in `checkpoints/`."""
    most_words: int | None = None
    """What it can read before an answer; None: as much as a case takes."""

    def note(self) -> None:
        """Note that it is handed out to the method of this process."""
        if self.is_shipped:
            checkpoints.note(self.name, FOLDER)

    def warm(self) -> None:
        """Run two words of a chooser of ours; another model is loaded, and that is all."""
        if not self.is_shipped:
            return
        self.engine.reset(Costs())
        seq = self.engine.open([BOS])
        self.engine.append([seq], [[BOS]])
        self.engine.decode([seq], stop=self.script.stops, max_new=2, temperature=0.0)
        self.engine.reset(Costs())


def chooser_name(base: str, seed: int) -> str:
    """Return the name of a chooser's checkpoint for a run seed: trainings that are there, in turn.

    Raises:
        SelectionError: if there is no such chooser.
    """
    names = trained_names(base, recipes(), FOLDER, "chooser")
    return names[seed % len(names)]


def chooser(name: str) -> Chooser:
    """Return a chooser that passes its gates.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    return Chooser(chooser_engine(name, checkpoints.home(name, FOLDER)), name)


def named_chooser(
    spec: ModelSpec, device: str | None, dtype: str | None, found: "ServerAbilities | None"
) -> Chooser:
    """Open a model that was named, which is asked in text.

    Raises:
        SelectionError: if it names what cannot run here.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    from adabench.workloads.shared.sources.model_source import open_model

    engine = open_model(spec, device, dtype, found=found).engine
    script, context = TextScript(open_codec(spec)), context_of(spec)
    most = None if context is None else context - script.longest
    return Chooser(engine, str(spec), script, is_shipped=False, most_words=most)


def chooser_engine(name: str, folder: Path) -> NativeEngine:
    """Return an engine over a chooser that passes its gates.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    model = restore_chooser(name, folder)
    refuse_misses(name, folder, CHOOSER_GATES)
    return NativeEngine(model, name.rpartition("-s")[0], vocabulary=CHOICE_VOCABULARY)


@lru_cache(maxsize=8)
def restore_chooser(name: str, folder: Path) -> LanguageModel:
    """Return a checkpoint's language model in single precision, whatever its gates say.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    model = LanguageModel(recipe.shape)
    model.load_state_dict(checkpoints.weights(name, folder, recipe.forecast_s))
    return model.eval().requires_grad_(False)
