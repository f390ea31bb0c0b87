"""Draws on the device where the logits are, and the pace of a model that knows no steps.

**Pace.** Random weights never end a step. `Pace(words, steps)` writes `;` over every `words`-th
word and `<eos>` after that many steps, and nowhere else, in place of the word that was drawn and
paid for, so that a search at the shape of a large model has the form of a real one. A paced engine
says nothing about quality, and the task that uses one withholds it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.vocabulary import EOS, STEP_END


class Pace(NamedTuple):
    """Where a completion's steps end, whatever is drawn: `steps` of `words` words, and `<eos>`."""

    words: int
    steps: int

    def forced(self, place: int) -> int | None:
        """Return the word that must stand at a place of the completion, if one must."""
        if place == self.words * self.steps:
            return EOS
        return STEP_END if (place + 1) % self.words == 0 else None


def draw_words(
    logits: Tensor,
    numbers: Sequence[float],
    temperature: float,
    top_p: float,
    forced: Sequence[int],
    barred: Sequence[int] = (),
    allowed: Tensor | None = None,
) -> tuple[list[int], list[float]]:
    """Return a word for each row [n, V] and its log-probability at temperature 1.

    As `random_draws.draw`, on the device; words in `barred` and outside `allowed` [n, V] are never
    drawn, and a word in `forced` that is not negative takes the drawn one's place.
    """
    logs = logits.double().log_softmax(-1)
    open_logs = logs.clone() if barred else logs
    open_logs[:, list(barred)] = -torch.inf  # no column if none is barred
    if allowed is not None:
        open_logs = open_logs.masked_fill(~allowed, -torch.inf)
    words = open_logs.argmax(-1)
    if temperature > 0:
        weights = (open_logs / temperature).softmax(-1)
        if top_p < 1:
            falling, order = weights.sort(dim=-1, descending=True, stable=True)
            reached = falling.cumsum(-1) - falling >= top_p
            weights = weights.scatter(-1, order, falling.masked_fill(reached, 0.0))
        sums = weights.cumsum(-1)
        targets = torch.tensor(numbers, dtype=torch.float64, device=logits.device)
        chosen = (sums <= targets[:, None] * sums[:, -1:]).sum(-1)
        last = weights.shape[1] - 1 - (weights.flip(-1) > 0).int().argmax(-1)
        words = torch.minimum(chosen, last)
    asked = torch.tensor(forced, device=logits.device)
    words = torch.where(asked >= 0, asked, words)
    chances = logs.gather(-1, words[:, None])[:, 0]
    both = torch.stack((words.double(), chances)).tolist()  # one synchronisation
    return [int(word) for word in both[0]], both[1]


def sureness(logits: Tensor, count: int) -> tuple[list[float], list[float]]:
    """Return each row's entropy in nats at temperature 1, and mean -log p of its `count` likeliest."""
    logs = logits.double().log_softmax(-1)
    entropies = -torch.xlogy(logs.exp(), logs.exp()).sum(-1)
    confidences = -logs.topk(count, dim=-1).values.mean(-1)
    both = torch.stack((entropies, confidences)).tolist()
    return both[0], both[1]
