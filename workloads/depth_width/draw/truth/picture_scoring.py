"""What a scorer knows of pictures: how busy each is, what a drawn one shows, and how networks are spread over prompts."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from adabench.workloads.depth_width.draw.substrate.prompted_pictures import (
    CHARACTERS,
    FAMILIES,
    SLANTS,
    WEIGHTS,
    Prompt,
    draw,
    shifted,
)

SHIFTS = (-4, 0, 4)
"""In eighths of a pixel: where a character is looked for."""
ALIKE = 3
"""Words that similar prompts of glyphs share, of four; of other sources all but one."""
EXAMPLES = 1000


def busyness(images: Tensor) -> Tensor:
    """Return how busy pictures [n, side, side] are, [n]: the mean change from a pixel to the next."""
    down = (images[:, 1:] - images[:, :-1]).abs().mean((1, 2))
    across = (images[:, :, 1:] - images[:, :, :-1]).abs().mean((1, 2))
    return down + across


def spread(prompts: Sequence[Prompt], places: Sequence[int], choices: int) -> dict[str, float]:
    """Return how evenly networks are used, and by how much more often similar prompts share one than others do."""
    if choices < 2:
        return {}
    own = torch.tensor(places)
    found = {"code_entropy": entropy_share(own.bincount(minlength=choices))}
    words = [set(prompt) for prompt in prompts]
    alike: list[bool] = []
    other: list[bool] = []
    for i in range(len(words)):
        for j in range(i):
            if prompts[i] != prompts[j]:
                close = len(words[i] & words[j]) >= len(words[i]) - 1
                (alike if close else other).append(places[i] == places[j])
    if alike and other:
        found["agreement"] = float(np.mean(alike) - np.mean(other))
    return found


def entropy_share(counts: Tensor) -> float:
    """Return the entropy of how often codes are used, over the most that it can be."""
    if len(counts) < 2:
        return 0.0
    share = counts.float() / counts.sum()
    used = share[share > 0]
    return float(-(used * used.log()).sum() / torch.tensor(float(len(counts))).log())


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Return Spearman's correlation, ties at their mean rank; nan where either does not vary."""
    x, y = (_ranks(np.asarray(one, dtype=float)) for one in (a, b))
    if x.std() == 0 or y.std() == 0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    order, counts = np.unique(values, return_inverse=True, return_counts=True)[1:]
    ends = counts.cumsum()
    means = ends - (counts + 1) / 2
    found: np.ndarray = means[order]
    return found


def recognised(pictures: Tensor, prompts: Sequence[Prompt], source: str) -> float:
    """Return the share of drawn pictures whose nearest example has the prompt's first word."""
    examples, names = _examples(source)
    nearest = torch.cdist(pictures.flatten(1), examples).argmin(1)
    return float(
        np.mean(
            [names[i] == prompt[0] for i, prompt in zip(nearest.tolist(), prompts, strict=True)]
        )
    )


@cache
def _examples(source: str) -> tuple[Tensor, tuple[str, ...]]:
    """Return pictures, [n, pixels], and the first word of each."""
    if source != "glyphs":
        found = draw(source, "train", EXAMPLES, 3)
        return found.images.flatten(1), tuple(prompt[0] for prompt in found.prompts)
    prompts = [(c, f, w, s) for c in CHARACTERS for f in FAMILIES for w in WEIGHTS for s in SLANTS]
    each = [
        shifted(prompts, np.full((len(prompts), 2), (x, y))).flatten(1)
        for x in SHIFTS
        for y in SHIFTS
    ]
    return torch.cat(each), tuple(prompt[0] for prompt in prompts) * len(each)
