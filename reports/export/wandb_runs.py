"""A run into Weights & Biases: one W&B run an operating point, in a group named like the run.

Needs wandb (the extra `wandb`). Where and whether it sends is its own matter: `WANDB_MODE=offline` writes
a folder that `wandb sync` sends later.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adabench.harness.errors import EnvironmentProblem, require
from adabench.reports.export.tracked_points import TrackedRun

FILES, POINT = "run", "operating point"
"""The types of W&B runs: the one that holds the files, and the others."""


def export_to_wandb(run: TrackedRun, files: Iterable[Path], project: str) -> int:
    """Write a run, and return how many operating points were written.

    Raises:
        MissingExtra: if wandb is not installed.
        EnvironmentProblem: if it refuses, with its own sentence.
    """
    wandb: Any = require("wandb", extra="wandb")
    try:
        artefact = wandb.Artifact(f"adabench-{run.name}", type="run")
        for path in files:
            artefact.add_file(str(path))
        whole = _begin(wandb, project, run, run.name, FILES, run.facts)
        whole.log_artifact(artefact)
        whole.finish()
        for point in run.points:
            labels = {f"label.{name}": label for name, label in point.labels.items()}
            config = {**point.parameters, **point.tags, **labels}
            one = _begin(wandb, project, run, point.name, POINT, config)
            one.summary.update(dict(point.metrics))
            one.finish()
    except wandb.errors.Error as problem:
        raise EnvironmentProblem(
            f"Weights & Biases refuses {project}: {' '.join(str(problem).split())}",
            "WANDB_MODE=offline writes into a folder, which `wandb sync` sends later.",
        ) from problem
    return len(run.points)


def _begin(
    wandb: Any, project: str, run: TrackedRun, name: str, kind: str, config: Mapping[str, Any]
) -> Any:
    return wandb.init(
        project=project, group=run.name, name=name, job_type=kind, config=dict(config)
    )
