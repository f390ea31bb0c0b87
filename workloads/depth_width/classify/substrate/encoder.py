"""The frozen encoder of generated queries: an embedding and one layer of attention, d = 64.

    x = words[token] + places[position]
    states = norm(x + out(attention(norm(x))))        states[0], of <cls>, is the summary

It is trained once, without a label: masked words are guessed from their states, and the summary says which
words its query holds. One encoder serves all trainings of experts. An untrained one is refused, for a gate
that reads its summary could only guess.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.classify.substrate.experts import Batch
from adabench.workloads.depth_width.classify.substrate.queries import (
    CLASSES,
    HEAD,
    LONGEST,
    MASK,
    VOCABULARY,
    KeyedQueries,
    draw,
    draw_seeded,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.questions import PAD, Questions
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.schedule import warmed
from adabench.workloads.shared.training.trainer import Trainer, seeded

WIDTH, HEADS = 64, 4
STEPS, BATCH, RATE = 600, 64, 3e-3
MASKED, PRESENCE_WEIGHT = 0.15, float(VOCABULARY)
HELD_OUT_SEED, HELD_OUT = 999, 512
QUERIES, PORTION = 98_304, 4096
"""Queries that a training of experts sees, and those that are draw_seeded at once; sizes of batches divide both."""
_STREAM, _TRAINING = 71, 73  # keyed apart from the family's other streams


class Encoder(nn.Module):
    """Words and places, and one layer of attention."""

    steps: Tensor

    def __init__(self, vocabulary: int = VOCABULARY, longest: int = HEAD + LONGEST) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.places = nn.Embedding(longest, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.last = nn.LayerNorm(WIDTH)
        self.register_buffer("steps", torch.zeros(1, dtype=torch.int64))

    @property
    def width(self) -> int:
        """Return the width of a state."""
        return WIDTH

    @property
    def parameters_in_use(self) -> int:
        """Return how many weights have to be in memory."""
        return sum(weight.numel() for weight in self.parameters())

    def states(self, tokens: Tensor, work: Work, real: Tensor | None = None) -> Tensor:
        """Return states [n, T, d] of queries [n, T]; `real` says which tokens are no padding."""
        n, length = tokens.shape
        x = self.words(tokens) + self.places.weight[:length]
        mixed = work.linear(self.query_key_value, self.norm(x))
        query, key, value = mixed.view(n, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        weights = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        if real is not None:
            weights = weights.masked_fill(~real[:, None, None], float("-inf"))
        context = (weights.softmax(-1) @ value).transpose(1, 2).reshape(n, length, WIDTH)
        work.flops += 4 * n * length * length * WIDTH
        states: Tensor = self.last(x + work.linear(self.out, context))
        return states

    def identity(self) -> Mapping[str, Tensor]:
        """Return what tells it from other encoders: its weights."""
        found: Mapping[str, Tensor] = self.state_dict()
        return found


@dataclass(frozen=True)
class EncoderRecipe:
    """The encoder: from which seed, for how many steps."""

    name: str
    seed: int
    home: Path
    steps: int = STEPS
    forecast_s: int = 20

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Train it and write weights and card."""
        path = folder / f"{self.name}{SUFFIX}"
        checkpoints.write(train(self, progress).state_dict(), path)
        return checkpoints.describe(self, folder, held_out=held_out(self.load(folder)))

    def load(self, folder: Path | None = None) -> Encoder:
        """Return the frozen encoder.

        Raises:
            EnvironmentProblem: if it is not there, or was not trained.
        """
        return frozen_encoder(checkpoints.weights(self, folder), self.name)

    def training_set(self) -> "GeneratedTrainingSet":
        """Return what experts learn from; refuses as `load` does."""
        return GeneratedTrainingSet(self.load())


def frozen_encoder(weights: dict[str, Tensor], name: str) -> Encoder:
    """Return an encoder with these weights.

    Raises:
        EnvironmentProblem: if they are those of no training.
    """
    encoder = Encoder()
    encoder.load_state_dict(weights)
    if int(encoder.steps) == 0:
        raise EnvironmentProblem(
            f"The encoder {name} was never trained: its summary says nothing of a query.",
            f"Train it: adabench train {name}.",
        )
    return encoder.eval().requires_grad_(False)


def train(recipe: EncoderRecipe, progress: Progress) -> Encoder:
    """Train an encoder from its seed, without a label."""
    generator = np.random.Generator(np.random.PCG64((_STREAM, recipe.seed)))
    with seeded(_STREAM * 1000 + recipe.seed):
        encoder, presence = Encoder(), nn.Linear(WIDTH, VOCABULARY)
        weights = [*encoder.parameters(), *presence.parameters()]
        optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.01)
        trainer = Trainer(
            optimiser,
            schedule=lambda peak, at: peak * warmed(at, 50) * (1 - 0.95 * at / recipe.steps),
        )
        trainer.fit(
            lambda step: _loss(encoder, presence, draw(generator, BATCH).questions),
            recipe.steps,
            progress,
        )
        encoder.steps.fill_(recipe.steps)
    return encoder.eval().requires_grad_(False)


def _loss(encoder: Encoder, presence: nn.Linear, questions: Questions) -> Tensor:
    """Guess masked words from their states, and the words of a query from its summary."""
    tokens, real = torch.from_numpy(questions.tokens), real_tokens(questions)
    masked = real & (torch.rand(tokens.shape) < MASKED)
    masked[:, 0] = False
    states = encoder.states(tokens.masked_fill(masked, MASK), Work(), real)
    words = F.cross_entropy(states[masked] @ encoder.words.weight.T, tokens[masked])
    holds = presence_of(tokens)
    said = F.binary_cross_entropy_with_logits(presence(states[:, 0]), holds)
    return words + PRESENCE_WEIGHT * said


def presence_of(tokens: Tensor) -> Tensor:
    """Return which words each query holds, [n, vocabulary]; padding is none."""
    holds = torch.zeros(len(tokens), VOCABULARY).scatter_(1, tokens, 1.0)
    holds[:, PAD] = 0.0
    return holds


def real_tokens(questions: Questions) -> Tensor:
    """Return which tokens are no padding, [n, T]."""
    places = np.arange(questions.tokens.shape[1])
    return torch.from_numpy(places < questions.lengths[:, None])


def held_out(encoder: Encoder) -> dict[str, float]:
    """Return how well a line through summaries tells the two questions apart.

    A gate is such a line: where none can, no gate could.
    """
    query = draw_seeded(HELD_OUT, HELD_OUT_SEED)
    questions, kind = query.questions, torch.from_numpy(query.keys.kind)
    with torch.inference_mode(), one_thread():
        tokens = torch.from_numpy(questions.tokens)
        summaries = encoder.states(tokens, Work(), real_tokens(questions))[:, 0]
        known, other = summaries[::2], summaries[1::2]
        ones = torch.ones(len(known), 1)
        line = torch.linalg.lstsq(torch.cat([known, ones], 1), kind[::2, None] * 2.0 - 1)
        said = (torch.cat([other, ones], 1) @ line.solution)[:, 0] > 0
        right = (said == kind[1::2]).double().mean()
    return {"question_told": round(float(right), 4)}


@lru_cache(maxsize=QUERIES // PORTION)
def _portion(seed: int, first: int) -> KeyedQueries:
    """Draw queries of a training seed, from one on: once for all arms of a recipe."""
    return draw_seeded(PORTION, _TRAINING, seed, first)


@dataclass(frozen=True)
class GeneratedTrainingSet:
    """Queries on ledgers, fresh ones for each training seed, read by the frozen encoder."""

    encoder: Encoder
    queries: int = QUERIES
    classes: int = CLASSES

    def batches(self, seed: int, size: int) -> Iterator[Batch]:
        """Yield the queries of a training seed in batches of a size."""
        for first in range(0, self.queries, PORTION):
            portion, last = _portion(seed, first), min(PORTION, self.queries - first)
            for start in range(0, last, size):
                yield self._batch(portion, slice(start, min(start + size, last)))

    def _batch(self, portion: KeyedQueries, rows: slice) -> Batch:
        questions = portion.questions
        longest = int(questions.lengths[rows].max())
        own = Questions(questions.tokens[rows, :longest], questions.lengths[rows])
        with torch.no_grad():
            states = self.encoder.states(torch.from_numpy(own.tokens), Work(), real_tokens(own))
        answers = torch.from_numpy(portion.keys.answers[rows])
        return Batch(states, torch.from_numpy(own.lengths), answers)

    def validation(self) -> tuple[Questions, Ints]:
        """Return queries that no training sees, with their answers."""
        asked = draw_seeded(2 * HELD_OUT, HELD_OUT_SEED + 1)
        return asked.questions, asked.keys.answers
