"""The task `saturation`: curves of sampled answers, their pilots, and what forecasts are held against."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adabench.harness.contract.protocols import Meter
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    GROUPS,
    HELD_OUT,
    OFFERED,
    Curve,
    Forecast,
    Pilot,
    PilotSales,
)
from adabench.workloads.test_time.saturation.truth.sampled_answers import SampledAnswers
from adabench.workloads.test_time.saturation.truth.success_curves import (
    KINDS,
    Steps,
    by_agreement,
    grade,
    observed_saturation,
    pilot,
    steps_of,
    words_of,
)
from adabench.workloads.test_time.substrate.agreement_prior import PilotShare, fit_prior
from adabench.workloads.test_time.substrate.saturation_law import Prior

PILOT, SCORED = GROUPS * OFFERED[-1], 128
"""Samples of each question: those that pilots come from, and others that curves come from."""
SIGNALS = ("graded", "agreement")
PRACTICE_PILOT = 8
MOST_QUESTIONS = 60
"""Curves of single questions, for each signal."""


@dataclass(frozen=True)
class MeasuredCurve:
    """A case with its pilot and its truth, from samples of which none is in both."""

    case: Curve
    pilot: Pilot
    steps: Steps
    words: int
    """Of the scored samples."""


@dataclass(frozen=True)
class Hindsight:
    """What an oracle sees of a case."""

    curve: Curve
    forecast: Forecast
    samples: int
    words: int


@dataclass
class HindsightSales(PilotSales):
    """What an oracle gets: the curve that forecasts are held against, at the price of its samples."""

    _hindsight: Hindsight | None = None

    def enter(self, curve: Curve, pilot: Pilot | Hindsight) -> None:
        """Take the curve of the case that is solved next."""
        if isinstance(pilot, Hindsight):
            self._hindsight = pilot

    def look(self) -> Forecast:
        """Return the measured curve as a forecast."""
        assert self._hindsight is not None, "a case was entered"
        self.note()
        self.meter["pilot_samples"] += self._hindsight.samples
        self.meter["generated"] += self._hindsight.words
        return self._hindsight.forecast


@dataclass(frozen=True)
class CurveTask:
    """Curves, and the scorer of forecasts."""

    curves: tuple[MeasuredCurve, ...]
    priors: Mapping[str, Prior]
    artefacts: Mapping[str, str]
    epsilon: float
    meter: Meter = field(default_factory=Meter)

    def cases(self) -> Iterator[Curve]:
        """Yield the curves without their points."""
        yield from (curve.case for curve in self.curves)

    def substrate(self) -> PilotSales:
        """Return what methods get."""
        return PilotSales(self.epsilon, self.priors, self.artefacts)

    def oracle_substrate(self) -> HindsightSales:
        """Return what an oracle gets."""
        return HindsightSales(self.epsilon, self.priors, self.artefacts)

    def environment(self, case: Curve) -> Pilot:
        """Return the points that can be bought of a curve."""
        return self.curves[case.index].pilot

    def oracle_environment(self, case: Curve) -> Hindsight:
        """Return the curve that forecasts are held against."""
        one = self.curves[case.index]
        shares = dict(one.steps)
        forecast = Forecast(
            tuple(shares[n] for n in HELD_OUT), observed_saturation(one.steps, self.epsilon)
        )
        return Hindsight(case, forecast, SCORED * case.questions, one.words)

    def judge(self, case: Curve, forecast: Forecast) -> Mapping[str, float]:
        """Hold a forecast against its curve."""
        return grade(forecast, self.curves[case.index].steps, self.epsilon)

    def score(self, case: Curve, forecast: Forecast) -> Mapping[str, float]:
        """Judge a forecast, if it is one."""
        return self.judge(case, self.substrate().account(case, forecast))


def curves_of_sets(answers: Sequence[SampledAnswers], seed: int) -> Iterator[MeasuredCurve]:
    """Yield the curves of all questions of a group, for hit and for majority."""
    groups = dict.fromkeys(one.group for one in answers)
    sets = [(kind, group) for group in groups for kind in KINDS]
    for index, (kind, group) in enumerate(sets):
        own = [one for one in answers if one.group == group]
        yield _measured(Curve(index, f"{kind} {group}", len(own), "graded", seed), kind, own)


def curves_of_questions(answers: Sequence[SampledAnswers], seed: int) -> Iterator[MeasuredCurve]:
    """Yield the Hit@N of single questions, whose pilots are graded, or only agree with themselves."""
    own = answers[:MOST_QUESTIONS]
    pairs = [(signal, one) for signal in SIGNALS for one in own]
    for index, (signal, one) in enumerate(pairs):
        yield _measured(Curve(index, signal, 1, signal, seed), "hit", [one])


def _measured(case: Curve, kind: str, answers: Sequence[SampledAnswers]) -> MeasuredCurve:
    """Split samples into those of the pilot and those that are scored."""
    scored = [one.part(PILOT, PILOT + SCORED) for one in answers]
    bought = pilot(kind, case.signal, [one.part(0, PILOT) for one in answers])
    return MeasuredCurve(case, bought, steps_of(kind, scored), words_of(scored))


def priors_of(answers: Sequence[SampledAnswers]) -> dict[str, Prior]:
    """Return the priors of both signals, from questions for practice."""
    graded = [
        PilotShare.of(one.right[:PRACTICE_PILOT], one.right[PRACTICE_PILOT:]) for one in answers
    ]
    return {"graded": fit_prior(graded), "agreement": fit_prior([*map(_agreement, answers)])}


def _agreement(answers: SampledAnswers) -> PilotShare:
    """Split the samples of a question; a success is to state what the pilot states most often."""
    first = answers.part(0, PRACTICE_PILOT)
    agreed = by_agreement(first).right
    mode = first.stated[agreed.index(True)] if any(agreed) else None
    others = tuple(one == mode for one in answers.stated[PRACTICE_PILOT:])
    return PilotShare.of(agreed, others)
