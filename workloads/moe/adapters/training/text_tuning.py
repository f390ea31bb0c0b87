"""Adapters on a real model: three questions on real texts, learned by the upper third of SmolLM2.

    adabench train adapters/text-states-s0            once: the lower 20 of 30 layers over all texts
    adabench train adapters/text-rates-lora-36        a kind at three rates, on 504 questions of development
    adabench train 'adapters/text-lora-36-s*'         five trainings, each at the best of these rates

All kinds of a training seed take as many steps on the same batches. Where the suite has 48 tasks there are three here, and
routers of tasks have a row of each. DynMoLE's losses weigh the load by weights, as its authors do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from adabench.harness.errors import require
from adabench.workloads.moe.adapters.recipes import SURVEY, TEXT, Recipe
from adabench.workloads.moe.adapters.substrate import (
    few_shot,
    lora_experts,
    tuned_rates,
    tuning_kinds,
)
from adabench.workloads.moe.adapters.substrate.adapter import Adapter, forward
from adabench.workloads.moe.adapters.substrate.base_model import Base
from adabench.workloads.moe.adapters.substrate.forward_pass import Pass, Work
from adabench.workloads.moe.adapters.substrate.text_base import LOWER, READING
from adabench.workloads.moe.adapters.training.pretrain import fresh, seeded, swing
from adabench.workloads.moe.adapters.truth.text_questions import (
    ANSWERS,
    NEW,
    Known,
    digest,
    known,
    questions,
)
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.training.checkpoints import Progress

BATCH = 8
_STREAM = 64


def stored_answers(stored: Mapping[str, Tensor]) -> Known:
    """Return the answers to the questions whose states are stored.

    Raises:
        EnvironmentProblem: if the states are those of other questions.
    """
    return known(stored, questions())


@torch.no_grad()
def encode(progress: Progress) -> dict[str, Tensor]:
    """Run the lower layers over all questions; return the states of each by its number.

    Raises:
        MissingExtra: without transformers.
    """
    require("transformers", extra="models")
    asked, (model, tokenizer) = questions(), smollm2.load()
    lower = model.model.to(torch.bfloat16)
    lower.layers, lower.norm = lower.layers[:LOWER], nn.Identity()
    tokens = [torch.tensor(tokenizer(one.prompt).input_ids) for one in asked]
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    found: dict[str, Tensor] = {}
    for first in range(0, len(order), READING):
        rows = order[first : first + READING]
        own = pad_sequence([tokens[row] for row in rows], batch_first=True)  # padding stands behind
        states = lower(own, use_cache=False).last_hidden_state.half()
        found |= {f"{row:04}": states[k, : len(tokens[row])] for k, row in enumerate(rows)}
        progress(first + len(rows), len(order))
    ids = [tokenizer(word, add_special_tokens=False).input_ids for word in ANSWERS]
    assert all(len(own) == 1 for own in ids)
    found["digest"] = torch.tensor(digest(asked))
    found["trained_on"] = torch.tensor(sum(one.split == "train" for one in asked))
    found["words"] = model.lm_head.weight[[own[0] for own in ids]]
    return found


def untrained(kind: str, base: Base, generator: torch.Generator) -> Adapter:
    """Return an untrained adapter of a kind for a base of texts."""
    if kind in SURVEY:
        return tuning_kinds.fresh(kind, base, generator)
    found = fresh(kind, generator, base.sites, NEW)
    if kind == "dynmole":
        return replace(found, penalty=lora_experts.auxiliary(by="weights"))
    return found


def train(
    recipe: Recipe, base: Base, known: Known, rate: float, progress: Progress
) -> dict[str, Tensor]:
    """Train what a recipe says; return its weights, and what was measured as its history."""
    kind = recipe.kind.removeprefix(TEXT)
    own = untrained(kind, base, seeded(recipe)).copied()
    batches = torch.Generator().manual_seed(_STREAM + recipe.seed)
    lots = torch.Generator().manual_seed(_STREAM - 1 - recipe.seed)
    rows, losses, work = known.rows("train"), list[float](), Work()
    schedule = few_shot.Schedule(rate, recipe.steps, batch=BATCH)

    def loss(step: int) -> Tensor:
        chosen = rows[torch.randint(len(rows), (BATCH,), generator=batches).numpy()]
        tokens, tasks, yes = map(torch.from_numpy, (chosen, known.tasks[chosen], known.yes[chosen]))
        run = Pass(base, tokens[:, None], tasks, work, training=True, generator=lots)
        found = F.cross_entropy(forward(run, own)[:, 0], yes)
        losses.append(float(found.detach()))
        progress(step + 1, recipe.steps)
        return found if own.penalty is None else found + own.penalty(own.weights, run)

    few_shot.import_optimiser()
    began = schedule.clock()
    steps = few_shot.follow(own, loss, schedule)
    history = {
        "pretraining_cpu_s": schedule.clock() - began,
        "pretraining_steps": steps,
        "pretraining_flops": work.flops,
        "pretraining_rate": rate,
        "loss_mean": float(np.mean(losses)),
        "loss_swing": swing(losses[len(losses) // 2 :]),
        "accuracy_pretrained": accuracy(base, own.ended(), known),
    }
    stored = {f"history.{name}": torch.tensor(float(one)) for name, one in history.items()}
    return own.ended().weights | stored


def accuracy(base: Base, adapter: Adapter, known: Known) -> float:
    """Return the share of right answers to the questions of development."""
    rows = known.rows("development")
    said = few_shot.predict(base, adapter, rows[:, None], known.tasks[rows], Work())[:, 0]
    return float((said.numpy() == known.yes[rows]).mean())


def score_rates(recipe: Recipe, base: Base, known: Known, progress: Progress) -> dict[str, Tensor]:
    """Return what a kind answers of the questions of development, trained at each rate of its grid."""
    kind, scores = TEXT + recipe.kind.removeprefix(f"{TEXT}rates-"), list[float]()
    for place, rate in enumerate(tuned_rates.text_grid(kind)):

        def each(done: int, steps: int, before: int = place) -> None:
            progress(before * steps + done, 3 * steps)

        found = train(replace(recipe, kind=kind), base, known, rate, each)
        scores.append(float(found["history.accuracy_pretrained"]))
    return {"scores": torch.tensor(scores)}


def best_rate(kind: str, scores: Sequence[float]) -> float:
    """Return the rate of a kind that answered most; of several the least."""
    return tuned_rates.text_grid(kind)[int(np.argmax(scores))]
