"""What the checkpoints of small networks share: half precision on disk, and a digest of their code.

Which weights a file holds, and what it is measured on, is each task's own (`checkpoints.py` there).
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, SelectionError, nearest

Recipe = TypeVar("Recipe")
Progress = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


def find_recipe(name: str, known: Mapping[str, Recipe]) -> Recipe:
    """Return a recipe.

    Raises:
        SelectionError: if there is none of that name.
    """
    if name not in known:
        raise SelectionError(f"There is no recipe called {name!r}.", nearest(name, known))
    return known[name]


def step_counter(progress: Progress, steps: int) -> Callable[[], None]:
    """Return what a training calls after each step."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, steps)

    return tick


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: sums of several are not reproducible."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def halves(weights: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """Return weights in half precision under prefixed names, ready to be stored."""
    return {prefix + key: value.half().contiguous() for key, value in weights.items()}


def weights(name: str, folder: Path) -> dict[str, Tensor]:
    """Return a checkpoint's weights in single precision.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise EnvironmentProblem(
            f"The checkpoint {name} is not in {folder.name}/ and takes minutes to make.",
            f"`adabench train {name}` trains it.",
        )
    return {key: value.float() for key, value in load_file(path).items()}


def code_digest(paths: Iterable[Path]) -> str:
    """Return a digest of the code that a training depends on; its prose does not count."""
    digest = hashlib.sha256()
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body: Any = getattr(node, "body", [])
            if isinstance(body, list):
                body[:] = [part for part in body if not _is_text(part)]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
