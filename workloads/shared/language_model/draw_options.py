"""How one `decode` draws: its arguments, checked and brought to one form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adabench.workloads.shared.language_model.contract import Masks


@dataclass(frozen=True)
class DrawOptions:
    """What holds for the draws of some sequences."""

    stop: frozenset[int]
    limits: tuple[int, ...]
    """The most new words of each sequence."""
    temperature: float
    top_p: float
    masks: Masks
    """Words that may be drawn: [0, V] all of them, [1, V] the same for everybody, [sequences, V]."""
    watch: int
    """How many of the most probable words a confidence is taken over; 0 watches nothing."""

    def part(self, begin: int, end: int) -> "DrawOptions":
        """Return what holds for the sequences begin..end."""
        masks = self.masks if len(self.masks) < 2 else self.masks[begin:end]
        return replace(self, limits=self.limits[begin:end], masks=masks)


def draw_options(
    count: int,
    vocabulary: int,
    *,
    stop: frozenset[int],
    max_new: int | Sequence[int],
    temperature: float,
    top_p: float,
    allow: Masks | None,
    watch: int,
) -> DrawOptions:
    """Return the options of a call over `count` sequences.

    Raises:
        ValueError: for a number out of its range, or masks of another shape or without a word.
    """
    if temperature < 0 or not 0 < top_p <= 1:
        raise ValueError("temperature must be 0 or more, and top_p in (0, 1].")
    if not 0 <= watch <= vocabulary:
        raise ValueError(f"watch must be 0..{vocabulary}, the words of this model; got {watch}.")
    limits = tuple(max_new) if isinstance(max_new, Sequence) else (max_new,) * count
    if len(limits) != count:
        raise ValueError(f"{len(limits)} limits for {count} sequences; give one, or one for each.")
    return DrawOptions(
        stop, limits, float(temperature), float(top_p), _masks(allow, count, vocabulary), watch
    )


def _masks(allow: Masks | None, count: int, vocabulary: int) -> Masks:
    if allow is None:
        return np.zeros((0, vocabulary), np.bool_)
    masks = np.ascontiguousarray(allow)
    masks = masks[None] if masks.ndim == 1 else masks
    if masks.dtype != np.bool_ or masks.shape not in ((1, vocabulary), (count, vocabulary)):
        raise ValueError(
            f"A mask of words is bool [{vocabulary}] or [{count}, {vocabulary}]; got "
            f"{masks.dtype} {list(np.shape(allow))}."
        )
    if not masks.any(axis=1).all():
        raise ValueError("A mask must allow at least one word.")
    return masks
