"""Random shortcuts: the prepared System-1.5's rates without its reading of the state.

The control. On calibration questions, which no score is taken on, it is noted how many of the steps
that were asked at a depth left there; then each step leaves with that chance. Adapters
and handing over are those of `prepared_shortcuts`.

**What to expect.** Written before measuring: every question has critical steps that leave, so most
answers are lost.

**Ways to fake it.** Rates per depth that are not the method's; random exits without adapters.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import (
    Leave,
    Shortcut,
    Solution,
)
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import Shortcuts
from adabench.workloads.depth_width.ledger_cot.substrate.solver import ShortenedSolver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam
from adabench.workloads.depth_width.substrate.work_counter import Work

CARD = Card(
    title="Random shortcuts at the prepared System-1.5's rates",
    moved_from="ledger/random_shortcuts",
    adapts="which layers each latent step runs, at random",
    role="control",
    knobs=(Knob("lambda_depth", (0.5, 0.9), 0.5, at="prepare", open=True, low=0.0, high=1.0),),
)


@dataclass(frozen=True)
class Coins:
    """The student and its shortcuts, and the share that leaves at each depth."""

    shortened: ShortenedSolver
    rates: tuple[float, ...]
    seed: int


def prepare(task: StepTask, point: Point, seed: int) -> Coins:
    """Note the rates of the prepared System-1.5 on calibration questions."""
    shortened, exam = task.shortened("both"), task.calibration()
    layers = shortened.solver.model.shape.layers
    asked, left = [0] * layers, [0] * layers
    shortcut = shortened.shortened.shortcut(float(point["lambda_depth"]))

    def watched(
        depth: int, step: int, rows: Tensor, who: Tensor, work: Work
    ) -> tuple[Tensor, Tensor] | None:
        judged = shortcut.leave(depth, step, rows, who, work)
        if judged is not None:
            asked[depth], left[depth] = asked[depth] + len(rows), left[depth] + len(judged[1])
        return judged

    whole = replace(shortened.solver, together=len(exam.questions.lengths))
    whole.think(exam, Shortcut(watched, shortcut.hand_over))
    rates = tuple(a / max(1, b) for a, b in zip(left, asked, strict=True))
    return Coins(shortened, rates, seed)


def tossed(shortcuts: Shortcuts, rates: tuple[float, ...], generator: torch.Generator) -> Leave:
    """Leave by coin, through the adapters."""

    def judge(
        depth: int, step: int, rows: Tensor, who: Tensor, work: Work
    ) -> tuple[Tensor, Tensor] | None:
        if depth == 0:
            return None
        leaves = torch.rand(len(rows), generator=generator) < rates[depth]
        gone = work.take(rows, leaves.nonzero()[:, 0])
        return leaves, shortcuts.adapted(depth, gone, work)

    return judge


def solve(coins: Coins, exam: Exam, point: Point) -> Solution:
    """Think with coins; the same coins for the same batch."""
    shortcuts = coins.shortened.shortened.shortcuts
    generator = torch.Generator().manual_seed(1_000 * coins.seed + exam.index)
    rule = Shortcut(tossed(shortcuts, coins.rates, generator), coins.shortened.shortened.hand_over)
    more = sum(weight.numel() for weight in shortcuts.parameters())
    return coins.shortened.solver.think(exam, rule, more=more)
