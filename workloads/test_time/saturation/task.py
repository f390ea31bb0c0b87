"""Saturation: what few samples of a language model tell of many.

A case is a curve: success over the number of samples N, of the questions of `chain`, really sampled
from its policy when the task loads (`truth/sampled_answers.py`). A method buys the first points and
forecasts the rest:

    def solve(task, curve, point):
        points = task.buy(curve, 8)            F(1), F(2), F(4), F(8)
        return Forecast((F16, F32, F64), n_star)

**Curves** (`unit=set`). Of all questions with as many large factors: `hit k2`, Hit@N, whether any of N samples is
right, and `majority k2`, whether their vote is. Hit@N is no accuracy: nothing here picks the right
sample. `unit=question`: Hit@N of single questions, whose pilots are graded (`graded`, an upper bound:
nobody grades the question that he asks) or only counted as far as they agree with themselves
(`agreement`).

**What is given to everybody alike.** A pilot of 32 samples of each question and none of the 128 others
that forecasts are held against; `priors` of one sample's success, fitted on dev questions; `epsilon`,
the smallest gain that is worth a sample.

**What is scored.** `error`: of F at N = 16, 32, 64, absolute, the mean of the three; `bias_16`,
`bias_32`, `bias_64` with their signs; `within`: whether none of the three errs by more than three
points; `r2` over the three, where the curve still moves; `n_star` and `n_star_observed`, the N after which no sample gains more than
`epsilon`. `pilot_samples` and their words, `generated`, are what was bought.

**Trainings** (`unit=rl`). A curve is what a policy answered while it learned by reward, over the words that it generated
(`chain/rl_policy`): one training of each recipe a seed. A method buys a share of it and forecasts its end, the mean accuracy over
the last tenth. `error` and `bias_end` are of that; `pilot_samples` and `generated`, what the training had drawn until then. `data`: a
curve of your own, `adabench run saturation/sigmoid --set unit=rl --data FILE` (`adabench train` writes one beside weights).

**Conditions.** `policy`, `large` and `trainings` are those of `chain`. `problems`: questions, all together.

**Limits.** Parallel samples alone: rounds of rethinking are asked about on `chain` (`rethinking`). The task
reads `chain`; questions of `text` would take minutes to sample. A curve of so few questions is true of
them: another set has another one.
"""

from collections.abc import Mapping

from adabench.harness.contract.card import Card, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.test_time.saturation import conformance
from adabench.workloads.test_time.saturation.substrate.pilot_curves import Forecast
from adabench.workloads.test_time.saturation.truth.curve_task import (
    PILOT,
    SCORED,
    CurveTask,
    curves_of_questions,
    curves_of_sets,
    priors_of,
)
from adabench.workloads.test_time.saturation.truth.sampled_answers import sampled
from adabench.workloads.test_time.saturation.truth.training_curves import (
    SHIPPED,
    TrainingTask,
    curve_files,
    curves_of_trainings,
)

CARD = Card(
    title="Saturation: what few samples tell of many",
    paper="Scaling over Scaling, arXiv 2505.20522",
    adapts="how many samples a set of questions, or one, is worth, on its first samples",
    no_speedup="a forecast is arithmetic: samples that are not bought were drawn when the task loaded",
    knobs=(
        Knob("policy", ("lm-s",), "lm-s", open=True),
        Knob("unit", ("set", "question"), "set", also=("rl",)),
        Knob("data", ("shipped",), "shipped", open=True),
        Knob("problems", (120,), 120, open=True, low=2),
        Knob("large", ("2,4",), "2,4", open=True),
        Knob("trainings", (5,), 5, open=True, low=1, high=5),
        Knob("epsilon", (0.01,), 0.01, open=True, low=1e-6, high=1.0),
    ),
    cases="nested",
    metrics=(
        Metric("error", "", "lower", "quality", primary=True),
        Metric("within", "", "higher", "quality"),
        Metric("r2", "", "higher", "info", high=1.0),
        Metric("bias_16 bias_32 bias_64 bias_end", "", "higher", "info", low=-1.0, high=1.0),
        Metric("end", "", "higher", "info", low=0.0, high=1.0),
        Metric("instance", "hash", "higher", "info"),
        Metric("n_star n_star_observed", "samples", "lower", "info"),
        Metric("pilot_samples", "samples", "lower", "work", primary=True),
        Metric("generated", "tokens", "lower", "cost"),
    ),
)
CHECK_CONDITIONS = {"problems": 4}
OUTCOMES = (Forecast,)
UNITS = ("set", "question", "rl")
check = conformance.check
__all__ = [
    "CARD", "CHECK_CONDITIONS", "OUTCOMES", "UNITS", "check", "check_conditions", "load", "missing_abilities",
]  # fmt: skip


def load(
    scale: str,
    seed: int,
    *,
    policy: str = "lm-s",
    unit: str = "set",
    data: str = SHIPPED,
    problems: int = 120,
    large: str = "2,4",
    trainings: int = 5,
    epsilon: float = 0.01,
) -> CurveTask:
    """Return the task under the given conditions; samples are drawn here.

    Raises:
        SelectionError: for a scale, policy, unit or questions that it does not have, or a file without a curve.
        EnvironmentProblem: if the policy was not trained yet.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"saturation has no scale {scale!r}.", "It runs at `embedded`.")
    if unit not in UNITS:
        raise SelectionError(f"unit cannot be {unit!r}.", nearest(unit, UNITS))
    if unit == "rl":
        files = curve_files(seed, data)
        curves = tuple(curves_of_trainings(files, seed))
        return TrainingTask(curves, {}, {name: str(path) for name, path in files.items()}, epsilon)
    drawn = sampled(
        seed,
        PILOT + SCORED,
        policy=policy,
        problems=problems,
        large=large,
        trainings=trainings,
    )
    curves_of = curves_of_sets if unit == "set" else curves_of_questions
    return CurveTask(
        tuple(curves_of(drawn.test, seed)), priors_of(drawn.practice), drawn.artefacts, epsilon
    )


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse data that hold no curve of a training, and data for units that read none.

    Raises:
        SelectionError: naming what is wrong.
    """
    given = {**CARD.defaults, **conditions}
    data = str(given["data"])
    if given["unit"] == "rl":
        list(curves_of_trainings(curve_files(0, data), 0))
    elif data != SHIPPED:
        raise SelectionError(
            f"data={data} is a curve of a training, and unit={given['unit']} reads none.",
            "Add --set unit=rl.",
        )


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under these conditions, and what would give it."""
    unit = {**CARD.defaults, **conditions}["unit"]
    if unit == "rl":
        return {
            "answers": ("Curves of trainings count no samples of a question.", "Choose unit=set.")
        }
    return {"trainings": (f"Curves of unit={unit} are of no training.", "Choose unit=rl.")}
