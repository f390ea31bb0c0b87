"""What a reply says and what it took, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.costs import counted
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.questions import Exam


@dataclass(frozen=True)
class ReplyTally:
    """A reply as the engine wrote it down."""

    said: Tensor
    """Answer tokens, [n, 3]."""
    executions: Tensor
    """Layers run per token of prompt and answers, [n]."""
    counted: Mapping[str, float]
    """Costs per token."""


def reply_tally(exam: Exam, reply: Reply) -> ReplyTally:
    """Return what was written down of a reply."""
    passes = reply.passes().sum(1).double()
    lengths = torch.from_numpy(exam.questions.lengths)
    ran = (passes * lengths + 2 * reply.decoded()) / (lengths + 2)
    works = [work for tile in reply.tiles for work in (tile.prefill, tile.decode)]
    return ReplyTally(reply.said, ran, counted(works, reply.tokens, reply.parameters))
