"""Checkpoints on disk: weights as compressed safetensors, with a JSON card beside each.

    NAME.safetensors.xz     packed weights (`int8_packing.py`)
    NAME.json               which recipe made them, and what they scored on held-out data, as the file holds them

A recipe knows how its weights are made (`build`) and where they are shipped (`home`). Nothing is trained by
reading; training a recipe trains first what it builds on, where that is missing. A file that was packed
against a reference is refused where the reference is no longer the same.
"""

import hashlib
import json
import lzma
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from safetensors.torch import load, save
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest
from adabench.workloads.shared.training import int8_packing
from adabench.workloads.shared.training.checkpoints import Progress, find_recipe
from adabench.workloads.shared.training.trainer import silent

SEEDS = (0, 1, 2)
"""Training seeds: a run uses its own seed modulo 3."""
SUFFIX = ".safetensors.xz"
_FILTERS = ({"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 2, "lp": 0, "pb": 0},)
"""Small differences from a reference take up to a tenth less than with the usual preset."""

Weights = Mapping[str, Tensor]


class Recipe(Protocol):
    """What is trained, from which seed, and where it is kept."""

    @property
    def name(self) -> str:
        """Of the files, without a suffix."""
        ...

    @property
    def steps(self) -> int:
        """Steps of training."""
        ...

    @property
    def forecast_s(self) -> float:
        """CPU seconds on one core of a 2020s server."""
        ...

    @property
    def home(self) -> Path:
        """Where readers look for it."""
        ...

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it and write weights and card into a folder; return the card."""
        ...


class _Named(Protocol):
    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Recipe)
M_co = TypeVar("M_co", covariant=True)


class Loadable(Protocol[M_co]):
    """A recipe of which nothing is asked but what it makes."""

    @property
    def name(self) -> str:
        """Of the files, without a suffix."""
        ...

    def load(self) -> M_co:
        """Return what it makes."""
        ...


def of_kind(name: str, known: Mapping[str, Recipe], kind: type[R]) -> R:
    """Return a recipe of one kind.

    Raises:
        SelectionError: if there is none of that name, or it makes something else.
    """
    found = find_recipe(name, known)
    if not isinstance(found, kind):
        others = [other for other, recipe in known.items() if isinstance(recipe, kind)]
        raise SelectionError(f"{name} makes another kind of model.", nearest(name, others))
    return found


def train(
    recipe: Recipe, progress: Progress = silent, *, folder: Path | None = None
) -> dict[str, Any]:
    """Train a recipe and write weights and card into `folder`; by default where readers look.

    Recipes that it builds on are trained before, into their own homes, if they are missing there.
    """
    for base in _bases(recipe):
        if not _path(base).exists():
            train(base)
    folder = recipe.home if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    return recipe.build(progress, folder)


def training_of(recipes: Callable[..., Mapping[str, Recipe]]) -> Callable[..., dict[str, Any]]:
    """Return what a task's `checkpoints.train` is, of its `recipes`: train one by name, return its card."""

    def train_by_name(
        name: str, progress: Progress = silent, *, folder: Path | None = None, **conditions: Any
    ) -> dict[str, Any]:
        return train(find_recipe(name, recipes(**conditions)), progress, folder=folder)

    return train_by_name


def write(
    weights: Weights,
    path: Path,
    *,
    levels: int = int8_packing.LEVELS,
    reference: Weights | None = None,
) -> None:
    """Pack weights and write them to `path`, which ends in `SUFFIX`."""
    tensors = int8_packing.packed(weights, levels, reference=reference)
    notes = {} if reference is None else {"reference": digest(reference)}
    path.write_bytes(lzma.compress(save(tensors, notes), filters=_FILTERS))


def read(path: Path, *, reference: Weights | None = None) -> dict[str, Tensor]:
    """Return the weights of a file in fp32.

    Raises:
        EnvironmentProblem: if it was packed against other weights than this reference.
    """
    data = lzma.decompress(path.read_bytes())
    size = int.from_bytes(data[:8], "little")
    wanted = json.loads(data[8 : 8 + size]).get("__metadata__", {}).get("reference", "")
    if wanted and (reference is None or digest(reference) != wanted):
        name = path.name.removesuffix(SUFFIX)
        raise EnvironmentProblem(
            f"{path} was packed against weights that have changed since.",
            f"Make it anew: adabench train {name}.",
        )
    return int8_packing.unpacked(load(data), reference=reference if wanted else None)


def weights(
    recipe: Recipe, folder: Path | None = None, *, reference: Weights | None = None
) -> dict[str, Tensor]:
    """Return what a recipe makes, in fp32.

    Raises:
        EnvironmentProblem: if it is not there.
    """
    path = _path(recipe, folder)
    if not path.exists():
        raise EnvironmentProblem(
            f"{path} is missing, and a run trains nothing.",
            f"Make it first, in about {recipe.forecast_s:.0f} s: adabench train {recipe.name}.",
        )
    return read(path, reference=reference)


def _path(recipe: Recipe, folder: Path | None = None) -> Path:
    return (recipe.home if folder is None else folder) / f"{recipe.name}{SUFFIX}"


def _bases(recipe: Any) -> list[Recipe]:
    """Return the recipes among a recipe's fields: what it goes on from."""
    values = [getattr(recipe, part.name) for part in fields(recipe)]
    return [value for value in values if hasattr(value, "build")]


def describe(recipe: _Named, folder: Path, **facts: Any) -> dict[str, Any]:
    """Write a recipe's card: what it is, and facts of what was made; return it."""
    card = {"recipe": recipe.name, **_plain(recipe), **facts}
    path = folder / f"{recipe.name}.json"
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def _plain(recipe: Any) -> dict[str, Any]:
    """Return a recipe's fields for a card; other recipes by name."""
    found = {}
    for part in fields(recipe):
        value = getattr(recipe, part.name)
        if part.name == "home":
            continue
        if hasattr(value, "build"):
            value = value.name
        elif is_dataclass(value):
            value = _plain(value)
        found[part.name] = value
    return found


def card_of(path: Path) -> dict[str, Any]:
    """Return the card beside a file of weights."""
    card = path.with_name(f"{path.name.removesuffix(SUFFIX)}.json")
    found: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
    return found


def as_filed(weights: Weights) -> dict[str, Tensor]:
    """Return weights as a file would give them back."""
    return int8_packing.unpacked(int8_packing.packed(weights))


def digest(reference: Weights) -> str:
    """Return a digest of weights, by which a file says what it was packed against."""
    found = hashlib.sha256()
    for key in sorted(reference):
        found.update(key.encode())
        found.update(reference[key].float().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def part(weights: Weights, prefix: str) -> dict[str, Tensor]:
    """Return the weights below a prefix, without it."""
    return {
        key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)
    }


def below(prefix: str, weights: Weights) -> dict[str, Tensor]:
    """Return weights under a prefix."""
    return {f"{prefix}{key}": value for key, value in weights.items()}
