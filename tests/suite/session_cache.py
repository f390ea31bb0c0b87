"""The cache folder of a test session: prepared states of its own, models and kernels of the user's.

Kernels lie where all checkouts of the machine find them: they are keyed by everything that they are made
from, so they are no results that a test could take for its own. CI does the same.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adabench.harness.store.prepared_states import default_folder

VARIABLE = "ADABENCH_CACHE"


@contextmanager
def session_cache() -> Iterator[None]:
    """Let a session and all that it starts share a folder, unless the environment names one."""
    os.environ.setdefault("ADABENCH_KERNELS", str(default_folder() / "kernels"))
    if VARIABLE in os.environ:
        yield
        return
    models = default_folder() / "models"
    with tempfile.TemporaryDirectory(
        prefix="adabench-tests-", ignore_cleanup_errors=True
    ) as folder:
        lend_models(models, Path(folder) / "models")
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]


def lend_models(own: Path, lent: Path) -> None:
    """Let tests read the models that the user has converted: a conversion takes most of a minute."""
    lent.mkdir()
    for folder in own.iterdir() if own.is_dir() else ():
        if (folder / "config.json").is_file():
            (lent / folder.name).symlink_to(folder)
