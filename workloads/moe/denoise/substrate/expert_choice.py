"""Expert choice with a capacity for each sequence, and schedules of that capacity over denoising steps.

    C_b = max(1, floor(T k_b / E))           of sequence b, T positions, E experts
    expert e takes the C_b positions of b with its largest scores
    weights: softmax over the experts that chose a position; 0 experts may, then only what is shared runs
    w_te scale(n_t)                           n_t: experts that chose t; scale keeps the norm beside the shared ones

    k(r) = round(k_min + (k_max - k_min) s(r))         r: the share of masked positions; s = r, 1 - r, ...

Every expert multiplies as many rows as every other one, whatever the scores are. Source: arXiv 2604.01622.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import Tensor

from adabench.harness.errors import SelectionError

DRAWS = 10_000
"""Of Gaussian scores, for the table of norms."""
BELL = 0.22


def _bell(r: float) -> float:
    """Return a bell at one half, 0 at both ends and 1 in the middle."""
    low = math.exp(-0.125 / BELL**2)
    return (math.exp(-((r - 0.5) ** 2) / (2 * BELL**2)) - low) / (1 - low)


SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "static": lambda r: 0.5,
    "linear": lambda r: r,
    "linear_reverse": lambda r: 1 - r,
    "cosine": lambda r: (1 - math.cos(math.pi * r)) / 2,
    "cosine_reverse": lambda r: (1 + math.cos(math.pi * r)) / 2,
    "bell": _bell,
    "bell_reverse": lambda r: 1 - _bell(r),
}


def experts_a_byte(schedule: str, ratio: float, fewest: int, most: int) -> int:
    """Return k at a share of masked positions.

    Raises:
        SelectionError: for a schedule that there is not.
    """
    if schedule not in SCHEDULES:
        raise SelectionError(f"{schedule!r} is no schedule.", f"There are {', '.join(SCHEDULES)}.")
    wanted = fewest + (most - fewest) * SCHEDULES[schedule](ratio)
    return min(most, max(fewest, math.floor(wanted + 0.5)))


def capacity(length: int, chosen: int, experts: int) -> int:
    """Return how many positions of a sequence each expert takes."""
    return max(1, length * chosen // experts)


def choose(scores: Tensor, capacities: Tensor) -> Tensor:
    """Return the weights of experts [B, T, E], of scores [B, T, E] and the capacity of each sequence, [B].

    Raises:
        SelectionError: for a capacity of more positions than there are, or of none.
    """
    batch, length, experts = scores.shape
    most = int(capacities.max())
    if most > length or int(capacities.min()) < 1:
        raise SelectionError(
            f"An expert cannot take {most} of {length} positions.", "Ask for 1 to E experts a byte."
        )
    places = scores.transpose(1, 2).topk(most, dim=2).indices
    within = torch.arange(most) < capacities[:, None]
    chosen = torch.zeros(batch, experts, length, dtype=torch.bool)
    chosen.scatter_(2, places, within[:, None, :].expand(batch, experts, most))
    chosen = chosen.transpose(1, 2)
    own = scores.masked_fill(~chosen, -math.inf)
    shares = (own - own.amax(-1, keepdim=True).clamp_min(-1e30)).exp().masked_fill(~chosen, 0.0)
    shares = shares / shares.sum(-1, keepdim=True).clamp_min(1e-30)
    return shares * norm_scales(experts)[chosen.sum(-1)].unsqueeze(-1)


@cache
def norm_scales(experts: int, shared: int = 2) -> Tensor:
    """Return by count n of experts what their weighted sum is multiplied by, [E + 1]; 1 for none.

    It is the mean of sqrt(shared) over the norm of n weights, softmax over Gaussian scores of which the first n are
    renormalised: outputs of n experts then weigh as much as those of the shared ones, whatever n is.
    """
    random = torch.Generator().manual_seed(0)
    odds = torch.randn(DRAWS, experts, generator=random).softmax(-1)
    found = [1.0]
    for n in range(1, experts + 1):
        first = odds[:, :n] / odds[:, :n].sum(-1, keepdim=True)
        found.append(float((math.sqrt(shared) / first.norm(dim=-1)).mean()))
    return torch.tensor(found)


def token_weights(scores: Tensor, chosen: int, offsets: Tensor | None = None) -> Tensor:
    """Return the weights of the `chosen` likeliest experts of each position [n, E], at the norm that expert choice has.

    `offsets` [E] are added to chances where experts are chosen, and not where they are weighed.
    """
    odds = scores.softmax(-1)
    places = (odds if offsets is None else odds + offsets).topk(chosen, dim=-1).indices
    values = odds.gather(-1, places)
    shares = values / values.sum(-1, keepdim=True) * norm_scales(scores.shape[-1])[chosen]
    return torch.zeros_like(scores).scatter(-1, places, shares)
