"""The small networks that are trained at the real level, their data, and what a worker computes.

Ten classes of 8 x 8 pictures, drawn by the seed: a prototype a class, shifted by up to a pixel each
way, with noise. A network is 64 - 32 - 10 with tanh, as one flat vector of parameters; its
gradient is that of the summed cross-entropy, in double precision by autograd.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from adabench.workloads.algorithms.stragglers.substrate.delay_models import Floats, Ints
from adabench.workloads.algorithms.stragglers.substrate.gradient_codes import code
from adabench.workloads.algorithms.stragglers.substrate.scheme import Layout

SIDE, CLASSES, HIDDEN = 8, 10, 32
PIXELS = SIDE * SIDE
SHAPES = ((PIXELS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
SIZES = tuple(int(np.prod(shape)) for shape in SHAPES)
DIM = sum(SIZES)
NOISE = 0.8
SAMPLES = 6720
"""A multiple of 8 times 1..8, so that most codes for 8 workers cut it evenly."""


@dataclass(frozen=True)
class Data:
    """Pictures (samples, 64) and their classes (samples,)."""

    pictures: torch.Tensor
    classes: torch.Tensor


def make_data(seed: int, samples: int = SAMPLES) -> Data:
    """Draw the pictures. Pure."""
    rng = np.random.default_rng((seed, 1))
    prototypes = rng.standard_normal((CLASSES, SIDE, SIDE))
    classes = rng.integers(CLASSES, size=samples)
    shifts = rng.integers(-1, 2, (samples, 2))
    pictures = np.stack(
        [
            np.roll(prototypes[kind], tuple(shift), (0, 1)).ravel()
            for kind, shift in zip(classes, shifts, strict=True)
        ]
    )
    pictures += NOISE * rng.standard_normal(pictures.shape)
    return Data(torch.from_numpy(pictures), torch.from_numpy(classes))


def start(seed: int, model: int) -> Floats:
    """Return the first parameters of a model: (DIM,)."""
    rng = np.random.default_rng((seed, 2, model))
    scales = (PIXELS**-0.5, 0.0, HIDDEN**-0.5, 0.0)
    return np.concatenate(
        [scale * rng.standard_normal(size) for scale, size in zip(scales, SIZES, strict=True)]
    )


def logits(flat: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Run a network."""
    first, shift, second, last = (
        part.view(shape) for part, shape in zip(torch.split(flat, list(SIZES)), SHAPES, strict=True)
    )
    out: torch.Tensor = torch.tanh(pictures @ first + shift) @ second + last
    return out


def gradient(parameters: Floats, data: Data, a: int, b: int) -> Floats:
    """Return the gradient of the summed loss over samples a to b: (DIM,)."""
    flat = torch.tensor(parameters, requires_grad=True)
    loss = functional.cross_entropy(
        logits(flat, data.pictures[a:b]), data.classes[a:b], reduction="sum"
    )
    (own,) = torch.autograd.grad(loss, flat)
    return np.asarray(own.numpy())


def quality(parameters: Floats, data: Data) -> tuple[float, float]:
    """Return the mean loss and the accuracy on the data."""
    with torch.no_grad():
        out = logits(torch.from_numpy(parameters), data.pictures)
        loss = functional.cross_entropy(out, data.classes)
        right = (out.argmax(dim=1) == data.classes).double().mean()
    return float(loss), float(right)


def bounds(layout: Layout, samples: int) -> list[Ints]:
    """Return where each group's chunks begin and end: (size + 1,) a group."""
    ends, begin = [], 0.0
    for group in layout.groups:
        exact = samples * (begin + group.share * np.arange(group.size + 1) / group.size)
        ends.append(np.rint(exact).astype(np.int64))
        begin += group.share
    return ends


@dataclass(frozen=True)
class Part:
    """One mini-task: chunks of samples, and what each chunk's gradient is multiplied by."""

    ranges: tuple[tuple[int, int], ...]
    factors: Floats

    @property
    def samples(self) -> int:
        """Return how many samples it goes through."""
        return sum(b - a for a, b in self.ranges)


def parts(layout: Layout, samples: int) -> list[Part]:
    """Return every mini-task of a job, in order."""
    made = []
    for group, ends in zip(layout.groups, bounds(layout, samples), strict=True):
        own = code(group.size, group.s)
        for i in range(group.size):
            chunks = own.chunks(i)
            ranges = tuple((int(ends[j]), int(ends[j + 1])) for j in chunks)
            made.append(Part(ranges, own.matrix[i, chunks]))
    return made


def decoded(layout: Layout, results: dict[int, Floats], exact: bool) -> Floats:
    """Put a job's gradient together from results by mini-task: (DIM,).

    Unless `exact`, an uncoded group that lacks some is scaled up by what is there.

    Raises:
        MethodContractError: if what is there does not give it.
    """
    total = np.zeros(DIM)
    for g, group in enumerate(layout.groups):
        base = layout.first[g]
        table, there = np.zeros((group.size, DIM)), np.zeros(group.size, np.bool_)
        for i in range(group.size):
            if base + i in results:
                table[i], there[i] = results[base + i], True
        if exact or there.all():
            total += code(group.size, group.s).decode(table, there)
        elif there.any():
            total += table[there].sum(axis=0) * group.size / there.sum()
    return total
