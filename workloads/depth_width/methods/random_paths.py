"""Random paths: Dr.LLM's paths without its reading of the question.

The control, with two kinds of random draws. What the routers choose for calibration questions, on which no
score is taken, is drawn from, question by question:

    keep=lengths   as many layers as a drawn path has; which are left out (or repeated) is chance
    keep=paths     the drawn path itself: layers that can be spared stay spared

The second keeps all that a static choice of layers knows, so it is the harder one.

**What to expect.** Written before measuring: `lengths` loses a third of the answers, since some
layers cannot go; `paths` loses a few, at k >= 4.

**Ways to fake it.** Other lengths than the method's; paths of the very question.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.paths.path_routers import PathReader, PathTask, decide
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Random paths at Dr.LLM's lengths",
    tasks=("ledger_qa", "pretrained"),
    moved_from="ledger/random_paths",
    on_task={"pretrained": OnTask(conditions={"prompt": 64})},
    adapts="which layers a question skips or repeats, at random",
    role="control",
    knobs=(
        Knob("p", (-0.6, -0.5, -0.4, -0.3, -0.2), -0.5, at="prepare", open=True, low=-1, high=1),
        Knob("keep", ("lengths", "paths"), "lengths"),
    ),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and the paths that the routers chose for calibration questions, [n, L]."""

    reader: PathReader
    passes: Tensor
    seed: int


def prepare(task: PathTask, point: Point, seed: int) -> Coins:
    """Restore Dr.LLM's routers and note their paths."""
    reader, guided = task.guided("dr-llm")
    exam = task.calibration()
    whole = replace(reader, together=len(exam.questions.lengths))
    reply = whole.answer(exam, decide(guided.routers, float(point["p"])))
    return Coins(reader, reply.passes(), seed)


def solve(coins: Coins, exam: Exam, point: Point) -> Reply:
    """Answer along drawn paths; the same coins for the same batch."""
    generator = torch.Generator().manual_seed(1_000 * coins.seed + exam.index)
    n = len(exam.questions.lengths)
    passes = coins.passes[torch.randint(len(coins.passes), (n,), generator=generator)]
    if point["keep"] == "lengths":
        passes = torch.stack([shuffled(path, generator) for path in passes])
    return coins.reader.answer(exam, passes)


def shuffled(path: Tensor, generator: torch.Generator) -> Tensor:
    """Return a path of equal length whose skipped or repeated layers are drawn, [L]."""
    other = torch.ones_like(path)
    spare = int(path.sum()) - len(path)
    other[torch.randperm(len(path), generator=generator)[: abs(spare)]] += 1 if spare > 0 else -1
    return other
