"""The sampler is trained by flow matching.

Along a drawn trajectory each of the K steps adds

    (F_in - sum of F_out - R)^2

with F_in the flow of the chosen edge, F_out the allowed flows from where it leads (0 at the end), and R = 1 for
a path, at the last step alone; the same on paths from the replay buffer, half and half once it holds a batch.
The sampler's own paths fill the buffer, as in the paper (`buffer="own"`), or the exhaustive tracer does with all
paths of the first `searched` scenes of a step (`buffer="search"`), which is another method.

**Differences from the paper's.** Adam where the paper has Muon. 16 scenes a step instead of one, and in each 4
beginnings with 16 last objects each: 64 trajectories as in the paper, but those with the same beginning share
one row of flows. Some tens of thousands of scenes in place of 500,000. For three reflections this loss learned
next to nothing (`docs/log/ray_paths.md`): the taught sampler is trained by `train_likelihood.py` there.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from adabench.workloads.algorithms.ray_paths.recipes import Recipe
from adabench.workloads.algorithms.ray_paths.substrate.compiled_tracer import every_path, judge
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import (
    Flows,
    canonical,
    successors,
)
from adabench.workloads.algorithms.ray_paths.substrate.scenes import (
    FAMILIES,
    TRAIN,
    Ints,
    Query,
    make_query,
)
from adabench.workloads.shared.counting.random_streams import child
from adabench.workloads.shared.training.schedule import Schedule
from adabench.workloads.shared.training.trainer import Trainer, seeded

Tick = Callable[[], None]
BUFFER = 10_000
"""Scenes with a path that are kept."""
ROOM = 62
"""Triangles of a street."""
RISE = 0.05
"""Of the steps: until the rate has reached its peak."""
KNOWN_PATHS = 2
"""Paths of a scene that one replay uses."""
Known = tuple[npt.NDArray[np.float32], Ints]
"""A scene in the canonical frame (n, 9), and paths of it that are known (p, K)."""
Batch = tuple[Tensor, Tensor, Tensor | None, Tensor]
"""Coordinates (b, n, 9), activity (b, n), allowed seconds (b, n, n), and plain ones."""


def train(plan: Recipe, tick: Tick) -> Flows:
    """Return a network trained from a recipe."""
    buffer: list[Known] = []
    rng = np.random.default_rng(child(plan.seed, TRAIN, plan.order))

    def loss(network: Flows, at: int) -> tuple[()]:
        """Leave the gradient of a step, without what is no number in it."""
        queries = [
            training_scene(plan.seed, at * plan.scenes + k, plan.order) for k in range(plan.scenes)
        ]
        seen = [canonical(q.triangles, q.tx, q.rx) for q in queries]
        successes: list[Known] = []
        found = exploration_loss(network, plan, queries, seen, successes)
        if plan.replay > 0:
            own = plan.buffer == "own"
            remember(buffer, successes if own else search(plan, queries, seen))
            if len(buffer) >= plan.scenes:
                again = replay_loss(network, plan, buffer, rng)
                found = (1 - plan.replay) * found + plan.replay * again
        torch.autograd.backward(found)
        for weight in network.parameters():
            if weight.grad is not None:
                weight.grad.nan_to_num_(0.0, 0.0, 0.0)
        return ()

    return fit(plan, loss, tick)


def fit(plan: Recipe, loss: Callable[[Flows, int], Tensor | tuple[()]], tick: Tick) -> Flows:
    """Return a network trained by Adam on the loss of each step, counted from 0."""
    with seeded(plan.seed):
        network = Flows(plan.order)
        optimiser = torch.optim.Adam(network.parameters(), lr=plan.rate, betas=(0.9, 0.95))
        trainer = Trainer(optimiser, schedule=one_cycle(plan.steps), clip=1.0)
        for _ in trainer.follow(partial(loss, network), plan.steps):
            tick()
        return network.eval().requires_grad_(False)


def one_cycle(steps: int) -> Schedule:
    """Rise from 1/25 of the peak over a twentieth of the steps and fall to nothing, as cosines do.

    To the bit what `torch.optim.lr_scheduler.OneCycleLR` gives.
    """
    rises = RISE * steps - 1

    def rate(peak: float, step: int) -> float:
        start, end, share = peak / 25, peak, step / rises
        if step > rises:
            start, end, share = peak, peak / 25 / 1e4, (step - rises) / (steps - 1 - rises)
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    return rate


def training_scene(seed: int, number: int, order: int) -> Query:
    """Return a training scene, of a stream that no test scene comes from."""
    rng = np.random.default_rng(child(seed, TRAIN, order, number))
    return make_query(*FAMILIES["street"](rng), order)


def remember(buffer: list[Known], new: list[Known]) -> None:
    """Add scenes with known paths to the buffer, and drop the oldest."""
    buffer += new
    del buffer[:-BUFFER]


def search(plan: Recipe, queries: list[Query], seen: list[npt.NDArray[np.float32]]) -> list[Known]:
    """Return the first scenes of a step that have a path, with all their paths."""
    found: list[Known] = []
    for query, coords in list(zip(queries, seen, strict=True))[: plan.searched]:
        paths = every_path(query, np.zeros(2, np.int64))
        if len(paths):
            found.append((coords, paths))
    return found


def batch(seen: list[npt.NDArray[np.float32]], plan: Recipe) -> Batch:
    """Return scenes side by side, the smaller ones padded."""
    coords = np.zeros((len(seen), ROOM, 9), np.float32)
    active = np.zeros((len(seen), ROOM), bool)
    for k, one in enumerate(seen):
        coords[k, : len(one)], active[k, : len(one)] = one, True
    x, some = torch.from_numpy(coords), torch.from_numpy(active)
    if plan.order == 1:
        return x, some, None, some
    plain = successors(x, some, mask=False)
    return x, some, successors(x, some, mask=True) if plan.mask else plain, plain


def exploration_loss(
    network: Flows,
    plan: Recipe,
    queries: list[Query],
    seen: list[npt.NDArray[np.float32]],
    successes: list[Known],
) -> Tensor:
    """Return the loss on trajectories that the network draws, one in ten steps uniformly.

    The paths among them are added to `successes`, each once.
    """

    def choose(flows: Tensor, may: Tensor, draws: int) -> Tensor:
        flat = flows.detach() * may
        total = flat.sum(-1, keepdim=True)
        even = may.float() / may.float().sum(-1, keepdim=True).clamp_min(1)
        odds = torch.where(total > 0, flat / total.clamp_min(1e-30), even)
        odds = (1 - plan.explore) * odds + plan.explore * even + 1e-12
        rows = odds.reshape(-1, odds.shape[-1])
        return torch.multinomial(rows, draws, replacement=True).reshape(*odds.shape[:-1], draws)

    def reward(paths: Tensor) -> Tensor:
        candidates = paths.numpy()
        found = np.zeros(candidates.shape[:-1], np.float32)
        counts = np.zeros(2, np.int64)
        for k, query in enumerate(queries):
            flat = candidates[k].reshape(-1, plan.order)
            there = (flat < len(query.triangles)).all(axis=1)
            # a draw that a mask forbids has odds of 1e-12
            asked = np.where(there[:, None], flat, 0)
            valid = judge(query.triangles, query.normals, query.tx, query.rx, asked, counts)
            found[k] = (valid * there).reshape(found[k].shape)
            right: Ints = np.unique(flat[valid * there == 1], axis=0)
            if len(right):
                successes.append((seen[k], right))
        return torch.from_numpy(found)

    return matching_loss(network, batch(seen, plan), plan, choose, reward)


def matching_loss(
    network: Flows,
    scenes: Batch,
    plan: Recipe,
    choose: Callable[[Tensor, Tensor, int], Tensor],
    reward: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the flow-matching loss, a mean over trajectories of the sum over their steps."""
    coords, active, second, plain = scenes
    embedded, known = network.encode(coords, active)
    flows, may = network.flow(known)[:, None], active[:, None]  # (b, 1, n): the empty state
    paths = torch.zeros((len(coords), 1, 0), dtype=torch.int64)
    loss = torch.zeros(())
    for k in range(plan.order):
        last = k == plan.order - 1
        wide = (plan.ends * (plan.states if plan.order == 1 else 1)) if last else 1
        draws = wide if last else (plan.states if k == 0 else 1)
        chosen = choose(flows, may, draws)  # (b, s, draws)
        inward = flows.gather(-1, chosen)
        if last:
            whole = torch.cat([
                paths[:, :, None].expand(-1, -1, draws, -1), chosen[..., None]
            ], dim=-1)  # fmt: skip
            return loss + (inward - reward(whole)).square().mean()
        paths = torch.cat([
            paths.repeat_interleave(draws, 1), chosen.reshape(len(coords), -1, 1)
        ], dim=-1)  # fmt: skip
        flows = network.flow(known, network.follow(embedded, paths))
        rule = second if k == 0 else plain
        assert rule is not None
        at = paths[:, :, -1:].expand(-1, -1, rule.shape[-1])
        may = rule.gather(1, at)
        loss = loss + (inward.reshape(len(coords), -1) - (flows * may).sum(-1)).square().mean()
    return loss


def replay_loss(
    network: Flows,
    plan: Recipe,
    buffer: list[Known],
    rng: np.random.Generator,
) -> Tensor:
    """Return the loss on known paths of scenes from the buffer; R is 1 for all of them."""
    picked = [buffer[at] for at in rng.integers(len(buffer), size=plan.scenes)]
    scenes = batch([coords for coords, _ in picked], plan)
    known = np.stack([paths[rng.integers(len(paths), size=KNOWN_PATHS)] for _, paths in picked])
    taken = iter(torch.from_numpy(known).unbind(-1))  # one (b, KNOWN) a step

    def choose(flows: Tensor, may: Tensor, draws: int) -> Tensor:
        step = next(taken)
        return step[:, None] if flows.shape[1] == 1 else step[..., None]

    def reward(paths: Tensor) -> Tensor:
        return torch.ones(paths.shape[:-1])

    forced = Recipe(plan.name, plan.order, plan.seed, plan.steps, states=KNOWN_PATHS, ends=1)
    if plan.order == 1:
        forced = Recipe(plan.name, 1, plan.seed, plan.steps, states=1, ends=KNOWN_PATHS)
    return matching_loss(network, scenes, forced, choose, reward)
