"""Heads that judge by a policy's states, and tables of strategies, written down with what they are worth."""

import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from safetensors.torch import save_file

from adabench.workloads.shared.sources.model_digest import model_digest
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress, one_thread
from adabench.workloads.test_time.text.recipes import (
    FOLDER,
    PREFIX,
    TABLE_PREFIX,
    recipe_of,
    table_of,
)
from adabench.workloads.test_time.text.training import train_state_judge, train_votes


def train(
    name: str,
    progress: Progress = lambda done, steps: None,
    *,
    folder: Path = FOLDER,
    model: str = "",
) -> dict[str, Any]:
    """Fit a head, or a table, to the roll-outs of the model that its name says; return the card.

    `model` is what the recipes were looked up for; the name holds it already.

    Raises:
        SelectionError: if it names no model that shows its states.
        EnvironmentProblem: if the model cannot be opened, or is never or always right.
    """
    del model
    trainer: ModuleType
    if name.startswith(TABLE_PREFIX):
        plan, trainer = table_of(unquote(name.removeprefix(TABLE_PREFIX))), train_votes
    else:
        plan, trainer = recipe_of(unquote(name.removeprefix(PREFIX))), train_state_judge
    spec = model_spec(plan.model)
    with one_thread():
        fitted, dev = trainer.train(plan, spec, progress)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {key: value.float().contiguous() for key, value in fitted.items()},
        folder / f"{name}.safetensors",
    )
    card = asdict(plan) | {
        "source": checkpoints.code_digest(trainer),
        "weights": model_digest(spec),
        "dev": dev,
    }
    (folder / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card
