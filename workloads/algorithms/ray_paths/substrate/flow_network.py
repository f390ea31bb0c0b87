"""The network of the generative sampler: flows over objects, permutation-equivariant.

    objects   MLP 9 -> W -> W -> E on each triangle's vertices in the canonical frame
    scene     mean of the objects, then MLP E -> W -> W -> E
    state     linear KE -> KE on the objects chosen so far (zeros for those to come); empty: zeros
    flow      MLP (E + E + KE) -> W -> W -> 1, leaky, exponential, at least 1e-20: one per object

The first layer of `flow` is a sum of three products, one for each part of its input, so that what
is the same for all objects is multiplied once.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from adabench.workloads.algorithms.ray_paths.substrate.scenes import Floats, Ints, Query

EMBEDDING, WIDTH = 64, 128
START = -5.0
"""First exponents: flows that begin at 1 sum to n, and the first gradients drown the rest."""
LEAST, MOST = 1e-20, 20.0
"""The least flow, and the largest exponent."""
STRICT = 1e-6
"""How far on the transmitter's side a vertex must be, in units of the distance TX-RX."""

Rng = np.random.Generator


def canonical(triangles: Floats, tx: Floats, rx: Floats) -> npt.NDArray[np.float32]:
    """Return (n, 9) vertices in the frame with TX at (0, 0, 0) and RX at (0, 0, 1).

    Translation, scale and rotation about the vertical leave it as it is.
    """
    w = rx - tx
    length = float(np.linalg.norm(w))
    scale = length if length > 0 else 1.0
    w = w / scale
    u = np.array([w[1], -w[0], 0.0])  # w x e_z
    across = float(np.linalg.norm(u))
    if across < STRICT:
        frame = np.diag([1.0, 1.0, 1.0 if w[2] >= 0 else -1.0])
    else:
        u = u / across
        v = np.array([-w[2] * u[1], w[2] * u[0], w[0] * u[1] - w[1] * u[0]])  # w x u
        frame = np.stack([u, v / np.linalg.norm(v), w])
    seen = (triangles - tx) / scale @ frame.T
    return np.asarray(seen.reshape(-1, 9), np.float32)


def successors(coords: Tensor, active: Tensor, *, mask: bool) -> Tensor:
    """Return which object may follow the first: (..., n, n) booleans.

    Never the same, never one that is absent; with `mask` it must have a vertex strictly on the
    transmitter's side of the first one's plane. TX is the origin.
    """
    n = coords.shape[-2]
    corners = coords.reshape(*coords.shape[:-1], 3, 3)
    one, two = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    across = torch.linalg.cross(one, two)
    across = across / across.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    offset = (across * corners[..., 0, :]).sum(-1)  # (..., n); TX is at -offset
    keep: Tensor = active[..., None, :] & ~torch.eye(n, dtype=torch.bool)
    if not mask:
        return keep
    flat = coords.reshape(*coords.shape[:-2], 3 * n, 3)
    height = across @ flat.transpose(-1, -2) - offset[..., None]  # (..., n, 3 n)
    towards = height * -offset.sign()[..., None]
    some = towards.reshape(*towards.shape[:-1], n, 3).amax(-1) > STRICT
    apart = (offset.abs() > STRICT)[..., None]
    found: Tensor = keep & some & apart
    return found


class Flows(nn.Module):
    """Flow of every edge from a state."""

    def __init__(self, order: int, embedding: int = EMBEDDING, width: int = WIDTH) -> None:
        """Make a network for paths of `order` reflections."""
        super().__init__()
        e, w = embedding, width
        self.order, self.embedding = order, embedding
        self.objects = nn.Sequential(
            nn.Linear(9, w), nn.ReLU(), nn.Linear(w, w), nn.ReLU(), nn.Linear(w, e)
        )
        self.scene = nn.Sequential(
            nn.Linear(e, w), nn.ReLU(), nn.Linear(w, w), nn.ReLU(), nn.Linear(w, e)
        )
        self.state = nn.Linear(order * e, order * e)
        self.of_object = nn.Linear(e, w)
        self.of_scene = nn.Linear(e, w, bias=False)
        self.of_state = nn.Linear(order * e, w, bias=False)
        self.rest = nn.Sequential(nn.LeakyReLU(), nn.Linear(w, w), nn.LeakyReLU(), nn.Linear(w, 1))
        last = self.rest[-1]
        assert isinstance(last, nn.Linear)
        nn.init.constant_(last.bias, START)

    def encode(self, coords: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """Return embeddings (..., n, E), and what objects and scene give `flow`: (..., n, W)."""
        some = active[..., None]
        embedded = self.objects(coords) * some
        mean = embedded.sum(-2) / some.sum(-2).clamp_min(1)
        known = self.of_object(embedded) + self.of_scene(self.scene(mean))[..., None, :]
        return embedded, known

    def follow(self, embedded: Tensor, chosen: Tensor) -> Tensor:
        """Return what a state gives `flow`: chosen (..., s, k) objects -> (..., s, W)."""
        shape = chosen.shape
        index = chosen.flatten(-2)[..., None].expand(*shape[:-2], -1, self.embedding)
        taken = embedded.gather(-2, index).reshape(*shape[:-1], -1)  # (..., s, k E)
        rest = (self.order - shape[-1]) * self.embedding
        given: Tensor = self.of_state(self.state(nn.functional.pad(taken, (0, rest))))
        return given

    def flow(self, known: Tensor, state: Tensor | None = None) -> Tensor:
        """Return flows (..., n) from the empty state, or (..., s, n) from s states."""
        joint = known if state is None else known[..., None, :, :] + state[..., :, None, :]
        power: Tensor = self.rest(joint).squeeze(-1)
        return power.clamp_max(MOST).exp().clamp_min(LEAST)


def sample(
    network: Flows, coords: npt.NDArray[np.float32], number: int, rng: Rng, *, mask: bool = True
) -> npt.NDArray[np.int64]:
    """Draw (number, K) candidates of one scene, each in proportion to its flows.

    A state without a way out ends its candidate; fewer come back then.
    """
    with torch.inference_mode():
        seen = torch.from_numpy(coords)
        active = torch.ones(len(coords), dtype=torch.bool)
        embedded, known = network.encode(seen, active)
        may = successors(seen, active, mask=mask) if network.order > 1 else None
        plain = successors(seen, active, mask=False) if network.order > 2 else None
        first = network.flow(known).numpy()[None]
        paths = draw(np.repeat(first, number, axis=0), rng)[:, None]
        for k in range(1, network.order):
            paths = paths[paths[:, -1] >= 0]
            # candidates with the same beginning share its flows
            begun, back = np.unique(paths, axis=0, return_inverse=True)
            flows = network.flow(known, network.follow(embedded, torch.from_numpy(begun)))
            rule = may if k == 1 else plain
            assert rule is not None
            flows = flows * rule[begun[:, -1]]
            paths = np.column_stack([paths, draw(flows.numpy()[back.ravel()], rng)])
        return paths[paths[:, -1] >= 0]


def proposer(network: Flows, number: int, *, mask: bool = True) -> Callable[[Query], Ints]:
    """Return what draws so many candidates of a scene with the scene's own coins."""

    def propose(query: Query) -> Ints:
        coords = canonical(query.triangles, query.tx, query.rx)
        return sample(network, coords, number, np.random.default_rng(query.coins), mask=mask)

    return propose


def draw(flows: npt.NDArray[np.float32], rng: Rng) -> npt.NDArray[np.int64]:
    """Draw one column of each row in proportion to its flow; -1 where all are 0."""
    heaps = flows.cumsum(axis=-1, dtype=np.float64)
    total = heaps[..., -1]
    at = rng.random(total.shape) * total
    places = (heaps <= at[..., None]).sum(axis=-1)
    return np.where(total > 0, np.minimum(places, flows.shape[-1] - 1), -1).astype(np.int64)
