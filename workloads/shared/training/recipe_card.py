"""A checkpoint and its card: weights as safetensors, and beside them what made them and what they are worth.

A card names the recipe with all its fields, a digest of the code that made the file (`source`), and the
figures of the file, measured as it is shipped. A gate says what a figure must be before anything is made of
the file.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, Protocol

from safetensors.torch import save_file
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.shared.training.checkpoints import SUFFIX, code_digest


@dataclass(frozen=True)
class Gate:
    """A figure of a card, and the range that it must lie in."""

    figure: str
    says: str
    low: float = 0.0
    high: float = 1.0

    def admits(self, value: float) -> bool:
        """Tell whether a figure lies in the range."""
        return self.low <= value <= self.high


def misses(figures: Mapping[str, float], gates: Sequence[Gate]) -> list[str]:
    """Return a sentence for each gate that figures miss or do not name."""
    found = []
    for gate in gates:
        if gate.figure not in figures:
            found.append(f"{gate.figure} was not measured ({gate.says})")
        elif not gate.admits(figures[gate.figure]):
            bounds = f"{gate.low:g}..{gate.high:g}"
            found.append(f"{gate.figure} is {figures[gate.figure]:.3f}, not {bounds} ({gate.says})")
    return found


def refuse_misses(name: str, folder: Path, gates: Sequence[Gate]) -> None:
    """Make sure that a checkpoint's card says that it passes its gates.

    Raises:
        EnvironmentProblem: naming what it misses.
    """
    card = folder / f"{name}.json"
    figures = json.loads(card.read_text(encoding="utf-8")).get("dev", {}) if card.exists() else {}
    if missed := misses(figures, gates):
        raise EnvironmentProblem(
            f"The checkpoint {name} is not used, for it misses its gates: {'; '.join(missed)}.",
            f"Train another one (adabench train '{name.rpartition('-s')[0]}-s*'), or choose another one.",
        )


class Recipe(Protocol):
    """What a card is written of: a frozen dataclass of plain values, with a name."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str:
        """Of the files, without a suffix."""
        ...


def ship(
    recipe: Recipe,
    weights: dict[str, Tensor],
    folder: Path,
    figures: Callable[[], Mapping[str, Any]],
    code: Sequence[ModuleType],
    *,
    gates: Sequence[Gate] = (),
    under: str = "dev",
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write a checkpoint and its card into a folder; return the card.

    `figures` measures the file that was written; the card has them in its field `under`, and `facts` of the
    training before them.

    Raises:
        EnvironmentProblem: if a gate is missed. The folder is then as it was.
    """
    path = folder / f"{recipe.name}{SUFFIX}"
    before = path.read_bytes() if path.exists() else None
    save_file(weights, path)
    found = figures()
    if missed := misses(found, gates):
        path.unlink() if before is None else path.write_bytes(before)
        raise EnvironmentProblem(
            f"{recipe.name} was trained and is not written: {'; '.join(missed)}.",
            "Change its recipe: the same seed gives the same file again.",
        )
    card = {**asdict(recipe), "source": code_digest(*code), **facts, under: found}
    (folder / f"{recipe.name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card
