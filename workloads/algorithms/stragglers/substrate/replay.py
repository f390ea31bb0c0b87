"""The task object: runs a scheme on an instance, counts, and scores what came of it.

`task.py` says what is measured and why; `master_loop.py` is the loop this drives.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

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
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run

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


class Order(NamedTuple):
    """A scheme and what it asked `run` for."""

    scheme: Scheme
    foresight: bool
    exact: bool
    real: bool


class Tally(NamedTuple):
    """What was counted in a run."""

    answer: Replay
    counts: Counts
    trained: TrainingResult | None


@dataclass(frozen=True)
class Stragglers(CountedTask[Case, Profile, Order, Replay, Tally, Outcome]):
    """The task: its cases and the master's loop. A world is a profile of delays."""

    real: bool = False
    """Whether processes compute real gradients."""
    wording = WORDING
    noun = "profile"

    @property
    def laps_differ(self) -> bool:
        """Whether a case is another one each time: who is late in a real run, is measured."""
        return self.real

    @staticmethod
    def case_of(world: Profile) -> Case:
        """Return the case."""
        return world.case

    @staticmethod
    def run_in(world: Profile, order: Order, *, listened: bool) -> Run[Replay, Tally]:
        """Run a scheme over all jobs.

        Raises:
            MethodContractError: if it asks for delays beforehand that only oracles are told.
        """
        scheme, foresight, exact, real = order
        if foresight and not world.open_future:
            raise MethodContractError(
                f"It asks to be told delays beforehand on {world.case.group}.",
                "Those are for oracles: say role='oracle' in the card.",
            )
        round_log = RoundLog() if listened else None
        trained = None
        if real:
            counts, trained = train(world, scheme, foresight=foresight, exact=exact)
        else:
            workers = SimulatedWorkers(world)
            counts = schedule(
                world, scheme, workers, foresight=foresight, exact=exact, round_log=round_log
            )
        said = world.case.instance, counts.time, scheme.delay, foresight, exact
        added = {name: float(getattr(counts, name)) for name in COUNTED}
        return Run(Replay(*said), Tally(Replay(*said), counts, trained), added, round_log)

    @staticmethod
    def outcome(world: Profile, counted: Tally) -> Outcome:
        """Return what was counted and measured."""
        answer, counts, trained = counted
        time, delivered, delay = float(counts.time), float(counts.delivered), int(answer.delay)
        if trained is None:
            return Outcome(time, delivered, delay, 0.0, {})
        return Outcome(time, delivered, delay, trained.unit_s, trained.values())

    @staticmethod
    def revealed(world: Profile, *, oracle: bool) -> Profile:
        """Return delays, of which a scheme sees who was late; an oracle each round's beforehand."""
        return world if oracle else replace(world, open_future=False)

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
        return self.count(case, Order(scheme, foresight, exact, self.real))

    def judge(self, case: Case, outcome: Outcome) -> dict[str, float]:
        """Judge a run against the least time that any scheme could take, which is no secret.

        Raises:
            MethodContractError: if the time is below the bound, which would be a bug.
        """
        return _values(self.of(case), outcome)


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
