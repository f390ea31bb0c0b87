"""Curves of trainings by reward as cases: what is bought of each, and where it ends.

A curve ships with the chain for each training (`adabench train` writes it beside weights), and a file of the same form may be
anybody's. Its end is the mean of the evaluations in the last tenth of its words: bits of the same questions, answered by one sample each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from adabench.harness.errors import SelectionError
from adabench.harness.store import checkpoint_folders
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.training import reward_curve
from adabench.workloads.shared.training.reward_curve import SUFFIX, CurvePoint
from adabench.workloads.test_time.chain.recipes import NO_RECIPES, SUCCESSORS
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    PERCENTS,
    Curve,
    Forecast,
    Pilot,
    Points,
)
from adabench.workloads.test_time.saturation.truth.curve_task import (
    CurveTask,
    Hindsight,
    MeasuredCurve,
)
from adabench.workloads.test_time.saturation.truth.success_curves import NEAR

LAST = 0.9
"""Share of the words from which evaluations are its end."""
LEAST = 12
"""Evaluations of a curve: with fewer a quarter holds nothing to fit."""
SHIPPED = "shipped"
CURVES = FOLDER.parent / "curves"
"""Of trainings whose weights are not shipped."""


@dataclass(frozen=True)
class TrainingTask(CurveTask):
    """Trainings, and the scorer of forecasts of their ends."""

    def oracle_environment(self, case: Curve) -> Hindsight:
        """Return the end that forecasts are held against, at the price of the whole training."""
        one = self.curves[case.index]
        (end, last) = one.steps
        return Hindsight(case, Forecast((end[1],), 0), last[0], one.words)

    def judge(self, case: Curve, forecast: Forecast) -> Mapping[str, float]:
        """Hold a forecast against the end of its training."""
        _, end = self.curves[case.index].steps[0]
        bias = forecast.shares[0] - end
        return {
            "error": abs(bias),
            "within": float(abs(bias) <= NEAR),
            "bias_end": bias,
            "end": end,
            "instance": instance(self.curves[case.index]),
        }


def instance(curve: MeasuredCurve) -> float:
    """Return a content hash of a curve."""
    bought = curve.pilot.points[PERCENTS[-1]]
    shares = (round(1e6 * share) for share in (*bought.shares, curve.steps[0][1]))
    return float(mix(*bought.samples, *shares, curve.words) % 2**48)


def curve_files(seed: int, data: str = SHIPPED) -> dict[str, Path]:
    """Return the curves of a run seed by name, or the one that is named.

    Raises:
        SelectionError: if there is none.
    """
    return training_files(seed) if data == SHIPPED else {Path(data).stem: Path(data)}


def training_files(seed: int) -> dict[str, Path]:
    """Return by name the curves of the trainings that a run seed takes: of each recipe that has so many, one.

    Raises:
        SelectionError: if there is none.
    """
    own = seed % max(SUCCESSORS.values())
    found = {}
    for base, many in SUCCESSORS.items():
        name = f"{base}-s{own}"
        places = (CURVES, checkpoint_folders.home(f"{name}{SUFFIX}", FOLDER))
        paths = [place / f"{name}{SUFFIX}" for place in places]
        if base not in NO_RECIPES and own < many and any(path.exists() for path in paths):
            found[name] = next(path for path in paths if path.exists())
    if not found:
        raise SelectionError(
            f"There is no curve of training {own}.", "Make one: adabench train 'chain/rl-*'."
        )
    return found


def curves_of_trainings(files: Mapping[str, Path], seed: int) -> Iterator[MeasuredCurve]:
    """Yield a case for each file.

    Raises:
        SelectionError: if one holds no whole curve, or too few evaluations.
    """
    for index, (name, path) in enumerate(files.items()):
        points = reward_curve.read(path)
        rises = all(before.words < after.words for before, after in pairwise(points))
        if len(points) < LEAST or not rises:
            raise SelectionError(
                f"{path} has {len(points)} evaluations{'' if rises else ', and words that do not rise'}.",
                f"A curve has {LEAST} or more, each after more words than the one before.",
            )
        group = name.rpartition("-s")[0].removeprefix("rl-")
        yield _measured(points, index, group, seed)


def _measured(points: Sequence[CurvePoint], index: int, group: str, seed: int) -> MeasuredCurve:
    total = points[-1].words
    ends = [point for point in points if point.words >= LAST * total]
    at = round(float(np.mean([point.words for point in ends])))
    share = float(np.mean([point.accuracy for point in ends]))
    sold, words = {}, {}
    for percent in PERCENTS:
        bought = [point for point in points if 100 * point.words <= percent * total]
        samples = tuple(point.words for point in bought)
        accuracies = tuple(point.accuracy for point in bought)
        sold[percent] = Points(samples, accuracies, bought[-1].samples)
        words[percent] = bought[-1].words
    case = Curve(index, group, 1, "graded", seed, held_out=(at,))
    steps = [(at, share), (points[-1].samples, share)]
    return MeasuredCurve(case, Pilot(sold, words), steps, total)
