"""What methods of the ledger get: trained models by name, unlabelled sequences, and an account.

Here are no streams that a score is taken on, and no labels. Where a timing twin is to replay the
trained model (`width_twin.py`), this object has it recorded before a case is measured.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import nn

from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.depth_width.ledger.methods.duo_llm.train_modules import (
    ModuleRouters,
    ModulesRecipe,
)
from adabench.workloads.depth_width.ledger.recipes import recipes
from adabench.workloads.depth_width.ledger.substrate import gpu_shape, width_twin
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import Duo, Routers, Sides
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import (
    DuoReader,
    Studied,
    StudiedTally,
    exit_like,
)
from adabench.workloads.depth_width.methods.acm.train_learners import WidthRecipe
from adabench.workloads.depth_width.methods.informed_routing import train_routers
from adabench.workloads.depth_width.methods.informed_routing.train_routers import RetrofitRecipe
from adabench.workloads.depth_width.methods.static_units.static_thinning import ThinningRecipe
from adabench.workloads.depth_width.substrate import checkpoints, train_backbone
from adabench.workloads.depth_width.substrate.answers.read_models import ReadModels
from adabench.workloads.depth_width.substrate.answers.rule_works import (
    as_it_is,
    policy_apart,
    rule_apart,
)
from adabench.workloads.depth_width.substrate.answers.tally import Tally, tally
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.costs import kv_analytic
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.keyed_draws import drawn
from adabench.workloads.depth_width.substrate.readers import Batch, Reader
from adabench.workloads.depth_width.substrate.stream import draw
from adabench.workloads.depth_width.substrate.train_backbone import BackboneRecipe
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import of_run, trainings
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader
from adabench.workloads.depth_width.substrate.width_reader import WidthReader
from adabench.workloads.shared.training.checkpoints import find_recipe

WIDTH = 64
"""Of every trained model."""
CALIBRATION_SEED, CALIBRATION = 777, 200
R = TypeVar("R", bound=checkpoints.Recipe)


@dataclass(frozen=True)
class Models(ReadModels):
    """The trained models of a run, and how they are read."""

    scale: str
    seed: int
    mode: str
    width: int = WIDTH

    def reader(self, base: str) -> Reader:
        """Return the reader of a checkpoint.

        Raises:
            EnvironmentProblem: if it was not trained yet.
            SelectionError: if no recipe has that name.
        """
        reader = self._answers.bind(self._plain(base), read=policy_apart)
        return self._answers.join(reader, "joined")

    def _plain(self, base: str) -> Reader:
        recipe = self._recipe(base, BackboneRecipe)
        if self.scale == "gpu":
            model = gpu_shape.random_model(recipe.shape, self.seed).cuda()
            return Reader(model, self.mode, kv_analytic(recipe, model.shape), "cuda")
        model = width_twin.of_backbone(recipe.load(), self.width)
        return Reader(model, self.mode, kv_analytic(recipe, model.shape))

    def unit_reader(self, base: str) -> UnitReader:
        """Return the reader of a retrofit.

        Raises:
            EnvironmentProblem: if it was not trained yet, and at scale `gpu`, where nothing is.
            SelectionError: if no recipe has that name.
        """
        if self.scale == "gpu":
            gpu_shape.refuse(base, "router")
        if base.startswith("static-"):
            fitted = self._recipe(base, ThinningRecipe).load()
        else:
            fitted = self._recipe(base, RetrofitRecipe).load()
        reader = UnitReader(width_twin.of_fitted(fitted, self.width), self.mode)
        return self._answers.bind(reader, read=rule_apart)

    def width_reader(self, base: str) -> WidthReader:
        """Return the reader of a model with granular modules.

        Raises:
            EnvironmentProblem: if it was not trained yet, and at scale `gpu`, where nothing is.
            SelectionError: if no recipe has that name.
        """
        if self.scale == "gpu":
            gpu_shape.refuse(base, "gate")
        widened = self._recipe(base, WidthRecipe).load()
        reader = WidthReader(width_twin.of_widened(widened, self.width), self.mode)
        return self._answers.bind(reader, read=rule_apart)

    def duo_reader(self, budget: int = 0) -> DuoReader:
        """Return the reader of the model with big and small modules; `budget` picks its routers.

        Raises:
            EnvironmentProblem: if it was not trained yet, and at scale `gpu`, where nothing is.
        """
        if self.scale == "gpu":
            gpu_shape.refuse("duo", "module")
        duo = self._recipe("duo", ModulesRecipe).load()
        name = f"duo-router-{budget}"
        routers = self._recipe(name, ModuleRouters).load() if budget else None
        if self.width != WIDTH:
            doubled(duo, routers, self.width)
        reader = DuoReader(duo, routers, self.mode)
        self._answers.bind(reader, read=rule_apart, read_along=as_it_is, read_apart=as_it_is)
        return self._answers.join(reader, "studied")

    def _recipe(self, base: str, kind: type[R]) -> R:
        return of_run(base, self.seed, recipes(), kind)

    def train_anew(self, base: str) -> None:
        """Train a backbone or a retrofit once more, and keep nothing of it.

        Raises:
            SelectionError: if no recipe has that name, or it makes something else.
        """
        name = f"{base}-s{self.seed % trainings(base, recipes())}"
        recipe = find_recipe(name, recipes())
        if isinstance(recipe, BackboneRecipe):
            train_backbone.train(recipe)
        elif isinstance(recipe, RetrofitRecipe):
            train_routers.train(recipe, recipe.base.load())
        else:
            raise SelectionError(f"{name} is not trained by a run.", "Choose training=shipped.")

    def calibration(self) -> Batch:
        """Return unlabelled sequences that no score is taken on."""
        if self.scale == "gpu":
            tokens = gpu_shape.SHAPE.tokens
            return Batch(-1, gpu_shape.random_tokens(CALIBRATION_SEED, 1, tokens)[0].inputs)
        return Batch(-1, drawn(draw, CALIBRATION_SEED, CALIBRATION).inputs.copy())

    def rehearse(self, solve: Callable[[], object]) -> None:
        """Record the decisions of one solve, where a twin is to replay them."""
        if self.width != WIDTH:
            width_twin.rehearse(lambda: self._answers.confirm(None, solve()))

    def account(self, batch: Batch, answer: Answer) -> Tally:
        """Return what the engine wrote down of an answer; at scale `gpu` without logits.

        Raises:
            MethodContractError: if no engine computed it for this batch, or it was changed; if
                another width was asked for and no twin has run.
        """
        try:
            own = self._confirmed(batch, answer)
        except MethodContractError:
            width_twin.finish()
            raise
        if self.width != WIDTH:
            width_twin.done(self.width, own)
        found = tally(own, scored=self.scale != "gpu")
        if isinstance(own, Studied):
            plain = (found.logits, found.executions, found.counted)
            return StudiedTally(*plain, own.views, own.running)
        return replace(found, counted={**found.counted, **exit_like(own)})


_SEED = 4_243


def doubled(duo: Duo, routers: Routers | None, width: int) -> None:
    """Give a model and its routers a wide double with random weights (`width_twin.py`)."""
    shape = replace(duo.model.shape, width=width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        model, sides = Backbone(shape), Sides(shape)
        others = None if routers is None else Routers(shape)
    ours: list[nn.Module] = [duo.model, duo.sides, *([] if routers is None else [routers])]
    theirs: list[nn.Module] = [model, sides, *([] if others is None else [others])]
    for one in theirs:
        one.eval().requires_grad_(False)
    exits: list[nn.Module] = [duo.model.head, model.head]
    exits += [] if routers is None else routers.layers
    exits += [] if others is None else others.layers
    width_twin.Twin(tuple(ours), tuple(theirs), tuple(exits))
