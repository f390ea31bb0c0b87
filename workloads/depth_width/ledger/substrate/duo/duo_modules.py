"""Duo-LLM's layer: in the place of the MLP a big module, a small one, or nothing.

    h <- h + attention(norm1(h))                    for every position
    h <- h + F_c(norm2(h)),  c of {big, small, skip}, chosen for each position and layer

F_big is the backbone's own MLP of hidden width 4 d, F_small one of d / 2 (an eighth of its operations). A
*chooser* names an option for each row: routers, a fixed pattern, or coins. Rows that take big are gathered,
run and added back, then those that take small; a module that nobody takes is not called.

The small module is a sixteenth of a layer (`SIXTEENTH`): `Work.runs` has eight entries a layer for attention,
eight for the big module and one for the small. Routers are in the FLOPs alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adabench.workloads.depth_width.substrate.attention import Cache, Decode, Prefill, pack
from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer, Shape, gelu
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, one_thread, read_out
from adabench.workloads.depth_width.substrate.stream import MODULUS
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work

SKIP, SMALL, BIG = 0, 1, 2
OPTIONS = 3
COST = (0.0, 0.125, 1.0)
"""Of each option, in big modules."""
SIXTEENTH = 1 / 16
"""Of a layer, a small module."""
_HALF = 8
"""Sixteenths of a layer that attention is, and the big module too."""
SLOTS = 2 * _HALF + 1
PLACES = (_HALF, 2 * _HALF)
"""Of a layer's slots, the first of the big module and that of the small."""
_SMALL_SD = 0.06
BESTS = 3
"""Budgets up to which the best constant pattern is kept."""

Chooser = Callable[[int, Tensor, Work], Tensor]
"""(layer, normed rows [n, d], work) -> the option of each row, [n]."""


class Small(nn.Module):
    """The small module of a layer: no biases, like the big one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, width // 2, bias=False)
        self.down = nn.Linear(width // 2, width, bias=False)


class Sides(nn.Module):
    """What is beside the backbone: small modules, and the head that reads the running value.

    `best` [budget, layers] holds, for each whole budget, the constant pattern that was best on
    calibration sequences (`duo_training.best_patterns`).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.small = nn.ModuleList(Small(shape.width) for _ in range(shape.layers))
        self.value = nn.Linear(shape.width, MODULUS, bias=False)
        self.best: Tensor
        self.register_buffer("best", torch.full((BESTS + 1, shape.layers), float(SKIP)))
        for index in range(shape.layers):
            nn.init.normal_(self.at(index).down.weight, std=_SMALL_SD / (2 * shape.layers) ** 0.5)

    def at(self, index: int) -> Small:
        """Return the small module of a layer."""
        module = self.small[index]
        assert isinstance(module, Small)
        return module


class Routers(nn.Module):
    """A linear map from a position's normed state to its three options, one a layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(shape.width, OPTIONS) for _ in range(shape.layers))

    def at(self, index: int) -> nn.Linear:
        """Return the router of a layer."""
        router = self.layers[index]
        assert isinstance(router, nn.Linear)
        return router


@dataclass(frozen=True)
class Duo:
    """A backbone whose MLPs are the big modules, and what stands beside them."""

    model: Backbone
    sides: Sides

    @property
    def parameters(self) -> int:
        """Weights that have to be in memory; the value head is training's and the oracle's."""
        both = (*self.model.parameters(), *self.sides.small.parameters())
        return sum(weight.numel() for weight in both)


def fresh(shape: Shape) -> Duo:
    """Return an untrained model."""
    return Duo(Backbone(shape), Sides(shape))


def option_logits(routers: Routers, layer: int, rows: Tensor, work: Work) -> Tensor:
    """Return the logits [n, options] of which MLP each position runs in a layer."""
    return work.linear(routers.at(layer), rows)


def routed(routers: Routers) -> Chooser:
    """Return the trained choice; the routers' products are counted."""

    def choose(layer: int, rows: Tensor, work: Work) -> Tensor:
        return option_logits(routers, layer, rows, work).argmax(-1)

    return choose


def pattern(options: tuple[int, ...]) -> Chooser:
    """Return one option a layer, the same for every position; there is no router to run."""
    return lambda layer, rows, work: torch.full((len(rows),), options[layer])


def named(duo: Duo, name: str) -> tuple[int, ...]:
    """Return a constant pattern by name: `big`, `small` or `best-2`."""
    layers = duo.model.shape.layers
    if name.startswith("best-"):
        return tuple(duo.sides.best[int(name.removeprefix("best-"))].long().tolist())
    return ({"big": BIG, "small": SMALL}[name],) * layers


def coins(rates: Tensor, generator: torch.Generator) -> Chooser:
    """Return random options, in layer l with the probabilities `rates[l]` of skip, small, big."""

    def choose(layer: int, rows: Tensor, work: Work) -> Tensor:
        return torch.multinomial(rates[layer], len(rows), replacement=True, generator=generator)

    return choose


def forked(
    layer: Layer, small: Small, states: Tensor, rows: Tensor, choice: Tensor, work: Work
) -> Tensor:
    """Add to states [n, d] what each row's option makes of its normed state."""
    return added(layer, small, states, rows, takers(choice), work)


def takers(choice: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows that take big and those that take small."""
    return (choice == BIG).nonzero()[:, 0], (choice == SMALL).nonzero()[:, 0]


def added(
    layer: Layer,
    small: Small,
    states: Tensor,
    rows: Tensor,
    taken: tuple[Tensor, Tensor],
    work: Work,
    *,
    owned: bool = False,
) -> Tensor:
    """Add what modules make of the rows that take them; in place if the states are `owned`."""
    add, put = (states.add_, states.index_add_) if owned else (states.add, states.index_add)
    for index, up, down in zip(taken, (layer.up, small.up), (layer.down, small.down), strict=True):
        if len(index) == len(rows):
            return add(work.linear(down, gelu(work.linear(up, rows))))
        if len(index):
            own = work.take(rows, index)
            output = work.linear(down, gelu(work.linear(up, own)))
            work.moved += output.numel()
            states = put(0, index, output)
            put = states.index_add_ if owned else states.index_add
    return states


def batched(duo: Duo, tokens: Tensor, choices: Tensor) -> Tensor:
    """Run tokens [B, T] with choices [layers, B, T], differentiable; return states [B, T, d]."""
    model, work = duo.model, Work()
    states: Tensor = model.embed(tokens)
    for index in range(model.shape.layers):
        layer = model.layer(index)
        states = states + unit_forward.attention(model, layer, layer.norm1(states))
        rows = layer.norm2(states).flatten(0, 1)
        flat = forked(
            layer, duo.sides.at(index), states.flatten(0, 1), rows, choices[index].flatten(), work
        )
        states = flat.view_as(states)
    return states


def _run(view: Prefill | Decode, states: Tensor, sides: Sides, choose: Chooser) -> Tensor:
    """Take states [n, d] of all positions through the layers, in place; return the final states."""
    work, everybody = view.work, view.everybody
    for index in range(view.model.shape.layers):
        layer = view.model.layer(index)
        context = view.attend(index, index, everybody, states)(layer, layer.norm1(states))
        states.add_(work.linear(layer.out, context))
        rows = layer.norm2(states)
        taken = takers(choose(index, rows, work))
        states = added(layer, sides.at(index), states, rows, taken, work, owned=True)
        _note(work, everybody.flat, index, taken)
    return states


def written(work: Work, options: Tensor) -> None:
    """Write down what positions 0..n-1 ran with options [layers, n]."""
    flat = torch.arange(options.shape[1])
    for index, choice in enumerate(options):
        _note(work, flat, index, takers(choice))


def _note(work: Work, flat: Tensor, index: int, taken: tuple[Tensor, Tensor]) -> None:
    """Write down who ran which module of a layer."""
    first, runs = SLOTS * index, work.runs
    runs += [(first + part, flat) for part in range(_HALF)]
    big, small = (flat.index_select(0, rows) for rows in taken)
    if len(big):
        runs += [(first + _HALF + part, big) for part in range(_HALF)]
    if len(small):
        runs.append((first + 2 * _HALF, small))


def prefill_duo(duo: Duo, tokens: Tensor, choose: Chooser, *, tile: int) -> Answer:
    """Score sequences [n, T], `tile` of them a call."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), tile):
            work, part = Work(), tokens[first : first + tile]
            states, cache = _hidden(duo, part, choose, work)
            logits.append(read_out(duo.model, states, work))
            work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works), layers_per_run=SIXTEENTH)


def decode_duo(duo: Duo, tokens: Tensor, choose: Chooser, *, batch: int, prompt: int = 1) -> Answer:
    """Score sequences [n, T] one position at a time, `batch` together, each fed its next token."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), batch):
            work, part = Work(), tokens[first : first + batch]
            logits.append(_decoded(duo, part, choose, work, prompt))
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works), layers_per_run=SIXTEENTH)


def _hidden(duo: Duo, tokens: Tensor, choose: Chooser, work: Work) -> tuple[Tensor, Cache]:
    model, (n, length) = duo.model, tokens.shape
    everybody = pack(torch.arange(n * length), n, length, model)
    view = Prefill(model, Cache(n, model.shape.tokens), work, everybody)
    states = _run(view, model.embed(tokens).flatten(0, 1), duo.sides, choose)
    return states.view(n, length, -1), view.cache


def _decoded(duo: Duo, tokens: Tensor, choose: Chooser, work: Work, prompt: int) -> Tensor:
    model, (n, length) = duo.model, tokens.shape
    states, cache = _hidden(duo, tokens[:, :prompt], choose, work)
    work.runs = [(slot, flat // prompt * length + flat % prompt) for slot, flat in work.runs]
    logits = [read_out(model, states, work)]
    everybody = pack(torch.arange(n), n, 1, model)
    for position in range(prompt, length):
        view = Decode(model, cache, work, everybody, position)
        seen = len(work.runs)
        states = _run(view, model.embed(tokens[:, position]), duo.sides, choose)
        work.runs[seen:] = [(slot, flat * length + position) for slot, flat in work.runs[seen:]]
        logits.append(read_out(model, states, work)[:, None])
    work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
    return torch.cat(logits, dim=1)


def shares(answer: Answer, layers: int, positions: int) -> Tensor:
    """Return the share of the positions that took skip, small and big, [layers, 3]."""
    counts = torch.zeros(layers, OPTIONS, dtype=torch.double)
    for _, work in answer.works:
        for slot, flat in work.runs:
            layer, part = divmod(slot, SLOTS)
            if part == _HALF:
                counts[layer, BIG] += len(flat)
            elif part == 2 * _HALF:
                counts[layer, SMALL] += len(flat)
    counts[:, SKIP] = positions - counts.sum(1)
    return counts / positions
