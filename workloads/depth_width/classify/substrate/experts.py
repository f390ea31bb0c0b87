"""Experts that differ, and mixtures of them: a GRU over the tokens, a feed-forward net on their mean.

    gru    tokens in their order -> GRU, hidden 64 -> its last state -> classes
    ffnn   mean of the tokens -> 128, tanh -> classes
    gate   summary (<cls>) -> softmax(W summary / 1.5) over the experts

Under `input=isolated` the GRU too gets the mean alone, as a sequence of one: its first step starts from zeros,
so the product with the state is not stored and not computed (`GruStep`). In training the chosen expert's
answer is scaled by the chance that the gate gave it, which is how the gate learns; no other expert runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from adabench.workloads.depth_width.substrate.work_counter import Work

TEMPERATURE = 1.5
GRU_HIDDEN, FFNN_HIDDEN = 64, 128
GRU, FFNN = "gru", "ffnn"
Input = Literal["sequence", "isolated"]
GateKind = Literal["top-1", "soft", "coins", "none"]

Gate = Callable[[Tensor, Tensor, Work], Tensor]
"""(summaries [n, d], which queries of the case they are of [n], work) -> a weight for each expert,
[n, experts]. An expert of weight 0 is not run."""


@dataclass(frozen=True)
class Arm:
    """What a mixture is made of."""

    name: str
    experts: tuple[str, ...]
    gate: GateKind = "none"
    batch: int = 64
    """Queries of a training batch."""
    isolated: bool = False
    tied: bool = False
    """Whether one set of weights stands behind every output of the gate."""


class Batch(NamedTuple):
    """What experts learn from: states of queries, padded, and their answers."""

    states: Tensor
    """[n, T, d]; the first is the summary."""
    lengths: Tensor
    """States of each query, the summary included, [n]."""
    answers: Tensor


class Gru(nn.Module):
    """A GRU over the tokens."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, GRU_HIDDEN, batch_first=True)
        self.out = nn.Linear(GRU_HIDDEN, classes)

    def forward(self, tokens: Tensor, lengths: Tensor | None, work: Work) -> Tensor:
        """Answer [n, classes] for tokens [n, T, d]; without lengths all are there."""
        n, length = tokens.shape[:2]
        steps = n * length if lengths is None else int(lengths.sum())
        inner = sum(weight.numel() for weight in self.gru.parameters() if weight.dim() == 2)
        work.flops += 2 * steps * inner
        states, last = self.gru(tokens)
        ends = last[0] if lengths is None else states[torch.arange(n), lengths - 1]
        return work.linear(self.out, ends)


class GruStep(nn.Module):
    """A GRU over a sequence of one: the mean of the tokens."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, 3 * GRU_HIDDEN)
        self.state = nn.Parameter(torch.zeros(GRU_HIDDEN))
        """What the state's product with zeros leaves of the candidate: its bias."""
        self.out = nn.Linear(GRU_HIDDEN, classes)

    def forward(self, tokens: Tensor, lengths: Tensor | None, work: Work) -> Tensor:
        """Answer [n, classes] for tokens [n, T, d]."""
        reset, update, new = work.linear(self.enter, mean(tokens, lengths)).chunk(3, dim=-1)
        candidate = torch.tanh(new + reset.sigmoid() * self.state)
        return work.linear(self.out, (1 - update.sigmoid()) * candidate)


class Ffnn(nn.Module):
    """A feed-forward net on the mean of the tokens."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, FFNN_HIDDEN)
        self.out = nn.Linear(FFNN_HIDDEN, classes)

    def forward(self, tokens: Tensor, lengths: Tensor | None, work: Work) -> Tensor:
        """Answer [n, classes] for tokens [n, T, d]."""
        hidden = work.linear(self.enter, mean(tokens, lengths)).tanh()
        return work.linear(self.out, hidden)


def mean(tokens: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the mean of tokens [n, T, d] that are there."""
    if lengths is None:
        return tokens.mean(1)
    there = torch.arange(tokens.shape[1]) < lengths[:, None]
    return (tokens * there[..., None]).sum(1) / lengths[:, None]


class Mixture(nn.Module):
    """Experts, and a gate if there are several."""

    def __init__(self, arm: Arm, width: int, classes: int) -> None:
        super().__init__()
        self.arm, self.classes = arm, classes
        kinds: dict[str, Callable[[int, int], nn.Module]] = {
            GRU: GruStep if arm.isolated else Gru,
            FFNN: Ffnn,
        }
        own = arm.experts[:1] if arm.tied else arm.experts
        self.experts = nn.ModuleList(kinds[name](width, classes) for name in own)
        self.gate = nn.Linear(width, len(arm.experts)) if len(arm.experts) > 1 else None

    @property
    def parameters_in_use(self) -> int:
        """Return how many weights have to be in memory."""
        return sum(weight.numel() for weight in self.parameters())

    def chances(self, summaries: Tensor, work: Work) -> Tensor:
        """Return the chance of each expert, [n, experts]."""
        if self.gate is None:
            return summaries.new_ones(len(summaries), 1)
        return (work.linear(self.gate, summaries) / TEMPERATURE).softmax(-1)

    def answer(
        self, tokens: Tensor, lengths: Tensor | None, weights: Tensor, rows: Tensor, work: Work
    ) -> Tensor:
        """Answer [n, classes] for tokens [n, T, d], running an expert on the rows that weigh it.

        `rows` [n] are the numbers that the work writes down.
        """
        found = tokens.new_zeros(len(tokens), self.classes)
        for place in range(weights.shape[1]):
            expert = self.experts[place % len(self.experts)]  # tied: one for all places
            chosen = weights[:, place].nonzero()[:, 0]
            if not len(chosen):
                continue
            everyone = len(chosen) == len(tokens)
            own = tokens if everyone else tokens.index_select(0, chosen)
            there = lengths if lengths is None or everyone else lengths[chosen]
            said = weights[chosen, place, None] * expert(own, there, work)
            found = found.index_add(0, chosen, said)
            work.runs.append((place, rows[chosen]))
        return found


def top_1_gate(mixture: Mixture) -> Gate:
    """Return the trained gate: the likeliest expert, weighted by its chance."""
    return lambda summaries, rows, work: largest_alone(mixture.chances(summaries, work))


def soft_gate(mixture: Mixture) -> Gate:
    """Return the gate of a dense mixture: every expert, by its chance."""
    return lambda summaries, rows, work: mixture.chances(summaries, work)


def preset_gate(choice: Tensor, experts: int) -> Gate:
    """Return a gate that takes the expert named for each query of the case, [queries]."""

    def gate(summaries: Tensor, rows: Tensor, work: Work) -> Tensor:
        return nn.functional.one_hot(choice[rows], experts).to(summaries.dtype)

    return gate


def largest_alone(chances: Tensor) -> Tensor:
    """Return the largest chance of each row at its place, and 0 elsewhere."""
    best = chances.argmax(-1, keepdim=True)
    return torch.zeros_like(chances).scatter(1, best, chances.gather(1, best))
