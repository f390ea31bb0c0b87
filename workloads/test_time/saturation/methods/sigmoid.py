"""ScaleRL's forecast: accuracy rises with compute along a sigmoid, so its first part tells the end.

    R(C) = R0 + (A - R0) / (1 + (C_mid / C)^B)

of a training by reward: C, the words that it generated; R0, what its start answers; A, where it ends; C_mid, where half of that is
gained; B, how steeply. R0 is the first evaluation. A, C_mid and B are those of a grid that fit the evaluations that were bought
with the least squared error, A by least squares for each C_mid and B, and 1 at most.

**What is simplified.** The paper leaves out the first 1,500 GPU-hours; here everything counts, as a quarter of a curve has
five evaluations of 512 questions, each with a standard error of two points.

**What to expect.** Written before measuring, from three curves of an earlier form of the task, of which a half was bought: errors of .006 to .032, of
the last value .030 to .068, of the power law .004 to .023. From a quarter: twice as much. From other curves (`sigmoid_permuted`) hardly
worse among recipes of one staleness, as they rise alike.

**Ways to fake it.** Fitting on the whole curve and calling it prediction; choosing the share after the end was seen. A curve that is flat where it
is bought: then the last value is as good.
"""

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.test_time.saturation.substrate.least_squares import (
    Floats,
    best_fit,
    falling_fit,
)
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    Curve,
    Forecast,
    PilotSales,
)

CARD = Card(
    title="Sigmoid of compute (ScaleRL)",
    paper="The Art of Scaling Reinforcement Learning Compute for LLMs, arXiv 2510.13786, ICLR 2026",
    slug="scalerl",
    adapts="what a training is said to reach, on a curve fitted to its first part",
    signal=("test_time.saturation.substrate.pilot_curves:PilotSales.buy",),
    fidelity="paper",
    conditions={"unit": "rl"},
    abilities=(Ability("trainings"),),
    knobs=(Knob("percent", (25, 50, 75), 50),),
    fixed={"law": "sigmoid", "order": "time"},
    variants=(
        Variant(
            "power_law",
            "Power law of compute",
            {"law": "power"},
            role="adaptive",
            paper="Kaplan et al., Scaling Laws for Neural Language Models, arXiv 2001.08361",
            adapts="what a training is said to reach, on a curve fitted to its first part",
            essay="""R(C) = A - D / C^B, with A of 1 at most: the form of pre-training, which the paper finds wanting.

            It has no inflection: where a curve still steepens it sees no end.

            **What to expect.** Written before measuring: as good as the sigmoid or better from a half, since curves bend early.

            **Ways to fake it.** Holding A at 1 and calling that the power law.
            """,
        ),
        Variant(
            "last_accuracy",
            "The last evaluation bought",
            {"law": "last"},
            role="static",
            adapts="nothing: it goes on as it was",
            essay="""A training ends where it is.

            **What to expect.** Written before measuring: low by what is still gained: .2 from a quarter, .08 from a half.

            **Ways to fake it.** Buying the evaluations that it is held against.
            """,
        ),
        Variant(
            "permuted_time",
            "Sigmoid of a curve whose evaluations are permuted",
            {"order": "permuted"},
            control_of=("sigmoid", "power_law"),
            adapts="nothing: its evaluations are dealt out over time at random",
            essay="""The same fit to the same accuracies at each other's words: what is left if a curve has no direction.

            **What to expect.** Written before measuring: as far off as the last evaluation, or further.

            **Ways to fake it.** A permutation that is drawn until the fit is bad.
            """,
        ),
    ),
)
MIDDLES = np.geomspace(0.05, 10.0, 60)
"""C_mid, in parts of what was bought."""
SLOPES = np.geomspace(0.5, 6.0, 25)
CEILINGS = np.linspace(0.0, 1.0, 201)
POWERS = np.geomspace(0.05, 3.0, 40)
_ORDER = 0x0DE5


def solve(task: PilotSales, curve: Curve, point: Point) -> Forecast:
    """Return what a training is said to reach."""
    bought = task.buy(curve, int(point["percent"]))
    every, start = np.array(bought.samples), bought.shares[0]
    words, seen = every[every > 0], np.array(bought.shares)[every > 0]
    if point["order"] == "permuted":
        seen = np.random.default_rng(mix(_ORDER, curve.seed, curve.index)).permutation(seen)
    at = np.array(curve.held_out)
    if point["law"] == "last":
        reached = np.array([bought.shares[-1]])
    elif point["law"] == "power":
        reached = power_law(words, seen, at)
    else:
        reached = sigmoid(words, seen, start, at)
    return Forecast(tuple(map(float, np.clip(reached, 0.0, 1.0))), 0)


def sigmoid(words: Floats, seen: Floats, start: float, at: Floats) -> Floats:
    """Return the accuracies [k] after `at` words [k] by the sigmoid that fits accuracies [n] after so many words [n]."""
    middles, slopes = (grid.ravel() for grid in np.meshgrid(MIDDLES * words.max(), SLOPES))

    def rise(after: Floats) -> Floats:
        shapes: Floats = 1.0 / (1.0 + (middles[:, None] / after) ** slopes[:, None])
        return shapes

    row, gain = best_fit(rise(words), tuple(seen - start), free_ceiling=True)
    ceiling = min(start + gain, 1.0)
    reached: Floats = start + (ceiling - start) * rise(at)[row]
    return reached


def power_law(words: Floats, seen: Floats, at: Floats) -> Floats:
    """Return the accuracies [k] after `at` words [k] by the power law that fits."""
    shapes = (words / words.max()) ** -POWERS[:, None]
    row, ceiling, drop = falling_fit(shapes, seen, CEILINGS)
    reached: Floats = ceiling - drop * (at / words.max()) ** -POWERS[row]
    return reached
