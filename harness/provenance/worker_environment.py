"""What the workers of a fanned-out run are: written down by the first, held against by the others.

    <run>/workers.json      {"environment": {...}, "instruments": [...], "unwatched": {...},
                             "worker_cores": 1, "worker_gpus": 0}

Workers are compared with each other, never with the process that started the run: a login node has
no GPU, and a scheduler confines a job to its cores. The first worker writes the file, whole and only
if there is none, which every file system that workers share can do. The run's manifest gets its
contents under `workers`, so that whoever reads the run reads where it was measured (`measured`).
"""

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from adabench.harness.errors import StoreError

NAME = "workers.json"
KEY = "workers"
"""Of the run's manifest."""


def agree(run: Path, own: Mapping[str, Any]) -> dict[str, Any]:
    """Write what this worker is unless one has before; return what stands there.

    Raises:
        StoreError: if the folder cannot be written or holds something else.
    """
    path = run / NAME
    temporary = run / f"{NAME}.{os.getpid()}-{uuid.uuid4().hex}"
    try:
        temporary.write_text(json.dumps(own, indent=1) + "\n", encoding="utf-8")
        with suppress(FileExistsError):
            os.link(temporary, path)
    except OSError as problem:
        raise StoreError(
            f"{run} cannot be written: {problem.strerror}.",
            "Workers need a folder that they may write to, at the same path.",
        ) from problem
    finally:
        temporary.unlink(missing_ok=True)
    found = read(run)
    assert found is not None
    return found


def read(run: Path) -> dict[str, Any] | None:
    """Return what the workers of a run are; None if none has begun.

    Raises:
        StoreError: if the file is damaged.
    """
    try:
        found = json.loads((run / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as broken:
        raise StoreError(f"{run / NAME} cannot be read: {broken}.") from broken
    if not isinstance(found, dict) or not isinstance(found.get("environment"), dict):
        raise StoreError(
            f"{run / NAME} does not say what the workers of this run are.",
            "Move it away: the next worker writes it anew.",
        )
    return found


def measured(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest that tells of the workers where it told of who started them."""
    return {**manifest, **manifest.get(KEY, {})}
