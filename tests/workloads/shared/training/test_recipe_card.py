"""Cards: what they name, and that a file that misses a gate is not there."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.shared.training import schedule
from adabench.workloads.shared.training.checkpoints import code_digest
from adabench.workloads.shared.training.recipe_card import Gate, misses, ship

GATE = Gate("accuracy", "the model has learned its task", low=0.9)


@dataclass(frozen=True)
class Small:
    """A recipe."""

    name: str = "small-s0"
    seed: int = 0


def shipped(folder: Path, accuracy: float, value: float = 1.0) -> dict[str, object]:
    def figures() -> dict[str, float]:
        assert (folder / "small-s0.safetensors").exists()
        return {"accuracy": accuracy}

    weights = {"w": torch.full((2,), value)}
    return ship(
        Small(), weights, folder, figures, [schedule], gates=[GATE], facts={"offsets": [0.5]}
    )


def test_a_card_names_recipe_code_and_figures_of_the_written_file(tmp_path: Path) -> None:
    card = shipped(tmp_path, 0.95)
    assert json.loads((tmp_path / "small-s0.json").read_text()) == card
    assert card == {
        "name": "small-s0",
        "seed": 0,
        "source": code_digest(schedule),
        "offsets": [0.5],
        "dev": {"accuracy": 0.95},
    }
    assert load_file(tmp_path / "small-s0.safetensors")["w"].tolist() == [1.0, 1.0]


def test_a_file_that_misses_its_gate_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"accuracy is 0\.800, not 0\.9\.\.1"):
        shipped(tmp_path, 0.8)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_misses_its_gate_leaves_the_one_before_it(tmp_path: Path) -> None:
    shipped(tmp_path, 0.95)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(EnvironmentProblem):
        shipped(tmp_path, 0.8, value=2.0)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_gate_that_was_not_measured_is_missed() -> None:
    assert misses({}, [GATE]) == ["accuracy was not measured (the model has learned its task)"]
    assert misses({"accuracy": 0.9}, [GATE]) == []
