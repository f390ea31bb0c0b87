"""The task object: runs a scheme on an instance, counts, and scores what came of it.

`task.py` says what is measured and why; `master_loop.py` is the loop this drives.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import NamedTuple, NoReturn

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
class Stragglers:
    """The task: its cases, the master's loop, and the score.

    The profiles themselves are no attribute of it: delays that are scored are nothing that
    a method could come upon, to choose its parameters on.
    """

    profiles: InitVar[tuple[Profile, ...]]
    real: InitVar[bool] = False
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    all_cases: tuple[Case, ...] = field(init=False)
    _run: Callable[..., Replay] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Case, Replay], dict[str, float]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(
        self, profiles: tuple[Profile, ...], real: bool, transcript: Transcript | None
    ) -> None:
        """Open the ledger."""
        run, judged = _open_ledger(profiles, real, self.meter, transcript)
        object.__setattr__(self, "all_cases", tuple(profile.case for profile in profiles))
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Case, ...]:
        """Return the cases."""
        return self.all_cases

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: a copy would count into a meter that nobody reads."""
        raise TypeError("a straggler task is not stored; load it from its conditions")

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
        return self._run(case, scheme, foresight, exact)

    def score(self, case: Case, answer: Replay) -> dict[str, float]:
        """Judge a run against the least time that any scheme could take.

        Raises:
            MethodContractError: if the answer is not what `run` returned last for this case, the
                meter was tampered with, or the time is below the bound, which would be a bug.
        """
        return self._judged(case, answer)


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
) -> tuple[Callable[..., Replay], Callable[..., dict[str, float]]]:
    """Return what runs a scheme and what judges an answer.

    They alone hold the profiles and the ledger.
    """
    ledger: AnswerLedger[Replay, _Tally] = AnswerLedger(meter, WORDING, _says, _same)

    def run(case: Case, scheme: Scheme, foresight: bool, exact: bool) -> Replay:
        profile = _of(profiles, case)
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

    def judged(case: Case, answer: Replay) -> dict[str, float]:
        profile = _of(profiles, case)
        return _values(profile, answer.delay, ledger.confirm(case.instance, answer))

    return run, judged


def _of(known: tuple[Profile, ...], case: Case) -> Profile:
    return known_case(known, case, lambda profile: profile.case, "profile")


def least_time(profile: Profile) -> float:
    """Return a time below which no scheme can be.

    A round with work lasts at least the fastest worker's delay without work, and that much again
    as the work done in it takes if all n share it: d >= min(base) + alpha work / n. Each job
    starts in a round of its own, and all of the data is gone through once a job.
    """
    case = profile.case
    return float(profile.base[: case.jobs].min(axis=1).sum() + case.alpha * case.jobs / case.n)


def _values(profile: Profile, delay: int, counted: _Tally) -> dict[str, float]:
    """Return the score of a run."""
    case, counts, trained = profile.case, counted.counts, counted.trained
    least = least_time(profile) if trained is None else trained.unit_s * case.jobs / case.n
    # What is left out of a gradient was not worked for: the bound is for whole ones.
    floor = least - (1 - counts.delivered) * case.alpha * case.jobs / case.n
    if trained is None and counts.time < floor * (1 - ROUNDING):
        raise MethodContractError(
            f"A time of {counts.time} on {case.group} is less than the bound {floor}.",
            "This is a bug in the engine, or a method that tampers with it.",
        )
    values = {
        "optimality": min(least / counts.time, 1.0) * counts.delivered,
        "delivered": counts.delivered,
        "ratio": counts.time / least,
        "least_time": least,
        "delay": delay,
        "jobs": case.jobs,
        "workers": case.n,
        "instance": case.instance,
    }
    return values if trained is None else {**values, **trained.values()}
