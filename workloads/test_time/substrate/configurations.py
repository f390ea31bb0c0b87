"""Configurations to choose among: a model and how many samples of it vote. What they answered, and a choice.

    table = task.responses()                              calibration questions, really answered
    with task.session(question, pooled=True) as session:
        route(session, table.menu, forecast, w)           the prompt is read, and one of them really runs
    return session.best

One vote is a greedy completion. Whoever looks at the prompt's state has read the prompt with the
smallest policy, and has paid for that; if that policy answers, it goes on from there.

From probabilities p of a right answer, and prices c over that of the dearest, to a choice:

    linear       argmax  w p - (1 - w) c                  corners of the convex front alone
    chebyshev    argmin  max(w (1 - p), (1 - w) c)        other points of the front too

Ties go to the configuration that stands first in the list.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.written_sequence import POLICY
from adabench.workloads.test_time.substrate.item_response import moments
from adabench.workloads.test_time.substrate.voting import vote

Floats = NDArray[np.float64]
Forecast = Callable[[Floats], Floats]
"""From embeddings [n, D] to probabilities of a right answer [n, configurations]."""
FIFTHS = 5
"""Parts of the calibration questions: a run's seed leaves one of them out."""
WEIGHTS = tuple(float(w) for w in 1.0 - np.linspace(1.0, 0.0, 41) ** 2)
"""A dial from 0 to 1 that turns slowly where prices differ most."""
SHIPPED_AS = {"right": np.uint8, "generated": np.int16, "flops": np.float32}
"""The columns of responses, and as what numbers they are stored."""


@dataclass(frozen=True)
class Configuration:
    """One way to answer a question."""

    name: str
    role: str
    """Of the session's policies."""
    votes: int


def configurations_of(roles: Mapping[str, str], votes: Sequence[int]) -> tuple[Configuration, ...]:
    """Return every model, by its name and its role in a session, with each number of votes."""
    return tuple(
        Configuration(f"{model}@{count}", role, count)
        for model, role in roles.items()
        for count in votes
    )


@dataclass(frozen=True)
class Menu:
    """What a router chooses among, and what it sees of a question."""

    configurations: tuple[Configuration, ...]
    prices: Floats
    """[configurations], mean FLOPs over those of the dearest."""
    axes: Floats | None = None
    """[width, D], along which prompts are told apart; None: along all that a state has."""

    def embedding(self, states: NDArray[np.float32]) -> Floats:
        """Return the embedding [D] of a prompt by its final states [n, width]."""
        state = prompt_state(states)
        return state if self.axes is None else np.asarray(state @ self.axes, np.float64)


@dataclass(frozen=True)
class ResponseTable:
    """What every configuration answered to questions for calibration; no question of a test is there."""

    configurations: tuple[Configuration, ...]
    states: Floats
    """[n, D], the embedding of each question."""
    levels: Floats
    """[n], how hard each question is by its task's own measure; no router looks at it."""
    right: Floats
    """[n, configurations], 1 where the answer was right."""
    generated: Floats
    """[n, configurations], words."""
    flops: Floats
    """[n, configurations], as the sessions counted them, the prompt's reading included."""
    axes: Floats | None = None
    """See `Menu`."""

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "ResponseTable":
        """Return some of the questions."""
        return replace(
            self, states=self.states[chosen], levels=self.levels[chosen],
            right=self.right[chosen], generated=self.generated[chosen], flops=self.flops[chosen],
        )  # fmt: skip

    def without_fifth(self, fifth: int) -> "ResponseTable":
        """Return four fifths of the questions: one split of five."""
        return self.rows(np.arange(len(self.right)) % FIFTHS != fifth % FIFTHS)

    @property
    def prices(self) -> Floats:
        """Return the mean FLOPs of each configuration over those of the dearest."""
        means = self.flops.mean(axis=0)
        return np.asarray(means / means.max(), np.float64)

    def named(self, name: str) -> Configuration:
        """Return the configuration of a name.

        Raises:
            SelectionError: if there is none.
        """
        known = {one.name: one for one in self.configurations}
        if name not in known:
            raise SelectionError(f"There is no configuration {name!r}.", nearest(name, known))
        return known[name]

    @property
    def menu(self) -> Menu:
        """Return what a router chooses among."""
        return Menu(self.configurations, self.prices, self.axes)


def prompt_state(states: NDArray[np.float32]) -> Floats:
    """Return the mean [width] of a prompt's final states [n, width]."""
    return np.asarray(states.mean(axis=0, dtype=np.float64), np.float64)


def answer(session: Session, configuration: Configuration, begun: Seq | None = None) -> None:
    """Answer the question with a configuration; `begun` is the prompt as the first policy read it."""
    is_first = configuration.role == POLICY and begun is not None
    root = begun if is_first and begun else session.open(policy=configuration.role)
    if configuration.votes == 1:
        session.decode([root], temperature=0.0)
        session.offer(root.completion)
        return
    leaves = session.fork(root, configuration.votes)
    session.decode(leaves)
    with session.aside():
        ballots = [leaf.completion for leaf in leaves]
        session.offer(vote(ballots, [1.0] * len(ballots), session.answer))


class PooledTask(Protocol):
    """A task with sessions that have a pool."""

    def session(self, question: Question, *, pooled: bool = ...) -> Session:
        """Return a session on a question."""
        ...


class GradedPool(PooledTask, Protocol):
    """The same, with an account of what was decoded, and with grades."""

    @property
    def meter(self) -> Meter:
        """Return the counts of the latest session."""
        ...

    def account(self, question: Question, completion: object) -> tuple[int, ...]:
        """Return a completion, if it was decoded."""
        ...

    def credit(self, question: Question, completion: tuple[int, ...]) -> bool:
        """Return whether a completion is right."""
        ...


def answer_with(
    task: PooledTask, question: Question, configuration: Configuration
) -> tuple[int, ...]:
    """Return what a configuration answers, in a session of its own."""
    with task.session(question, pooled=True) as session:
        answer(session, configuration)
    return session.best


def route(
    session: Session, menu: Menu, forecast: Forecast, weight: float, rule: str = "linear"
) -> None:
    """Read the prompt with the first policy, and answer with the configuration that is worth it."""
    root = session.open()
    states = session.hidden(root, 0)
    with session.aside():
        chances = forecast(menu.embedding(states)[None])
        chosen = choose(chances, menu.prices, weight, rule)
    answer(session, menu.configurations[chosen[0]], root)


def choose(chances: Floats, prices: Floats, weight: float, rule: str) -> NDArray[np.intp]:
    """Return the chosen configuration [n] by probabilities [n, configurations] and prices."""
    if rule == "linear":
        gains = weight * chances - (1.0 - weight) * prices
    elif rule == "chebyshev":
        gains = -np.maximum(weight * (1.0 - chances), (1.0 - weight) * prices)
    else:
        raise ValueError(f"No rule is called {rule!r}; use linear or chebyshev.")
    return np.asarray(np.argmax(gains, axis=1), np.intp)


def chosen_by_weights(chances: Floats, prices: Floats, rule: str) -> NDArray[np.intp]:
    """Return the choices at every setting of the dial: [settings, n]."""
    return np.stack([choose(chances, prices, weight, rule) for weight in WEIGHTS])


def neighbour_means(known: Floats, right: Floats, states: Floats, count: int) -> Floats:
    """Return the share of right answers [n, configurations] among the nearest known questions.

    Embeddings are standardised over the known ones; of equally near ones the first count.
    """
    centre, spread = moments(known)
    near, far = (states - centre) / spread, (known - centre) / spread
    distances = (far**2).sum(axis=1)[None, :] - 2.0 * near @ far.T
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(count, len(known))]
    return np.asarray(right[nearest].mean(axis=1), np.float64)


def collect_responses(
    task: GradedPool,
    configurations: Sequence[Configuration],
    questions: Sequence[Question],
    progress: Callable[[int, int], None],
) -> dict[str, Floats]:
    """Let every configuration answer every question, each in a session of its own, as in a run.

    Returned is by name of a column of the table, [n, configurations]. Completions are confirmed by the
    task's ledger, and words and FLOPs are what that session counted, all votes included.

    Raises:
        MethodContractError: for a completion that no engine drew.
    """
    found = {name: np.zeros((len(questions), len(configurations))) for name in SHIPPED_AS}
    for row, question in enumerate(questions):
        for column, one in enumerate(configurations):
            task.meter.clear()
            completion = task.account(question, answer_with(task, question, one))
            found["right"][row, column] = task.credit(question, completion)
            found["generated"][row, column] = task.meter["generated"]
            found["flops"][row, column] = task.meter["flops_counted"]
        progress(row + 1, len(questions))
    return found


def worth(
    configurations: Sequence[Configuration], responses: Mapping[str, Floats]
) -> dict[str, float]:
    """Return the accuracy and the mean MFLOP of each configuration, for the card of its responses."""
    means = {
        "accuracy": responses["right"].mean(axis=0),
        "MFLOP": responses["flops"].mean(axis=0) / 1e6,
    }
    return {
        f"{what} {one.name}": round(float(mean), 4)
        for what, found in means.items()
        for one, mean in zip(configurations, found, strict=True)
    }
