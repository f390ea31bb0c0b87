"""A pretrained model's MLPs cut into four ordered learners, of which a position runs the first n.

    h_n(x) = sum over i <= n of D_i (silu(G_i x) * U_i x)  +  c_n(x)        c_n(x) = W_n V_n x + b_n
    n = argmax gate(x)                                                      c_4 = 0

A learner is a quarter of the trained MLP's own hidden units, the most important first (`width_fit.py`), and c_n
a forecast of rank r of what learners n+1 .. 4 would have said: h_4 is the MLP itself. Rows that take n go
through the first n learners as one product each way (`kernels/gathered_mlp.py`); forecasts are one product for
all rows, each with the matrix of its n (`kernels/grouped_matmul.py`). Work is counted as in `learners.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.kernels import gathered_mlp, grouped_matmul
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import EIGHTH, LEARNERS, SLOTS, Chooser
from adabench.workloads.depth_width.substrate.llama_decoder.block_hooks import Branch
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import (
    TILE,
    View,
    attend,
    read_tiles,
)
from adabench.workloads.depth_width.substrate.llama_decoder.hidden_units import (
    HiddenUnits,
    hidden_units,
)
from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import HookedDecoder
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder
from adabench.workloads.depth_width.substrate.work_counter import Work

ATTENTION = SLOTS - LEARNERS
"""Eighths of a layer that attention is."""


class RealGranular(nn.Module):
    """An MLP's hidden units in the order of learners, the forecasts and the gate."""

    order: Tensor
    """Hidden units, the most important first, [hidden]."""

    def __init__(self, width: int, hidden: int, rank: int) -> None:
        super().__init__()
        self.each, self.rank = hidden // LEARNERS, rank
        self.register_buffer("order", torch.arange(hidden))
        self.narrow = nn.Parameter(torch.zeros(LEARNERS * rank, width))
        self.wide = nn.Parameter(torch.zeros(LEARNERS * rank, width))
        """A row for each number of a code."""
        self.constant = nn.Parameter(torch.zeros(LEARNERS, width))
        self.gate = nn.Sequential(nn.Linear(width, LEARNERS + 1))
        self.said = nn.Identity()
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.units = HiddenUnits(torch.empty(0, width), torch.empty(width, 0))

    @property
    def linear(self) -> nn.Linear:
        """Return the gate's one map."""
        gate = self.gate[0]
        assert isinstance(gate, nn.Linear)
        return gate

    def arrange(self, units: HiddenUnits) -> None:
        """Lay a layer's trained units out by learner: all gates first, then all ups."""
        self.units = units.arranged(self.order)

    def codes(self, n: int) -> slice:
        """Return where the forecast for n learners has its rows."""
        return slice(n * self.rank, (n + 1) * self.rank)

    def mixed(self, x: Tensor, chosen: Tensor, taken: Tensor) -> Tensor:
        """Run everything on x [..., d]: what training does.

        `chosen` [..., N + 1] is one-hot in how many learners run, `taken` [..., N] says which.
        """
        hidden = self.units.active(x)
        runs = taken.to(x.dtype).repeat_interleave(self.each, dim=-1)
        less = chosen[..., :LEARNERS].to(x.dtype)
        codes = F.linear(x, self.narrow.to(x.dtype))
        codes = codes * less.repeat_interleave(self.rank, dim=-1)
        forecast = codes @ self.wide.to(x.dtype) + less @ self.constant.to(x.dtype)
        made = F.linear(hidden * runs, self.units.down) + forecast
        constant = self.units.constant
        return made if constant is None else made + taken[..., :1].to(x.dtype) * constant


class RealModules(nn.Module):
    """One granular module for each layer of a Llama."""

    def __init__(self, width: int, hidden: int, rank: int, layers: int) -> None:
        super().__init__()
        self.made_by: Callable[[], RealModules] | None = None
        """Who makes the same modules again: a stored state names it in place of 350 MB."""
        self.layers = nn.ModuleList(RealGranular(width, hidden, rank) for _ in range(layers))

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        return super().__reduce_ex__(protocol) if self.made_by is None else (self.made_by, ())

    def at(self, index: int) -> RealGranular:
        """Return the module of a layer."""
        module = self.layers[index]
        assert isinstance(module, RealGranular)
        return module

    def arrange(self, model: Decoder) -> None:
        """Lay out the units of every layer."""
        for index in range(len(self.layers)):
            self.at(index).arrange(hidden_units(model, index))

    def ungate(self) -> None:
        """Take the gates away, where nobody asks them."""
        for index in range(len(self.layers)):
            self.at(index).gate = nn.Sequential()

    @torch.no_grad()
    def lean(self, by: float) -> None:
        """Add `by` to every gate's logit for each learner: more of it runs more."""
        for index in range(len(self.layers)):
            self.at(index).linear.bias.add_(by * torch.arange(LEARNERS + 1))


def modules_of(model: Decoder, rank: int) -> RealModules:
    """Return modules for a model with nothing fitted yet; its units in their own order."""
    shape = model.shape
    found = RealModules(shape.width, shape.hidden, rank, shape.layers)
    found.arrange(model)
    return found


@dataclass(frozen=True)
class RealWidened:
    """A frozen model and the modules in its MLPs' place, whose hidden units are the model's."""

    model: Decoder
    modules: RealModules

    @property
    def parameters(self) -> int:
        """Weights that have to be in memory."""
        both = (*self.model.parameters(), *self.modules.parameters())
        return sum(weight.numel() for weight in both)


def prefill_real_widths(
    widened: RealWidened, tokens: Tensor, choose: Chooser, *, tile: int = TILE
) -> Answer:
    """Score windows [n, T], `tile` of them a call; logits [n, T, vocabulary]."""
    logits, works = read_tiles(
        widened.model,
        tokens,
        tile,
        lambda view, states: _run(view, widened.modules, states, choose),
    )
    return Answer(logits, works, layers_per_run=EIGHTH)


def _run(view: View, modules: RealModules, states: Tensor, choose: Chooser) -> Tensor:
    """Take states [n, d] through the layers, in place; return the final states."""
    model, everyone = view.model, torch.arange(len(states), device=states.device)
    for index in range(model.shape.layers):
        view.work.runs += [(SLOTS * index + part, everyone) for part in range(ATTENTION)]
        if isinstance(model, HookedDecoder):
            size = view.sequences, view.tokens, -1
            unit = partial(_hooked, view, modules.at(index), choose)
            states = model.block(index, states.view(size), unit, view.work).flatten(0, 1)
            continue
        layer = model.layer(index)
        attended = attend(view, layer, layer.norm1(states), None)
        assert attended is not None
        states.add_(attended)
        _chosen(view, modules.at(index), index, layer.norm2(states), choose, states)
    return states


def _hooked(
    view: View, module: RealGranular, choose: Chooser, unit: int, x: Tensor, branch: Branch
) -> Tensor:
    """Return what a module of transformers is to return: of an MLP, what learners make."""
    if not unit % 2:
        return branch.whole()
    rows = x.flatten(0, 1)
    made = torch.zeros_like(rows)
    _chosen(view, module, unit // 2, rows, choose, made)
    return made.view_as(x)


def _chosen(
    view: View, module: RealGranular, index: int, rows: Tensor, choose: Chooser, states: Tensor
) -> None:
    """Add to states what the chosen learners make of rows; note who ran."""
    choice = choose(index, rows, view.work)
    _widen(module, rows, choice, states, view.work)
    for part in range(LEARNERS):
        ran = (choice > part).nonzero()[:, 0]
        if len(ran):
            view.work.runs.append((SLOTS * index + ATTENTION + part, ran))


def _widen(module: RealGranular, rows: Tensor, choice: Tensor, states: Tensor, work: Work) -> None:
    """Add to states [m, d], in place, what each row's prefix makes of its normed row."""
    exactly: list[int] = torch.bincount(choice, minlength=LEARNERS + 1).cpu().tolist()
    if len(rows) in exactly:
        states.add_(prefix(module, rows, exactly.index(len(rows)), work))
        return
    for n in range(1, LEARNERS + 1):
        if exactly[n]:
            _learn(module, rows, (choice == n).nonzero()[:, 0], n, states, work)
    if exactly[LEARNERS] < len(rows):
        _forecast(module, rows, choice, states, work)


def _learn(
    module: RealGranular, rows: Tensor, index: Tensor, n: int, states: Tensor, work: Work
) -> None:
    """Add what the first n learners make of some rows; each is gathered and scattered once."""
    units = module.units
    down = units.down[:, : n * module.each]
    work.moved += 2 * len(index) * rows.shape[-1]
    work.flops += (6 if units.gated else 4) * len(index) * down.numel()
    if units.is_silu:
        gathered_mlp.gated_mlp_add_(states, rows, index, units.up, down)
    else:
        states.index_add_(0, index, units.of(rows[index], n * module.each))


def _forecast(
    module: RealGranular, rows: Tensor, choice: Tensor, states: Tensor, work: Work
) -> None:
    """Add to rows that take fewer than all learners what the others would have said."""
    index = (choice < LEARNERS).nonzero()[:, 0]
    fewer, rows = choice[index], work.take(rows, index)
    narrow, wide = (each.view(LEARNERS, module.rank, -1) for each in (module.narrow, module.wide))
    code = grouped_matmul.grouped(rows, fewer, narrow)
    said = grouped_matmul.grouped(code, fewer, wide.transpose(1, 2))
    said.add_(work.take(module.constant, fewer))
    work.flops += 4 * rows.numel() * module.rank
    work.moved += said.numel()
    states.index_add_(0, index, said)


def prefix(module: RealGranular, rows: Tensor, n: int, work: Work) -> Tensor:
    """Run the first n learners on all rows [m, d], and forecast the others."""
    said: list[Tensor] = []
    if n:
        units, first = module.units, n * module.each
        down = units.down[:, :first]
        work.flops += (6 if units.gated else 4) * len(rows) * down.numel()
        said.append(units.of(rows, first))
    if n < LEARNERS:
        at = module.codes(n)
        code = work.product(rows, module.narrow[at])
        said.append(work.product(code, module.wide[at].T).add_(module.constant[n]))
    return said[0] if len(said) == 1 else said[0].add_(said[1])
