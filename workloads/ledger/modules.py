"""Granular modules: an MLP of four ordered learners, of which a position runs the first n.

    h_n(x) = sum over i <= n of phi_i(x)      phi_i(x) = W2_i gelu(W1_i x + b_i)      h_0 = 0
    n = argmax gate(x)                        gate: d -> 16 -> 16 -> N + 1, no nonlinearity

N = 4 learners of hidden width 4 d / N cost together what the MLP did. A *chooser* says how many
learners each row takes: the trained gates, a constant, or coins. It sees the normed rows of the
positions in play, never a label and never a later position.

**Gathered.** Rows are sorted by their number of learners, most first; learner i then runs on the
leading rows alone, those that take i or more. Nothing is masked: a row that takes no learner is
not gathered at all, and a learner that nobody takes is not called.

**The unit of work.** An MLP is half a layer, as in `units.py`, so a learner is an eighth
(`EIGHTH`); `Work.runs` has one entry a learner call, and four for the attention that every position
runs. A position that takes n of 4 learners in every layer is counted 1/2 + n/8 layers each.
Gates are in the FLOPs, not in the executions.

Attention stays as it is, so keys and values are those of the full model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.ledger.attention import Cache, Decode, Prefill, pack
from adabench.workloads.ledger.engine import Answer, one_thread, read_out
from adabench.workloads.ledger.model import Backbone
from adabench.workloads.ledger.work import Work

LEARNERS = 4
GATE = 16
EIGHTH = 0.125
"""Of a layer, a learner."""
_ATTENTION = 4
"""Eighths of a layer that attention is."""
SLOTS = _ATTENTION + LEARNERS

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


def hollow(model: Backbone) -> Backbone:
    """Take a backbone's MLPs out, in place: their matrices become empty."""
    for index in range(model.shape.layers):
        layer, d = model.layer(index), model.shape.width
        layer.up.weight = nn.Parameter(torch.empty(0, d), requires_grad=False)
        layer.down.weight = nn.Parameter(torch.empty(d, 0), requires_grad=False)
    return model


def gated(modules: Modules) -> Chooser:
    """Return the trained choice; the gates' products are counted."""

    def choose(layer: int, rows: Tensor, work: Work) -> Tensor:
        for step in modules.at(layer).gate:
            rows = work.linear(step, rows)
        return rows.argmax(-1)

    return choose


def constant(n: int) -> Chooser:
    """Return the choice of n learners for everybody; there is no gate to run."""
    return lambda layer, rows, work: torch.full((len(rows),), n)


def coins(rates: Tensor, generator: torch.Generator) -> Chooser:
    """Return random choices, in layer l with the probabilities `rates[l]` of 0..N learners."""

    def choose(layer: int, rows: Tensor, work: Work) -> Tensor:
        return torch.multinomial(rates[layer], len(rows), replacement=True, generator=generator)

    return choose


def gathered(module: Granular, rows: Tensor, choice: Tensor, work: Work) -> tuple[Tensor, Tensor]:
    """Run each row [n, d] through its learners.

    Returns the outputs of the rows that take any, sorted by how many, most first, and their
    indices.
    """
    order, counts = ranked(choice)
    return _learned(module, rows, order, counts, work), order


def ranked(choice: Tensor) -> tuple[Tensor, list[int]]:
    """Return who takes any, most first, and how many take learner 0, 1, ... at least."""
    # One byte a row is sorted in half the time of eight.
    order = choice.to(torch.uint8).argsort(descending=True, stable=True)
    exactly = torch.bincount(choice, minlength=LEARNERS + 1)
    counts: list[int] = exactly.flip(0).cumsum(0)[:LEARNERS].flip(0).tolist()
    return order[: counts[0]], counts


def _learned(
    module: Granular, rows: Tensor, order: Tensor, counts: list[int], work: Work
) -> Tensor:
    """Run learner i on the first `counts[i]` rows of the order; return the sums."""
    if not counts[0]:
        return rows[:0]
    rows, output = work.take(rows, order), rows
    for index, count in enumerate(counts):
        if count:
            learner = module.learner(index)
            hidden = F.gelu(work.linear(learner.up, rows[:count]))
            part = work.linear(learner.down, hidden)
            if index:
                output[:count] += part
            else:
                output = part
    return output


def _run(view: Prefill | Decode, states: Tensor, modules: Modules, choose: Chooser) -> Tensor:
    """Take states [n, d] of all positions through the layers, in place; return the final states."""
    work, everybody = view.work, view.everybody
    for index in range(view.model.shape.layers):
        layer = view.model.layer(index)
        context = view.attend(index, index, everybody, states)(layer, layer.norm1(states))
        states.add_(work.linear(layer.out, context))
        work.runs += [(SLOTS * index + part, everybody.flat) for part in range(_ATTENTION)]
        rows = layer.norm2(states)
        choice = choose(index, rows, work)
        order, counts = ranked(choice)
        if len(order):
            output = _learned(modules.at(index), rows, order, counts, work)
            work.moved += output.numel()
            states.index_add_(0, order, output)
            first, ran = SLOTS * index + _ATTENTION, everybody.flat.index_select(0, order)
            work.runs += [(first + part, ran[:count]) for part, count in enumerate(counts) if count]
    return states


def prefill_widths(widened: Widened, tokens: Tensor, choose: Chooser, *, tile: int) -> Answer:
    """Score sequences [n, T], `tile` of them a call."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), tile):
            work, part = Work(), tokens[first : first + tile]
            states, cache = _hidden(widened, part, choose, work)
            logits.append(read_out(widened.model, states, work))
            work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
            works.append((torch.arange(first, first + len(part)), work))
    return Answer(torch.cat(logits), tuple(works), layers_per_run=EIGHTH)


def decode_widths(
    widened: Widened, tokens: Tensor, choose: Chooser, *, batch: int, prompt: int = 1
) -> Answer:
    """Score sequences [n, T] one position at a time, `batch` together, each fed its next token."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), batch):
            work, part = Work(), tokens[first : first + batch]
            logits.append(_decoded(widened, part, choose, work, prompt))
            works.append((torch.arange(first, first + len(part)), work))
    return Answer(torch.cat(logits), tuple(works), layers_per_run=EIGHTH)


def _hidden(widened: Widened, tokens: Tensor, choose: Chooser, work: Work) -> tuple[Tensor, Cache]:
    model, (n, length) = widened.model, tokens.shape
    everybody = pack(torch.arange(n * length), n, length, model)
    view = Prefill(model, Cache(n, model.shape.tokens), work, everybody)
    states = _run(view, model.embed(tokens).flatten(0, 1), widened.modules, choose)
    return states.view(n, length, -1), view.cache


def _decoded(widened: Widened, tokens: Tensor, choose: Chooser, work: Work, prompt: int) -> Tensor:
    model, (n, length) = widened.model, tokens.shape
    states, cache = _hidden(widened, tokens[:, :prompt], choose, work)
    work.runs = [(slot, flat // prompt * length + flat % prompt) for slot, flat in work.runs]
    logits = [read_out(model, states, work)]
    everybody = pack(torch.arange(n), n, 1, model)
    for position in range(prompt, length):
        view = Decode(model, cache, work, everybody, position)
        seen = len(work.runs)
        states = _run(view, model.embed(tokens[:, position]), widened.modules, choose)
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
