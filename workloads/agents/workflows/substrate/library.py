"""A library of graphs of operators: which are in it, which one suits a prompt, and what to do when one has answered.

    episodes, one or several -> a vote, if several -> a critic, if any -> an episode where it is not sure

`GraphPlan` holds such a graph in five numbers, so that a search can change it: whatever it holds can run. A file has, for each mix
of requests, the graph that a search left; six graphs of the library; a linear head by which each is right; their mean
words; and a table of edits.

**Edits.** Behind an answer four things are known: what a critic said of it, whether a tool failed, whether answers disagree, how many
edits are left. The table says for each: stop, ask the critic, or let the next policy solve it anew with a way back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.named_models import training_of
from adabench.workloads.agents.substrate.policy_recipes import SHIPPED, TRAININGS
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.strategy_adapter import kind_of
from adabench.workloads.agents.substrate.workflow import Operator, Template
from adabench.workloads.shared.language_model.contract import Floats
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.recipe_card import Gate, refuse_misses

FOLDER = Path(__file__).parents[1] / "checkpoints"
NAME = "graph-library"
POLICIES = ("", "apo", "flat")
SOLVES = tuple(product(MODE_NAMES, POLICIES))
"""Modes and policies of an episode."""
MIXES = ("arith", "kb", "all")
SIZE, EDITS, PRICE = 6, 3, 0.0003
"""Graphs of a library; edits of an answer; what a word costs, in points of accuracy, where graphs are chosen."""
STOP, VERIFY, SOLVE = range(3)
STATES = (3, 2, 3, EDITS + 1)
"""Verdict none, low, high; a tool failed or not; answers one, alike, unlike; edits left."""
GATES = (
    Gate("room", "what the best graph for each kind answers above the best for all, on labels", low=0.005),
)  # fmt: skip
Numbers = npt.NDArray[np.float64]


class GraphPlan(NamedTuple):
    """A graph in numbers: places in `SOLVES` and `POLICIES`; -1 for none."""

    first: int
    second: int = -1
    third: int = -1
    critic: int = -1
    other: int = -1
    """The episode where the critic is not sure."""

    @property
    def template(self) -> Template:
        """Return the workflow."""
        nodes: list[Operator] = []
        edges: list[tuple[int, int]] = []
        for place in (one for one in self[:3] if one >= 0):
            mode, policy = SOLVES[place]
            is_again = any(node.mode == mode and node.policy == policy for node in nodes)
            nodes.append(Operator("solve", mode, policy, heat=1.0 if is_again else 0.0))
        if len(nodes) > 1:
            edges += [(n, len(nodes)) for n in range(len(nodes))]
            nodes.append(Operator("vote"))
        if self.critic >= 0 and self.other >= 0:
            last = len(nodes) - 1
            mode, policy = SOLVES[self.other]
            nodes += [
                Operator("verify", policy=POLICIES[self.critic]),
                Operator("escalate", mode, policy),
            ]
            edges += [(last, last + 1), (last + 1, last + 2)]
        return Template(tuple(nodes), tuple(edges))


CHK, ACT, COT = (SOLVES.index((mode, "")) for mode in ("chk", "act", "cot"))
HAND = GraphPlan(ACT, critic=0, other=SOLVES.index(("chk", "flat")))
"""Tools; a critic; where it is not sure another policy, with a way back."""
SINGLE, VOTES = (
    GraphPlan(CHK),
    GraphPlan(CHK, SOLVES.index(("chk", "apo")), SOLVES.index(("chk", "flat"))),
)


@dataclass(frozen=True)
class LibraryRecipe:
    """Of which policy's team, and from how many questions."""

    name: str
    policy: str
    seed: int
    rounds: int = 12
    validation: int = 30
    questions: int = 480
    """That each graph of the library answers."""
    steps: int = 400
    """Of the head."""
    forecast_s: int = 40


def recipes() -> dict[str, LibraryRecipe]:
    """Return every recipe by name: the small policies that ship, in turn."""
    made = [
        LibraryRecipe(f"{NAME}-s{s}", f"agent-s-s{SHIPPED[s % len(SHIPPED)]}", s) for s in TRAININGS
    ]
    return {recipe.name: recipe for recipe in made}


@dataclass(frozen=True)
class Selector:
    """By which each graph of a library is right on a prompt: a linear head."""

    weight: Floats
    shift: Floats

    @property
    def flops(self) -> int:
        """Return what one prompt costs."""
        return 2 * self.weight.size

    def odds(self, state: Floats) -> tuple[float, ...]:
        """Return how surely each graph is right, for a state [width]."""
        logits = (self.weight @ state + self.shift).astype(np.float64)
        return tuple((1 / (1 + np.exp(-logits))).tolist())


@dataclass(frozen=True)
class Library:
    """What a training left."""

    searched: tuple[GraphPlan, ...]
    """By mix."""
    graphs: tuple[GraphPlan, ...]
    selector: Selector
    words: Numbers
    """Mean words of each graph."""
    edits: npt.NDArray[np.int64]
    """What to do, by state."""
    search_words: tuple[int, ...]
    """By mix."""
    library_words: int
    """Of the searches, and of all graphs on labelled questions."""
    edit_words: int
    """Of what edits were tried on labelled questions."""

    def choice(self, odds: Sequence[float]) -> int:
        """Return the graph that is worth most."""
        return int(np.argmax(np.array(odds) - PRICE * self.words))


def mix_of(prompts: Sequence[Sequence[int]]) -> int:
    """Return which mix of requests prompts show: sums alone, facts alone, or whatever else."""
    families = {kind_of(prompt).rstrip("0123456789") for prompt in prompts}
    (only, *rest) = sorted(families)
    return MIXES.index(only) if not rest and only in MIXES else MIXES.index("all")


def state_of(
    sure: float | None, failed: bool, answers: Sequence[Any], left: int
) -> tuple[int, ...]:
    """Return the row of the table of edits: what is known behind the latest answer."""
    verdict = 0 if sure is None else 1 + (sure >= 0.5)
    stated = {answer for answer in answers if answer is not None}
    agreement = 0 if len(answers) < 2 else 1 + (len(stated) > 1)
    return verdict, int(failed), agreement, left


def best_of(answers: Sequence[Any], sures: Sequence[float | None]) -> int:
    """Return the answer that a critic finds surest; unread ones count a half, and what is stated again a bit more."""
    worth = [
        (0.5 if sure is None else sure) + 0.1 * (list(answers).count(answer) - 1)
        if answer is not None
        else -1.0
        for answer, sure in zip(answers, sures, strict=True)
    ]
    return int(np.argmax(worth))


def library(task: AgentStreams) -> Library:
    """Return the library of the policy that serves a task.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    assert task.model.policy is not None, "libraries are of our own policies"
    name = training_of(task.model.policy.name, task.seed, recipes(), FOLDER, "library")
    return read_library(name, checkpoints.home(name, FOLDER))


@lru_cache(maxsize=8)
def read_library(name: str, folder: Path) -> Library:
    """Read a file that passes its gates."""
    refuse_misses(name, folder, GATES)
    return restored(checkpoints.weights(name, folder, recipes()[name].forecast_s))


def restored(weights: Mapping[str, Any]) -> Library:
    """Return what a file holds."""
    parts = {name: weight.numpy() for name, weight in weights.items()}
    spent = [int(n) for n in parts["spent"]]
    return Library(
        tuple(GraphPlan(*map(int, row)) for row in parts["searched"]),
        tuple(GraphPlan(*map(int, row)) for row in parts["graphs"]),
        Selector(parts["weight"], parts["shift"]),
        parts["words"].astype(np.float64),
        parts["edits"].astype(np.int64).reshape(STATES),
        tuple(spent[: len(MIXES)]),
        spent[-2],
        spent[-1],
    )
