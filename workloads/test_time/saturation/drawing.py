"""Trainings by reward and what their first half tells of the rest: evaluations, both laws, and how far questions move a fit.

Drawn for `unit=rl`: of the trainings of a seed the first four. The band is where the sigmoid lies for 95 % of 40 draws of the
validation questions; it says nothing of another training.
"""

import numpy as np

from adabench.harness.contract.card import Point
from adabench.harness.contract.drawing import Mark, Panel, Picture
from adabench.workloads.shared.training import reward_curve
from adabench.workloads.shared.training.reward_curve import CurvePoint
from adabench.workloads.test_time.saturation.methods.sigmoid import power_law, sigmoid
from adabench.workloads.test_time.saturation.substrate.least_squares import Floats
from adabench.workloads.test_time.saturation.truth.training_curves import (
    SHIPPED,
    curve_files,
    curves_of_trainings,
    instance,
)

MOST, DRAWS, HALF = 4, 40, 0.5


def picture(scale: str, seed: int, conditions: Point) -> Picture | None:
    """Draw the trainings of a seed; nothing for other units."""
    if conditions.get("unit") != "rl":
        return None
    files = dict(list(curve_files(seed, str(conditions.get("data", SHIPPED))).items())[:MOST])
    trainings = {name: reward_curve.read(path) for name, path in files.items()}
    widest = max(points[-1].words for points in trainings.values()) / 1e6
    panels = tuple(_panel(name, points) for name, points in trainings.items())
    words = (
        f"Accuracy over millions of generated words, {', '.join(trainings)}: evaluations, and the sigmoid and the power law "
        "that fit their first half."
    )
    first = next(curves_of_trainings(files, seed))
    return Picture(
        "Trainings and their laws", panels, (0.0, 0.0, widest, 1.0), words, instance(first)
    )


def _panel(name: str, points: tuple[CurvePoint, ...]) -> Panel:
    words = np.array([point.words for point in points], np.float64)
    bits = np.array([point.bits for point in points])
    seen = (words <= HALF * words[-1]) & (words > 0)
    low, high = np.quantile(_resampled(words, bits, seen), (0.025, 0.975), axis=0)
    accuracy, later = bits.mean(axis=1), words[1:]
    law = sigmoid(words[seen], accuracy[seen], float(accuracy[0]), later)
    power = power_law(words[seen], accuracy[seen], later)
    return Panel(name, (
        Mark("line", _places(later, low), "faint", "95 % of fits to drawn questions"),
        Mark("line", _places(later, high), "faint", "95 % of fits to drawn questions"),
        Mark("line", _places(later, power), "outline", "power law of the first half"),
        Mark("line", _places(later, law), "new", "sigmoid of the first half"),
        Mark("dots", _places(words[seen], accuracy[seen]), "solid", "evaluations that are fitted"),
        Mark("dots", _places(words[~seen], accuracy[~seen]), "lost", "others"),
    ))  # fmt: skip


def _resampled(words: Floats, bits: np.ndarray, seen: np.ndarray) -> Floats:
    """Return what the sigmoid says after all words [draws, k], fitted to draws of the questions."""
    generator, found = np.random.default_rng(0), list[Floats]()
    for _ in range(DRAWS):
        accuracy = bits[:, generator.integers(0, bits.shape[1], bits.shape[1])].mean(axis=1)
        found.append(sigmoid(words[seen], accuracy[seen], float(accuracy[0]), words[1:]))
    return np.array(found)


def _places(words: Floats, accuracy: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple((float(x) / 1e6, float(y)) for x, y in zip(words, accuracy, strict=True))
