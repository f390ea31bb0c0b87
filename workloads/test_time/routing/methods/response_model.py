"""RADAR's response model by itself: abilities, difficulties, and routes to configurations by both.

The model is that of `chain/radar` (`item_response.py`), fitted to what configurations answered to calibration
questions; the dial `w` is turned through 41 settings, and each set of choices is held against held-out
responses.

**A newcomer**, of which no response is known, is asked a share `asked` of the calibration questions. Its
difficulties and discriminations being those of the others' fit, its ability alone is estimated, by maximum
likelihood, and the next question is the one with the largest Fisher information at the ability so
far. `order=random` asks as many by a die. Its price is the mean of what the asked answers cost.

**What is ours.** See `chain/radar`. The paper adds eight configurations of one model at a time; here each
is added alone, which is the same for each ability.

**What to expect.** Before measuring: hypervolume 0.82 (pair 0.65, neighbours 0.80); b and steps 0.6; r of abilities 0.97.

**Ways to fake it.** Held-out responses in the fit; a scale of abilities that is fitted to the newcomer's
answers; asking more than is counted; responses that were drawn from the model itself.
"""

import numpy as np

from adabench.harness.contract.card import (
    Card,
    Claim,
    Correlation,
    Difference,
    Knob,
    Level,
    Point,
    Ratio,
)
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    NOBODY,
    CalibrationDesk,
    QuestionSet,
    Routes,
)
from adabench.workloads.test_time.substrate.configurations import ResponseTable, chosen_by_weights
from adabench.workloads.test_time.substrate.item_response import ResponseModel, examine, fit

CARD = Card(
    title="RADAR's response model",
    paper="Fernandez et al., RADAR, arXiv 2509.25426, ICLR 2026",
    slug="radar",
    adapts="which configuration a question gets, on its forecast difficulty",
    fidelity="paper",
    knobs=(
        Knob("rule", ("linear", "chebyshev"), "linear"),
        Knob("share", (1.0, 0.2), 1.0, open=True, low=0.01, high=1.0),
        Knob("asked", (0.12,), 0.12, open=True, low=0.001, high=1.0),
        Knob("order", ("informative", "random"), "informative"),
    ),
    claims=(
        Claim(
            id="radar-out",
            says="On questions longer than those learned from, its hypervolume is above other routers'.",
            source="headline",
            paper="query generalization capabilities, showing strong performance on out-of-distribution "
            "queries in all benchmarks; no number",
            effect=None,
            expect=Difference(
                "hypervolume", against=("neighbours", "irt_router"), low=0.0, groups=("out",)
            ),
            apart_from=("coin_pair", "fixed_front"),
        ),
        Claim(
            id="radar-added",
            says="12 % of the questions tell a newcomer's ability: a rank correlation of 0.95 with all.",
            source="headline",
            paper="can efficiently integrate additional models by dynamically selecting a small set of "
            "evaluation queries to estimate their abilities; about 12 %, the 0.95 is ours",
            effect=None,
            expect=Correlation("ability", "ability_full", low=0.95, groups=("added",)),
            requires=("radar-chosen",),
            apart_from=(),
            no_rival="no other method here has abilities; what it requires tells it from random questions",
        ),
        Claim(
            id="radar-chosen",
            says="Questions that are chosen by information err less in the ability than random ones.",
            source="headline",
            paper="by dynamically selecting: as many random questions are what that has to beat; no number",
            effect=None,
            expect=Difference(
                "ability_error", against="response_model", high=0.0, groups=("added",),
                there={"order": "random"},
            ),
            apart_from=(),
            no_rival="what it is held against is the random choice",
        ),
        Claim(
            id="radar-steps",
            says="Forecast difficulties follow the number of operations: a rank correlation of 0.509.",
            source="headline",
            paper="interpretable parameters including query difficulties; 0.509 with the human levels of "
            "MATH-500, and the bar is at 0.8 of it",
            effect=0.509,
            share=0.8,
            expect=Level("difficulty_steps", groups=("in",)),
            apart_from=(),
            no_rival="no other method here has difficulties",
        ),
        Claim(
            id="radar-within",
            says="So they do among prompts of one length, with the share of configurations that err.",
            source="own",
            paper="the honest one: a prompt's length tells the number of operations",
            effect=None,
            expect=Level("difficulty_within", low=0.1, groups=("in",)),
        ),
        Claim(
            id="radar-volume",
            says="Its hypervolume is 0.022 above that of the next best router.",
            source="headline",
            paper="superior performance compared to state-of-the-art model routing methods; 0.751 for 0.694 of "
            "IRT-Router on GPQA-Diamond, 0.872 for 0.860, 0.923 for 0.912, 0.919 for 0.916, 0.876 for 0.850 "
            "elsewhere: 0.022 on the mean",
            effect=0.022,
            expect=Difference("hypervolume", against=("neighbours", "irt_router"), groups=("in",)),
            apart_from=("coin_pair", "fixed_front"),
        ),
        Claim(
            id="radar-90",
            says="90 % of the dearest configuration's accuracy for 1.31 % of its price.",
            source="measured",
            paper="MATH-500, against o4-mini (high): saves 0.987 of the price. Of a ratio half is half of the "
            "way on the scale of logarithms, 11.4 % of the price: at least 0.886 saved",
            effect=0.9869,
            share=0.8973,
            expect=Level("saved_at_90", groups=("in",)),
        ),
        Claim(
            id="radar-90-half",
            says="90 % of the dearest configuration's accuracy for half of its price.",
            source="own",
            paper="what can be asked where prices span a factor of 300 and not four orders of magnitude",
            effect=None,
            expect=Level("saved_at_90", low=0.5, groups=("in",)),
        ),
        Claim(
            id="radar-frames",
            says="On longer questions 90 % cost a third of what they cost the next best router.",
            source="measured",
            paper="FRAMES, out of distribution: 10 % of the price, where the next best needs 30 %",
            effect=0.333,
            expect=Ratio("price_at_90", against=("neighbours", "irt_router"), groups=("out",)),
            apart_from=("coin_pair", "fixed_front"),
        ),
        Claim(
            id="radar-fifth",
            says="A fifth of the calibration questions gives its hypervolume, within a point.",
            source="measured",
            paper="20 % of the training data gives about the same hypervolume",
            effect=None,
            expect=Difference(
                "hypervolume", against="response_model", low=-0.01, groups=("in",),
                where={"share": 0.2}, there={"share": 1.0},
            ),
            apart_from=(),
            no_rival="it is held against itself with all questions",
        ),
        Claim(
            id="radar-chebyshev",
            says="On longer questions the Chebyshev rule has a larger hypervolume than the linear one.",
            source="measured",
            paper="linear is marginally better in distribution, Chebyshev out of it; no number",
            effect=None,
            expect=Difference(
                "hypervolume", against="response_model", low=0.0, groups=("out",),
                where={"rule": "chebyshev"}, there={"rule": "linear"},
            ),
            apart_from=(),
            no_rival="it is held against itself with the other rule",
        ),
        Claim(
            id="radar-coin",
            says="Its hypervolume is above that of a random pair, in distribution and out of it.",
            source="own",
            paper="random pairs have 0.55 to 0.73 where RADAR has 0.75 to 0.92",
            effect=None,
            expect=Difference("hypervolume", against="coin_pair", low=0.0, groups=("in", "out")),
        ),
        Claim(
            id="radar-static",
            says="Its hypervolume is above that of the best fixed configurations.",
            source="own",
            paper="what a router has to gain at all",
            effect=None,
            expect=Difference("hypervolume", against="fixed_front", low=0.0, groups=("in",)),
        ),
    ),
)  # fmt: skip
_DIE = 0xD1E0


def solve(desk: CalibrationDesk, case: QuestionSet, point: Point) -> Routes:
    """Return routes by abilities and difficulties."""
    table, place = desk.responses(float(point["share"])), case.newcomer
    right, flops, ability = table.right, table.flops.mean(axis=0), None
    if place != NOBODY:
        right = np.delete(right, place, axis=1)
    model = fit(table.states, right)
    if place != NOBODY:
        ability, flops[place] = examined(desk, case, model, table, point)
        model = model.with_ability(place, ability)
    chosen = chosen_by_weights(model.chances(case.states), flops / flops.max(), str(point["rule"]))
    return Routes(chosen, model.items(case.states)[1], ability)


def examined(
    desk: CalibrationDesk,
    case: QuestionSet,
    model: ResponseModel,
    table: ResponseTable,
    point: Point,
) -> tuple[float, float]:
    """Return the newcomer's ability by a share of the questions, and the mean FLOPs of its answers."""
    rows = case.dealt(_DIE, float(point["asked"]), len(table.right))
    order = rows if point["order"] == "random" else None
    paid: list[float] = []

    def ask(row: int) -> float:
        reply = desk.ask(row)
        paid.append(reply.flops)
        return reply.right

    ability = examine(model.items(table.states), ask, len(rows), order)
    return ability, float(np.mean(paid))
