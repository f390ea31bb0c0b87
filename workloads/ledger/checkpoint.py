"""Checkpoints: fp16 safetensors with a JSON card beside each, rebuilt from seeds.

A card says which recipe made the file (name, shape, steps, seed), a digest of the sources it
was made with, and what it scored on held-out sequences.

The shipped cards carry three digests, none of them today's: typing and the split into files
changed after the models were trained. What was verified with today's sources: vanilla-2-s0,
trained anew, gives the shipped file byte for byte; and every one of the 30 shipped files scores
exactly the `held_out` of its card. The other 29 were not trained anew.

The files were made on an AMD EPYC, and a processor of another kind need not give the same bytes: on
an Intel Xeon vanilla-2-s0 comes out at 0.743 and 0.409 for k = 3 and 4 where the shipped file has 0.725 and
0.381, and mor-expert-thirds-recursion-s1 at 0.921 for k = 4 where it has 0.889.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.ledger import training
from adabench.workloads.ledger.model import Backbone
from adabench.workloads.ledger.recipes import Recipe, recipes

FOLDER = Path(__file__).with_name("checkpoints")


def recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    known = recipes()
    if name not in known:
        raise SelectionError(f"There is no recipe called {name!r}.", nearest(name, known))
    return known[name]


def train(
    name: str,
    progress: training.Progress = lambda done, steps: None,
    *,
    folder: Path = FOLDER,
) -> dict[str, Any]:
    """Train a recipe and write its weights and card into `folder`; return the card.

    Raises:
        SelectionError: if there is no recipe of that name.
    """
    plan = recipe(name)
    model = training.train(plan, progress)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    save_file(weights, folder / f"{name}.safetensors")
    card = {
        "recipe": name,
        "seed": plan.seed,
        "steps": plan.steps,
        "loss": plan.loss,
        "capacities": list(plan.capacities),
        "shape": asdict(plan.shape),
        "source": training.source_digest(),
        # Of the fp16 file, not of the model that was trained.
        "held_out": training.held_out(plan, restore(name, folder)),
    }
    (folder / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def restore(name: str, folder: Path = FOLDER) -> Backbone:
    """Return a checkpoint's model in fp32; one that is not there is trained first."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        train(name, folder=folder)
    model = Backbone(recipe(name).shape)
    weights = {key: value.float() for key, value in load_file(path).items()}
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)
