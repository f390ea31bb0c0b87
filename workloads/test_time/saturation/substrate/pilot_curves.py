"""What methods get on `saturation`: curves whose first points can be bought, and what a forecast is.

    points = task.buy(curve, 8)     F(1), F(2), F(4), F(8), each a mean over four groups or more
    return Forecast((F16, F32, F64), n_star)

Buying up to N costs `GROUPS` N samples of every question of a set, whatever is bought of the curve
before: F(N) is a mean over that many groups of samples. Of a single question it costs N. What a forecast
is held against comes from other samples.

Of a training by reward (`unit=rl`) a curve is accuracy over the words that were generated, and what is bought are the
evaluations of its first 25, 50 or 75 %, from 0 words on, at the price of all that was generated until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError, MissingAbility, SelectionError
from adabench.harness.store import used_artefacts
from adabench.workloads.test_time.substrate.saturation_law import Prior

GROUPS = 4
OFFERED = (1, 2, 4, 8)
"""Up to how many samples a curve is sold."""
PERCENTS = (25, 50, 75)
"""Up to which shares of its words a training is."""
HELD_OUT = (16, 32, 64)
"""Where a forecast is held against the curve."""


@dataclass(frozen=True)
class Curve:
    """A case: success over the number of samples, of a set of questions or of one."""

    index: int
    group: str
    questions: int
    signal: str
    """What a success is in the pilot: `graded`, or `agreement` with the pilot's own answer."""
    seed: int = 0
    """Of the run, which drew the questions."""
    held_out: tuple[int, ...] = HELD_OUT
    """Where a forecast is held against it."""


@dataclass(frozen=True)
class Points:
    """The first points of a curve."""

    samples: tuple[int, ...]
    """N of each point; words, of a training."""
    shares: tuple[float, ...]
    """F(N) of each."""
    pilot: int
    """Samples of each question that they come from; of a training, all that it drew."""


@dataclass(frozen=True)
class Forecast:
    """A method's answer: F where the curve is held out, and the number of samples after which it is flat."""

    shares: tuple[float, ...]
    n_star: int


@dataclass(frozen=True)
class Pilot:
    """What a curve's pilot samples give, by how many are bought; the environment of a case."""

    points: Mapping[int, Points]
    words: Mapping[int, int]
    """Words of these samples, those of all questions together."""


@dataclass
class PilotSales:
    """What methods get."""

    epsilon: float
    """The smallest gain that is worth a sample."""
    priors: Mapping[str, Prior]
    """By signal: of the success of one sample, over questions of the dev split."""
    artefacts: Mapping[str, str] = field(default_factory=dict)
    """The policy that was sampled: its checkpoint's name and file."""
    meter: Meter = field(default_factory=Meter)
    _case: Curve | None = None
    _pilot: Pilot | None = None

    def enter(self, curve: Curve, pilot: Pilot) -> None:
        """Take the pilot of the case that is solved next."""
        self._case, self._pilot = curve, pilot

    def note(self) -> None:
        """Note that samples of the policy are handed out to the method of this process."""
        for name, path in self.artefacts.items():
            used_artefacts.note(name, Path(path))

    def buy(self, curve: Curve, largest: int) -> Points:
        """Return the points of a curve up to N = `largest`, and charge their samples.

        Raises:
            SelectionError: for a number of samples that is not sold.
            MissingAbility: for samples of a training, or a share of samples.
            MethodContractError: for another curve than the one that is to be forecast.
        """
        if self._pilot is None or curve != self._case:
            raise MethodContractError(
                "A curve was bought that is not the one to forecast.", "Buy the case's own."
            )
        if largest not in self._pilot.points:
            sold = ", ".join(map(str, self._pilot.points))
            if largest in OFFERED + PERCENTS:
                raise MissingAbility(
                    f"Nothing of the kind is sold of the curve of {curve.group}.",
                    "Choose unit=set for samples, unit=rl for trainings.",
                )
            raise SelectionError(f"No curve is sold up to {largest} samples.", f"Take {sold}.")
        points = self._pilot.points[largest]
        self.note()
        self.meter["pilot_samples"] += points.pilot * curve.questions
        self.meter["generated"] += self._pilot.words[largest]
        return points

    def account(self, curve: Curve, forecast: object) -> Forecast:
        """Return a forecast that is one.

        Raises:
            MethodContractError: if shares are no shares, or N* is no number of samples.
        """
        at = curve.held_out
        if not isinstance(forecast, Forecast) or not _is_sound(forecast, len(at)):
            raise MethodContractError(
                f"The forecast of curve {curve.index} is {forecast!r}.",
                f"Return a Forecast with shares of 0..1 at N = {at} and a whole n_star >= 0.",
            )
        return forecast


def _is_sound(forecast: Forecast, count: int) -> bool:
    shares, n_star = forecast.shares, forecast.n_star
    return (
        len(shares) == count
        and all(type(share) is float and 0.0 <= share <= 1.0 for share in shares)
        and type(n_star) is int
        and n_star >= 0
    )
