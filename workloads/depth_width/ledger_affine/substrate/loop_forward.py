"""Inference of the MLP family: a position runs its own loops and its own slices, and no more.

    x = h + attention(h)                          every position
    l = depths(layer, x)                          1..D loops for each row
    for j in 1..D: F on the rows with l >= j      sorted by l, most first
    for e in 1..N: slice e on the rows with l < D that chose it
    h = (1 - w) x_l + w x_width,  w = (D - l) / D

**The unit of work** is one dense MLP: a loop counts 1, a slice 1/N, an expert of `moe` as much as it is of a
dense MLP. `versatile` costs l + (k/N) [l < D] in each layer. Attention is in the FLOPs alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.ledger_affine.substrate.ffn_models import Ffn, Stack
from adabench.workloads.depth_width.substrate.answers.tally import Tally, tally
from adabench.workloads.depth_width.substrate.attention import Cache, Decode, Prefill, pack
from adabench.workloads.depth_width.substrate.backbone import Layer
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, one_thread, read_out
from adabench.workloads.depth_width.substrate.work_counter import Work

Depths = Callable[[int, Tensor, Work], Tensor]
"""(layer, rows after attention [n, d], work) -> loops of each row, 1..D, [n]."""
Path = Literal["both", "deep", "wide"]
"""`deep` leaves out the slices (w = 0), `wide` the loops (w = 1)."""


@dataclass(frozen=True)
class Run(Answer):
    """An answer whose `Work.runs` hold loops and slices: slot `layer x places + place`."""

    weights: tuple[float, ...] = ()
    """Of `FfnShape`: what each place of a layer is of a dense MLP. D loops, then N slices."""
    most: int = 1
    """D; none where there are experts only."""

    def executions(self) -> Tensor:
        """Return how many dense MLPs each position ran, [sequences, tokens]."""
        return self._tallied(self.weights)

    def loops(self) -> Tensor:
        """Return how many loops each position ran, over all layers, [sequences, tokens]."""
        return self._tallied(tuple(float(place < self.most) for place in range(self.places)))

    @property
    def places(self) -> int:
        """Slots of one layer."""
        return len(self.weights)

    def _tallied(self, weights: tuple[float, ...]) -> Tensor:
        n, tokens = self.logits.shape[:2]
        count = torch.zeros(n, tokens, dtype=torch.double)
        for sequences, work in self.works:
            ran = torch.zeros(len(sequences) * tokens, dtype=torch.double)
            for slot, flat in work.runs:
                weight = weights[slot % self.places]
                ran.index_add_(0, flat, torch.full((len(flat),), weight, dtype=torch.double))
            count[sequences] += ran.view(-1, tokens)
        return count


@dataclass(frozen=True)
class LoopTally(Tally):
    """What an answer says and what it took, with the loops by themselves."""

    loops: Tensor
    """Over all layers, [sequences, tokens]."""


def loop_tally(run: Run) -> LoopTally:
    """Return what the engine wrote down of an answer."""
    found = tally(run)
    return LoopTally(found.logits, found.executions, found.counted, run.loops())


def loop_logits(ffn: Ffn, rows: Tensor, work: Work) -> Tensor:
    """Return the logits [n, D] of how often each position runs a layer's MLP."""
    return work.linear(ffn.depth, rows)


def slice_logits(ffn: Ffn, rows: Tensor, work: Work) -> Tensor:
    """Return the logits [n, N] of which slices of a layer's MLP each position runs."""
    return work.linear(ffn.router, rows)


def argmax(stack: Stack, bias: float = 0.0) -> Depths:
    """Return the trained choice; `bias` is added to the logit of every further loop."""
    further = bias * torch.arange(stack.shape.loops)

    def depths(layer: int, rows: Tensor, work: Work) -> Tensor:
        return (loop_logits(stack.ffns.at(layer), rows, work) + further).argmax(-1) + 1

    return depths


def coins(rates: Tensor, generator: torch.Generator) -> Depths:
    """Return random choices, in layer l with the probabilities `rates[l]` of 1..D loops."""

    def depths(layer: int, rows: Tensor, work: Work) -> Tensor:
        return torch.multinomial(rates[layer], len(rows), True, generator=generator) + 1

    return depths


def forced(loops: int) -> Depths:
    """Return the same number of loops for everybody; there is no gate to run."""
    return lambda layer, rows, work: torch.full((len(rows),), loops)


ONCE = forced(1)


def _stack(
    view: Prefill | Decode, states: Tensor, stack: Stack, depths: Depths, path: Path
) -> Tensor:
    """Take states [n, d] of all positions through the layers, in place; return the final states."""
    work, everybody = view.work, view.everybody
    for index in range(stack.shape.layers):
        layer = view.model.layer(index)
        context = view.attend(index, index, everybody, states)(layer, layer.norm1(states))
        states.add_(work.linear(layer.out, context))
        block = _Block(layer, stack.ffns.at(index), index, everybody.flat, work)
        if stack.shape.kind == "versatile":
            states = block.versatile(states, depths, path)
        elif stack.shape.kind == "moe":
            states.add_(block.slices(states, layer.norm2(states), everybody.flat))
        else:
            for turn in range(stack.shape.loops):
                states = block.loop(states, turn, everybody.flat)
    return states


@dataclass(frozen=True)
class _Block:
    """One layer's MLP at work."""

    layer: Layer
    ffn: Ffn
    index: int
    flat: Tensor
    work: Work

    def versatile(self, x: Tensor, depths: Depths, path: Path) -> Tensor:
        """Run each row through its loops and, if it stops before the last, its slices."""
        most, work = self.ffn.shape.loops, self.work
        if path == "wide":
            return x + self.slices(x, self.layer.norm2(x), self.flat)
        loops = depths(self.index, x, work)
        # One byte a row is sorted in half the time of eight.
        order = loops.to(torch.uint8).argsort(descending=True, stable=True)
        exactly: list[int] = torch.bincount(loops, minlength=most + 1).tolist()
        deep, ran = work.take(x, order), self.flat.index_select(0, order)
        normed, last = self.layer.norm2(deep), exactly[most]
        start = deep[last:].clone()
        for turn in range(most):
            if count := sum(exactly[turn + 1 :]):
                rows = deep[:count]
                self.apply(rows, self.layer.norm2(rows) if turn else normed, turn, ran[:count])
        if len(start) and path == "both":
            share = ((most - loops.index_select(0, order[last:])) / most)[:, None]
            wide = start.add_(self.slices(start, normed[last:], ran[last:]))
            deep[last:].lerp_(wide, share)
        work.moved += deep.numel()
        return torch.empty_like(x).index_copy_(0, order, deep)

    def loop(self, x: Tensor, turn: int, flat: Tensor) -> Tensor:
        """Apply F to rows [n, d], in place."""
        return self.apply(x, self.layer.norm2(x), turn, flat)

    def apply(self, x: Tensor, normed: Tensor, turn: int, flat: Tensor) -> Tensor:
        """Apply F to rows [n, d] whose norm is known, in place."""
        gate, value = self.work.linear(self.ffn.w_in, normed).chunk(2, dim=-1)
        self._note(turn, flat)
        return x.add_(self.work.linear(self.ffn.w_out, F.silu(gate, inplace=True).mul_(value)))

    def slices(self, x: Tensor, normed: Tensor, flat: Tensor) -> Tensor:
        """Return what the chosen slices add to rows [n, d]; each runs on those who chose it.

        Choices are sorted by slice, so the rows of each lie together.
        """
        work, shape = self.work, self.ffn.shape
        best = slice_logits(self.ffn, x, work).topk(shape.active, dim=-1)
        chosen = best.indices.flatten()
        order = chosen.to(torch.uint8).argsort(stable=True)
        row = order.div(shape.active, rounding_mode="floor")
        mine, who = work.take(normed, row), flat.index_select(0, row)
        output, last = torch.empty_like(mine), 0
        for expert, count in enumerate(torch.bincount(chosen, minlength=shape.experts).tolist()):
            first, last = last, last + count
            if count:
                gate, value, out = self.ffn.slice(expert)
                rows = mine[first:last]
                hidden = F.silu(work.product(rows, gate), inplace=True)
                output[first:last] = work.product(hidden.mul_(work.product(rows, value)), out)
                self._note(len(shape.weights) - shape.experts + expert, who[first:last])
        output.mul_(best.values.softmax(-1).flatten().index_select(0, order)[:, None])
        work.moved += output.numel()
        return torch.zeros_like(x).index_add_(0, row, output)

    def _note(self, place: int, flat: Tensor) -> None:
        self.work.runs.append((self.index * len(self.ffn.shape.weights) + place, flat))


def prefill_ffns(
    stack: Stack, tokens: Tensor, depths: Depths = ONCE, *, tile: int, path: Path = "both"
) -> Run:
    """Score sequences [n, T], `tile` of them a call."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), tile):
            work, part = Work(), tokens[first : first + tile]
            states, cache = _hidden(stack, part, depths, path, work)
            logits.append(read_out(stack.model, states, work))
            work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return _run(stack, whole, works)


def decode_ffns(
    stack: Stack,
    tokens: Tensor,
    depths: Depths = ONCE,
    *,
    batch: int,
    prompt: int = 1,
    path: Path = "both",
) -> Run:
    """Score sequences [n, T] one position at a time, `batch` together, each fed its next token."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), batch):
            work, part = Work(), tokens[first : first + batch]
            logits.append(_decoded(stack, part, depths, path, work, prompt))
            works.append((torch.arange(first, first + len(part)), work))
        whole = torch.cat(logits)
    return _run(stack, whole, works)


def _run(stack: Stack, logits: Tensor, works: list[tuple[Tensor, Work]]) -> Run:
    return Run(
        logits,
        tuple(works),
        parameters=stack.parameters,
        weights=stack.shape.weights,
        most=stack.shape.turns,
    )


def _hidden(
    stack: Stack, tokens: Tensor, depths: Depths, path: Path, work: Work
) -> tuple[Tensor, Cache]:
    model, (n, length) = stack.model, tokens.shape
    everybody = pack(torch.arange(n * length), n, length, model)
    view = Prefill(model, Cache(n, model.shape.tokens), work, everybody)
    states = _stack(view, model.embed(tokens).flatten(0, 1), stack, depths, path)
    return states.view(n, length, -1), view.cache


def _decoded(
    stack: Stack, tokens: Tensor, depths: Depths, path: Path, work: Work, prompt: int
) -> Tensor:
    model, (n, length) = stack.model, tokens.shape
    states, cache = _hidden(stack, tokens[:, :prompt], depths, path, work)
    work.runs = [(slot, flat // prompt * length + flat % prompt) for slot, flat in work.runs]
    logits = [read_out(model, states, work)]
    everybody = pack(torch.arange(n), n, 1, model)
    for position in range(prompt, length):
        view = Decode(model, cache, work, everybody, position)
        seen = len(work.runs)
        states = _stack(view, model.embed(tokens[:, position]), stack, depths, path)
        work.runs[seen:] = [(slot, flat * length + position) for slot, flat in work.runs[seen:]]
        logits.append(read_out(model, states, work)[:, None])
    work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
    return torch.cat(logits, dim=1)


def shares(run: Run, layers: int) -> Tensor:
    """Return the share of the positions that ran exactly 1..D loops, [layers, D]."""
    most, positions = run.most, run.logits.shape[0] * run.logits.shape[1]
    counts = torch.zeros(layers, most + 1, dtype=torch.double)
    for _, work in run.works:
        for slot, flat in work.runs:
            if slot % run.places < most:
                counts[slot // run.places, slot % run.places] += len(flat)
    return (counts[:, :-1] - counts[:, 1:]) / positions
