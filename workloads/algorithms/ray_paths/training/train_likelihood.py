"""The taught sampler is trained by the likelihood of known paths, for three reflections.

    loss = -log P(path)
    P(path) = product over steps of F(s -> s i) / sum over allowed j of F(s -> s j)

a mean over paths from the replay buffer, each of a scene's as often as any other. Its optimum is that of flow
matching: the order of the objects makes the states a tree, and drawn sequences are a scene's paths in
proportion to R = 1. Flow matching's slope is that of the flow, an exponential, and vanishes with it; here it is
that of its logarithm.

**Differences from the paper's.** This loss, and no trajectories of the network's own: what is not a path loses
its flow by the sums. A search fills the buffer, one that starts and ends at triangles in view. Each scene is
used both ways, as an option of the paper says, and mirrored at random in the vertical plane through TX and RX.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from adabench.workloads.algorithms.ray_paths.recipes import Recipe
from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import (
    exhaust,
    triangles_in_view,
)
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import LEAST, Flows, canonical
from adabench.workloads.algorithms.ray_paths.substrate.scenes import TRAIN, Ints, Query
from adabench.workloads.algorithms.ray_paths.training.train_flow_matching import (
    BUFFER,
    Batch,
    Tick,
    batch,
    fit,
    training_scene,
)
from adabench.workloads.shared.counting.random_streams import child

FINE = 6
"""How finely the search looks at a triangle."""


@dataclass(frozen=True)
class KnownScene:
    """A scene in the canonical frame, and its paths."""

    coords: npt.NDArray[np.float32]
    """(n, 9)."""
    paths: Ints
    """(p, K), one at least."""


def train(plan: Recipe, tick: Tick) -> Flows:
    """Return a network trained from a recipe."""
    buffer: list[KnownScene] = []
    rng = np.random.default_rng(child(plan.seed, TRAIN, plan.order))

    def loss(network: Flows, at: int) -> Tensor:
        remember(buffer, plan, at)
        return surprise(network, *draw_batch(buffer, plan, rng))

    return fit(plan, loss, tick)


def remember(buffer: list[KnownScene], plan: Recipe, at: int) -> None:
    """Add to the buffer this step's new scenes that have a path, both ways; drop the oldest.

    The first step looks for as many as a batch needs.
    """
    stop = plan.scenes + (at + 1) * plan.searched
    for number in range(stop - plan.searched if at else 0, stop):
        query = training_scene(plan.seed, number, plan.order)
        paths = search(query)
        if len(paths):
            there = canonical(query.triangles, query.tx, query.rx)
            back = canonical(query.triangles, query.rx, query.tx)
            buffer += [
                KnownScene(there, paths),
                KnownScene(back, np.ascontiguousarray(paths[:, ::-1])),
            ]
    del buffer[: -2 * BUFFER]


def search(query: Query) -> Ints:
    """Return the paths (p, K) of a scene whose ends are in view from the antennas."""
    counts, apart = np.zeros(2, np.int64), 1 - np.eye(len(query.triangles), dtype=np.int64)
    walls = query.triangles, query.normals
    first, last = (triangles_in_view(*walls, end, FINE, counts) for end in (query.tx, query.rx))
    return exhaust(*walls, query.tx, query.rx, query.order, first, last, apart, counts)


def draw_batch(
    buffer: list[KnownScene], plan: Recipe, rng: np.random.Generator
) -> tuple[Batch, Tensor]:
    """Return scenes from the buffer, half of them mirrored, and paths of each: (b, states, K)."""
    picked = [buffer[at] for at in rng.integers(len(buffer), size=plan.scenes)]
    side = rng.choice(np.array([-1, 1], np.float32), size=plan.scenes)
    turned = [one.coords * np.tile([s, 1, 1], 3) for one, s in zip(picked, side, strict=True)]
    paths = [one.paths[np.resize(rng.permutation(len(one.paths)), plan.states)] for one in picked]
    return batch(turned, plan), torch.from_numpy(np.stack(paths))


def surprise(network: Flows, scenes: Batch, paths: Tensor) -> Tensor:
    """Return -log P, a mean over paths (b, s, K)."""
    coords, active, second, plain = scenes
    embedded, known = network.encode(coords, active)
    flows = network.flow(known)[:, None].expand(-1, paths.shape[1], -1)  # (b, s, n)
    may = active[:, None].expand_as(flows)
    total = torch.zeros(())
    for k in range(paths.shape[-1]):
        if k:
            flows = network.flow(known, network.follow(embedded, paths[:, :, :k]))
            rule = second if k == 1 else plain
            assert rule is not None
            may = rule.gather(1, paths[:, :, k - 1 : k].expand(-1, -1, rule.shape[-1]))
        chosen = flows.gather(-1, paths[:, :, k : k + 1]).squeeze(-1)
        total = total + ((flows * may).sum(-1).clamp_min(LEAST).log() - chosen.log()).mean()
    return total
