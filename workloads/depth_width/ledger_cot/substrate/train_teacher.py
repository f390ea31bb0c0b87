"""Backbones for layout `cot`: one that speaks its steps, and one that answers at once.

Fine-tuning as in the paper: cross-entropy of what follows the question alone, weight 3 on the
answer, no auxiliary head. Optimiser and schedule are those of `training.py`; the number of
operations rises over the first 30 % of the run, questions of one operation among them at first.

`words`  half of a batch is followed by its verbose trace, half by the terse one (its question ends
         in `<half>`), so one model speaks both and the two baselines differ in the trace alone.
`direct` half of a batch is followed by `<answer>` at once, half by a pause token for each
operation.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.ledger import cot_data, training, units
from adabench.workloads.ledger.cot_data import HALF, PAUSE, Reckoned
from adabench.workloads.ledger.cot_recipes import Speaking
from adabench.workloads.ledger.data import Ints
from adabench.workloads.ledger.engine import one_thread
from adabench.workloads.ledger.model import Backbone
from adabench.workloads.ledger.training import ANSWER_WEIGHT, CLIP, CURRICULUM, RATE

BATCH = {"words": 32, "direct": 48}
"""Questions of each of the two kinds in a step."""
HELD_OUT_SEED, HELD_OUT = 999, 1000
_STREAM = 61  # these streams are keyed apart from those of the other layouts
_FEWEST_FIRST = 2


def train(plan: Speaking, progress: training.Progress = lambda done, steps: None) -> Backbone:
    """Train a backbone on questions; return it in evaluation mode."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(_STREAM * 1000 + plan.seed)
        model = Backbone(plan.shape)
        parameters = list(model.parameters())
        optimiser = torch.optim.AdamW(
            parameters,
            lr=RATE,
            betas=training.BETAS,
            weight_decay=training.WEIGHT_DECAY,
            fused=True,
        )
        for step, (plain, other) in enumerate(_batches(plan)):
            for group in optimiser.param_groups:
                group["lr"] = RATE * schedule(step, plan.steps)
            optimiser.zero_grad()
            for posed, second in ((plain, False), (other, True)):
                torch.autograd.backward(_loss(model, plan, posed, second=second))
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimiser.step()
            progress(step + 1, plan.steps)
    return model.eval().requires_grad_(False)


def schedule(step: int, steps: int) -> float:
    """Return the learning rate as a share of its peak."""
    warm = min(1.0, (step + 1) / training.WARM_UP_STEPS)
    late = max(0.0, (step / steps - training.DECAY_FROM) / (1 - training.DECAY_FROM))
    return warm * (1 - (1 - training.LAST_RATE) * late)


def _batches(plan: Speaking) -> Iterator[tuple[Reckoned, Reckoned]]:
    generator = np.random.Generator(np.random.PCG64((_STREAM, plan.seed)))
    n = BATCH[plan.kind]
    for step in range(plan.steps):
        risen = step / plan.steps / CURRICULUM
        most = min(cot_data.MOST, _FEWEST_FIRST + int((cot_data.MOST - _FEWEST_FIRST) * risen))
        fewest = 1 if most < cot_data.MOST else cot_data.FEWEST
        yield (
            cot_data.pose(generator, n, most, fewest),
            cot_data.pose(generator, n, most, fewest),
        )


def completed(plan: Speaking, posed: Reckoned, *, second: bool) -> tuple[Tensor, Tensor]:
    """Return questions with what is to follow them, [n, T], and where each row's last token is."""
    if plan.kind == "words":
        said = cot_data.trace(posed.keys, verbose=not second)
    else:
        said = pauses(posed.keys.steps, per_step=int(second))
    tokens, last = cot_data.written(posed, said)
    if plan.kind == "words" and second:
        tokens[np.arange(len(tokens)), posed.questions.lengths - 1] = HALF
    return torch.from_numpy(tokens), torch.from_numpy(last)


def pauses(steps: Ints, per_step: int) -> Ints:
    """Return pause tokens for each operation, [n, 8, per_step]."""
    return np.full((len(steps), cot_data.MOST, per_step), PAUSE, np.int64)


def _loss(model: Backbone, plan: Speaking, posed: Reckoned, *, second: bool) -> Tensor:
    tokens, last = completed(plan, posed, second=second)
    states = units.soft(model, tokens[:, :-1], lambda unit, x, output: output())
    targets, place = tokens[:, 1:], torch.arange(1, tokens.shape[1])
    each = F.cross_entropy(
        model.head(model.norm(states)).transpose(1, 2), targets, reduction="none"
    )
    answer = place == last[:, None]
    if plan.kind == "direct":
        # `<answer>` and pauses are put there by whoever asks: nothing to be learned.
        return each[answer].mean()
    after = place >= torch.from_numpy(posed.questions.lengths)[:, None]
    weight = (after & (place <= last[:, None])) * (1 + (ANSWER_WEIGHT - 1) * answer)
    return (each * weight).sum() / weight.sum()


def held_out(plan: Speaking, model: Backbone) -> dict[str, float]:
    """Return on held-out questions the share of right answers and of faultless traces.

    Every token is predicted from the right ones before it, so a faultless trace is one that greedy
    decoding gives.
    """
    seeds = (_STREAM, HELD_OUT_SEED)
    posed = cot_data.pose(np.random.Generator(np.random.PCG64(seeds)), HELD_OUT)
    names = ("verbose", "terse") if plan.kind == "words" else ("at_once", "pauses")
    found = {}
    with torch.inference_mode(), one_thread():
        for second, name in enumerate(names):
            tokens, last = completed(plan, posed, second=bool(second))
            states = units.soft(model, tokens[:, :-1], lambda unit, x, output: output())
            right = model.head(model.norm(states)).argmax(-1) == tokens[:, 1:]
            place = torch.arange(1, tokens.shape[1])
            first = torch.from_numpy(posed.questions.lengths)[:, None]
            if plan.kind == "direct":
                first = last[:, None]
            judged = (place >= first) & (place <= last[:, None])
            found[f"accuracy_{name}"] = float((right | ~judged).all(1).double().mean())
    return {name: round(value, 4) for name, value in found.items()}
