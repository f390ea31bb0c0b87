"""Holds what the checkpoints of small networks share: half precision on disk, and a digest of their code.

A card's `source` is the digest of the code that made the file, as recorded on that day, never restated. Where code was changed since and shown
to train to the same file, its digest stands beside it as `same_as`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest
from adabench.harness.provenance import source_digests
from adabench.harness.store import checkpoint_folders, used_artefacts

Recipe = TypeVar("Recipe")
SUFFIX = ".safetensors"
DIGITS = 16
"""Of a digest in a card."""
Progress = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


def find_recipe(name: str, known: Mapping[str, Recipe]) -> Recipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    if name not in known:
        raise SelectionError(f"There is no recipe called {name!r}.", nearest(name, known))
    return known[name]


def step_counter(progress: Progress, steps: int) -> Callable[[], None]:
    """Return what a training calls after each step."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, steps)

    return tick


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: sums of several are not reproducible."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def halves(weights: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """Return weights in half precision under prefixed names, ready to be stored."""
    return {prefix + key: value.half().contiguous() for key, value in weights.items()}


def home(name: str, shipped: Path) -> Path:
    """Return the folder that a checkpoint is read from: the shipped one, else the user's cache."""
    return checkpoint_folders.home(f"{name}{SUFFIX}", shipped)


def is_there(name: str, shipped: Path) -> bool:
    """Say whether a checkpoint is shipped or in the user's cache."""
    return (home(name, shipped) / f"{name}{SUFFIX}").exists()


def note(name: str, shipped: Path) -> None:
    """Note that a checkpoint is handed out to the method of this process."""
    used_artefacts.note(name, home(name, shipped) / f"{name}{SUFFIX}")


def weights(name: str, folder: Path, forecast_s: float) -> dict[str, Tensor]:
    """Return a checkpoint's weights in single precision.

    Raises:
        EnvironmentProblem: if it was not trained yet; it says how long that takes.
    """
    path = folder / f"{name}{SUFFIX}"
    if not path.exists():
        raise EnvironmentProblem(
            f"The checkpoint {name} is not in {folder}, and a run trains nothing.",
            f"Make it first, in about {forecast_s:.0f} s of one core: adabench train {name}.",
        )
    return {key: value.float() for key, value in load_file(path).items()}


def code_digest(*modules: ModuleType) -> str:
    """Return a digest of the code of trainings: of modules and of all that these import.

    It is written into cards, and says which code made a file. Neither prose nor a move changes it.
    """
    found = source_digests.sources_of_modules(*(module.__name__ for module in modules))
    digest = source_digests.digest(source_digests.own(found))
    return digest[: len(source_digests.SCHEME) + DIGITS]
