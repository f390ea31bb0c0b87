"""Names of trainings, of what each leaves, and of the files that hold it."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "checkpoints"
TRAININGS, FORECAST_S = 5, 240
"""Of each source of pictures, and seconds of one; those of glyphs ship, and a run's seeds take them in turn."""
SOURCES = ("glyphs", "digits", "fashion")
CODES, TARGET = 4, 0.5
"""Architecture codes, and the share of all multiplications that a pruned model keeps in the mean over prompts."""
BUDGETS = (100, 300, 1000)
"""Steps of fine-tuning in all, however many models they are dealt to; what the last leaves ships."""
WHOLE = "whole"
ROUTED = ("aptp", "no_transport", "random_codes")
"""Arms of several models: by codes as in the paper, without its transport, and prompts dealt to its codes by lot."""
SINGLE = ("single", "magnitude")
"""Arms of one model: its architecture learned as codes are, and by the norms of weights."""
PER_SAMPLE = "per_sample"
"""One set of weights, of which each prompt takes an architecture of its own."""
SHORT = ("single", "aptp")
"""Arms that are fine-tuned with the smaller budgets, too, for the figures of the card."""
BASE_LEVELS, CHANGE_LEVELS = 127, 31
"""Steps either way in which weights ship: of the whole model, and of what fine-tuning changed in them."""


def of_seed(source: str, seed: int) -> str:
    """Return the training that a run's seed takes."""
    return f"{source}-s{seed % TRAININGS}"
