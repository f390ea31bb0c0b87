"""What an answer says and what it took, as plain data: all that whoever knows the labels needs."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.costs import costs
from adabench.workloads.depth_width.substrate.gathered_forward import Answer


@dataclass(frozen=True)
class Tally:
    """An answer as the engine wrote it down."""

    logits: Tensor
    """[sequences, tokens, vocabulary]; empty where nothing is scored by them."""
    executions: Tensor
    """What each position ran, [sequences, tokens]."""
    counted: Mapping[str, float]
    """Costs per token."""

    def values(self) -> dict[str, float]:
        """Return what was counted, executions in the mean included."""
        return {**self.counted, "executions": float(self.executions.numpy().mean())}


def tally(answer: Answer, *, scored: bool = True) -> Tally:
    """Return what the engine wrote down of an answer; logits only if something is scored."""
    tokens = answer.logits.shape[0] * answer.logits.shape[1]
    logits = answer.logits.cpu() if scored else torch.empty(0)
    return Tally(logits, answer.executions(), costs(answer, tokens))
