"""Thresholds that hit a capacity: set once on unlabelled sequences, then left alone.

Training lets the top c_r T of each sequence go on. Inference must not look ahead, so it
compares each score with a fixed threshold. The published one, 0.5, is where the auxiliary
loss pushes the border; nothing makes it let exactly c_r of the positions through. Here the
border is read off the scores themselves:

    t_r halfway between the scores number c_r N and c_r N + 1 among the candidates of recursion r

over all N positions of the calibration sequences together. Recursion by recursion, in one
forward: the candidates of recursion 3 are those that the threshold of recursion 2 let on. A
position's fate still depends on its own score and two constants.

`shifted` moves calibrated thresholds by a common log-odds, so that one dial serves all
rules: 0.5 leaves them where they are, and thresholds of 0.5 become the dial's own value.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import Admission, Admit, Policy
from adabench.workloads.depth_width.substrate.readers import Batch, Reader
from adabench.workloads.depth_width.substrate.work_counter import Work

EVERYBODY = -1.0
"""The threshold of a recursion that decides nothing (`routing.threshold`)."""


def calibrated(reader: Reader, batch: Batch, capacities: Sequence[float]) -> tuple[float, ...]:
    """Return the thresholds at which recursion r keeps `capacities[r]` of the batch's positions."""
    levels: list[float] = []
    whole = replace(reader, mode="prefill")
    policy = _settling(reader.model, capacities, batch.tokens.size, levels)
    # One tile: a threshold is settled once, over every sequence.
    whole.read(batch, policy, tile=len(batch.tokens))
    return tuple(levels)


def _settling(
    model: Backbone, capacities: Sequence[float], positions: int, levels: list[float]
) -> Policy:
    """Expert choice that notes a threshold at each recursion and applies it at once."""

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        score = torch.sigmoid(work.linear(model.routers[depth], rows)[:, 0])
        level = border(score, round(capacities[depth] * positions))
        levels.append(level)
        keep = (score > level).nonzero()[:, 0]
        return Admission(keep, model.shape.gate * score.index_select(0, keep))

    def start() -> Admit:
        levels.clear()
        return admit

    return start


def border(score: Tensor, k: int) -> float:
    """Return the threshold that the `k` best of `score` [n] exceed and no other does."""
    if k >= len(score):
        return EVERYBODY
    best = score.double().topk(k + 1).values
    return float(best[-2:].mean())


def shifted(levels: Sequence[float], dial: float) -> list[float]:
    """Multiply the odds of each threshold by those of `dial`; `EVERYBODY` stays."""
    return [level if level < 0 else _shifted(level, dial) for level in levels]


def _shifted(level: float, dial: float) -> float:
    return level * dial / (level * dial + (1 - level) * (1 - dial))
