"""Length-aware search for paths of a pretrained model: what Dr.LLM's routers are taught on `pretrained`.

Words of a text are not right or wrong, so a path is judged by what it does to the model's own predictions:

    harm(window, path) = mean over words after the prompt of  KL(whole model || path)
    worth              = - harm - price x layers run

One price for all windows is moved until the best paths have the mean length that is aimed at.

1. *Beam* (`searched`). From the whole path, with the card's actions: leave out one or two consecutive layers, or
   run one twice. All are tried on a few windows, then the `ACTIONS` best on each of the `BEAM` best paths of
   a length, down to the shortest wanted.
2. *Second look* (`menu`). The `KEPT` best paths of each length are read on other windows; the best of each length
   are the static paths. The menu is chosen one by one, each the path that adds most worth over all windows.
3. *Labels* (`labels`). More windows are read along the menu; the label is the path of most worth.

**Paths that begin alike are read together** (`harms`), as a tree, layer by layer. `Bill` counts readings of the
whole model: layer calls divided by 30.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.workloads.depth_width.pretrained.substrate.path_reading import layer
from adabench.workloads.depth_width.pretrained.substrate.plans import PROMPT
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import View
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder
from adabench.workloads.depth_width.substrate.paths.path_forward import MOST
from adabench.workloads.depth_width.substrate.paths.path_routers import cheapest
from adabench.workloads.depth_width.substrate.paths.path_search import Path, moves
from adabench.workloads.depth_width.substrate.work_counter import Work

BATCH = 8
"""Windows read together."""
BEAM, ACTIONS, KEPT = 2, 10, 4
DEAR = 10.0
"""Nats a layer at which the shortest path is always the best."""


@dataclass
class Bill:
    """What a search has read so far."""

    layers: int = 0
    """Layer calls, each for one window."""

    def readings(self, depth: int) -> float:
        """Return readings of a whole model of that many layers."""
        return self.layers / depth


@dataclass(frozen=True)
class Goal:
    """What the whole model says after the prompts of some windows."""

    chances: Tensor
    """[n, K, vocabulary]."""
    surprise: Tensor
    """Entropy of each word's chances, in nats, [n, K]."""


def harms(model: Decoder, windows: Tensor, paths: Sequence[Path], bill: Bill) -> Tensor:
    """Return the harm of each path to each window [n, T] in nats a word, [paths, n]."""
    parts = [_harms(model, part, paths, bill) for part in torch.split(windows, BATCH)]
    return torch.cat(parts, dim=1)


@torch.inference_mode()
def _harms(model: Decoder, windows: Tensor, paths: Sequence[Path], bill: Bill) -> Tensor:
    view, depth = View(model, Work(), *windows.shape), model.shape.layers

    def run(index: int, states: Tensor) -> Tensor:
        bill.layers += len(windows)
        return layer(view, index, states.flatten(0, 1)).view_as(states)

    trunk = [model.embed(windows)]
    """The whole model's states before each layer, and behind the last."""
    for index in range(depth):
        trunk.append(run(index, trunk[-1]))
    goal, found = goal_of(said(model, trunk[-1])), torch.zeros(len(paths), len(windows))

    def walk(states: Tensor, index: int, alike: list[int]) -> None:
        if states is trunk[-1]:
            return
        if index == depth:
            found[alike] = apart(goal, said(model, states))
            return
        follow = {paths[row][index] for row in alike}
        for times in range(max(follow) + 1):
            if times:
                states = trunk[index + 1] if states is trunk[index] else run(index, states)
            if times in follow:
                walk(states, index + 1, [row for row in alike if paths[row][index] == times])

    walk(trunk[0], 0, list(range(len(paths))))
    return found


def said(model: Decoder, states: Tensor) -> Tensor:
    """Return logits for the words after the prompt, [n, K, vocabulary], in single precision."""
    logits: Tensor = model.head(model.norm(states[:, PROMPT - 1 :]))
    return logits.float()


def goal_of(logits: Tensor) -> Goal:
    """Return the whole model's logits as what other paths are held against."""
    log_chances = logits.log_softmax(-1)
    chances = log_chances.exp()
    return Goal(chances, -torch.linalg.vecdot(chances, log_chances))


def apart(goal: Goal, logits: Tensor) -> Tensor:
    """Return KL(goal || logits) in nats a word, [n]."""
    crossed = logits.logsumexp(-1) - torch.linalg.vecdot(goal.chances, logits)
    found: Tensor = (crossed - goal.surprise).mean(1)
    return found


@dataclass(frozen=True)
class Tried:
    """Paths, and their harm to the windows that they were tried on."""

    paths: list[Path]
    harms: Tensor
    """[paths, n]."""

    def best(self, length: int, most: int) -> list[int]:
        """Return the least harmful paths of a length, at most so many."""
        rows = [row for row, path in enumerate(self.paths) if sum(path) == length]
        return sorted(rows, key=lambda row: float(self.harms[row].mean()))[:most]


def searched(model: Decoder, windows: Tensor, shortest: int, bill: Bill) -> Tried:
    """Search static paths down to `shortest` layers; every path that was tried comes back."""
    whole = (1,) * model.shape.layers
    paths = [whole, *moves(whole)]
    tried = Tried(paths, harms(model, windows, paths, bill))
    actions = _actions(tried)
    for length in range(len(whole) - 1, shortest - 1, -1):
        fresh = dict.fromkeys(
            path
            for action in actions
            for row in tried.best(length - sum(action), BEAM)
            if (path := _acted(tried.paths[row], action)) and path not in tried.paths
        )
        if fresh:
            more = harms(model, windows, list(fresh), bill)
            tried = Tried([*tried.paths, *fresh], torch.cat([tried.harms, more]))
    return tried


def _actions(tried: Tried) -> list[Path]:
    """Return the actions of most worth, at the price at which a first layer would go."""
    whole = tried.paths[0]
    price = float(tried.harms[tried.best(len(whole) - 1, 1)].mean())
    worth = [-float(tried.harms[row].mean()) - price * sum(p) for row, p in enumerate(tried.paths)]
    order = sorted(range(1, len(worth)), key=worth.__getitem__, reverse=True)[:ACTIONS]
    return [tuple(a - 1 for a in tried.paths[row]) for row in order]


def _acted(path: Path, action: Path) -> Path | None:
    """Return the path after an action; None if there is no such layer to leave out or repeat."""
    made = tuple(times + change for times, change in zip(path, action, strict=True))
    return made if min(made) >= 0 and max(made) <= MOST else None


def again(model: Decoder, windows: Tensor, tried: Tried, shortest: int, bill: Bill) -> Tried:
    """Read the best paths of each length on other windows, the whole path among them."""
    lengths = range(len(tried.paths[0]), shortest - 1, -1)
    paths = [tried.paths[row] for length in lengths for row in tried.best(length, KEPT)]
    return Tried(paths, harms(model, windows, paths, bill))


def menu(tried: Tried, most: int, layers: float) -> list[Path]:
    """Choose a common menu at the price that brings about a mean length, longest first."""
    lengths = torch.tensor([float(sum(path)) for path in tried.paths])
    costs = tried.harms + price(tried, layers) * lengths[:, None]
    rows = cheapest(costs, most, float(costs.max()))
    return sorted((tried.paths[row] for row in rows), key=sum, reverse=True)


def price(tried: Tried, layers: float) -> float:
    """Return the price of a layer, in nats a word, at which the best paths have a mean length."""
    lengths = torch.tensor([float(sum(path)) for path in tried.paths])
    low, high = 0.0, DEAR
    for _ in range(40):
        middle = (low + high) / 2
        best = (tried.harms + middle * lengths[:, None]).argmin(0)
        low, high = (middle, high) if float(lengths[best].mean()) > layers else (low, middle)
    return high


def labels(tried: Tried, worth_of_a_layer: float) -> Tensor:
    """Return each window's path of most worth, passes [n, L]."""
    paths = torch.tensor(tried.paths)
    best = (tried.harms + worth_of_a_layer * paths.sum(1)[:, None]).argmin(0)
    return paths[best]
