"""Pruners: which desks answer a request, and which of them read each other, by a graph network on the prompt.

    x_i  = (desk i, q)                    one of 6, and how often each word stands in the prompt
    h, z = relu(A x W1), A h W2           A: normalised ties of a desk to itself and to its neighbours in turn
    p_i  = sigmoid(MLP(h_i))              hard: a desk stays above `threshold`
    S    = u u', u = MLP(log softmax z)   soft: scaled to [-1, 1] over all pairs; an edge stays above sigmoid 0.5

A file holds four networks of one training set, the desks that were best for all questions, and what stage one took:

    trained      all parts, 1,500 steps of stage two
    fixed_mlp    so many of the graph layers and the mask alone: the soft MLP stays as stage one left it, as released
    ten_steps    all parts, and ten steps of ten records
    states       as `trained`, and q is the mean of the policy's final states over the prompt
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.agents.substrate.action_words import VOCABULARY
from adabench.workloads.agents.substrate.named_models import training_of
from adabench.workloads.agents.substrate.policy_recipes import SHIPPED, TRAININGS
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.workflows.substrate.desk_graphs import DeskGraph
from adabench.workloads.shared.language_model.contract import Floats
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.recipe_card import Gate, refuse_misses

FOLDER = Path(__file__).parents[1] / "checkpoints"
NAME = "desk-pruner"
DESKS = 6
NETS = ("trained", "fixed_mlp", "ten_steps", "states")
PAIRS = tuple((a, b) for a in range(DESKS) for b in range(a + 1, DESKS))
LEFT, RIGHT = ([pair[side] for pair in PAIRS] for side in (0, 1))
HIDDEN, WIDE, SOFT = 16, 64, 16
GATES = (
    Gate("covered", "held-out questions whose mask has each desk that they need", low=0.7),
    Gate("linked", "held-out questions of which the soft head finds some edge likelier than another", low=0.9),
)  # fmt: skip
Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class PrunerRecipe:
    """Of which policy's desks, and from how many questions."""

    name: str
    policy: str
    seed: int
    questions: int = 960
    """Of stage one."""
    tries: int = 4
    """Graphs that stage one's networks draw on each question."""
    iterations: int = 10
    batch: int = 10
    """Of REINFORCE in stage one, for each number of desks."""
    steps: int = 1500
    """Of stage two."""
    forecast_s: int = 60


def recipes() -> dict[str, PrunerRecipe]:
    """Return every recipe by name: the small policies that ship, in turn."""
    made = [
        PrunerRecipe(f"{NAME}-s{s}", f"agent-s-s{SHIPPED[s % len(SHIPPED)]}", s) for s in TRAININGS
    ]
    return {recipe.name: recipe for recipe in made}


def ties() -> Tensor:
    """Return the graph of roles, normalised: each desk is tied to itself and to its neighbours in turn."""
    near = torch.eye(DESKS) + torch.diag(torch.ones(DESKS - 1), 1)
    near = ((near + near.T) > 0).float()
    root = near.sum(1).rsqrt()
    return root[:, None] * near * root[None, :]


def word_counts(prompt: Sequence[int]) -> Tensor:
    """Return how often each word stands in a prompt, [words]."""
    return torch.bincount(torch.tensor(prompt), minlength=VOCABULARY).float()


def encode(net: Weights, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Return how surely each desk stays [questions, desks] and each edge [questions, pairs], for queries [questions, width]."""
    near, count = ties(), len(queries)
    query = ((queries - net["mean"]) / net["scale"])[:, None].expand(-1, DESKS, -1)
    x = torch.cat([torch.eye(DESKS).expand(count, -1, -1), query], 2)
    h = F.relu(near @ (x @ net["first"]) + net["first_shift"])
    z = near @ (h @ net["second"])
    stays = torch.sigmoid(_mlp(net, "hard", h)[..., 0])
    u = _mlp(net, "soft", F.log_softmax(z, 2))
    products = (u @ u.transpose(1, 2))[:, LEFT, RIGHT]
    low, high = products.amin(1, keepdim=True), products.amax(1, keepdim=True)
    return stays, torch.sigmoid(2 * (products - low) / (high - low + 1e-6) - 1)


def _mlp(net: Weights, name: str, x: Tensor) -> Tensor:
    """Return a hidden layer's outputs; it leaks a hundredth, for one whose units all are off learns nothing more."""
    inner = F.leaky_relu(x @ net[f"{name}_in"] + net[f"{name}_shift"])
    return inner @ net[f"{name}_out"]


@dataclass(frozen=True)
class PruningNet:
    """One network, on one prompt."""

    weights: Weights
    prompt: tuple[int, ...]
    reads_states: bool

    @property
    def flops(self) -> int:
        """Return what one prompt costs."""
        own = sum(one.numel() for one in self.weights.values() if one.dim() == 2)
        return 2 * DESKS * own + 2 * DESKS * DESKS * (HIDDEN + WIDE + SOFT)

    def odds(self, state: Floats) -> tuple[float, ...]:
        """Return how surely each desk stays, and behind them each pair's edge, for the mean of states [width]."""
        query = torch.from_numpy(state) if self.reads_states else word_counts(self.prompt)
        with torch.no_grad():
            stays, edges = encode(self.weights, query[None])
        return (*stays[0].tolist(), *edges[0].tolist())


def pruned(
    odds: Sequence[float],
    threshold: float,
    uniforms: Sequence[float] = (0.5,) * len(PAIRS),
    order: Sequence[int] = range(DESKS),
) -> DeskGraph:
    """Return the graph of the desks and edges that stay.

    An edge stays if it is surer than its number in `uniforms`, and leads from who is earlier in `order` to who is
    later. Where no desk is sure enough, the surest is alone.
    """
    stays, edges = odds[:DESKS], odds[DESKS:]
    surest = max(range(DESKS), key=stays.__getitem__)
    desks = tuple(desk for desk in order if stays[desk] >= threshold) or (surest,)
    edges_left = (
        sorted((desks.index(a), desks.index(b)))
        for (a, b), sure, uniform in zip(PAIRS, edges, uniforms, strict=True)
        if sure >= uniform and {a, b} <= {*desks}
    )
    return DeskGraph(desks, tuple(sorted((a, b) for a, b in edges_left)))


@dataclass(frozen=True)
class Pruner:
    """What a training left."""

    nets: Mapping[str, Weights]
    best: tuple[tuple[int, ...], ...]
    """By size, from one desk: those that are enough for most training questions."""
    training_words: int
    """Of stage one."""

    def net(self, name: str, prompt: tuple[int, ...]) -> PruningNet:
        """Return a network by its name, on a prompt."""
        return PruningNet(self.nets[name], prompt, name == NETS[3])


def pruner(task: AgentStreams) -> Pruner:
    """Return the pruner of the policy that serves a task; the stream that is served next bears its training.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    assert task.model.policy is not None, "desks are of our own policies"
    name = training_of(task.model.policy.name, task.seed, recipes(), FOLDER, "pruner")
    found = read_pruner(name, checkpoints.home(name, FOLDER))
    task.book_training(found.training_words)
    return found


@lru_cache(maxsize=8)
def read_pruner(name: str, folder: Path) -> Pruner:
    """Read a file that passes its gates."""
    refuse_misses(name, folder, GATES)
    return restored(checkpoints.weights(name, folder, recipes()[name].forecast_s))


def restored(weights: Mapping[str, Any]) -> Pruner:
    """Return what a file holds."""
    nets = {
        name: {
            part.partition(".")[2]: w.float() for part, w in weights.items() if part.startswith(f"{name}.")
        }
        for name in NETS
    }  # fmt: skip
    best = tuple(tuple(d for d in range(DESKS) if row[d]) for row in weights["best"].tolist())
    return Pruner(nets, best, int(weights["words"]))
