"""Shortcuts of latent steps: routers and adapters on a frozen latent student.

    w = R_l(h) = sigmoid(u relu(V h / rms h))       one router before each of the layers 2..L
    g_l(h) = h + B gelu(A h / rms h)                one adapter beside it, width d / 4

A latent step leaves through the adapter where w > `threshold` (`leave`), after one layer at the least: before
that its state is the one that the step before left with.

`kind`: `both` shortcuts, handing over once; `depth` without handing over; `step` with no adapter hands over
wherever a step leaves; `shuffled` is `both` with a question's labels dealt to its steps at random; `soft` is
the paper's (`system_1_5`), on a student that was not prepared for it.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import (
    HandOver,
    Leave,
    Shortcut,
)
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.work_counter import Work

HAND_OVER: dict[str, HandOver] = {
    "both": "once",
    "depth": "never",
    "step": "always",
    "shuffled": "once",
    "soft": "always",
}
"""By kind."""
REDUCTION = 4


class Shortcuts(nn.Module):
    """Routers and adapters before layers 2..L, at index depth - 1."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        slim, places = width // REDUCTION, range(layers - 1)
        self.judges = nn.ModuleList(nn.Linear(width, slim, bias=False) for _ in places)
        self.scores = nn.ModuleList(nn.Linear(slim, 1) for _ in places)
        self.downs = nn.ModuleList(nn.Linear(width, slim, bias=False) for _ in places)
        self.ups = nn.ModuleList(nn.Linear(slim, width, bias=False) for _ in places)
        for up in self.ups:
            assert isinstance(up, nn.Linear)
            nn.init.zeros_(up.weight)

    def logit(self, depth: int, rows: Tensor, work: Work) -> Tensor:
        """Return the logit of leaving before layer `depth` + 1, [m]."""
        normed = F.rms_norm(rows, rows.shape[-1:])
        inner = work.linear(self.judges[depth - 1], normed).relu()
        return work.linear(self.scores[depth - 1], inner)[:, 0]

    def adapted(self, depth: int, rows: Tensor, work: Work) -> Tensor:
        """Return the states that rows leave with, [m, d]."""
        normed = F.rms_norm(rows, rows.shape[-1:])
        return rows + work.linear(
            self.ups[depth - 1], F.gelu(work.linear(self.downs[depth - 1], normed))
        )


@dataclass(frozen=True)
class Shortened:
    """A frozen latent student with its shortcuts."""

    model: Backbone
    shortcuts: Shortcuts
    kind: str

    @property
    def hand_over(self) -> HandOver:
        """Return how often a state is handed over."""
        return HAND_OVER[self.kind]

    def shortcut(self, threshold: float) -> Shortcut:
        """Return the rule of inference."""
        return Shortcut(leave(self.shortcuts, threshold, self.kind), self.hand_over)


def leave(shortcuts: Shortcuts, threshold: float, kind: str) -> Leave:
    """Leave where w exceeds the threshold; never before layer 1."""

    def judge(
        depth: int, step: int, rows: Tensor, who: Tensor, work: Work
    ) -> tuple[Tensor, Tensor] | None:
        if depth == 0:
            return None
        leaves = shortcuts.logit(depth, rows, work).sigmoid() > threshold
        gone = leaves.nonzero()[:, 0]
        if kind == "step" or not len(gone):
            return leaves, rows[gone]
        return leaves, shortcuts.adapted(depth, work.take(rows, gone), work)

    return judge
