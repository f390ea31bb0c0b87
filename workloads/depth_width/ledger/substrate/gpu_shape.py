"""Scale `gpu`: the 360M shape of the recursion paper with random weights, and random tokens."""

from dataclasses import replace
from typing import NoReturn

import numpy as np
import torch

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.stream import FILLER, Corpus, Labels

SHAPE = Shape(layers=32, width=960, heads=15, vocabulary=49152, tokens=2048)
SEQUENCES = 8


def random_model(small: Shape, seed: int) -> Backbone:
    """Return the paper's shape with random weights, arranged like a small one."""
    layers = SHAPE.layers
    distinct = 2 + (layers - 2) // small.recursions if small.recursions else 0
    # Vanilla ladders keep their share of the reference's six layers.
    plain = round(layers * small.layers / 6)
    shape = replace(
        small,
        layers=distinct or plain,
        width=SHAPE.width,
        heads=SHAPE.heads,
        vocabulary=SHAPE.vocabulary,
        tokens=SHAPE.tokens,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Backbone(shape).eval().requires_grad_(False)


def random_tokens(seed: int, batches: int, tokens: int) -> tuple[Corpus, ...]:
    """Return random ids of the large vocabulary; their labels are empty."""
    generator = np.random.Generator(np.random.PCG64(seed))
    shape = (SEQUENCES, tokens + 1)
    none = np.zeros((SEQUENCES, tokens), np.int64)
    labels = Labels(none, none, none, none, none)
    return tuple(
        Corpus(generator.integers(FILLER, SHAPE.vocabulary, shape), labels) for _ in range(batches)
    )


def refuse(base: str, part: str) -> NoReturn:
    """Refuse a method that lives by a trained part.

    Raises:
        EnvironmentProblem: always.
    """
    raise EnvironmentProblem(
        f"{base}: no {part} is trained at the shape of scale gpu, and a random one "
        "decides nothing.",
        "Run it at scale embedded.",
    )
