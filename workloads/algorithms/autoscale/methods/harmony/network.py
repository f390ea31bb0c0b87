"""HARMONY's forecaster: cascading attention over indicators, a Gaussian, and a flow that bends it.

    tokens      the standardised history of each indicator, and of two marks of time, by one linear layer
    attention   level after level: q, k, v of the level's tokens, plus what the level before put out
    Gaussian    z ~ N(mu, sigma), an entry an indicator
    flow        y = f(z), affine couplings; log p(y) = log N(f^-1(y); mu, sigma) + log |det d f^-1 / d y|

As released, a token outside of the level has zero q, k and v and is not left out of the softmax. The load is the
last indicator; couplings move the load and the others in turn, each by what the other is. With one indicator there is
nothing to be moved by, and the forecast is a Gaussian.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri
from scipy.stats import qmc
from torch import Tensor, nn

Floats = npt.NDArray[np.float64]
WINDOW = 72
"""Slots of history."""
WIDTH, HEADS, LAYERS, HIDDEN = 24, 4, 2, 48
MARKS = 2
"""The hour of the day and the day of the week, as tokens of level 1."""
MOST = 8
"""Indicators at most."""
COUPLINGS, BENDS = 4, 16
LEAST_SIGMA = 1e-3
LEAST_SCALE = 0.05
"""Of an indicator's own spread: what a window that does not move is divided by."""
FAR = 30.0
"""Scales beyond which a reading counts as so far away."""
SAMPLES = 256
"""Of a forecast: quasi-random, the same for every slot."""


@dataclass(frozen=True)
class Inputs:
    """Windows (B, WINDOW, N) as the network reads them, and how its answer is read."""

    windows: Tensor
    marks: Tensor
    """(B, WINDOW, MARKS)."""
    centre: npt.NDArray[np.float32]
    """(B, N) the last readings."""
    scale: npt.NDArray[np.float32]
    """(B, N)."""


def standardised(
    windows: npt.NDArray[np.float32], spread: npt.NDArray[np.float32],
    ends: npt.NDArray[np.int64], day: int,
) -> Inputs:  # fmt: skip
    """Centre windows (B, WINDOW, N) on their last readings, and divide by how much they move.

    `spread` (N,) is how much each indicator moves in all, `ends` (B,) the slots after the windows' last.
    """
    centre, scale = windows[:, -1], windows.std(1) + LEAST_SCALE * spread + 1e-9
    whole = ((windows - centre[:, None]) / scale[:, None]).clip(-FAR, FAR)
    slots = ends[:, None] - WINDOW + np.arange(WINDOW)
    marks = np.stack((slots % day / day, slots // day % 7 / 7), -1).astype(np.float32) - 0.5
    return Inputs(torch.from_numpy(whole), torch.from_numpy(marks), centre, scale)


@dataclass(frozen=True)
class Gaussian:
    """What the flow bends: (B, N) each."""

    mu: Tensor
    sigma: Tensor


class LevelAttention(nn.Module):
    """Attention level after level: what a level puts out enters q, k and v of the next."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor, levels: Tensor) -> Tensor:
        """Attend: tokens (B, M, WIDTH), levels (M,) -> (B, M, WIDTH)."""
        b, m, _ = tokens.shape
        whole = self.qkv(tokens)
        before = total = torch.zeros_like(tokens)
        for level in range(1, int(levels.max()) + 1):
            here = levels == level
            if not here.any():
                continue
            own = whole * here[:, None] + before.repeat(1, 1, 3)
            q, k, v = own.view(b, m, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
            rows = here.nonzero()[:, 0]  # a zero query's answer is dropped: none is computed
            weights = (q[:, :, rows] @ k.transpose(-1, -2) * k.shape[-1] ** -0.5).softmax(-1)
            found = (weights @ v).transpose(1, 2).reshape(b, len(rows), WIDTH)
            before = torch.zeros_like(tokens).index_copy(1, rows, found)
            total = total + before
        mixed: Tensor = self.out(total)
        return mixed


class Layer(nn.Module):
    """Attention and a small network, each added to what comes in and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = LevelAttention()
        self.feed = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, WIDTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))

    def forward(self, tokens: Tensor, levels: Tensor) -> Tensor:
        """Return tokens of the same shape (B, M, WIDTH)."""
        tokens = self.norms[0](tokens + self.attention(tokens, levels))
        found: Tensor = self.norms[1](tokens + self.feed(tokens))
        return found


class Coupling(nn.Module):
    """Moves and scales one part of a vector by what the other part is: the load, or all others."""

    def __init__(self, moves_load: bool) -> None:
        super().__init__()
        self.moves_load = moves_load
        into, out = (MOST - 1, 1) if moves_load else (1, MOST - 1)
        last = nn.Linear(BENDS, 2 * out)
        nn.init.zeros_(last.weight)  # the flow begins as the identity
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(nn.Linear(into, BENDS), nn.Tanh(), last)

    def forward(self, others: Tensor, load: Tensor, back: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Bend, or with `back` undo it: others (..., N - 1), load (..., 1); return both and log |det|."""
        n = others.shape[-1]
        known = nn.functional.pad(others, (0, MOST - 1 - n)) if self.moves_load else load
        shift, scale = self.net(known).chunk(2, -1)
        moved = load if self.moves_load else others
        shift, scale = shift[..., : moved.shape[-1]], torch.tanh(scale[..., : moved.shape[-1]])
        moved = (moved - shift) * torch.exp(-scale) if back else moved * torch.exp(scale) + shift
        det = (-scale if back else scale).sum(-1)
        return (others, moved, det) if self.moves_load else (moved, load, det)


class Forecaster(nn.Module):
    """The distribution of the next readings: (B, WINDOW, N) and marks -> a Gaussian, and its flow."""

    def __init__(self, flows: bool = True) -> None:
        super().__init__()
        self.embed = nn.Linear(WINDOW, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, 2)
        turns = range(COUPLINGS if flows else 0)
        self.couplings = nn.ModuleList(Coupling(turn % 2 == 0) for turn in turns)

    def forward(self, windows: Tensor, marks: Tensor, levels: Tensor) -> Gaussian:
        """Return mu and sigma: windows (B, WINDOW, N), marks (B, WINDOW, MARKS), levels (N,)."""
        histories = torch.cat((windows, marks), -1).transpose(1, 2)
        every = torch.cat((levels, levels.new_ones(MARKS)))
        tokens = self.embed(histories)
        for layer in self.layers:
            tokens = layer(tokens, every)
        mu, sigma = self.head(tokens[:, : windows.shape[-1]]).unbind(-1)
        return Gaussian(mu, nn.functional.softplus(sigma) + LEAST_SIGMA)

    def bend(self, z: Tensor) -> Tensor:
        """Return f(z): (..., N), the load last."""
        others, load = z[..., :-1], z[..., -1:]
        for coupling in self.couplings:
            others, load, _ = coupling(others, load, back=False)
        return torch.cat((others, load), -1)

    def unbend(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return f^-1(y) and log |det d f^-1 / d y|: (..., N) and (...)."""
        others, load = y[..., :-1], y[..., -1:]
        total = torch.zeros_like(load[..., 0])
        for coupling in reversed(self.couplings):
            others, load, det = coupling(others, load, back=True)
            total = total + det
        return torch.cat((others, load), -1), total

    def log_density(self, base: Gaussian, y: Tensor) -> Tensor:
        """Return log p(y), y (B, N) -> (B,)."""
        z, det = self.unbend(y)
        steps = (z - base.mu) / base.sigma
        plain = -0.5 * steps.square() - base.sigma.log() - 0.5 * math.log(2 * math.pi)
        return plain.sum(-1) + det

    def quantiles(self, inputs: Inputs, levels: Tensor, at: Floats) -> Floats:
        """Return quantiles (B, Q) of the load at levels `at` (Q,), from samples of f(z)."""
        base = self(inputs.windows, inputs.marks, levels)
        z = base.mu[:, None] + base.sigma[:, None] * samples(base.mu.shape[1])
        ranked = self.bend(z)[..., -1].sort(1)[0].double().numpy()
        scores = ndtri((np.arange(SAMPLES) + 0.5) / SAMPLES)
        wanted = ndtri(at)  # a line in these is exact for a Gaussian
        rows = np.array([np.interp(wanted, scores, row) for row in ranked])
        found: Floats = inputs.centre[:, -1:] + inputs.scale[:, -1:] * rows
        return found


@cache
def samples(indicators: int) -> Tensor:
    """Return standard normal z (SAMPLES, N), quasi-random."""
    even = qmc.Sobol(indicators, seed=0).random(SAMPLES).clip(1e-5, 1 - 1e-5)
    return torch.from_numpy(ndtri(even).astype(np.float32))
