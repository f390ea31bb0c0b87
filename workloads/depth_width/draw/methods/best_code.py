"""Oracle: the network of APTP that denoises a prompt's picture best, told by other noise.

Every network reads the held-out picture itself with noise that is not scored; the prompt goes to the one that errs least. No
choice wins by luck: what is scored is none of what was looked at. It is a bound on what a router could have made of these
networks, not of others.

**What to expect.** Written before measuring: an error 2 to 5 % below that of APTP's own router, most of it by sending prompts to the largest network.

**Ways to fake it.** Choosing on the noise that is scored; calling it a method.
"""

from typing import Protocol

import torch

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.draw.substrate.diffusion import Noisy
from adabench.workloads.depth_width.draw.substrate.draw_bench import DrawBench, DrawCase, Drawn
from adabench.workloads.shared.training.checkpoints import one_thread

CARD = Card(
    title="Oracle: the best of four networks",
    adapts="which of four pruned networks draws a prompt, told how each errs on other noise",
    role="oracle",
    oracle="bound",
)


class KnownPictures(Protocol):
    """The task, with what a method must not see."""

    bench: DrawBench

    def noises(self, index: int, which: int = 0) -> list[Noisy]:
        """Return noisy pictures of a case."""
        ...


@torch.no_grad()
def solve(task: KnownPictures, case: DrawCase, point: Point) -> Drawn:
    """Draw each prompt by the network that errs least on other noise."""
    networks, vectors = task.bench.networks("aptp"), task.bench.vectors(case)
    errors = torch.zeros(len(networks), len(case.prompts))
    with one_thread():
        for one in task.noises(case.index, 1):
            for place, network in enumerate(networks):
                said = network.model.velocity(one.x, one.time, vectors)
                errors[place] += (said - one.velocity).square().mean((1, 2))
    return task.bench.draw(case, [networks[i] for i in errors.argmin(0).tolist()])
