"""The task object: serves a stream with a method, counts, and scores what came of it.

`task.py` says what is measured and why; `update_loop.py` is the compiled loop this drives.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, NamedTuple, NoReturn

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.connectivity.substrate.predictions import Advice, Kind
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
    Start,
    run_once,
)
from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    COINS,
    Raw,
    Stream,
    child,
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
MOST_SEEN = 0.2
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


class Tally(NamedTuple):
    """What was counted in a service."""

    order: Order
    run: Run


Judge = Callable[[Advice, float, Tally], dict[str, float]]
"""Scores what was counted, at a noise scale; it knows the truth, and this module does not."""


@dataclass(frozen=True)
class Connectivity:
    """The task: its cases, the counting loop, and the score."""

    advice: tuple[Advice, ...]
    judge: InitVar[Judge]
    noise: float = 0.0
    """The scale that the predictions were spoilt at."""
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    _run: Callable[[Stream, Order], Service] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Stream, Service], dict[str, float]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self, judge: Judge, transcript: Transcript | None) -> None:
        """Open the ledger."""
        run, judged = _open_ledger(self, judge, transcript)
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Stream, ...]:
        """Return the streams."""
        return tuple(advice.stream for advice in self.advice)

    def of(self, case: Stream) -> Advice:
        """Return what is known about a case.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        return _of(self.advice, case)

    def prefix(self, case: Stream, share: float) -> Raw:
        """Return the first updates of a case, to learn from; `share` is at most 0.2.

        Raises:
            MethodContractError: if more is asked for.
        """
        if share > MOST_SEEN:
            raise MethodContractError(
                f"It asks to learn from {share:.0%} of a stream.",
                f"At most {MOST_SEEN:.0%} is given.",
            )
        seen = slice(int(share * case.horizon))
        ends = case.left[seen], case.right[seen], case.kind[seen]
        return Raw(case.opens[seen], case.edges[seen], *ends)

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: a copy would count into a meter that nobody reads."""
        raise TypeError("a connectivity task is not stored; load it from its conditions")

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
        return self._run(case, Order(update, query, notes, hints))

    def score(self, case: Stream, answer: Service) -> dict[str, float]:
        """Judge a service against the true answers, the baselines and the bounds of the case.

        Raises:
            MethodContractError: if the answer is not what `serve` returned last for this case,
                the case was served otherwise before, or the meter was tampered with.
        """
        return self._judged(case, answer)


def _same(one: Tally, other: Tally) -> bool:
    alike = one.order.hints == other.order.hints
    alike = alike and np.array_equal(one.run.ledger, other.run.ledger)
    return alike and np.array_equal(one.run.answers, other.run.answers)


def _says(answer: Service, counted: Tally) -> bool:
    same_hints = answer.hints == counted.order.hints
    return same_hints and np.array_equal(answer.answers, counted.run.answers)


def _open_ledger(
    task: Connectivity, judge: Judge, transcript: Transcript | None
) -> tuple[Callable[..., Service], Callable[..., dict[str, float]]]:
    """Return what runs an order and what confirms an answer; they alone hold the ledger."""
    ledger: AnswerLedger[Service, Tally] = AnswerLedger(task.meter, WORDING, _says, _same)
    advice, noise = task.advice, task.noise

    def run(case: Stream, order: Order) -> Service:
        known = _of(advice, case)
        before = ledger.open(case.instance)
        ran = run_order(known, order, transcript)
        shown = np.frombuffer(ran.answers.tobytes(), np.uint8)
        answer = Service(case.instance, order.hints, shown)
        counted, added = Tally(order, ran), _added(case, ran.ledger)
        return ledger.enter(case.instance, before, answer, counted, added)

    def judged(case: Stream, answer: Service) -> dict[str, float]:
        return judge(_of(advice, case), noise, ledger.confirm(case.instance, answer))

    return run, judged


def _of(known: tuple[Advice, ...], case: Stream) -> Advice:
    return known_case(known, case, lambda advice: advice.stream, "stream")


def run_order(advice: Advice, order: Order, transcript: Transcript | None = None) -> Run:
    """Run an order on the coin of its part; with twice the room for as long as room runs out."""
    case, name = advice.stream, stream_of(order.query)
    coin = child(case.seed, COINS, case.group, name).generate_state(1, np.uint64)[0]
    trail = np.zeros(case.horizon if transcript else 0, np.int64)
    most = 2 * case.insertions * (2 * case.horizon).bit_length()
    room = max(min(most, ROOMY), ROOM * case.insertions)
    while True:
        start = Start(case.n, case.insertions, case.horizon, int(coin >> np.uint64(2)), room)
        notes, hints = order.notes(start), advice.hints[order.hints]
        ran = run_once(order.update, order.query, notes, case, hints, trail)
        if not ran.ledger[FULL]:
            break
        room *= 2
    if transcript:
        transcript.trails[case.instance], transcript.answers[case.instance] = trail, ran.answers
        transcript.services[case.instance] += 1
    return ran


def _added(case: Stream, ledger: Ints) -> dict[str, float]:
    """Return what a service adds to the meter; each per update."""
    named = {"unions": UNIONS, "finds": FINDS, "scans": SCANS, "stores": STORES, "reach": REACH}
    added = {name: float(ledger[at]) / case.horizon for name, at in named.items()}
    added["work"] = float(ledger[:COUNTERS].sum()) / case.horizon
    return added
