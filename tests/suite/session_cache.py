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
from tests.suite.warm_session import COLD

VARIABLE = "ADABENCH_CACHE"
MEMORY = Path("/dev/shm")
"""Where a Linux has its files in memory: bringing one to the disk takes 10 ms, and nothing there."""
LEAST_FREE_BYTES = 4 << 30
"""Many times what a whole suite writes."""


def scratch_place(memory: Path = MEMORY, least_free: int = LEAST_FREE_BYTES) -> str | None:
    """Return where a session puts what it takes away at its end.

    None, which is the usual place, where memory has no room and where tests shall find all as a user does.
    """
    if os.environ.get(COLD) == "1":
        return None
    try:
        room = os.statvfs(memory)
    except OSError:
        return None
    free = room.f_bavail * room.f_frsize >= least_free and os.access(memory, os.W_OK | os.X_OK)
    return str(memory) if free else None


@contextmanager
def session_cache() -> Iterator[None]:
    """Let a session and all that it starts share a folder, unless the environment names one."""
    os.environ.setdefault("ADABENCH_KERNELS", str(default_folder() / "kernels"))
    if VARIABLE in os.environ:
        yield
        return
    models = default_folder() / "models"
    with tempfile.TemporaryDirectory(
        prefix="adabench-tests-", dir=scratch_place(), ignore_cleanup_errors=True
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
