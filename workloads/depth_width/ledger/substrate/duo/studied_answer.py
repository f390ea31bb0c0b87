"""An oracle's answer with what else it ran on the same positions, and how like exits an answer is.

Which reading gained what, and where, is reckoned where the labels are (`oracle_scoring.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import PLACES, SIXTEENTH, SLOTS
from adabench.workloads.depth_width.substrate.answers.tally import Tally
from adabench.workloads.depth_width.substrate.gathered_forward import Answer


@dataclass(frozen=True)
class Studied(Answer):
    """An oracle's answer, with what else it ran on the same positions."""

    views: Mapping[str, Tensor] = field(default_factory=dict)
    """Logits [sequences, tokens, vocabulary] by name."""
    running: Mapping[str, Tensor] = field(default_factory=dict)
    """Logits of the running value, [sequences, tokens, 7]: `own` and `big`."""


@dataclass(frozen=True)
class StudiedTally(Tally):
    """The same of such an answer, as plain data."""

    views: Mapping[str, Tensor]
    running: Mapping[str, Tensor]


def exit_like(answer: Answer) -> dict[str, float]:
    """Return the share of early exits among the positions that skip; 1 where nobody skips.

    An early exit skips every layer after the first that it skips. Nothing for other models.
    """
    if answer.layers_per_run != SIXTEENTH:
        return {}
    n, tokens = answer.logits.shape[:2]
    ran = torch.zeros(answer.unrolled, n, tokens, dtype=torch.bool)
    for sequences, work in answer.works:
        part = torch.zeros(answer.unrolled, len(sequences) * tokens, dtype=torch.bool)
        for slot, flat in work.runs:
            layer, place = divmod(slot, SLOTS)
            if place in PLACES:
                part[layer, flat] = True
        ran[:, sequences] = part.view(-1, len(sequences), tokens)
    skips = ~ran.all(0)
    if not skips.any():
        return {"exit_like": 1.0}
    returns = (ran[1:] & ~ran[:-1]).any(0)  # runs a layer after one that it skipped
    return {"exit_like": float((~returns)[skips].double().mean())}
