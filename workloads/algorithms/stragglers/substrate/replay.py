"""The task object: runs a scheme on an instance, counts, and scores what came of it.

`task.py` says what is measured and why; `master_loop.py` is the loop this drives.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field, replace
from typing import NamedTuple

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case, Profile
from adabench.workloads.algorithms.stragglers.substrate.master_loop import (
    Counts,
    RoundLog,
    SimulatedWorkers,
    schedule,
)
from adabench.workloads.algorithms.stragglers.substrate.real.train import TrainingResult, train
from adabench.workloads.algorithms.stragglers.substrate.scheme import Scheme
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording, known_case

ROUNDING = 1e-9
WORDING = Wording(
    "run",
    foreign="The answer is not the task's own run of this case.",
    twice="It runs a case more than once and answers with one.",
)
COUNTED = (
    "time", "work", "load", "rounds", "extra_rounds", "wait_outs", "stopped", "copies", "results",
)  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """What came of one scheme on one instance."""

    instance: float
    time: float
    delay: int
    """T of the scheme."""
    foresight: bool
    exact: bool


@dataclass
class Transcript:
    """What a listener hears of the runs of a task; a method cannot tell that there is one."""

    round_log: dict[float, RoundLog] = field(default_factory=dict)
    replays: Counter[float] = field(default_factory=Counter)


@dataclass(frozen=True)
class Outcome:
    """What a run came to: plain data, for the scorer."""

    time: float
    delivered: float
    """Mean over jobs of the share of the data that the gradient covers."""
    delay: int
    """T of the scheme."""
    unit_s: float
    """Of a real run: CPU seconds of one pass over the data."""
    trained: dict[str, float]
    """Of a real run: the metrics of what was trained."""


class Ledger(NamedTuple):
    """What can be done with the profiles and accounts of a task; they lie in these closures alone."""

    run: Callable[[Case, Scheme, bool, bool], Replay]
    confirm: Callable[[Case, Replay], Outcome]
    find: Callable[[Case], Profile]
    enter: Callable[[Profile], None]


@dataclass(frozen=True)
class Stragglers:
    """The task: its cases, the master's loop, and the score.

    The profiles themselves are no attribute of it: delays that are scored are nothing that
    a method could come upon, to choose its parameters on. What a method's process gets of it
    has no profiles: each is entered when it is to be run.
    """

    profiles: InitVar[tuple[Profile, ...]]
    real: bool = False
    """Whether processes compute real gradients."""
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    all_cases: tuple[Case, ...] = field(init=False)
    _ledger: Ledger = field(init=False, repr=False, compare=False)

    def __post_init__(self, profiles: tuple[Profile, ...], transcript: Transcript | None) -> None:
        """Open the ledger."""
        ledger = _open_ledger(profiles, self.real, self.meter, transcript)
        object.__setattr__(self, "all_cases", tuple(profile.case for profile in profiles))
        object.__setattr__(self, "_ledger", ledger)

    @property
    def laps_differ(self) -> bool:
        """Whether a case is another one each time: who is late in a real run, is measured."""
        return self.real

    def cases(self) -> tuple[Case, ...]:
        """Return the cases."""
        return self.all_cases

    def __reduce__(self) -> tuple[type["Stragglers"], tuple[object, ...]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads."""
        if self.all_cases:
            raise TypeError("a straggler task is not stored; load it from its conditions")
        return Stragglers, ((), self.real)

    def substrate(self) -> "Stragglers":
        """Return what methods get: the master's loop."""
        return Stragglers((), self.real)

    oracle_substrate = substrate

    def environment(self, case: Case) -> Profile:
        """Return the delays, of which a scheme sees who was late."""
        return replace(self._ledger.find(case), open_future=False)

    def oracle_environment(self, case: Case) -> Profile:
        """Return the same, of which a scheme may be told each round's beforehand."""
        return self._ledger.find(case)

    def enter(self, case: Case, profile: Profile) -> None:
        """Take a profile to be run in place of the one before."""
        assert profile.case is case
        self._ledger.enter(profile)

    def run(
        self, case: Case, scheme: Scheme, *, foresight: bool = False, exact: bool = True
    ) -> Replay:
        """Run a scheme over all jobs of a case, and count.

        `foresight` shows it each round's delays before it assigns: for oracles. With `exact` a
        job that cannot be decoded in time is refused; without, what is missing is left out of its
        gradient, and the score says how much.

        Raises:
            MethodContractError: if the scheme breaks its contract, with the round.
        """
        return self._ledger.run(case, scheme, foresight, exact)

    def account(self, case: Case, answer: Replay) -> Outcome:
        """Return what was counted and measured for an answer.

        Raises:
            MethodContractError: if the answer is not what `run` returned last for this case, or
                the meter was tampered with.
        """
        return self._ledger.confirm(case, answer)

    def judge(self, case: Case, outcome: Outcome) -> dict[str, float]:
        """Judge a run against the least time that any scheme could take.

        Raises:
            MethodContractError: if the time is below the bound, which would be a bug.
        """
        return _values(self._ledger.find(case), outcome)

    def score(self, case: Case, answer: Replay) -> dict[str, float]:
        """Judge a run of this very object."""
        return self.judge(case, self.account(case, answer))


class _Tally(NamedTuple):
    """What was counted in a run."""

    said: tuple[float, float, int, bool, bool]
    counts: Counts
    trained: TrainingResult | None


def _said(answer: Replay) -> tuple[float, float, int, bool, bool]:
    return answer.instance, answer.time, answer.delay, answer.foresight, answer.exact


def _says(answer: Replay, counted: _Tally) -> bool:
    return _said(answer) == counted.said


def _same(one: _Tally, other: _Tally) -> bool:
    """Tell whether two runs came out alike; real ones never do, and are no second try for that."""
    return one.trained is not None or one.counts == other.counts


def _open_ledger(
    profiles: tuple[Profile, ...], real: bool, meter: Meter, transcript: Transcript | None
) -> Ledger:
    """Return what runs a scheme and confirms an answer; it alone holds the profiles."""
    ledger: AnswerLedger[Replay, _Tally] = AnswerLedger(meter, WORDING, _says, _same)
    known = list(profiles)

    def run(case: Case, scheme: Scheme, foresight: bool, exact: bool) -> Replay:
        profile = find(case)
        if foresight and not profile.open_future:
            raise MethodContractError(
                f"It asks to be told delays beforehand on {case.group}.",
                "Those are for oracles: say role='oracle' in the card.",
            )
        before = ledger.open(case.instance)
        round_log = RoundLog() if transcript else None
        trained = None
        if real:
            counts, trained = train(profile, scheme, foresight=foresight, exact=exact)
        else:
            worker_group = SimulatedWorkers(profile)
            counts = schedule(
                profile, scheme, worker_group, foresight=foresight, exact=exact, round_log=round_log
            )
        answer = Replay(case.instance, counts.time, scheme.delay, foresight, exact)
        if transcript and round_log:
            transcript.round_log[case.instance] = round_log
            transcript.replays[case.instance] += 1
        added = {name: float(getattr(counts, name)) for name in COUNTED}
        counted = _Tally(_said(answer), counts, trained)
        return ledger.enter(case.instance, before, answer, counted, added)

    def confirm(case: Case, answer: Replay) -> Outcome:
        find(case)
        _, counts, trained = ledger.confirm(case.instance, answer)
        time, delivered, delay = float(counts.time), float(counts.delivered), int(answer.delay)
        if trained is None:
            return Outcome(time, delivered, delay, 0.0, {})
        return Outcome(time, delivered, delay, trained.unit_s, trained.values())

    def find(case: Case) -> Profile:
        return known_case(known, case, lambda profile: profile.case, "profile")

    def enter(profile: Profile) -> None:
        known[:] = [profile]

    return Ledger(run, confirm, find, enter)


def least_time(profile: Profile) -> float:
    """Return a time below which no scheme can be.

    A round with work lasts at least the fastest worker's delay without work, and that much again
    as the work done in it takes if all n share it: d >= min(base) + alpha work / n. Each job
    starts in a round of its own, and all of the data is gone through once a job.
    """
    case = profile.case
    return float(profile.base[: case.jobs].min(axis=1).sum() + case.alpha * case.jobs / case.n)


def _values(profile: Profile, outcome: Outcome) -> dict[str, float]:
    """Return the score of a run."""
    case, real = profile.case, bool(outcome.trained)
    least = outcome.unit_s * case.jobs / case.n if real else least_time(profile)
    # What is left out of a gradient was not worked for: the bound is for whole ones.
    floor = least - (1 - outcome.delivered) * case.alpha * case.jobs / case.n
    if not real and outcome.time < floor * (1 - ROUNDING):
        raise MethodContractError(
            f"A time of {outcome.time} on {case.group} is less than the bound {floor}.",
            "This is a bug in the engine, or a method that tampers with it.",
        )
    return {
        "optimality": min(least / outcome.time, 1.0) * outcome.delivered,
        "delivered": outcome.delivered,
        "ratio": outcome.time / least,
        "least_time": least,
        "delay": outcome.delay,
        "jobs": case.jobs,
        "workers": case.n,
        "instance": case.instance,
        **outcome.trained,
    }
