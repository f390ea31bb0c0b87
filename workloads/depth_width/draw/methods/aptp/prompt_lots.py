"""Prompts dealt to codes by lot: the same share of them to each, and always the same code to a prompt."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from adabench.workloads.depth_width.draw.substrate.prompted_pictures import Prompt


def lots(prompts: Sequence[Prompt], shares: Tensor) -> Tensor:
    """Return a code for each prompt, by these shares [N], [n]."""
    ends = (shares.double() / shares.sum()).cumsum(0)
    places = torch.tensor([_place(prompt) for prompt in prompts], dtype=torch.double)
    return torch.bucketize(places, ends, right=True).clamp_max(len(shares) - 1)


def _place(prompt: Prompt) -> float:
    digest = hashlib.sha256(" ".join(prompt).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
