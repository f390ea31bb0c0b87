"""Tables of strategies as numbers: a strategy is its place in its mechanism's set."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from adabench.workloads.test_time.substrate.strategies import (
    MEASURES,
    MECHANISMS,
    Plan,
    StrategyTable,
)

Floats = npt.NDArray[np.float64]


def stored(mechanism: str, plan: Plan) -> dict[str, Floats]:
    """Return a plan as numbers; strategies are their places in the mechanism's set."""
    names = MECHANISMS[mechanism]
    arrays: dict[str, Floats] = {"budgets": np.asarray(plan.predicted.budgets, np.float64)}
    for key, one in (("predicted", plan.predicted), ("graded", plan.graded)):
        arrays[f"{key}.cuts"] = np.asarray(one.cuts, np.float64)
        arrays[f"{key}.choices"] = np.asarray(
            [[names.index(name) for name in row] for row in one.choices], np.float64
        )
    return arrays


def restored(mechanism: str, arrays: Mapping[str, npt.ArrayLike]) -> Plan:
    """Return the plan that numbers stand for."""
    names, measure = MECHANISMS[mechanism], MEASURES[mechanism]
    budgets = tuple(int(one) for one in np.asarray(arrays["budgets"]))

    def read(key: str) -> StrategyTable:
        cuts = tuple(float(cut) for cut in np.asarray(arrays[f"{key}.cuts"]))
        rows = np.asarray(arrays[f"{key}.choices"]).astype(int).tolist()
        return StrategyTable(
            measure, cuts, budgets, tuple(tuple(names[place] for place in row) for row in rows)
        )

    return Plan(read("predicted"), read("graded"))
