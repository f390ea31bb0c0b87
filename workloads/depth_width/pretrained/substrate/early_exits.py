"""Exits for a pretrained model: a position leaves after one of a few layers, through a lens.

    h' = h_e + (norm(h_e) A) B + c           an exit's lens, of the forecasters' rank
    leave after layer e  if the policy, shown h', lets it

A lens turns a state into what it would have become: ridge regression of h_L - h_e, then `STEPS` steps on the
divergence of what the head says of h' from what it says of h_L. All exits learn from the same states; no word
of the text is a label. There are four, as one look of the head costs as much as eight layers.

A position that left writes keys and values of the later layers from the state it left with, not from h'.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.pretrained.substrate import refine
from adabench.workloads.depth_width.pretrained.substrate.plans import RealRetrofit
from adabench.workloads.depth_width.substrate.gathered_forward import Admit, Answer, Policy
from adabench.workloads.depth_width.substrate.llama_decoder import closed_form_fit
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import (
    TILE,
    Plan,
    View,
    read_tiles,
    run_layer,
)
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    Decoder,
    layer_states,
)
from adabench.workloads.depth_width.substrate.units.unit_forward import HALF, Choice, others
from adabench.workloads.depth_width.substrate.work_counter import Work

RATE, CLIP = 5e-4, 1.0
OBSERVED = 24
"""Windows of the closed form."""


class Lenses(nn.Module):
    """One low-rank map for each exit."""

    def __init__(self, after: tuple[int, ...], width: int, rank: int) -> None:
        super().__init__()
        self.after = after
        """Layers that have run where an exit stands, ascending."""
        self.narrow = nn.ModuleList(nn.Linear(width, rank, bias=False) for _ in after)
        self.wide = nn.ModuleList(nn.Linear(rank, width) for _ in after)

    def seen(self, exit_: int, states: Tensor, work: Work) -> Tensor:
        """Return what states [n, d] would have become."""
        x = F.rms_norm(states, states.shape[-1:])
        return states + work.linear(self.wide[exit_], work.linear(self.narrow[exit_], x))


def prefill_exits(
    model: Decoder, lenses: Lenses, tokens: Tensor, policy: Policy, *, tile: int = TILE
) -> Answer:
    """Score windows [n, T]; positions leave where the policy lets them. Logits [n, T, vocabulary]."""
    logits, works = read_tiles(
        model, tokens, tile, lambda view, states: _run(view, lenses, states, policy())
    )
    return Answer(logits, works, layers_per_run=HALF)


def _run(view: View, lenses: Lenses, states: Tensor, admit: Admit) -> Tensor:
    """Take states [n, d] through the layers; return what the head is to read of each."""
    final, staying = torch.empty_like(states), torch.arange(len(states), device=states.device)
    for index in range(view.model.shape.layers):
        if index in lenses.after:
            staying = _left(view, lenses, lenses.after.index(index), states, staying, final, admit)
        if not len(staying):
            return final
        stay = Choice(staying)
        both = Plan(asked=(2 * index, 2 * index + 1))
        states = run_layer(view, index, states, lambda unit, rows, work, stay=stay: stay, both)
    final[staying] = states[staying]
    return final


def _left(
    view: View,
    lenses: Lenses,
    exit_: int,
    states: Tensor,
    staying: Tensor,
    final: Tensor,
    admit: Admit,
) -> Tensor:
    """Ask at an exit; note what those who leave end with, and return who stays."""
    if not len(staying):
        return staying
    seen = lenses.seen(exit_, view.work.take(states, staying), view.work)
    admission = admit(exit_, seen, staying.div(view.tokens, rounding_mode="floor"), view.work)
    if admission.keep is None or len(admission.keep) == len(staying):
        return staying
    gone = others(admission.keep, len(staying))
    final[staying[gone]] = view.work.take(seen, gone)
    return staying[admission.keep]


def train(
    plan: RealRetrofit,
    model: Decoder,
    seen: Tensor,
    windows: Tensor,
    progress: Callable[[int, int], None],
) -> Lenses:
    """Fit lenses: a closed form on windows seen [n, T], then `plan.steps` steps on others."""
    width = model.shape.width
    lenses = Lenses(plan.after, width, plan.rank)
    with torch.no_grad():
        _start(lenses, *_states(model, plan.after, seen))
    optimiser = torch.optim.AdamW(lenses.parameters(), weight_decay=0.0)
    batches = torch.split(windows, closed_form_fit.BATCH)[: plan.steps]
    for step, batch in enumerate(batches):
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 + math.cos(math.pi * step / plan.steps)) / 2
        optimiser.zero_grad()
        first = step % refine.HEARD
        for state, goal in _looks(model, lenses, batch, first, refine.HEARD):
            refine.pull(model, state, goal)
        nn.utils.clip_grad_norm_(lenses.parameters(), CLIP)
        optimiser.step()
        progress(step + 1, plan.steps)
    return lenses.eval().requires_grad_(False)


@torch.no_grad()
def divergences(model: Decoder, lenses: Lenses, batch: Tensor) -> Iterator[float]:
    """Yield each exit's mean divergence from the whole model, in nats a position."""
    for seen, goal in _looks(model, lenses, batch):
        found, _ = refine.compared(model, model.norm(seen), model.norm(goal))
        yield found / len(seen)


def _looks(
    model: Decoder, lenses: Lenses, batch: Tensor, first: int = 0, every: int = 1
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield what each exit's lens makes of every so many positions, and what they become."""
    with torch.no_grad():
        inner, final = _states(model, lenses.after, batch)
    for exit_, states in enumerate(inner):
        seen = lenses.seen(exit_, states[first::every].float(), Work()).to(states.dtype)
        yield seen, final[first::every]


def _states(model: Decoder, after: tuple[int, ...], windows: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return the states at each exit and the final ones, [n T, d]."""
    inner: list[list[Tensor]] = [[] for _ in after]
    finals = []
    for part in torch.split(windows, closed_form_fit.BATCH):
        for index, states in enumerate(layer_states(model, part, lambda unit, x, output: output())):
            if index in after:
                inner[after.index(index)].append(states.flatten(0, 1))
        finals.append(states.flatten(0, 1))
    return [torch.cat(parts) for parts in inner], torch.cat(finals)


def _start(lenses: Lenses, inner: list[Tensor], final: Tensor) -> None:
    for exit_, states in enumerate(inner):
        x, whole = states.float(), final.float()
        rank = lenses.narrow[exit_].get_parameter("weight").shape[0]
        found = closed_form_fit.regress(F.rms_norm(x, x.shape[-1:]), whole - x, rank)
        lenses.narrow[exit_].get_parameter("weight").copy_(found.narrow.T)
        lenses.wide[exit_].get_parameter("weight").copy_(found.wide.T)
        lenses.wide[exit_].get_parameter("bias").copy_(found.constant)
