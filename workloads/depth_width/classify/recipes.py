"""The recipes of `classify`: a frozen encoder, and the gates and experts of each training seed.

    adabench train encoder                    the generated queries' encoder
    adabench train 'sequence-s[0-4]'          mixtures that read sequences; isolated-s[0-4]: the mean alone
    adabench train 'sequence-statics-s[0-4]'  what chooses nothing; isolated-statics-s[0-4]: on the mean alone
    adabench train 'batches-s[0-4]'           Hecto at batches of 16 and 256
    adabench train 'coins-s[0-4]'             experts trained under a random gate, for weights=coins
    adabench train 'tied-s[0-4]'              a gate before one set of weights
    adabench train 'spam-sequence-s[0-4]'     the same on real text (spam, sentiment, genre); MiniLM's
                                              states are made first and kept (spam-states)

Of generated queries five mixtures each are shipped, and one of what chooses nothing. All else goes into
the cache. There are recipes for forty trainings.
"""

from functools import cache
from pathlib import Path

from adabench.workloads.depth_width.classify.substrate.encoder import QUERIES, EncoderRecipe
from adabench.workloads.depth_width.classify.substrate.text_states import (
    TEXT_QUERIES,
    TextStatesRecipe,
)
from adabench.workloads.depth_width.classify.substrate.train_experts import (
    GROUPS,
    Base,
    ExpertsRecipe,
    steps_of,
)
from adabench.workloads.depth_width.substrate.checkpoints import Recipe
from adabench.workloads.depth_width.substrate.trained.checkpoint_homes import at_home
from adabench.workloads.shared.sources.labelled_texts import TEXTS

FOLDER = Path(__file__).with_name("checkpoints")
GENERATED = "generated"
"""The value of the condition `data` that is no collection of texts."""
SECONDS = {
    "sequence": 100, "sequence-statics": 60, "isolated": 30, "isolated-statics": 30,
    "batches": 150, "coins": 40, "tied": 10,
}  # fmt: skip
"""Of one core, for one training seed."""
TRAININGS = 40
"""Training seeds: one gate in two goes the other way, so five tell little."""
_GENERATED_ALONE = ("batches", "tied")


def base_name(data: str, group: str) -> str:
    """Return the name of a group's recipes on some data, without the training seed."""
    return group if data == GENERATED else f"{data}-{group}"


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed, but for what is frozen."""
    encoder = EncoderRecipe("encoder", 0, FOLDER)
    found: list[Recipe] = [encoder, *_experts(GENERATED, encoder, QUERIES)]
    for name in TEXTS:
        states = TextStatesRecipe(f"{name}-states", name, FOLDER)
        found += [states, *_experts(name, states, TEXT_QUERIES)]
    return {recipe.name: at_home(recipe) for recipe in found}


def _experts(data: str, base: Base, queries: int) -> list[Recipe]:
    """Return the recipes of all groups and training seeds on some data."""
    return [
        ExpertsRecipe(
            f"{base_name(data, group)}-s{seed}", group, seed, FOLDER, base,
            steps_of(arms, queries), SECONDS[group],
        )
        for group, arms in GROUPS.items()
        if data == GENERATED or group not in _GENERATED_ALONE
        for seed in range(TRAININGS)
    ]  # fmt: skip
