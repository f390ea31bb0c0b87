"""Noise and its removal: pictures at a time between clean and noise, the velocity that leads on, and drawing from noise.

    x_t = cos(pi t / 2) x + sin(pi t / 2) e        v = cos(pi t / 2) e - sin(pi t / 2) x

A network says v (Salimans and Ho, arXiv 2202.00512), with the weight min(SNR, 5) / (SNR + 1) in its loss (Hang and others,
arXiv 2303.09556). `remove_noise` goes in equal steps of t without new noise, with classifier-free guidance: v of the
prompt, and further from v of no prompt.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

GAMMA, GUIDANCE = 5.0, 2.0
LEAST, MOST = 0.02, 0.98
"""Times of training and of noisy pictures that are scored."""
Denoiser = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Velocity of pictures, times and prompts."""


@dataclass(frozen=True)
class Noisy:
    """Pictures with noise."""

    x: Tensor
    """[n, side, side]."""
    time: Tensor
    """[n], 0 where all is clean."""
    velocity: Tensor
    """[n, side, side]: what a network should say."""

    def weights(self) -> Tensor:
        """Return the weight of each in a loss, [n]."""
        angle = self.time * math.pi / 2
        ratio = (angle.cos() / angle.sin()).square()
        return ratio.clamp_max(GAMMA) / (ratio + 1)


def noisy(images: Tensor, time: Tensor, noise: Tensor) -> Noisy:
    """Return pictures [n, side, side] at times [n] with this noise."""
    angle = (time * math.pi / 2)[:, None, None]
    a, s = angle.cos(), angle.sin()
    return Noisy(a * images + s * noise, time, a * noise - s * images)


def spread_noise(images: Tensor, random: torch.Generator) -> Noisy:
    """Return pictures with noise at times by lot."""
    time = torch.rand(len(images), generator=random) * (MOST - LEAST) + LEAST
    return noisy(images, time, torch.randn(images.shape, generator=random))


def remove_noise(network: Denoiser, x: Tensor, prompts: Tensor, steps: int) -> Tensor:
    """Return pictures drawn from noise x [n, side, side] in so many steps, each of two readings."""
    times = torch.linspace(1.0, 0.0, steps + 1)
    both = torch.cat((prompts, torch.zeros_like(prompts)))
    for now, then in zip(times.tolist(), times[1:].tolist(), strict=False):
        time = torch.full((2 * len(x),), min(now, MOST))
        said, empty = network(torch.cat((x, x)), time, both).chunk(2)
        velocity = empty + GUIDANCE * (said - empty)
        angle = min(now, MOST) * math.pi / 2
        clean = (math.cos(angle) * x - math.sin(angle) * velocity).clamp(-1.0, 1.0)
        noise = (x - math.cos(angle) * clean) / math.sin(angle)
        x = math.cos(then * math.pi / 2) * clean + math.sin(then * math.pi / 2) * noise
    return x
