"""The training recipe of choosers, and the figures of their gates.

Optimiser and schedule are those of `language_recipe.py`. Loss on the expert's own words only.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor

from adabench.workloads.agents.tools.substrate.choice_words import (
    DOWN,
    LONGEST,
    OK,
    PAD,
    STOPS,
    Choice,
    choice_of,
    result_words,
)
from adabench.workloads.agents.tools.substrate.choosers import ChooserRecipe
from adabench.workloads.agents.tools.training.expert_walks import (
    Faults,
    Layers,
    Walk,
    draw_layers,
    walks,
)
from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training import language_recipe
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.language_recipe import next_word_loss
from adabench.workloads.shared.training.trainer import silent

PER_GATE = 300
"""Graphs that each figure rests on."""
MOST_CALLS = 30
_GATE = 0x6A7E
FIGURES: tuple[tuple[str, Faults], ...] = (
    ("clean", "none"), ("one_fault", "one"), ("several_faults", "several"), ("stage_down", "stage"),
)  # fmt: skip


def train(recipe: ChooserRecipe, progress: Progress = silent) -> LanguageModel:
    """Train a chooser from its seed; return it in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LanguageModel(recipe.shape)
        drawn = batches(recipe.seed, recipe.batch)
        language_recipe.trainer_of(model, recipe.rate, recipe.steps).fit(
            lambda step: next_word_loss(model, *next(drawn), PAD), recipe.steps, progress
        )
    return model.eval().requires_grad_(False)


def batches(seed: int, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (ids, targets) [batch, T] for ever; targets that are not the expert's own are padding."""
    source = walks(seed)
    while True:
        yield padded(list(islice(source, batch)))


def padded(rows: Sequence[Walk]) -> tuple[Tensor, Tensor]:
    """Turn walks into ids and the words that follow them."""
    width = max(len(row.prompt) + len(row.words) for row in rows) - 1
    ids, targets = (torch.full((len(rows), width), PAD) for _ in range(2))
    for row, one in enumerate(rows):
        whole = torch.tensor((*one.prompt, *one.words))
        first, end = len(one.prompt) - 1, len(whole) - 1
        ids[row, :end] = whole[:-1]
        own = torch.tensor(one.own)
        targets[row, first:end] = torch.where(own, whole[first + 1 :], PAD)
    return ids, targets


def figures(engine: NativeEngine, count: int = PER_GATE) -> dict[str, float]:
    """Return on held-out graphs the share of walks that end as they should, by kind of fault."""
    found = {}
    for name, faults in FIGURES:
        graphs = [
            draw_layers(mix(_GATE, index, len(name)), faults, "held-out", 0.0)
            for index in range(count)
        ]
        found[name] = round(sum(ends_well(engine, graph) for graph in graphs) / count, 4)
    return found


def ends_well(engine: NativeEngine, layers: Layers) -> bool:
    """Tell whether a chooser calls one working tool of each stage in order and says so, or hands off."""
    engine.reset(Costs())
    seq = engine.open(layers.prompt)
    done: list[int] = []
    for _ in range(MOST_CALLS):
        chunk = engine.decode([seq], stop=STOPS, max_new=LONGEST, temperature=0.0)[0]
        choice = choice_of(chunk.ids)
        if choice.verb != "call":
            break
        is_up = choice.tool not in layers.down
        stage = next((n for n, tools in enumerate(layers.stages) if choice.tool in tools), 0)
        engine.append([seq], [result_words(OK if is_up else DOWN, stage, choice.tool)])
        done += [choice.tool] * is_up
    return _is_right(choice, done, layers)


def _is_right(choice: Choice, done: Sequence[int], layers: Layers) -> bool:
    """Compare the tools that worked with the stages, up to the first that has none."""
    whole = [set(tools) - layers.down for tools in layers.stages]
    reachable = whole.index(set()) if set() in whole else len(whole)
    is_in_order = len(done) == reachable and all(
        tool in tools for tool, tools in zip(done, whole, strict=False)
    )
    return is_in_order and choice.verb == ("done" if layers.is_feasible else "hand_off")
