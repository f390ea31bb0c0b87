"""Granular modules: an MLP of four ordered learners, of which a position runs the first n.

    h_n(x) = sum over i <= n of phi_i(x)      phi_i(x) = W2_i gelu(W1_i x + b_i)      h_0 = 0
    n = argmax gate(x)                        gate: d -> 16 -> 16 -> N + 1, no nonlinearity

A *chooser* says how many learners each row takes. Rows are sorted by that number, most first, and the first n
learners lie side by side (`Joined`): rows that take n run one matrix in and one back, and what nobody takes is
not multiplied. A gate's three maps are multiplied out to one, once a reading, which is counted.

A learner is an eighth of a layer (`EIGHTH`) and attention four, so a position with n of 4 learners everywhere
is counted 1/2 + n/8 layers each. Gates are in the FLOPs alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.attention import Cache, Decode, Prefill, pack
from adabench.workloads.depth_width.substrate.backbone import Backbone, gelu
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, one_thread, read_out
from adabench.workloads.depth_width.substrate.work_counter import Work

LEARNERS = 4
GATE = 16
EIGHTH = 0.125
"""Of a layer, a learner."""
_ATTENTION = 4
"""Eighths of a layer that attention is."""
SLOTS = _ATTENTION + LEARNERS
_DOWN = range(LEARNERS, 0, -1)

Chooser = Callable[[int, Tensor, Work], Tensor]
"""(layer, normed rows [n, d], work) -> how many learners each row takes, [n]."""


class Learner(nn.Module):
    """A two-layer MLP with a bias on its hidden units."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width, bias=False)


class Granular(nn.Module):
    """What stands in an MLP's place: ordered learners and a gate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.learners = nn.ModuleList(
            Learner(width, 4 * width // LEARNERS) for _ in range(LEARNERS)
        )
        self.gate = nn.Sequential(
            nn.Linear(width, GATE), nn.Linear(GATE, GATE), nn.Linear(GATE, LEARNERS + 1)
        )
        self.said = nn.Identity()
        """What the gate's logits pass through on their way out; a place for hooks."""

    def learner(self, index: int) -> Learner:
        """Return learner `index`, counted from 0."""
        learner = self.learners[index]
        assert isinstance(learner, Learner)
        return learner

    def outputs(self, x: Tensor) -> Tensor:
        """Return what every learner says of x [..., d], as [..., N, d]."""
        every = [self.learner(i) for i in range(LEARNERS)]
        return torch.stack([one.down(F.gelu(one.up(x))) for one in every], dim=-2)

    def mixed(self, x: Tensor, taken: Tensor) -> Tensor:
        """Run all learners on x [..., d], weighted by `taken` [..., N]: what training does."""
        up = torch.cat([self.learner(i).up.weight for i in range(LEARNERS)])
        bias = torch.cat([self.learner(i).up.bias for i in range(LEARNERS)])
        down = torch.cat([self.learner(i).down.weight for i in range(LEARNERS)], dim=1)
        hidden = F.gelu(F.linear(x, up, bias)).view(*x.shape[:-1], LEARNERS, -1)
        return F.linear((hidden * taken[..., None]).flatten(-2), down)


@dataclass(frozen=True)
class Joined:
    """Ordered learners side by side: the first n are the leading hidden units."""

    up: Tensor
    """[4 d, d]."""
    bias: Tensor
    """[4 d]."""
    down: Tensor
    """[4 d, d], ready to be multiplied from the left."""

    @cached_property
    def leading(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Views of the first n learners, n from 1: bias, and the matrices as they multiply rows."""
        ends = [n * len(self.up) // LEARNERS for n in range(1, LEARNERS + 1)]
        return [(self.bias[:end], self.up[:end].T, self.down[:end]) for end in ends]

    def run(self, rows: Tensor, n: int, into: Tensor | None, work: Work) -> Tensor:
        """Run the first n learners on rows [m, d]; the sums go `into` [m, d] where one is given."""
        bias, up, down = self.leading[n - 1]
        work.flops += 4 * len(bias) * rows.numel()
        # A product that starts from a bias is slower than one and an addition in place.
        return torch.mm(gelu(torch.mm(rows, up).add_(bias)), down, out=into)


class Modules(nn.Module):
    """One granular module for each layer of a backbone."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Granular(width) for _ in range(layers))

    def at(self, index: int) -> Granular:
        """Return the module of a layer."""
        module = self.layers[index]
        assert isinstance(module, Granular)
        return module

    def joined(self) -> list[Joined]:
        """Return every layer's learners side by side, copied out of all layers at once."""
        every = [self.at(i).learner(n) for i in range(len(self.layers)) for n in range(LEARNERS)]
        up = torch.cat([one.up.weight for one in every])
        bias = torch.cat([one.up.bias for one in every])
        down = torch.cat([one.down.weight.T for one in every])
        parts = (whole.chunk(len(self.layers)) for whole in (up, bias, down))
        return [Joined(*part) for part in zip(*parts, strict=True)]

    def ungate(self) -> None:
        """Take the gates away, where nobody asks them."""
        for index in range(len(self.layers)):
            self.at(index).gate = nn.Sequential()


@dataclass(frozen=True)
class Widened:
    """A backbone without its MLPs, and the modules in their place."""

    model: Backbone
    modules: Modules

    @property
    def parameters(self) -> int:
        """Weights that have to be in memory."""
        both = (*self.model.parameters(), *self.modules.parameters())
        return sum(weight.numel() for weight in both)


def width_logits(
    modules: Modules, layer: int, rows: Tensor, weight: Tensor, constant: Tensor, work: Work
) -> Tensor:
    """Return the logits [n, learners] of how many learners each position runs."""
    logits: Tensor = modules.at(layer).said(work.product(rows, weight).add_(constant))
    return logits


def gated(modules: Modules) -> Chooser:
    """Return the trained choice; the gates' products, and those that fold them, are counted."""
    folded: list[tuple[Tensor, Tensor]] = []

    def choose(layer: int, rows: Tensor, work: Work) -> Tensor:
        if not folded:
            folded.extend(one_map([modules.at(i).gate for i in range(len(modules.layers))], work))
        weight, constant = folded[layer]
        return width_logits(modules, layer, rows, weight, constant, work).argmax(-1)

    return choose


def one_map(gates: list[nn.Sequential], work: Work) -> list[tuple[Tensor, Tensor]]:
    """Multiply every gate's maps out; return a weight [N + 1, d] and a constant [N + 1] of each.

    All gates have the same arrangement, and go through each product together.
    """
    weight, constant = (torch.stack(part) for part in _maps(gates, 0))
    for place in range(1, len(gates[0])):
        above, more = (torch.stack(part) for part in _maps(gates, place))
        work.flops += 2 * above.numel() * (weight.shape[-1] + 1)
        constant = torch.baddbmm(more[..., None], above, constant[..., None])[..., 0]
        weight = torch.bmm(above, weight)
    return list(zip(weight.unbind(), constant.unbind(), strict=True))


def _maps(gates: list[nn.Sequential], place: int) -> tuple[list[Tensor], list[Tensor]]:
    """Return the weights and the constants of the maps at a place of every gate."""
    steps = [gate[place] for gate in gates]
    weights: list[Tensor] = [step.get_parameter("weight") for step in steps]
    constants: list[Tensor] = [step.get_parameter("bias") for step in steps]
    return weights, constants


def constant(n: int) -> Chooser:
    """Return the choice of n learners for everybody; there is no gate to run."""
    return lambda layer, rows, work: torch.full((len(rows),), n)


def coins(rates: Tensor, generator: torch.Generator) -> Chooser:
    """Return random choices, in layer l with the probabilities `rates[l]` of 0..N learners."""

    def choose(layer: int, rows: Tensor, work: Work) -> Tensor:
        found = torch.multinomial(rates[layer], len(rows), replacement=True, generator=generator)
        return found.to(rows.device)

    return choose


def ranked(choice: Tensor) -> tuple[Tensor | None, list[int]]:
    """Return who takes any, most first, and how many rows take exactly 0, 1, ... N learners.

    None: everybody takes the same.
    """
    exactly: list[int] = torch.bincount(choice, minlength=LEARNERS + 1).tolist()
    if len(choice) in exactly:
        return None, exactly
    # One byte a row is sorted in half the time of eight.
    order = choice.to(torch.uint8).argsort(descending=True, stable=True)
    return order[: len(choice) - exactly[0]], exactly


def widen(
    joined: Joined, rows: Tensor, choice: Tensor, states: Tensor, work: Work
) -> tuple[Tensor | None, list[int]]:
    """Add to states [m, d], in place, what each row's learners make of its normed row.

    Returns what `ranked` does.
    """
    order, exactly = ranked(choice)
    if order is None:
        if n := exactly.index(len(rows)):
            states.add_(joined.run(rows, n, None, work))
    else:
        rows = work.take(rows, order)
        output, sizes = torch.empty_like(rows), exactly[:0:-1]  # of those who take N, N - 1, ... 1
        for n, part, into in zip(
            _DOWN, torch.split(rows, sizes), torch.split(output, sizes), strict=True
        ):
            if len(part):
                joined.run(part, n, into, work)
        work.moved += output.numel()
        states.index_add_(0, order, output)
    return order, exactly


def _note(work: Work, first: int, flat: Tensor, order: Tensor | None, exactly: list[int]) -> None:
    """Write down who ran attention and which learners of the layer whose first slot this is.

    Everybody is in play, so a row's index is its flat one.
    """
    work.runs += [(first + part, flat) for part in range(_ATTENTION)]
    ran = flat[exactly[0] :] if order is None else order
    for n, some in zip(_DOWN, torch.split(ran, exactly[:0:-1]), strict=True):
        if len(some):
            work.runs += [(first + _ATTENTION + part, some) for part in range(n)]


def _run(view: Prefill | Decode, states: Tensor, parts: list[Joined], choose: Chooser) -> Tensor:
    """Take states [n, d] of all positions through the layers, in place; return the final states."""
    work, everybody = view.work, view.everybody
    for index, joined in enumerate(parts):
        layer = view.model.layer(index)
        context = view.attend(index, index, everybody, states)(layer, layer.norm1(states))
        states.add_(work.linear(layer.out, context))
        rows = layer.norm2(states)
        order, exactly = widen(joined, rows, choose(index, rows, work), states, work)
        _note(work, SLOTS * index, everybody.flat, order, exactly)
    return states


def prefill_widths(widened: Widened, tokens: Tensor, choose: Chooser, *, tile: int) -> Answer:
    """Score sequences [n, T], `tile` of them a call."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        parts = widened.modules.joined()
        for first in range(0, len(tokens), tile):
            work, part = Work(), tokens[first : first + tile]
            states, cache = _hidden(widened.model, parts, part, choose, work)
            logits.append(read_out(widened.model, states, work))
            work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works), layers_per_run=EIGHTH)


def decode_widths(
    widened: Widened, tokens: Tensor, choose: Chooser, *, batch: int, prompt: int = 1
) -> Answer:
    """Score sequences [n, T] one position at a time, `batch` together, each fed its next token."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        parts = widened.modules.joined()
        for first in range(0, len(tokens), batch):
            work, part = Work(), tokens[first : first + batch]
            logits.append(_decoded(widened.model, parts, part, choose, work, prompt))
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works), layers_per_run=EIGHTH)


def _hidden(
    model: Backbone, parts: list[Joined], tokens: Tensor, choose: Chooser, work: Work
) -> tuple[Tensor, Cache]:
    n, length = tokens.shape
    everybody = pack(torch.arange(n * length), n, length, model)
    view = Prefill(model, Cache(n, model.shape.tokens), work, everybody)
    states = _run(view, model.embed(tokens).flatten(0, 1), parts, choose)
    return states.view(n, length, -1), view.cache


def _decoded(
    model: Backbone,
    parts: list[Joined],
    tokens: Tensor,
    choose: Chooser,
    work: Work,
    prompt: int,
) -> Tensor:
    n, length = tokens.shape
    states, cache = _hidden(model, parts, tokens[:, :prompt], choose, work)
    work.runs = [(slot, flat // prompt * length + flat % prompt) for slot, flat in work.runs]
    logits = [read_out(model, states, work)]
    everybody = pack(torch.arange(n), n, 1, model)
    for position in range(prompt, length):
        view = Decode(model, cache, work, everybody, position)
        seen = len(work.runs)
        states = _run(view, model.embed(tokens[:, position]), parts, choose)
        work.runs[seen:] = [(slot, flat * length + position) for slot, flat in work.runs[seen:]]
        logits.append(read_out(model, states, work)[:, None])
    work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
    return torch.cat(logits, dim=1)


def shares(answer: Answer, layers: int, positions: int) -> Tensor:
    """Return the share of the positions that took 0..N learners, [layers, N + 1]."""
    counts = torch.zeros(layers, LEARNERS + 2, dtype=torch.double)
    counts[:, 0] = positions
    for _, work in answer.works:
        for slot, flat in work.runs:
            if slot % SLOTS >= _ATTENTION:
                counts[slot // SLOTS, slot % SLOTS - _ATTENTION + 1] += len(flat)
    return (counts[:, :-1] - counts[:, 1:]) / positions
