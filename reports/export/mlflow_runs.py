"""A run into MLflow: a parent with the files, and below it one MLflow run an operating point.

Needs MLflow (the extra `mlflow`). Where it is written, the URI says: a folder, or a server. MLflow takes a folder only from
who says that this is meant (`MLFLOW_ALLOW_FILE_STORE`); who names one here has said it.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adabench.harness.errors import EnvironmentProblem, require
from adabench.reports.export.tracked_points import TrackedPoint, TrackedRun

EXPERIMENT = "adabench"
PARENT = "mlflow.parentRunId"
"""The tag by which MLflow draws a run below another."""
SETTINGS = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
"""What MLflow is told where the user told it nothing: folders are meant; without a server it fails at once."""
MOST = 100
"""Parameters, and tags, that MLflow takes at once."""


def check_mlflow(uri: str) -> None:
    """Make sure that runs can be written there, and make the experiment they go into.

    Raises:
        MissingExtra: if MLflow is not installed.
        EnvironmentProblem: if it refuses, with its own sentence.
    """
    with _opened(uri):
        pass


def export_to_mlflow(run: TrackedRun, files: Iterable[Path], uri: str) -> int:
    """Write a run, and return how many operating points were written.

    Raises:
        MissingExtra: if MLflow is not installed.
        EnvironmentProblem: if it refuses, with its own sentence.
    """
    with _opened(uri) as (mlflow, client, experiment):
        parent = _write(mlflow, client, experiment, run.name, run.facts, {}, {})
        for path in files:
            client.log_artifact(parent, str(path))
        for point in run.points:
            tags = {**point.tags, **_labels(point), PARENT: parent}
            _write(
                mlflow, client, experiment, point.name, point.parameters, point.metrics, tags
            )  # fmt: skip
    return len(run.points)


@contextmanager
def _opened(uri: str) -> Iterator[tuple[Any, Any, str]]:
    """Yield MLflow, a client of what a URI names, and our experiment there."""
    mlflow = require("mlflow", extra="mlflow")
    own = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    os.environ.update(own)
    try:
        client: Any = mlflow.MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(EXPERIMENT)
        yield mlflow, client, known.experiment_id if known else client.create_experiment(EXPERIMENT)
    except (mlflow.exceptions.MlflowException, OSError) as problem:
        raise EnvironmentProblem(
            f"MLflow refuses {uri}: {' '.join(str(problem).split())}",
            "Name a folder (./mlruns) or a server that runs (http://127.0.0.1:5000), or follow what MLflow says.",
        ) from problem
    finally:
        for name in own:
            os.environ.pop(name, None)


def _write(
    mlflow: Any,
    client: Any,
    experiment: str,
    name: str,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> str:
    """Write one MLflow run and return its id."""
    entities, now = mlflow.entities, int(time.time() * 1000)
    made = client.create_run(experiment, run_name=name, tags=dict(tags))
    identity = str(made.info.run_id)
    numbers = [entities.Metric(key, value, now, 0) for key, value in metrics.items()]
    words = [entities.Param(key, str(value)) for key, value in parameters.items()]
    for start in range(0, max(len(numbers), len(words), 1), MOST):
        end = start + MOST
        client.log_batch(identity, metrics=numbers[start:end], params=words[start:end])
    client.set_terminated(identity)
    return identity


def _labels(point: TrackedPoint) -> dict[str, str]:
    return {f"label.{name}": label for name, label in point.labels.items()}
