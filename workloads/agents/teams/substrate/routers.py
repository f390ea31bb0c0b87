"""What is known of a team before it serves: which class a request is of, and how paths did on labelled requests.

    odds = softmax(W h + b)       h: the first policy's state at the end of the prompt; a row for each class

Classes are sums, facts, and both. `trained`: W was fitted to labelled prompts. `zero`: the rows of W are those by which the policy
itself finds its next word likely, the modes: a chain for sums, tools for facts, tools with a way back for both. Nothing was
fitted for it, and what it reads is what the policy would say if it was asked.

Beside the heads a file holds what each of the 36 paths did on labelled questions, one by one, and what it cost by kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adabench.workloads.agents.substrate.named_models import training_of
from adabench.workloads.agents.substrate.policy_recipes import SHIPPED, TRAININGS
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.strategy_adapter import KINDS, kind_of
from adabench.workloads.agents.teams.substrate.paths import PATHS
from adabench.workloads.shared.language_model.contract import Floats
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.recipe_card import Gate, refuse_misses

FOLDER = Path(__file__).parents[1] / "checkpoints"
CLASSES = ("arith", "kb", "mix")
GATES = (
    Gate("trained", "classes of held-out prompts that the trained head finds", low=0.9),
    Gate("room", "what a table of paths by kind gains over the best path for all, on labels", low=0.05),
)  # fmt: skip
NAME = "team-router"
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RouterRecipe:
    """Of which policy's team, and from how many questions."""

    name: str
    policy: str
    seed: int
    questions: int = 640
    """Labelled: each is answered by every path."""
    prompts: int = 2400
    """Labelled prompts for the head, which nobody answers."""
    steps: int = 300
    forecast_s: int = 40


def recipes() -> dict[str, RouterRecipe]:
    """Return every recipe by name: the small policies that ship, in turn."""
    made = [
        RouterRecipe(f"{NAME}-s{s}", f"agent-s-s{SHIPPED[s % len(SHIPPED)]}", s) for s in TRAININGS
    ]
    return {recipe.name: recipe for recipe in made}


@dataclass(frozen=True)
class ClassHead:
    """A linear head on a state."""

    weight: Floats
    """[classes, width]."""
    shift: Floats

    @property
    def flops(self) -> int:
        """Return what the odds of one prompt cost."""
        return 2 * self.weight.size

    def odds(self, state: Floats) -> tuple[float, ...]:
        """Return the odds of the classes for a state [width]."""
        logits = (self.weight @ state + self.shift).astype(np.float64)
        shares = np.exp(logits - logits.max())
        return tuple(float(share) for share in shares / shares.sum())


@dataclass(frozen=True)
class Router:
    """What is known of a team."""

    trained: ClassHead
    zero: ClassHead
    kinds: npt.NDArray[np.int64]
    """Of labelled questions, as places in `KINDS`, [questions]."""
    right: Numbers
    """Which path answered which question rightly, [questions, paths]."""
    words: Numbers
    """Mean words by kind and path, [kinds, paths]."""
    training_words: int
    """What all paths on all labelled questions took."""

    @cached_property
    def by_kind(self) -> Numbers:
        """Return the share of right answers, [kinds, paths]."""
        return np.array([self.right[self.kinds == kind].mean(axis=0) for kind in range(len(KINDS))])

    def of_class(self, values: Numbers) -> Numbers:
        """Return the means over each class's kinds of values [kinds, paths]."""
        classes = [[k for k, kind in enumerate(KINDS) if kind.startswith(one)] for one in CLASSES]
        return np.array([values[rows].mean(axis=0) for rows in classes])

    def class_of(self, kind: int) -> Numbers:
        """Return 1 at the class of a kind, and 0 at others, [classes]."""
        return np.array([float(KINDS[kind].startswith(one)) for one in CLASSES])

    def kind(self, prompt: Sequence[int]) -> int | None:
        """Return which kind a prompt shows; None for one that no question had."""
        found = kind_of(prompt)
        return KINDS.index(found) if found in KINDS else None


def router(task: AgentStreams) -> Router:
    """Return what is known of the team that serves a task; the stream that is served next bears its training.

    Raises:
        EnvironmentProblem: if it was not trained yet, or misses a gate.
    """
    assert task.model.policy is not None, "a team is of our own policies"
    name = training_of(task.model.policy.name, task.seed, recipes(), FOLDER, "router")
    found = read_router(name, checkpoints.home(name, FOLDER))
    task.book_training(found.training_words)
    return found


@lru_cache(maxsize=8)
def read_router(name: str, folder: Path) -> Router:
    """Read a file that passes its gates."""
    refuse_misses(name, folder, GATES)
    return restored(checkpoints.weights(name, folder, recipes()[name].forecast_s))


def restored(weights: Mapping[str, Any]) -> Router:
    """Return what a file holds."""
    parts = {name: weight.numpy() for name, weight in weights.items()}
    kinds = parts["kinds"].astype(np.int64)
    bits = np.unpackbits(parts["right"].astype(np.uint8), axis=1)[:, : len(PATHS)]
    words = parts["words"].astype(np.float64)
    return Router(
        ClassHead(parts["weight"], parts["shift"]),
        ClassHead(parts["zero"], np.zeros(len(CLASSES), np.float32)),
        kinds,
        bits.astype(np.float64),
        words,
        int(sum(words[kind].sum() for kind in kinds)),
    )
