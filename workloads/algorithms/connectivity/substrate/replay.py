"""The task object: serves a stream with a method, counts, and scores what came of it.

`task.py` says what is measured and why; `update_loop.py` is the compiled loop this drives.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.connectivity.substrate.predictions import (
    SECRET,
    Advice,
    Kind,
    Ladder,
    Predictions,
)
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
    child,
    read_only,
)
from adabench.workloads.shared.compiled.hooks import Hook, stream_of
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording, known_case

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
class Service:
    """What came of one method on one stream."""

    instance: float
    hints: Kind
    answers: Flags
    """(T,) read-only."""


@dataclass
class Transcript:
    """What a listener hears of the service of a task; a method cannot tell that there is one."""

    trails: dict[float, Ints] = field(default_factory=dict)
    """By instance: (T,) steps spent after each update."""
    answers: dict[float, Flags] = field(default_factory=dict)
    services: Counter[float] = field(default_factory=Counter)


@dataclass(frozen=True)
class Order:
    """A method's hooks and what it asked `serve` for."""

    update: Hook
    query: Hook
    notes: Callable[[Start], Any]
    hints: Kind


class _Tally(NamedTuple):
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


class Scorer(NamedTuple):
    """What is done with the truth, which this module does not know; the second is the noise."""

    score: Callable[[Advice, float, Outcome], dict[str, float]]
    ladder: Callable[[Advice, float], Ladder]


class Ledger(NamedTuple):
    """What can be done with the accounts of a task, which lie in these closures alone."""

    run: Callable[[Stream, Order], Service]
    confirm: Callable[[Stream, Service], Outcome]
    find: Callable[[Stream], Advice]
    predict: Callable[[Stream], Predictions]
    enter: Callable[[Predictions], None]


@dataclass(frozen=True)
class Connectivity:
    """The task: its cases, the counting loop, and the score.

    What a method's process gets of it has no cases: each is entered when it is to be served.
    """

    advice: tuple[Advice, ...]
    scorer: InitVar[Scorer | None]
    noise: float = 0.0
    """The scale that the predictions were spoilt at."""
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    beginnings: tuple[Beginning, ...] = ()
    """Where there are no cases: the first updates of each, to learn from."""
    _scorer: Scorer | None = field(init=False, repr=False, compare=False)
    _ledger: Ledger = field(init=False, repr=False, compare=False)

    def __post_init__(self, scorer: Scorer | None, transcript: Transcript | None) -> None:
        """Open the ledger."""
        ladder = None if scorer is None else scorer.ladder
        object.__setattr__(self, "_scorer", scorer)
        object.__setattr__(self, "_ledger", _open_ledger(self, ladder, transcript))

    def cases(self) -> tuple[Stream, ...]:
        """Return the streams."""
        return tuple(advice.stream for advice in self.advice)

    def of(self, case: Stream) -> Advice:
        """Return what is known about a case.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        return self._ledger.find(case)

    def training(self) -> tuple[Beginning, ...]:
        """Return the first fifth of each stream, which may be learned from."""
        return self.beginnings or tuple(beginning(stream) for stream in self.cases())

    def __reduce__(self) -> tuple[type["Connectivity"], tuple[object, ...]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads."""
        if self.advice:
            raise TypeError("a connectivity task is not stored; load it from its conditions")
        return Connectivity, ((), None, 0.0, Meter(), None, self.beginnings)

    def substrate(self) -> "Connectivity":
        """Return what methods get: the loop and the beginnings."""
        return Connectivity((), None, beginnings=self.training())

    oracle_substrate = substrate

    def environment(self, case: Stream) -> Predictions:
        """Return what the loop tells a method insertion by insertion."""
        known = self._ledger.predict(case)
        hints = known.advice.hints
        open_hints = {kind: hints[kind] for kind in hints.keys() - SECRET}
        return Predictions(Advice(case, open_hints), known.ladder)

    def oracle_environment(self, case: Stream) -> Predictions:
        """Return the same with the true deletion times."""
        known = self._ledger.predict(case)
        return Predictions(Advice(case, dict(known.advice.hints)), known.ladder)

    def enter(self, case: Stream, predictions: Predictions) -> None:
        """Take a case to be served in place of the one before."""
        hints = {kind: read_only(told) for kind, told in predictions.advice.hints.items()}
        ladder = {scale: read_only(told) for scale, told in predictions.ladder.items()}
        self._ledger.enter(Predictions(Advice(case, hints), ladder))

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
        return self._ledger.run(case, Order(update, query, notes, hints))

    def account(self, case: Stream, answer: Service) -> Outcome:
        """Return what was counted for an answer.

        Raises:
            MethodContractError: if the answer is not what `serve` returned last for this case,
                the case was served otherwise before, or the meter was tampered with.
        """
        return self._ledger.confirm(case, answer)

    def judge(self, case: Stream, outcome: Outcome) -> dict[str, float]:
        """Judge a service against the true answers, the baselines and the bounds of the case.

        Raises:
            MethodContractError: in the process of a method, where those are not known.
        """
        if self._scorer is None:
            raise MethodContractError(
                f"What a service of {case.group} is worth is not known here.",
                "Scores are made where the truth is, by the run.",
            )
        return self._scorer.score(self.of(case), self.noise, outcome)

    def score(self, case: Stream, answer: Service) -> dict[str, float]:
        """Judge a service of this very object."""
        return self.judge(case, self.account(case, answer))


def _same(one: _Tally, other: _Tally) -> bool:
    alike = one.order.hints == other.order.hints
    alike = alike and np.array_equal(one.run.ledger, other.run.ledger)
    return alike and np.array_equal(one.run.answers, other.run.answers)


def _says(answer: Service, counted: _Tally) -> bool:
    same_hints = answer.hints == counted.order.hints
    return same_hints and np.array_equal(answer.answers, counted.run.answers)


def _open_ledger(
    task: Connectivity,
    ladder: Callable[[Advice, float], Ladder] | None,
    transcript: Transcript | None,
) -> Ledger:
    """Return what runs an order and what confirms an answer; they alone hold the ledger."""
    ledger: AnswerLedger[Service, _Tally] = AnswerLedger(task.meter, WORDING, _says, _same)
    known, noise = [Predictions(advice, {}) for advice in task.advice], task.noise

    def run(case: Stream, order: Order) -> Service:
        advice = find(case)
        before = ledger.open(case.instance)
        ran = run_order(advice, order, transcript)
        shown = np.frombuffer(ran.answers.tobytes(), np.uint8)
        answer = Service(case.instance, order.hints, shown)
        counted, added = _Tally(order, ran), _added(case, ran.ledger)
        return ledger.enter(case.instance, before, answer, counted, added)

    def find(case: Stream) -> Advice:
        return _of(known, case).advice

    def predict(case: Stream) -> Predictions:
        entered = _of(known, case)
        return entered if ladder is None else replace(entered, ladder=ladder(entered.advice, noise))

    def confirm(case: Stream, answer: Service) -> Outcome:
        advice = find(case)
        order, ran = ledger.confirm(case.instance, answer)
        again = predict(case).ladder if order.hints == "given" else {}
        unions = {scale: _unions(advice, order, told) for scale, told in again.items()}
        return Outcome(order.hints, ran.ledger, ran.answers, ran.worst, unions)

    def enter(predictions: Predictions) -> None:
        known[:] = [predictions]

    return Ledger(run, confirm, find, predict, enter)


def _of(known: list[Predictions], case: Stream) -> Predictions:
    return known_case(known, case, lambda one: one.advice.stream, "stream")


def _unions(advice: Advice, order: Order, told: Small) -> float:
    """Run a method's hooks again, off the record, with other predictions of the same stream."""
    there = replace(advice, hints={order.hints: told})
    return float(run_order(there, order).ledger[UNIONS])


def run_order(advice: Advice, order: Order, transcript: Transcript | None = None) -> Run:
    """Run an order on the coin of its part; with twice the room for as long as room runs out."""
    case, name = advice.stream, stream_of(order.query)
    coin = child(case.seed, COINS, case.group, name).generate_state(1, np.uint64)[0]
    trail = np.zeros(case.horizon if transcript else 0, np.int64)
    most = 2 * case.insertions * (2 * case.horizon).bit_length()
    room = max(min(most, ROOMY), ROOM * case.insertions)
    while True:
        start = Start(case.n, case.insertions, case.horizon, int(coin >> np.uint64(2)), room)
        notes, hints = order.notes(start), _told(advice, order)
        ran = run_once(order.update, order.query, notes, case, hints, trail)
        if not ran.ledger[FULL]:
            break
        room *= 2
    if transcript:
        transcript.trails[case.instance], transcript.answers[case.instance] = trail, ran.answers
        transcript.services[case.instance] += 1
    return ran


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
