"""What the tests of guides share: every guide, followed once."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.guide_reader import PAGES, Journey, Process, follow, package_with_a_change
from tests.docs.guide_server import planted

REQUESTS = 300
ROOM = 2048
"""Words that the model reads: worked examples stand before each question."""


@pytest.fixture(scope="session")
def journey(
    command: Callable[..., Process], llama_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Journey:
    """Follow every guide: what it gives as a file is written, what it says to run is run."""
    pytest.importorskip("yaml", reason="the action is read with PyYAML")
    folder = tmp_path_factory.mktemp("reader") / "package"
    package_with_a_change(folder)
    model_with_room(llama_folder, folder / "my-llama")
    urls = (f"/page/{number * number % 97}" for number in range(REQUESTS))
    (folder / "requests.csv").write_text("\n".join(["url", *urls]) + "\n")
    with planted() as host, contextlib.chdir(folder):
        found = Journey(folder, host=host)
        for page in PAGES:
            follow(page, found, command)
    return found


def model_with_room(source: Path, target: Path) -> None:
    """Copy the tiny random model, and let it read more words; its positions have no weights."""
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | {"max_position_embeddings": ROOM}))
