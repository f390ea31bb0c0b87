"""Confidence in the next token, as a policy of who stays."""

from torch import Tensor

from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import Admission, Policy, read_out
from adabench.workloads.depth_width.substrate.work_counter import Work


def confidence_of(model: Backbone, rows: Tensor, work: Work) -> Tensor:
    """Return the probability [n] of each position's best next token."""
    logits = read_out(model, rows, work)
    # max softmax = 1 / sum exp(logit - max): no need for the whole distribution.
    return (logits.amax(-1) - logits.logsumexp(-1)).exp()


def unsure(model: Backbone, confidence: float) -> Policy:
    """Keep those whose best next token has at most this probability."""

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        surest = confidence_of(model, rows, work)
        return Admission((surest <= confidence).nonzero()[:, 0])

    return lambda: admit
