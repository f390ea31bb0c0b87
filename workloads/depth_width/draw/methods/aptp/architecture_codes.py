"""Architecture codes and the router of prompts: APTP's own part.

    e = W z + b                              what the architecture predictor says of a prompt's vector z
    u = sigmoid((l + g + 3) / 0.4)           a relaxed gate on width, g Gumbel noise; the first is opened where none of a block is
    v = sigmoid((logit(c) + g + 3) / 0.4)    gates on depth, c the reversed cumulative sum of softmax: blocks close in a fixed order
    code of a prompt: argmax of the cosine of its gates and the codes', each width times its block's gate, over sqrt of its group
    in training: argmax of the transport plan of a batch (Sinkhorn, 3 rounds, epsilon 0.05), so that codes get equally many prompts

Gates are closed below 0.5, with a straight-through gradient. Constants and order are those of the paper's code (read, not copied). The
contrast is the binary cross entropy of two row softmaxes of similarities, of gates and of prompts, both at temperature 0.03.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.draw.substrate.gated_unet import BLOCKS, GATES, GROUPS

TEMPERATURE, OFFSET = 0.4, 3.0
EPSILON, ROUNDS = 0.05, 3
CONTRAST = 0.03
MEAN_NOISE = torch.tensor([0.5772])
"""Gumbel noise where nothing is trained: its mean. A fixed sample, as in the paper's code, would differ more than the codes do."""
ORDER = (1, 2, 3, 0)
"""Blocks by how long they stay: the inner ones longest, the first of all closes first."""
_WIDTHS = len(BLOCKS) * GROUPS


@dataclass(frozen=True)
class Router:
    """A predictor of architectures and its codes, as they were trained."""

    weight: Tensor
    """[GATES, width of a prompt]."""
    bias: Tensor
    """[GATES]."""
    codes: Tensor
    """Logits, [N, GATES]."""
    shift: float = 0.0
    """Added to the logits of codes, so that prompts cost in the mean what they may."""

    def parts(self) -> dict[str, Tensor]:
        """Return what a file holds of the router."""
        shift = torch.tensor(self.shift)
        return {"weight": self.weight, "bias": self.bias, "codes": self.codes, "shift": shift}

    def predicted(self, prompts: Tensor) -> Tensor:
        """Return logits of gates for prompts [n, width], [n, GATES]."""
        return prompts @ self.weight.T + self.bias

    def structures(self) -> Tensor:
        """Return the structure of each code, of zeros and ones, [N, GATES]."""
        return (relaxed(self.codes, MEAN_NOISE, self.shift) >= 0.5).float()

    def own_structures(self, prompts: Tensor) -> Tensor:
        """Return the structure that the predictor says for each prompt, [n, GATES]."""
        return (relaxed(self.predicted(prompts), MEAN_NOISE, self.shift) >= 0.5).float()

    def route(self, prompts: Tensor) -> Tensor:
        """Return the code of each prompt, [n]."""
        own = relaxed(self.predicted(prompts), MEAN_NOISE)
        return likeness(own, relaxed(self.codes, MEAN_NOISE)).argmax(1)


def router_of(parts: Mapping[str, Tensor]) -> Router:
    """Return the router that a file holds."""
    return Router(parts["weight"], parts["bias"], parts["codes"], float(parts["shift"]))


def gumbel(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """Return Gumbel noise."""
    return -torch.log(-torch.log(torch.rand(shape, generator=random) + 1e-9) + 1e-9)


def relaxed(logits: Tensor, noise: Tensor, shift: float = 0.0) -> Tensor:
    """Return gates between 0 and 1 out of logits and noise [n, GATES]; a shift opens or closes widths alone."""
    noise = noise.expand_as(logits)
    widths = logits[:, :_WIDTHS] + noise[:, :_WIDTHS] + OFFSET + shift
    gates = (widths / TEMPERATURE).sigmoid()
    shape = (len(logits), len(BLOCKS), GROUPS)
    closed = (gates.view(shape) < 0.5).all(-1)
    opened = torch.zeros(shape)
    opened[..., 0] = 0.5 * closed
    stay = logits[:, _WIDTHS:].softmax(1).cumsum(1).flip(1).clamp(1e-6, 1 - 1e-6)
    depths = ((torch.logit(stay) + noise[:, _WIDTHS:] + OFFSET) / TEMPERATURE).sigmoid()
    ordered = torch.zeros_like(depths).index_copy(1, torch.tensor(ORDER), depths)
    return torch.cat((gates + opened.flatten(1), ordered), 1)


def hard(gates: Tensor) -> Tensor:
    """Return gates of zeros and ones with the gradient of the relaxed ones."""
    return (gates >= 0.5).float() + (gates - gates.detach())


def normalised(gates: Tensor) -> Tensor:
    """Return gates [n, GATES] as vectors that are compared: widths times their block's gate, over the square root of a group."""
    own = gates[:, _WIDTHS:]
    widths = gates[:, :_WIDTHS].view(len(gates), len(BLOCKS), GROUPS) * own[:, :, None]
    return F.normalize(torch.cat((widths.flatten(1) / GROUPS**0.5, own), 1), dim=1)


def likeness(gates: Tensor, codes: Tensor) -> Tensor:
    """Return the cosine of each prompt's gates and each code's, [n, N]."""
    return normalised(gates) @ normalised(codes).T


def transported(similarity: Tensor) -> Tensor:
    """Return the code of each prompt by a transport plan with equal shares of codes, [n]."""
    plan = (similarity / EPSILON).exp()
    plan = plan / plan.sum()
    for _ in range(ROUNDS):
        plan = plan / plan.sum(0, keepdim=True) / plan.shape[1]
        plan = plan / plan.sum(1, keepdim=True) / plan.shape[0]
    return plan.argmax(1)


def contrast(gates: Tensor, prompts: Tensor) -> Tensor:
    """Return how far similarities of gates [n, GATES] are from those of their prompts [n, width]."""
    own, theirs = normalised(gates), F.normalize(prompts, dim=1)
    said = (own @ own.T / CONTRAST).softmax(-1).clamp(1e-9, 1 - 1e-7)
    return F.binary_cross_entropy(said, (theirs @ theirs.T / CONTRAST).softmax(-1))


def random_router(codes: int, width: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return weight, bias and codes as training begins with them: orthogonal, and no bias."""
    weight = torch.nn.init.orthogonal_(torch.empty(GATES, width), generator=random)
    entries = torch.nn.init.orthogonal_(torch.empty(codes, GATES), generator=random)
    return weight, torch.zeros(GATES), entries
