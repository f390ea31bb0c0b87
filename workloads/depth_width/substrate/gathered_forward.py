"""Inference and training forwards that skip work by running fewer rows.

    active = pack(all positions)
    for stage in stages:
        if stage.routed: admission = admit(depth, rows, work); active, rows = the admitted
        for layer in stage.layers: rows = layer(rows, attend)         # dense, on fewer rows
        scatter the rows back

A *policy* is called once a forward and returns `admit`, which sees the rows of the current candidates (never a
label, never a later position) and names those to keep. In **prefill** whole sequences go through the stages, a
tile at a time; in **decode** one position of every sequence does. A stage without anyone is not called.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.attention import (
    Active,
    Attend,
    Cache,
    Decode,
    Prefill,
    pack,
)
from adabench.workloads.depth_width.substrate.backbone import Backbone, Layer, Stage
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.training import malloc_tuning


@dataclass(frozen=True)
class Admission:
    """A policy's answer: who stays, and with which weight the block's output is added."""

    keep: Tensor | None = None
    """Ascending indices into the candidates; None keeps all."""
    gate: Tensor | None = None
    """[kept]; None replaces the state by the output."""
    carry: bool = False
    """The next stage goes on from this output (token choice), not from the gated state."""


class Admit(Protocol):
    """Decides at one routed stage; `depth` is 0 at the first."""

    def __call__(self, depth: int, rows: Tensor, sequences: Tensor, work: Work, /) -> Admission:
        """Judge candidates' rows [n, d]; `sequences` [n] says which sequence each is of."""
        ...


Policy = Callable[[], Admit]


def everyone() -> Admit:
    """The policy of models without a router: all stay."""
    return lambda depth, rows, sequences, work: Admission()


def run_stages(view: Prefill | Decode, states: Tensor, policy: Policy, tokens: int) -> Tensor:
    """Take states [n, d] of all positions through the stages; return the final states."""
    model, work, admit = view.model, view.work, policy()
    active, rows, depth = view.everybody, states, 0
    for stage in model.shape.stages:
        admission = Admission()
        if stage.routed:
            admission = admit(depth, rows, active.sequence, work)
            depth += 1
            if admission.keep is not None and len(admission.keep) < len(active.flat):
                rows = work.take(rows, admission.keep)
                flat = active.flat.index_select(0, admission.keep)
                active = pack(flat, view.cache.sequences, tokens, model)
        elif depth:  # the last stage is run by all again
            active, rows = view.everybody, states
        if not len(active.flat):
            _pass_by(view, stage, states)
            continue
        output = _run_layers(view, stage, active, rows, states)
        states = _merge(states, output, active, admission, work)
        rows = output if admission.gate is None or admission.carry else _rows(states, active, work)
    return states


def _run_layers(
    view: Prefill | Decode, stage: Stage, active: Active, rows: Tensor, states: Tensor
) -> Tensor:
    shape, work = view.model.shape, view.work
    for index, slot in zip(stage.layers, stage.slots, strict=True):
        source = index if shape.kv == "shared" and index in shape.block else slot
        rows = _layer(
            view.model.layer(index), rows, view.attend(slot, source, active, states), work
        )
        work.runs.append((slot, active.flat))
    return rows


def _layer(layer: Layer, rows: Tensor, attend: Attend, work: Work) -> Tensor:
    """Run one layer through its own modules, counted."""
    d = rows.shape[-1]
    work.flops += 2 * len(rows) * (d * d + 8 * d * d)
    output: Tensor = layer(rows, attend)
    return output


def _pass_by(view: Prefill | Decode, stage: Stage, states: Tensor) -> None:
    """Nobody runs this stage: nothing is called, unless its cache must be filled."""
    if view.fill and isinstance(view, Decode):
        for index, slot in zip(stage.layers, stage.slots, strict=True):
            view.leave(view.model.layer(index), slot, states)


def _merge(
    states: Tensor, output: Tensor, active: Active, admission: Admission, work: Work
) -> Tensor:
    """Put a stage's output back: replacing the state, or added to it with the gate.

    In place where no gradient is asked for: what is left of the old states nobody reads again.
    """
    owned = torch.is_inference_mode_enabled()
    if admission.gate is not None:
        output = admission.gate[:, None] * output
        if active.full:
            return states.add_(output) if owned else states + output
        work.moved += output.numel()
        add = states.index_add_ if owned else states.index_add
        return add(0, active.flat, output)
    if active.full:
        return output
    work.moved += output.numel()
    copy = states.index_copy_ if owned else states.index_copy
    return copy(0, active.flat, output)


def _rows(states: Tensor, active: Active, work: Work) -> Tensor:
    return states if active.full else work.take(states, active.flat)


@dataclass(frozen=True)
class Answer:
    """Logits for every position, and what the engine wrote down on the way."""

    logits: Tensor
    """[sequences, tokens, vocabulary]."""
    works: tuple[tuple[Tensor, Work], ...]
    """(the sequences of a tile, its work)."""
    parameters: int = 0
    """Of every model that had to be in memory."""
    unrolled: int = 0
    """Layers that a position runs if it skips nothing; 0 where that differs by sequence."""
    kv_analytic: float = 0.0
    """Stored positions per token by the method's formula; 0 where it has none."""
    layers_per_run: float = 1.0
    """What one entry of `Work.runs` is of a layer: half where attention and MLP are units."""

    def executions(self) -> Tensor:
        """Return how many layers each position ran, [sequences, tokens]."""
        n, tokens = self.logits.shape[:2]
        count = torch.zeros(n, tokens, dtype=torch.long)
        for sequences, work in self.works:
            ran = torch.zeros(len(sequences) * tokens, dtype=torch.long)
            for _, flat in work.runs:
                here = flat.cpu()
                ran.index_add_(0, here, torch.ones_like(here))
            count[sequences] += ran.view(-1, tokens)
        return count * self.layers_per_run


def hidden(
    model: Backbone, tokens: Tensor, policy: Policy, work: Work, *, fill: bool = False
) -> tuple[Tensor, Cache]:
    """Run whole sequences [n, T]; return final states [n, T, d] and the filled cache."""
    n, length = tokens.shape
    everybody = pack(torch.arange(n * length, device=tokens.device), n, length, model)
    view = Prefill(model, Cache(n, model.shape.tokens), work, everybody, fill)
    states = run_stages(view, model.embed(tokens).flatten(0, 1), policy, length)
    return states.view(n, length, -1), view.cache


def read_out(model: Backbone, states: Tensor, work: Work) -> Tensor:
    """Final norm and unembedding."""
    return work.linear(model.head, model.norm(states))


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: a second one makes small products slower and times wild."""
    malloc_tuning.keep()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def prefill(
    model: Backbone, tokens: Tensor, policy: Policy = everyone, *, tile: int, fill: bool = False
) -> Answer:
    """Score sequences [n, T], `tile` of them a call."""
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), tile):
            work = Work()
            states, cache = hidden(model, tokens[first : first + tile], policy, work, fill=fill)
            logits.append(read_out(model, states, work))
            work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
            works.append((torch.arange(first, min(first + tile, len(tokens))), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works))


def decode(
    model: Backbone,
    tokens: Tensor,
    policy: Policy = everyone,
    *,
    batch: int,
    prompt: int = 1,
    fill: bool = False,
) -> Answer:
    """Score sequences [n, T] one position at a time, `batch` of them together.

    Each step is given the stream's next token whatever was predicted (a forced decode), so
    that all methods meet the same positions. The first `prompt` positions are prefilled.
    """
    logits, works = [], []
    with torch.inference_mode(), one_thread():
        for first in range(0, len(tokens), batch):
            work = Work()
            logits.append(_decode(model, tokens[first : first + batch], policy, work, prompt, fill))
            works.append((torch.arange(first, min(first + batch, len(tokens))), work))
        whole = torch.cat(logits)
    return Answer(whole, tuple(works))


def _decode(
    model: Backbone, tokens: Tensor, policy: Policy, work: Work, prompt: int, fill: bool
) -> Tensor:
    n, length = tokens.shape
    states, cache = hidden(model, tokens[:, :prompt], policy, work, fill=fill)
    work.runs = [(slot, _flat(flat, prompt, length)) for slot, flat in work.runs]
    logits = [read_out(model, states, work)]
    sequences = torch.arange(n, device=tokens.device)
    everybody = pack(sequences, n, 1, model)
    for position in range(prompt, length):
        view = Decode(model, cache, work, everybody, position, fill)
        seen = len(work.runs)
        states = run_stages(view, model.embed(tokens[:, position]), policy, 1)
        work.runs[seen:] = [(slot, flat * length + position) for slot, flat in work.runs[seen:]]
        logits.append(read_out(model, states, work)[:, None])
    work.kv_entries, work.kv_allocated = cache.entries, cache.allocated
    return torch.cat(logits, dim=1)


def _flat(flat: Tensor, prompt: int, length: int) -> Tensor:
    """Re-index positions of the prompt in the whole sequence."""
    return flat.div(prompt, rounding_mode="floor") * length + flat % prompt
