"""Streams of iterations of one layer: how many tokens there are, and which experts a trained router chooses for them.

Choices are those of the mixture of experts that the task `experts` trained, on texts that it was not trained on. Every eight iterations
domain and layer are others, so that which experts are in demand changes as it does; how many tokens a rank has (16, 256
or 2,048) stays for some iterations and then changes, as between decoding and reading a prompt.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adabench.workloads.moe.substrate.byte_checkpoints import EXPERTS, FORECAST_S, read_model
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, passages
from adabench.workloads.moe.substrate.byte_model import ByteModel, ByteShape
from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays, content_number
from adabench.workloads.shared.counting.random_streams import child
from adabench.workloads.shared.training import checkpoints

SHAPE = ByteShape()
TRAININGS, LENGTH = 5, 96
TOKENS = (16, 256, 2048)
PHASE, STAY = 8, 0.7
"""Iterations of one domain and layer; how likely a number of tokens is that of the iteration before."""
_DRAWN = 45


@dataclass(frozen=True)
class TokenStream(FrozenArrays):
    """What the router chose, iteration after iteration."""

    tokens: NDArray[np.int64]
    """[iterations], of each rank"""
    choices: NDArray[np.int64]
    """[sum of tokens, ranks, k], experts"""
    shares: NDArray[np.float32]
    """[sum of tokens, ranks, k]"""
    seed: int

    @property
    def instance(self) -> float:
        """Return the hash of its content."""
        return content_number(self.tokens, self.choices.tobytes())

    def rows(self, iteration: int) -> slice:
        """Return where the tokens of an iteration lie."""
        first = int(self.tokens[:iteration].sum())
        return slice(first, first + int(self.tokens[iteration]))

    def repeated(self, times: int) -> "TokenStream":
        """Return a stream of all iterations, so many times one after the other."""
        many = (times, 1, 1)
        return TokenStream(
            np.tile(self.tokens, times), np.tile(self.choices, many), np.tile(self.shares, many), self.seed
        )  # fmt: skip


def drawn_stream(seed: int, index: int, iterations: int, ranks: int, experts: int) -> TokenStream:
    """Draw a stream.

    With fewer experts than the router has, those that are equal modulo their number are one, and a token takes its first choice.
    """
    random = np.random.default_rng(child(seed, _DRAWN, index))
    tokens = _tokens(random, iterations)
    found = []
    for first in range(0, iterations, PHASE):
        count = int(tokens[first : first + PHASE].sum())
        domain, layer = random.integers(len(DOMAINS)), random.integers(SHAPE.layers)
        found.append(_chosen(seed, index, first, int(domain), int(layer), count * ranks))
    mixed = torch.cat(found)
    shares, choices = mixed.topk(SHAPE.chosen, dim=-1)
    if experts < SHAPE.experts:
        choices = choices[:, :1] % experts
        shares = torch.ones_like(choices, dtype=torch.float32)
    size = (int(tokens.sum()), ranks, -1)
    return TokenStream(tokens, choices.view(size).numpy(), shares.view(size).numpy(), seed)


def _tokens(random: np.random.Generator, iterations: int) -> NDArray[np.int64]:
    found = [int(random.choice(TOKENS))]
    while len(found) < iterations:
        found.append(found[-1] if random.random() < STAY else int(random.choice(TOKENS)))
    return np.array(found)


@torch.no_grad()
def _chosen(seed: int, index: int, first: int, domain: int, layer: int, count: int) -> Tensor:
    """Return the weights of experts of so many tokens of a domain at a layer, [count, E]."""
    model, heard = _model(seed % TRAININGS), []
    need = -(-count // LENGTH)
    drawn = passages(DOMAINS[domain], "test", min(need, _MOST), LENGTH, seed, index, first)

    def watch(place: int, rows: Tensor, mixed: Tensor) -> None:
        del rows
        if place == layer:
            heard.append(mixed)

    model(torch.tensor(drawn[:, :LENGTH]), watch=watch)
    mixed = torch.cat(heard)
    return mixed.repeat(-(-count // len(mixed)), 1)[:count]


_MOST = 48
"""Passages of a phase; a longer one reads them again."""


@cache
def _model(training: int) -> ByteModel:
    name = f"moe-s{training}"
    return read_model(name, SHAPE, checkpoints.home(name, EXPERTS), FORECAST_S)
