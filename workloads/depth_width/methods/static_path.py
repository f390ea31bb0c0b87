"""Static path: one path of a given length for all questions, the best on training questions.

Separates "this question needs fewer layers" from "this model has a layer too many". Every path of
that many entries (each layer 0, 1 or 2 times) is tried on 48 training questions, the six best on
all 400; the questions that are scored play no part.

On `pretrained` a length below 1 is a share of the layers; the path is found beside Dr.LLM's routers
(`window_path_search.py`).

**What to expect.** Written before measuring: at length 5 a point or two are lost, at 4 a fifth,
mostly at k = 3 and 4; length 7 gains a little at k = 5 and 6.

**Ways to fake it.** Choosing the path on the test questions; looking at skips alone.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.paths.path_forward import MOST, Reply, right_along
from adabench.workloads.depth_width.substrate.paths.path_routers import (
    PathReader,
    PathTask,
    tensors,
)
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Static path",
    tasks=("ledger_qa", "pretrained"),
    moved_from="ledger/static_path",
    on_task={"pretrained": OnTask(sweep={"length": (0.9,)}, conditions={"prompt": 64})},
    paper="ShortGPT, Men et al., arXiv 2403.03853, as an exhaustive choice",
    adapts="nothing: one path for all, chosen on training questions",
    role="static",
    knobs=(Knob("length", (4, 5, 6, 7), 5, at="prepare", open=True, low=0.01, high=200),),
)
SCREENED, FINAL = 48, 6


@dataclass(frozen=True)
class Chosen:
    """A reader and the path that everybody takes."""

    reader: PathReader
    passes: tuple[int, ...]


def prepare(task: PathTask, point: Point, seed: int) -> Chosen:
    """Find the best path of the wanted length."""
    reader = task.path_reader()
    length = entries(float(point["length"]), reader.model.shape.layers)
    fitted = task.fitted_path(length)
    return Chosen(reader, _best(task, reader, length) if fitted is None else fitted)


def entries(length: float, layers: int) -> int:
    """Return how many entries a path has: a length below 1 is a share of the model's layers."""
    return round(length * layers) if length < 1 else int(length)


def pack(chosen: Chosen) -> list[int]:
    """Return what is worth storing: the path."""
    return list(chosen.passes)


def unpack(task: PathTask, point: Point, data: list[int]) -> Chosen:
    """Go on with a path that was found before, or was fitted beforehand."""
    reader = task.path_reader()
    fitted = task.fitted_path(entries(float(point["length"]), reader.model.shape.layers))
    return Chosen(reader, tuple(data) if fitted is None else fitted)


def _best(task: PathTask, reader: PathReader, length: int) -> tuple[int, ...]:
    """Try every path of that length on training questions.

    Raises:
        SelectionError: for a length that no path has.
    """
    tokens, lengths = tensors(task.training_questions())
    paths = itertools.product(range(MOST + 1), repeat=reader.model.shape.layers)
    every = [path for path in paths if sum(path) == length]
    if not every:
        raise SelectionError(f"No path has length={length}.", "Ask for 1 to twice the layers.")

    def shares(some: Sequence[tuple[int, ...]], questions: int) -> dict[tuple[int, ...], float]:
        with torch.inference_mode(), one_thread():
            good = right_along(reader.model, tokens[:questions], lengths[:questions], some)
        return {path: float(each.float().mean()) for path, each in good.items()}

    screened = shares(every, SCREENED)
    best = sorted(every, key=screened.__getitem__, reverse=True)[:FINAL]
    final = shares(best, len(tokens))
    return max(best, key=final.__getitem__)


def solve(chosen: Chosen, exam: Exam, point: Point) -> Reply:
    """Answer all questions along the one path."""
    passes = torch.tensor(chosen.passes).expand(len(exam.questions.lengths), -1)
    return chosen.reader.answer(exam, passes)
