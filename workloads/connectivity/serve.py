"""The task object: serves a stream with a method, counts, and scores what came of it.

`task.py` says what is measured and why; `engine.py` is the compiled loop this drives.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from typing import Any, NoReturn, cast

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.harness.task import Meter
from adabench.workloads.connectivity.anchors import LADDER, anchors, slope
from adabench.workloads.connectivity.engine import (
    COUNTERS,
    ERROR,
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
from adabench.workloads.connectivity.hints import Advice, Kind
from adabench.workloads.connectivity.stream import COINS, Raw, Stream, child

Hook = Callable[..., Any]
ROOM = 8
"""List entries per inserted edge that a method is given at first; it is doubled if they run out."""
MOST_SEEN = 0.2
ROOMY = 4_000_000
"""Room that is given at once where the most that can be needed is not more."""


@dataclass(frozen=True)
class Served:
    """What came of one method on one stream."""

    instance: float
    hints: Kind
    answers: Flags
    """(T,) read-only."""


@dataclass
class Tape:
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


@dataclass(frozen=True)
class Connectivity:
    """The task: its cases, the counting loop, and the score."""

    advice: tuple[Advice, ...]
    noise: float = 0.0
    """The scale that the predictions were spoilt at."""
    meter: Meter = field(default_factory=Meter)
    tape: InitVar[Tape | None] = None
    """Who listens, if anybody; not kept on the task."""
    _run: Callable[[Stream, Order], Served] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Stream, Served], "_Account"] = field(init=False, repr=False, compare=False)

    def __post_init__(self, tape: Tape | None) -> None:
        """Open the books."""
        run, judged = _books(self, tape)
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
    ) -> Served:
        """Serve all updates and queries of a stream, once, and count.

        `notes` makes the method's arrays from what is known before the first update; `update`
        and `query` are made with `@hook`.

        Raises:
            MethodContractError: if a hook is not compiled.
        """
        return self._run(case, Order(update, query, notes, hints))

    def score(self, case: Stream, answer: Served) -> dict[str, float]:
        """Judge a service against the true answers, the anchors and the bounds of the case.

        Raises:
            MethodContractError: if the answer is not what `serve` returned last for this case,
                the case was served otherwise before, or the meter was tampered with.
        """
        account = self._judged(case, answer)
        advice, known, horizon = self.of(case), anchors(case), case.horizon
        right = float(np.mean(account.run.answers == advice.hindsight.answers))
        error = advice.l1["given"] / horizon
        work = float(account.run.ledger[:COUNTERS].sum()) / horizon
        reach = advice.early[account.order.hints] * (known.levels + 3) / 2
        values = {
            "exactness": right,
            "thrift": 1 - work / known.least_rebuild if right == 1 and known.least_rebuild else 0.0,
            "accuracy": 1 / (1 + error),
            "error": error,
            "own_error": float(account.run.ledger[ERROR]) / horizon,
            "worst_update": account.run.worst,
            "answers": digest(account.run.answers),
            "least_rebuild": known.least_rebuild,
            "backstop": known.backstop,
            "guard_bound": 2 * known.backstop + account.run.worst / horizon,
            "perfect_bound": known.perfect_bound,
            "reach_bound": reach / horizon,
            "instance": case.instance,
        }
        if account.order.hints == "given" and self.noise in LADDER[1:]:
            values |= _slope(advice, self.noise, account)
        return {name: float(value) for name, value in values.items()}


def _slope(advice: Advice, noise: float, account: "_Account") -> dict[str, float]:
    """Run the method's hooks again, off the record, with other predictions of the same stream."""

    def again(there: Advice, hints: str) -> float:
        order = replace(account.order, hints=cast(Kind, hints))
        return float(_served(there, order).ledger[UNIONS])

    found = slope(advice, noise, float(account.run.ledger[UNIONS]), again)
    return {} if np.isnan(found) else {"slope": found, "slope_least": 0.6, "slope_most": 1.1}


def digest(answers: Flags) -> float:
    """Return 52 bits of a SHA-256 over answers: equal answers, equal numbers."""
    return float(int(hashlib.sha256(answers.tobytes()).hexdigest()[:13], 16))


@dataclass(frozen=True)
class _Account:
    """What the books hold of a case: the last service, and what was counted in it."""

    answer: Served
    order: Order
    run: Run
    alike: bool
    """Whether all services since the meter was cleared came out like this one."""


def _books(
    task: Connectivity, tape: Tape | None
) -> tuple[Callable[..., Served], Callable[..., _Account]]:
    """Return what runs an order and what confirms an answer.

    What was counted is kept between these two functions alone: a method holds the task, its
    meter and its answer, and whatever it writes there no longer agrees with the books.
    """
    accounts: dict[float, _Account] = {}
    metered: dict[str, float] = {}
    advice, meter = task.advice, cast(dict[str, float], task.meter)

    def run(case: Stream, order: Order) -> Served:
        known = _of(advice, case)
        before = accounts.get(case.instance) if meter else None
        if not meter:
            metered.clear()
        _refuse_other(meter, metered)
        ran = _served(known, order, tape)
        for counts in (meter, metered):
            _count(counts, case, ran.ledger)
        alike = before is None or (
            before.alike
            and before.order.hints == order.hints
            and np.array_equal(before.run.ledger, ran.ledger)
            and np.array_equal(before.run.answers, ran.answers)
        )
        shown = np.frombuffer(ran.answers.tobytes(), np.uint8)
        answer = Served(case.instance, order.hints, shown)
        accounts[case.instance] = _Account(answer, order, ran, alike)
        return answer

    def judged(case: Stream, answer: Served) -> _Account:
        account = accounts.get(case.instance)
        if account is None or account.answer is not answer or not _same(account, answer):
            raise MethodContractError(
                "The answer is not the task's own service of this case.",
                "`solve` must return what `task.serve(case, ...)` returned last.",
            )
        if not account.alike:
            raise MethodContractError("It serves a case more than once and answers with one.")
        _refuse_other(meter, metered)
        return account

    return run, judged


def _of(known: tuple[Advice, ...], case: Stream) -> Advice:
    for advice in known:
        if advice.stream is case:
            return advice
    raise MethodContractError("That stream is not a case of this task.", "Pass `case` on as is.")


def _same(account: _Account, answer: Served) -> bool:
    """Tell whether an answer still says what it said when it was given out."""
    same_hints = answer.hints == account.order.hints
    return same_hints and np.array_equal(answer.answers, account.run.answers)


def _refuse_other(meter: Mapping[str, float], metered: Mapping[str, float]) -> None:
    if dict(meter) != dict(metered):
        raise MethodContractError(
            "Something other than the task wrote into the meter.",
            "Only `serve` counts; a method leaves `task.meter` alone.",
        )


def _served(advice: Advice, order: Order, tape: Tape | None = None) -> Run:
    """Run an order on the coin of its part; with twice the room for as long as room runs out."""
    case, name = advice.stream, _name(order.query)
    coin = child(case.seed, COINS, case.group, name).generate_state(1, np.uint64)[0]
    trail = np.zeros(case.horizon if tape else 0, np.int64)
    most = 2 * case.inserted * (2 * case.horizon).bit_length()
    room = max(min(most, ROOMY), ROOM * case.inserted)
    while True:
        start = Start(case.n, case.inserted, case.horizon, int(coin >> np.uint64(2)), room)
        notes, hints = order.notes(start), advice.hints[order.hints]
        ran = run_once(order.update, order.query, notes, case, hints, trail)
        if not ran.ledger[FULL]:
            break
        room *= 2
    if tape:
        tape.trails[case.instance], tape.answers[case.instance] = trail, ran.answers
        tape.services[case.instance] += 1
    return ran


def _count(counts: dict[str, float], case: Stream, ledger: Ints) -> None:
    """Add what was counted; each per update."""
    named = {"unions": UNIONS, "finds": FINDS, "scans": SCANS, "stores": STORES, "reach": REACH}
    added = {name: float(ledger[at]) / case.horizon for name, at in named.items()}
    added["work"] = float(ledger[:COUNTERS].sum()) / case.horizon
    for name, value in added.items():
        counts[name] = counts.get(name, 0) + value


def _name(hook: Hook) -> str:
    """Return the last part of the name of the module a hook is from.

    Raises:
        MethodContractError: if it is not a compiled hook.
    """
    function = getattr(hook, "py_func", None)
    if function is None:
        raise MethodContractError(f"{hook!r} is not compiled.", "Put `@hook` above it.")
    return str(function.__module__).rpartition(".")[2]
