"""How a pretrained model's MLPs become granular: the paper's three phases, the first in closed form.

**Observed** (`observe`): at every MLP f the normed rows x and g, the gradient at its output of sum_t log p(y_t),
each y_t *drawn from the model itself*. An error e in one position's output changes the predictions by about
(g . e)^2 / 2 nats (the Fisher metric): its *harm*.

1. *Learners* (`learners`). Hidden units j are ordered by mean a_j^2 x d_j' F d_j, F = mean g g', the harm of
   leaving one out alone; learners are quarters of that order. The forecast c_n is the ridge regression of
   what learners n+1 .. 4 say on x, cut to rank r.
2. *Gates* (`gates`). Every row of every module has five harms, of h_0 .. h_4. A linear gate is taught

       sum over modules of mean over rows of  sum_n softmax(gate(x))_n (harm_n + price n)

   with one price for all modules, moved until the share of the learners is the budget. (The paper's labels
   know nothing of what an error does.)
3. *All of it* (`tune`). `steps` steps of 1,024 positions on gates and forecasts; the model's weights stay:

       divergence of the whole model from this one + budget (`learners.py`: load, entropy, diversity)

Kind `static` is phases 1 and 3 with n learners for everybody, and no gate.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.pretrained.substrate.plans import RealWidths, scaled
from adabench.workloads.depth_width.pretrained.substrate.width_forward import (
    RealGranular,
    RealModules,
)
from adabench.workloads.depth_width.substrate.learner_choices import budget, sampled, taken
from adabench.workloads.depth_width.substrate.learners import LEARNERS
from adabench.workloads.depth_width.substrate.llama_decoder.hidden_units import hidden_units
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import (
    Decoder,
    Output,
    soft,
)

OBSERVED, BATCH, SETTLED = 48, 4, 8
"""Windows that are observed, of a step, and that gates are set to their shares on."""
RIDGE = 1e-3
GATE_STEPS, GATE_ROWS, GATE_RATE = 150, 4096, 2e-3
FIRST_PRICE, PRICE_RATE = 0.001, 0.2
"""Nats a learner, and what a load of one too much adds to the logarithm of the price."""
RATE, TUNED_GATE_RATE, CLIP, WARMING = 5e-4, 5e-4, 1.0, 5
SHARES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Budgets that gates are settled for."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Rows:
    """What was seen at one MLP: normed rows and slopes, [R, d] each, half precision."""

    x: Tensor
    slopes: Tensor


def observe(model: Decoder, windows: Tensor, seed: int) -> list[Rows]:
    """Run windows [n, T] forwards and backwards; return what was seen at every MLP."""
    found: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(model.shape.layers)]
    generator = torch.Generator(device=windows.device).manual_seed(seed)
    for part in torch.split(windows, BATCH):
        leaves: list[tuple[Tensor, Tensor]] = []

        def mix(
            unit: int, x: Tensor, output: Output, leaves: list[tuple[Tensor, Tensor]] = leaves
        ) -> Tensor:
            if unit == 0:
                return output().requires_grad_(True)
            if not unit % 2:
                return output()
            y = output()
            leaf = torch.zeros_like(y, requires_grad=True)
            leaves.append((x.detach(), leaf))
            return y + leaf

        states = soft(model, part, mix)
        chances = model.head(model.norm(states)).flatten(0, 1).float().log_softmax(-1)
        drawn = torch.multinomial(chances.detach().exp(), 1, generator=generator)
        torch.autograd.backward(chances.gather(1, drawn).sum())
        for layer, (x, leaf) in enumerate(leaves):
            assert leaf.grad is not None
            pair = (x.flatten(0, 1).bfloat16(), leaf.grad.flatten(0, 1).bfloat16())
            found[layer].append(pair)
    return [Rows(*(torch.cat(kind) for kind in zip(*pairs, strict=True))) for pairs in found]


@torch.no_grad()
def learners(model: Decoder, modules: RealModules, seen: Sequence[Rows]) -> list[Tensor]:
    """Order units, fit forecasts; return the harm of h_0 .. h_N in each module, [R, N + 1]."""
    harms = []
    for index, rows in enumerate(seen):
        units, module = hidden_units(model, index), modules.at(index)
        x, slopes = rows.x.float(), rows.slopes.float()
        active, down = units.active(rows.x.to(units.up.dtype)).float(), units.down.float()
        metric = slopes.T @ slopes / len(slopes)
        worth = active.square().mean(0) * ((metric @ down) * down).sum(0)
        module.order.copy_(worth.argsort(descending=True))
        module.arrange(units)
        harms.append(_forecasts(module, x, slopes, active[:, module.order], down[:, module.order]))
    return harms


def _forecasts(
    module: RealGranular, x: Tensor, slopes: Tensor, active: Tensor, down: Tensor
) -> Tensor:
    """Fit the forecasts of a module in place; return what is left as harm, [R, N + 1]."""
    centre = x.mean(0)
    gram = ((x - centre).T @ (x - centre) / len(x)).double()
    gram.diagonal().add_(RIDGE * gram.diagonal().mean())
    factor, harms = torch.linalg.cholesky(gram), []
    for n in range(LEARNERS):
        rest = active[:, n * module.each :] @ down[:, n * module.each :].T
        if not n and module.units.constant is not None:
            rest += module.units.constant.float()
        mean = rest.mean(0)
        cross = ((x - centre).T @ (rest - mean) / len(x)).double()
        full = torch.cholesky_solve(cross, factor)
        spread = full.T @ gram @ full
        turned = torch.linalg.eigh((spread + spread.T) / 2).eigenvectors[:, -module.rank :]
        narrow, wide, at = (full @ turned).float(), turned.float(), module.codes(n)
        module.narrow[at], module.wide[at] = narrow.T, wide.T
        module.constant[n] = mean - centre @ narrow @ wide.T
        error = x @ narrow @ wide.T + module.constant[n] - rest
        harms.append(0.5 * (slopes * error).sum(-1).square())
    return torch.stack([*harms, torch.zeros_like(harms[0])], dim=1)


def gates(
    plan: RealWidths, modules: RealModules, seen: Sequence[Rows], harms: list[Tensor]
) -> float:
    """Teach the gates by harms [R, N + 1]; return the price of a learner that met the budget."""
    layers = range(len(seen))
    scales = [(rows.x.float().mean(0), rows.x.float().std(0) + 1e-6) for rows in seen]
    linear = [modules.at(index).linear for index in layers]
    weights = [weight for one in linear for weight in one.parameters()]
    optimiser = torch.optim.Adam(weights, lr=GATE_RATE)
    taken, price = torch.arange(LEARNERS + 1.0), math.log(FIRST_PRICE)
    steps = scaled(GATE_STEPS, plan.text)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = GATE_RATE * (1 + math.cos(math.pi * step / steps)) / 2
        optimiser.zero_grad()
        load = 0.0
        for index in layers:
            pick = torch.randint(len(harms[index]), (min(GATE_ROWS, len(harms[index])),))
            centre, spread = scales[index]
            logits = linear[index]((seen[index].x[pick].float() - centre) / spread)
            costs = harms[index][pick] + math.exp(price) * taken
            chances = logits.softmax(-1)
            torch.autograd.backward((chances * costs).sum(-1).mean())
            load += float((chances.detach() @ taken).mean()) / LEARNERS / len(seen)
        optimiser.step()
        price += PRICE_RATE * (load - plan.target)
    with torch.no_grad():
        for one, (centre, spread) in zip(linear, scales, strict=True):
            one.weight.div_(spread)
            one.bias.sub_(one.weight @ centre)
    return math.exp(price)


def tune(
    plan: RealWidths,
    model: Decoder,
    modules: RealModules,
    windows: Tensor,
    progress: Progress,
) -> None:
    """Train gates and forecasts in place on windows [steps x BATCH, T]."""
    inner = [modules.at(index) for index in range(model.shape.layers)]
    kept = [weight for one in inner for weight in (one.narrow, one.wide, one.constant)]
    asked = [weight for one in inner for weight in one.gate.parameters()]
    groups = [{"params": kept, "peak": RATE}]
    groups += [{"params": asked, "peak": TUNED_GATE_RATE}] if asked else []
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    for step, batch in enumerate(torch.split(windows, BATCH)):
        warm = min(1.0, (step + 1) / (WARMING + 1))
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * warm * (1 + math.cos(math.pi * step / plan.steps)) / 2
        optimiser.zero_grad()
        chosen: list[Tensor] = []
        apart = divergence(plan, model, modules, batch, chosen.append)
        loss = apart + budget(torch.stack(chosen), plan.target) if asked else apart
        torch.autograd.backward(loss)
        for group in optimiser.param_groups:
            nn.utils.clip_grad_norm_(group["params"], CLIP)
        optimiser.step()
        progress(step + 1, plan.steps)


def divergence(
    plan: RealWidths,
    model: Decoder,
    modules: RealModules,
    batch: Tensor,
    hear: Callable[[Tensor], None] = lambda chosen: None,
    logits: Callable[[Tensor], None] = lambda logit: None,
) -> Tensor:
    """Return the mean divergence of the whole model from the granular one, in nats a position."""
    wanted = torch.tensor(int(plan.target)) if plan.kind == "static" else None

    def mix(unit: int, x: Tensor, output: Output) -> Tensor:
        if not unit % 2:
            return output()
        module = modules.at(unit // 2)
        if wanted is None:
            said = module.gate(x.float())
            logits(said)
            chosen = sampled(said, 0.0)
        else:
            chosen = F.one_hot(wanted, LEARNERS + 1).float().expand(*x.shape[:-1], -1)
        hear(chosen)
        return module.mixed(x, chosen, taken(chosen))

    said = _chances(model, soft(model, batch, mix))
    with torch.no_grad():
        goal = _chances(model, soft(model, batch, lambda unit, x, output: output()))
    return F.kl_div(said, goal, reduction="none", log_target=True).sum(-1).mean()


def _chances(model: Decoder, states: Tensor) -> Tensor:
    found: Tensor = model.head(model.norm(states)).float().log_softmax(-1)
    return found


@torch.no_grad()
def settle(
    plan: RealWidths, model: Decoder, modules: RealModules, windows: Tensor
) -> tuple[dict[float, float], float]:
    """Return how far gates lean to run some shares, and the divergence as it is."""
    heard: list[Tensor] = []
    apart = divergence(
        plan, model, modules, windows, logits=lambda one: heard.append(one.flatten(0, 1))
    )
    flat = torch.cat(heard) if heard else torch.empty(0)
    leans = {share: round(leaning(flat, share), 4) for share in SHARES} if heard else {}
    return leans, float(apart)


def leaning(logits: Tensor, share: float) -> float:
    """Return what to add for each learner so that the likeliest choices [R, N + 1] run a share."""
    low, high, taken = -100.0, 100.0, torch.arange(LEARNERS + 1)
    for _ in range(40):
        middle = (low + high) / 2
        ran = float((logits + middle * taken).argmax(-1).double().mean()) / LEARNERS
        low, high = (middle, high) if ran < share else (low, middle)
    return (low + high) / 2
