"""Position oracle of Duo-LLM: for each position the pattern that loses least at its own target.

The paper's stage 2. One position changes its pattern, all others run big everywhere; of all
patterns with exactly `budget` big modules (small elsewhere; with `options=3` small or skip) it
takes the one with the lowest loss of *its own next token*, found by trying every one
(`pattern_search.py`). This is the minimum over many draws, chosen by the label, and lower by chance
alone. So it carries:

    dealt     the pattern that was best for another position whose target is of the same class
    lucky     the best of as many random patterns out of all 729, whatever they cost
    classes   what is gained where the target is random, and nothing can be gained but by luck
    luck()    the same search on random answers that are all wrong

Operands are scored twice: by the next token, which is random there, and by the head that reads
the running value (`loss_running`), which is what they are to compute.

**Cost.** A position's keys and values are read by no one else here, so each pays for the all-big
run around it and for its own: 6 layers and 3.81 at `budget=1`. The search is not counted. It is a
`bound` on one position at a time, not on a router of all of them.

**What is simplified.** Two options by default, as in the paper's enumeration: 6 patterns at one
big module, 20 at three. All 729 are tried by `options=3` over the budgets 0 to 6.

**What to expect.** Written when the oracle had been seen on a prototype of 1000 steps (seed 0,
two batches): loss at answers 0.977 of big everywhere, 0.984 of dealt patterns, 1.01 of the best
of six random ones, and four times as much gained at random targets as at answers. The same here:
the headline holds and half of its controls do not, so it does not count.

**Ways to fake it.** Calling it a method; changing other positions' patterns too; quoting the
minimum without what luck gains; a context for free.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger.substrate.duo import pattern_search as study
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoReader, Studied
from adabench.workloads.depth_width.ledger.truth import oracle_targets as judging
from adabench.workloads.depth_width.ledger.truth.oracle_scoring import classes
from adabench.workloads.depth_width.ledger.truth.oracle_task import OracleTask
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream import Corpus

CARD = Card(
    title="Oracle: the best pattern of each position",
    paper="the oracle of Duo-LLM, arXiv 2410.10846, one position at a time",
    slug="duo-llm",
    adapts="which MLP a position runs in each layer, with its next token in hand",
    role="oracle",
    oracle="bound",
    conditions={"mode": "prefill"},
    knobs=(
        Knob("budget", (1, 3), 1, at="prepare", open=True, low=0, high=6),
        Knob("options", (2,), 2, at="prepare", open=True, low=2, high=3),
    ),
)


LUCKY = 6
"""Random patterns are tried beside so many of the oracle's, and not beside more: they are dear."""


@dataclass(frozen=True)
class Placed:
    """A reader; for every batch each position's options, and other readings of it."""

    reader: DuoReader
    options: tuple[Tensor, ...]
    """Of each batch, [layers, sequences, tokens]."""
    views: tuple[Mapping[str, Tensor], ...]
    running: tuple[Mapping[str, Tensor], ...]
    patterns: tuple[study.Pattern, ...]


def prepare(task: OracleTask, point: Point, seed: int) -> Placed:
    """Search every position of every batch, and what shuffling and luck would give."""
    reader, found = task.duo_reader(), []
    layers = reader.duo.model.shape.layers
    patterns = study.placed(layers, int(point["budget"]), skips=int(point["options"]) == 3)
    for batch in task.cases():
        corpus = task.corpora[batch.index]
        found.append(sought(reader, batch, corpus, patterns, 1_000 * seed + batch.index))
    options, views, running = zip(*found, strict=True)
    return Placed(reader, options, views, running, patterns)


Found = tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]


def sought(
    reader: DuoReader,
    batch: Batch,
    corpus: Corpus,
    patterns: tuple[study.Pattern, ...],
    seed: int,
) -> Found:
    """Return the options of every position, and its views."""
    duo, tokens = reader.duo, torch.from_numpy(batch.tokens)
    head, value = duo.model.head, duo.sides.value
    following = judging.Reading(head, judging.next_tokens(corpus))
    carried = judging.Reading(value, judging.running_values(corpus))
    stage = judging.scenes(duo, tokens, study.positions)
    best, valued = judging.tried(stage, patterns, following, carried)
    big, generator = judging.all_big(stage), torch.Generator().manual_seed(seed)
    options = best.options
    dealt = study.dealt(options, kinds(corpus), generator)
    with torch.inference_mode():
        views = {
            "big": head(big),
            "dealt": judging.along(stage, dealt),
        }
        if len(patterns) <= LUCKY:
            luckily = study.luckily(duo.model.shape.layers, len(patterns), seed)
            (lucky,) = judging.tried(stage, luckily, following)
            views["lucky"] = lucky.logits
        running = {"own": valued.logits, "big": value(big)}
    return options, views, running


def kinds(corpus: Corpus) -> Tensor:
    """Number the classes of targets, [sequences, tokens]: patterns are dealt within a class."""
    found = torch.zeros(corpus.inputs.shape, dtype=torch.long)
    for number, mask in enumerate(classes(corpus.labels).values()):
        found[torch.from_numpy(mask)] = number
    return found


def luck(task: OracleTask, placed: Placed, *, wrong: int) -> dict[str, float]:
    """Return accuracies: big everywhere, the best pattern of each answer, and chance.

    `best_chance`: what the same search reaches on random values that are all wrong, and `big_chance`
    what big everywhere does there. What the one gains over the other it gains by luck.
    """
    duo, patterns = placed.reader.duo, placed.patterns
    sums = dict.fromkeys(("big", "best", "big_chance", "best_chance"), 0.0)
    batches = list(task.cases())
    for batch in batches:
        tokens, corpus = torch.from_numpy(batch.tokens), task.corpora[batch.index]
        stage = judging.scenes(duo, tokens, study.positions)
        with torch.inference_mode():
            big = duo.model.head(judging.all_big(stage))
        for seed, names in ((None, ("big", "best")), (wrong, ("big_chance", "best_chance"))):
            wanted = judging.next_tokens(corpus, seed)
            reading = judging.Reading(duo.model.head, wanted)
            (found,) = judging.tried(stage, patterns, reading)
            for name, logits in zip(names, (big, found.logits), strict=True):
                credit = task.credit(batch, Answer(logits, ()), wrong=seed)
                sums[name] += float(credit.sum()) / len(batches)
    return sums | {
        "by_truth": sums["best"] - sums["big"],
        "by_chance": sums["best_chance"] - sums["big_chance"],
    }


def solve(placed: Placed, batch: Batch, point: Point) -> Studied:
    """Read the batch with big modules, then every position along its own pattern against that."""
    answer = placed.reader.read_apart(batch, placed.options[batch.index])
    return placed.reader.studied(
        answer, views=placed.views[batch.index], running=placed.running[batch.index]
    )
