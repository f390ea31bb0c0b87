"""What choosers learn from: an expert's walks on random graphs of layers, with faults.

    stages 2..6, tools per stage 1..3, numbers of tools drawn anew
    faults: none, one tool down, several, a whole stage; errors that pass; a risk behind a stage

The expert takes the cheapest tool of a stage, calls again what failed in passing, goes on to the next one of the
stage where one is down, and hands off behind a risk or where none is left. **Tools that are late do not occur**:
that kind of fault is kept out of training, so that it can be asked what a model does with one.

The graphs of the task have none of these numbers; graphs of the `held-out` split are those whose draw a hash
keeps out of training.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.tools.substrate import choice_words as tokens
from adabench.workloads.agents.tools.substrate.choice_words import (
    Ids,
    call_words,
    prompt_words,
    result_words,
)
from adabench.workloads.shared.language_model.contract import mix

Faults = Literal["none", "one", "several", "stage"]
Split = Literal["train", "held-out"]
SHARES: tuple[tuple[Faults, float], ...] = (
    ("none", 0.3), ("one", 0.25), ("several", 0.25), ("stage", 0.2),
)  # fmt: skip
MOST_STAGES, MOST_ALTERNATIVES = 6, 3
ERROR_RATE, RISK_RATE = 0.08, 0.1
MOST_ERRORS = 5
"""Of a walk: an expert has patience, and a trace an end."""
_WALK, _SPLIT = 0x3A1C, 0x5B11
_HELD_OUT = 4
"""One graph in so many is kept out of training."""


@dataclass(frozen=True)
class Layers:
    """A random graph as a prompt has it, and what is wrong with it."""

    stages: tuple[tuple[int, ...], ...]
    """Numbers of tools, from the cheapest on."""
    down: frozenset[int]
    risky: int | None
    """The stage behind which a risk shows."""
    error_rate: float

    @property
    def prompt(self) -> Ids:
        """Return the prompt."""
        return prompt_words(self.stages)

    @property
    def is_feasible(self) -> bool:
        """Tell whether every stage has a tool that works and nothing is risky."""
        return self.risky is None and all(set(tools) - self.down for tools in self.stages)


@dataclass(frozen=True)
class Walk:
    """A prompt, an expert's words with results, and which of them are the expert's own."""

    prompt: Ids
    words: Ids
    own: tuple[bool, ...]


def walks(seed: int) -> Iterator[Walk]:
    """Yield walks for ever, on graphs of the train split."""
    count = 0
    while True:
        draws = Draws(mix(_WALK, seed, count))
        faults = draws.weighted(SHARES)
        yield walk(draw_layers(mix(_WALK, seed, count, 1), faults, "train"), draws)
        count += 1


def draw_layers(seed: int, faults: Faults, split: Split, error_rate: float = ERROR_RATE) -> Layers:
    """Draw a graph of a split with faults of a kind."""
    attempt = 0
    while True:
        draws = Draws(mix(seed, attempt))
        sizes = [
            1 + draws.below(MOST_ALTERNATIVES) for _ in range(2 + draws.below(MOST_STAGES - 1))
        ]
        numbers = draws.distinct(range(tokens.TOOLS), sum(sizes))
        stages = tuple(
            tuple(numbers[sum(sizes[:k]) : sum(sizes[: k + 1])]) for k in range(len(sizes))
        )
        is_held_out = mix(_SPLIT, *prompt_words(stages)) % _HELD_OUT == 0
        if is_held_out == (split == "held-out"):
            risky = (
                draws.below(len(sizes)) if draws.chance(RISK_RATE) and split == "train" else None
            )
            return Layers(stages, _down(draws, stages, faults), risky, error_rate)
        attempt += 1


def _down(draws: Draws, stages: tuple[tuple[int, ...], ...], faults: Faults) -> frozenset[int]:
    """Draw which tools are down; `one` and `several` leave each stage a tool if they can."""
    if faults == "none":
        return frozenset()
    if faults == "stage":
        return frozenset(draws.pick(stages))
    spare = [tool for tools in stages for tool in draws.distinct(tools, len(tools) - 1)]
    if not spare:
        return frozenset()
    count = 1 if faults == "one" else 1 + draws.below(len(spare))
    return frozenset(draws.distinct(spare, count))


def walk(layers: Layers, draws: Draws) -> Walk:
    """Return the expert's walk."""
    words: list[int] = []
    own: list[bool] = []

    def write(part: Ids, is_own: bool) -> None:
        words.extend(part)
        own.extend([is_own] * len(part))

    stage, place, errors = 0, 0, 0
    while stage < len(layers.stages):
        tools = layers.stages[stage]
        if place == len(tools):
            break
        tool = tools[place]
        write(call_words(tool), True)
        if tool in layers.down:
            status, place = tokens.DOWN, place + 1
        elif errors < MOST_ERRORS and draws.chance(layers.error_rate):
            status, errors = tokens.ERROR, errors + 1
        else:
            status = tokens.RISK if layers.risky == stage else tokens.OK
        write(result_words(status, stage, tool), False)
        if status == tokens.RISK:
            break
        stage, place = (stage + 1, 0) if status == tokens.OK else (stage, place)
    write((tokens.DONE if stage == len(layers.stages) else tokens.HAND_OFF, tokens.END_STEP), True)
    return Walk(layers.prompt, tuple(words), tuple(own))
