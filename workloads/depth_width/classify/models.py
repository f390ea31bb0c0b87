"""What methods of `classify` get: trained mixtures by name, other queries, an account of answers."""

from dataclasses import dataclass

from adabench.harness.errors import MissingAbility
from adabench.harness.store import used_artefacts
from adabench.workloads.depth_width.classify.recipes import GENERATED, base_name, recipes
from adabench.workloads.depth_width.classify.substrate.experts import Input
from adabench.workloads.depth_width.classify.substrate.queries import draw_seeded
from adabench.workloads.depth_width.classify.substrate.reading import (
    ChoiceTally,
    QuerySet,
    Reader,
    Reading,
    tally,
)
from adabench.workloads.depth_width.classify.substrate.text_states import states_of
from adabench.workloads.depth_width.classify.substrate.train_experts import (
    BATCH,
    BATCHES,
    GROUPS,
    ExpertsRecipe,
)
from adabench.workloads.depth_width.substrate.answers.read_models import ReadModels
from adabench.workloads.depth_width.substrate.answers.rule_works import rule_apart
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX, of_kind
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import trainings

CALIBRATION_SEED, CALIBRATION = 777, 400


@dataclass(frozen=True)
class Models(ReadModels):
    """The frozen encoder and the trained mixtures of a run, and how they are read."""

    seed: int
    input: Input
    data: str
    together: int

    def reader(self, arm: str, batch: int = BATCH) -> Reader:
        """Return the reader of a mixture such as `hecto`, trained with batches of a size.

        Raises:
            EnvironmentProblem: if it was not trained yet.
            MissingAbility: for a size of batch that it was not trained with.
        """
        name = arm if batch == BATCH else f"{arm}-{batch}"
        recipe = self._recipe(self._base_name(arm, batch))
        if batch != BATCH and not (recipe.home / f"{recipe.name}{SUFFIX}").exists():
            raise MissingAbility(
                f"Mixtures trained with batches of {batch} are not shipped.",
                "Make them first: adabench train 'classify/batches-s[0-4]'.",
            )
        training_set = recipe.base.training_set()
        reader = Reader(training_set.encoder, recipe.load(name, training_set), self.together)
        return self._answers.bind(reader, read=rule_apart)

    def _recipe(self, base: str) -> ExpertsRecipe:
        """Return the recipe of the run's training, and note that it is handed out.

        The frozen encoder is not noted: like a pretrained one it is the same for all trainings, and
        seeds that share it are no fewer trainings of gate and experts.
        """
        known = recipes()
        name = f"{base}-s{self.seed % trainings(base, known)}"
        recipe = of_kind(name, known, ExpertsRecipe)
        used_artefacts.note(name, recipe.home / f"{name}{SUFFIX}")
        return recipe

    def _base_name(self, arm: str, batch: int) -> str:
        """Return the recipe, without its training seed, that makes an arm."""
        # Feed-forward nets see the mean under either input: what is not below `isolated` is one model.
        inputs = (
            self.input,
            f"{self.input}-statics",
            "sequence",
            "sequence-statics",
            "coins",
            "tied",
        )
        group = next(name for name in inputs if any(one.name == arm for one in GROUPS[name]))
        if group == "tied" and self.data != GENERATED:
            raise MissingAbility(
                "Tied experts are trained on generated queries alone: a text has no kinds of questions.",
                "Leave data at generated.",
            )
        if batch != BATCH:
            if self.input != "sequence" or self.data != GENERATED or batch not in BATCHES:
                sizes = ", ".join(map(str, sorted((*BATCHES, BATCH))))
                raise MissingAbility(
                    f"Nothing is trained with batches of {batch} for input={self.input}, "
                    f"data={self.data}.",
                    f"Sizes are {sizes} for sequences of generated queries, and {BATCH} elsewhere.",
                )
            group = "batches"
        return base_name(self.data, group)

    def calibration(self) -> QuerySet:
        """Return queries, without their keys, that no score is taken on."""
        if self.data != GENERATED:
            return QuerySet(-1, states_of(self.data).questions("calibration"))
        return QuerySet(-1, draw_seeded(CALIBRATION, CALIBRATION_SEED).questions)

    def account(self, case: QuerySet, reading: Reading) -> ChoiceTally:
        """Return what the engine wrote down of a reading.

        Raises:
            MethodContractError: if no engine made it for this case, or it was changed.
        """
        return tally(self._confirmed(case, reading))
