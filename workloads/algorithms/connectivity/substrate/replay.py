"""The task object: serves a stream with a method and counts.

`task.py` says what is measured and why; `update_loop.py` is the compiled loop this drives. Predictions are
data, fixed before anything runs. One comes with an insertion: when this edge will be deleted.

| hints    | an insertion is told                                                |
|----------|---------------------------------------------------------------------|
| none     | nothing                                                             |
| given    | the spoilt deletion time                                            |
| shuffled | insertion + the lifetime predicted for another edge, drawn at random |
| true     | the deletion time: the future, for the oracle                       |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    COUNTERS,
    FINDS,
    FULL,
    REACH,
    SCANS,
    STORES,
    UNIONS,
    Flags,
    Ints,
    Run,
    Small,
    Start,
    run_once,
)
from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    COINS,
    Beginning,
    Stream,
    beginning,
)
from adabench.workloads.shared.compiled.hooks import Hook, stream_of
from adabench.workloads.shared.counting import counted_task
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask
from adabench.workloads.shared.counting.random_streams import child, read_only

Kind = Literal["none", "given", "shuffled", "true"]
SECRET: frozenset[Kind] = frozenset(("true",))
"""What oracles alone are told."""
Ladder = Mapping[float, Small]
"""By noise scale: the `given` hints (T,) of a case as they would be there."""
WORDING = Wording(
    "serve",
    foreign="The answer is not the task's own service of this case.",
    twice="It serves a case more than once and answers with one.",
)
ROOM = 8
"""List entries per inserted edge that a method is given at first; it is doubled if they run out."""
ROOMY = 4_000_000
"""Room that is given at once where the most that can be needed is not more."""


@dataclass(frozen=True)
class Advice:
    """The hints of one case, fixed before any method runs."""

    stream: Stream
    """The case."""
    hints: Mapping[Kind, Small]
    """By kind, (T,) each, -1 at deletions; `none` is empty."""


@dataclass(frozen=True)
class Predictions:
    """What the loop tells a method insertion by insertion, and what it is run on again off the
    record, for the slope of its work over the error.
    """

    advice: Advice
    ladder: Ladder


@dataclass(frozen=True)
class Service:
    """What came of one method on one stream."""

    instance: float
    hints: Kind
    answers: Flags
    """(T,) read-only."""


@dataclass(frozen=True)
class Order:
    """A method's hooks and what it asked `serve` for."""

    update: Hook
    query: Hook
    notes: Callable[[Start], Any]
    hints: Kind


class Tally(NamedTuple):
    """What was counted in a service."""

    order: Order
    run: Run


@dataclass(frozen=True)
class Outcome:
    """What a service came to: plain data, for the scorer."""

    hints: Kind
    ledger: Ints
    answers: Flags
    """(T,)"""
    worst: int
    """Steps of the dearest update."""
    unions: dict[float, float]
    """By noise scale: what the same hooks unite with the predictions of another scale."""


class Connectivity(CountedTask[Stream, Predictions, Order, Service, Tally, Outcome]):
    """The task: its cases and the counting loop."""

    wording = WORDING
    noun = "stream"

    @staticmethod
    def case_of(world: Predictions) -> Stream:
        """Return the stream."""
        return world.advice.stream

    @staticmethod
    def run_in(
        world: Predictions, order: Order, *, listened: bool
    ) -> counted_task.Run[Service, Tally]:
        """Serve the stream once."""
        case = world.advice.stream
        ran, trail = run_order(world.advice, order, listened=listened)
        answer = Service(case.instance, order.hints, read_only(ran.answers))
        return counted_task.Run(answer, Tally(order, ran), _added(case, ran.ledger), trail)

    @staticmethod
    def outcome(world: Predictions, counted: Tally) -> Outcome:
        """Return what was counted, and what the same hooks unite with other predictions."""
        order, ran = counted
        again = world.ladder if order.hints == "given" else {}
        unions = {scale: _unions(world.advice, order, told) for scale, told in again.items()}
        return Outcome(order.hints, ran.ledger, ran.answers, ran.worst, unions)

    @staticmethod
    def revealed(world: Predictions, *, oracle: bool) -> Predictions:
        """Return what is told insertion by insertion; the true deletion times for oracles alone."""
        hints = world.advice.hints
        told = {kind: hints[kind] for kind in hints.keys() - (frozenset() if oracle else SECRET)}
        return Predictions(Advice(world.advice.stream, told), world.ladder)

    @staticmethod
    def entered(world: Predictions) -> Predictions:
        """Freeze the predictions."""
        hints = {kind: read_only(told) for kind, told in world.advice.hints.items()}
        ladder = {scale: read_only(told) for scale, told in world.ladder.items()}
        return Predictions(Advice(world.advice.stream, hints), ladder)

    def training(self) -> tuple[Beginning, ...]:
        """Return the first fifth of each stream, which may be learned from."""
        return self.examples or tuple(beginning(stream) for stream in self.known)

    def serve(
        self,
        case: Stream,
        update: Hook,
        query: Hook,
        notes: Callable[[Start], Any],
        *,
        hints: Kind = "none",
    ) -> Service:
        """Serve all updates and queries of a stream, once, and count.

        `notes` makes the method's arrays from what is known before the first update; `update`
        and `query` are made with `@hook`.

        Raises:
            MethodContractError: if a hook is not compiled.
        """
        return self.count(case, Order(update, query, notes, hints))


def _unions(advice: Advice, order: Order, told: Small) -> float:
    """Run a method's hooks again, off the record, with other predictions of the same stream."""
    there = replace(advice, hints={order.hints: told})
    return float(run_order(there, order)[0].ledger[UNIONS])


def run_order(advice: Advice, order: Order, *, listened: bool = False) -> tuple[Run, Ints]:
    """Run an order on the coin of its part; with twice the room for as long as room runs out.

    Where somebody listens, the steps spent after each update (T,) come beside what it came to.
    """
    case, name = advice.stream, stream_of(order.query)
    coin = child(case.seed, COINS, case.group, name).generate_state(1, np.uint64)[0]
    trail = np.zeros(case.horizon if listened else 0, np.int64)
    most = 2 * case.insertions * (2 * case.horizon).bit_length()
    room = max(min(most, ROOMY), ROOM * case.insertions)
    while True:
        start = Start(case.n, case.insertions, case.horizon, int(coin >> np.uint64(2)), room)
        notes, hints = order.notes(start), _told(advice, order)
        ran = run_once(order.update, order.query, notes, case, hints, trail)
        if not ran.ledger[FULL]:
            break
        room *= 2
    return ran, trail


def _told(advice: Advice, order: Order) -> Small:
    """Return the hints that an order asks for.

    Raises:
        MethodContractError: if they are for oracles alone.
    """
    if order.hints not in advice.hints:
        raise MethodContractError(
            f"{stream_of(order.query)} asks for hints {order.hints!r} on {advice.stream.group}.",
            "True deletion times are for oracles: say role='oracle' in the card.",
        )
    return advice.hints[order.hints]


def _added(case: Stream, ledger: Ints) -> dict[str, float]:
    """Return what a service adds to the meter; each per update."""
    named = {"unions": UNIONS, "finds": FINDS, "scans": SCANS, "stores": STORES, "reach": REACH}
    added = {name: float(ledger[at]) / case.horizon for name, at in named.items()}
    added["work"] = float(ledger[:COUNTERS].sum()) / case.horizon
    return added
