"""A pretrained model run along a path of layers, another one for each window: Dr.LLM's engine on `pretrained`.

A window is a prompt and the words that follow. As in `path_forward.py` a path is written as *passes*, how often
each layer runs, 0, 1 or 2, [windows, L]; `Decide` is asked before each layer, with the prompt's states alone:

    for layer:  passes = decide(layer, states[:, :prompt], lengths)
        for r in 1, 2:  states[passes >= r] = layer(states[passes >= r])      # gathered, dense

What follows the prompt takes its path. A window that skips a layer stores no keys there; one that repeats it
attends in each pass to the keys of that pass. Attention is causal, so prompt and continuation are read in one
call: a forced decode with the same decisions. A run names slot 2 l + r - 1 and the windows of the tile.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import (
    TILE,
    View,
    attend,
    on_device_of,
    widen,
)
from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import HookedDecoder
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder, unembed
from adabench.workloads.depth_width.substrate.paths.path_forward import MOST, Decide, fixed
from adabench.workloads.depth_width.substrate.work_counter import Work


@dataclass(frozen=True)
class Reading:
    """Logits for the words after the prompts, and the work that they took."""

    logits: Tensor
    """[n, T - prompt + 1, vocabulary]: what the prompt's last position says comes first."""
    works: tuple[tuple[Tensor, Work], ...]
    """(the windows of a tile, its work); `runs` hold (slot, windows of the tile)."""
    layers: int
    parameters: int = 0
    unrolled: int = 0
    kv_analytic: float = 0.0
    """No promise is made of stored keys: a path decides them."""

    def executions(self) -> Tensor:
        """Return the layers that ran for each window's words, [n]."""
        return self.passes().sum(1)

    def passes(self) -> Tensor:
        """Return how often each layer ran, counted from the runs, [n, L]."""
        ran = torch.zeros(len(self.logits), self.layers, dtype=torch.long)
        for who, work in self.works:
            for slot, rows in work.runs:
                ran[who[rows.cpu()], slot // MOST] += 1
        return ran


def read_along(
    model: Decoder, tokens: Tensor, prompt: int, decide: Decide | Tensor, *, tile: int = TILE
) -> Reading:
    """Read windows [n, T], `tile` of them a call; `decide` may be given paths, passes [n, L]."""
    n, length = tokens.shape
    works = []
    with on_device_of(model) as device:
        tokens, weight = tokens.to(device), model.head.weight
        logits = weight.new_empty(n, length - prompt + 1, len(weight))
        for first in range(0, n, tile):
            who = torch.arange(first, min(first + tile, n), device="cpu")
            rule = fixed(decide[who].to(device)) if isinstance(decide, Tensor) else decide
            view = View(model, Work(), len(who), length)
            part = slice(first, first + len(who))
            states = along(view, model.embed(tokens[part]), prompt, rule)
            rows = model.norm(states[:, prompt - 1 :].flatten(0, 1))
            view.work.flops += unembed(model, rows, logits[part].flatten(0, 1))
            works.append((who, view.work))
    weights = sum(weight.numel() for weight in model.parameters())
    return Reading(logits, tuple(works), model.shape.layers, weights)


def single(rule: Decide) -> Decide:
    """Return the rule that is shown states in single precision."""
    return lambda index, states, lengths, work: rule(index, states.float(), lengths, work)


def along(view: View, states: Tensor, prompt: int, decide: Decide) -> Tensor:
    """Take states [m, T, d] along the paths that their first `prompt` positions decide."""
    lengths = torch.full((view.sequences,), prompt, device=states.device)
    for index in range(view.model.shape.layers):
        passes = decide(index, states[:, :prompt], lengths, view.work)
        for turn in range(MOST):
            who = (passes > turn).nonzero()[:, 0]
            if not len(who):
                break
            view.work.runs.append((MOST * index + turn, who))
            states = _pass(view, index, states, who)
    return states


def _pass(view: View, index: int, states: Tensor, who: Tensor) -> Tensor:
    """Run a layer on the windows `who`; return the states of all."""
    work, everyone = view.work, len(who) == len(states)
    rows = states if everyone else work.take(states, who)
    made = layer(View(view.model, work, len(who), view.tokens), index, rows.flatten(0, 1))
    made = made.view_as(rows)
    if everyone:
        return made
    work.moved += made.numel()
    return states.index_copy(0, who, made)


def layer(view: View, index: int, rows: Tensor) -> Tensor:
    """Run a layer on all positions [m T, d] of its windows."""
    if isinstance(view.model, HookedDecoder):
        states = rows.view(view.sequences, view.tokens, -1)
        return view.model.block(index, states, work=view.work).flatten(0, 1)
    own = view.model.layer(index)
    attended = attend(view, own, own.norm1(rows), None)
    assert attended is not None
    states = rows + attended
    return states.add_(widen(own, own.norm2(states), view.work))
