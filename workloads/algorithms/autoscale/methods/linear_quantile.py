"""Linear quantile: six lags by least squares, plus the empirical quantile of their residuals.

    capacity[t] = w . lags(t) + quantile of the known residuals at 1 - eps

Fitted in milliseconds to the past, never again. The strong static of this task: its tail is no Gaussian's, since it
is counted, and it follows any drift of the level through its lags.

Variants: `gaussian` takes the residuals for Gaussian (mean + k sigma); `residual_quantile` has the last load in
place of the lags; `linear_indicators` has six lags of every indicator, all that HARMONY reads.

**What to expect.** Violations within a fifth of the target where nothing drifts; `gaussian` violates 1 % twice.

**Ways to fake it.** Residuals of the served days; a fit that is repeated while serving.
"""

from typing import cast

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.algorithms.autoscale.substrate.lag_regression import Reads, fit
from adabench.workloads.algorithms.autoscale.substrate.provisioning import Autoscale, Provision
from adabench.workloads.algorithms.autoscale.substrate.traces import Service

CARD = Card(
    title="Six lags and the quantile of their residuals",
    paper="none: the strong static of this task",
    adapts="capacity, on six lags of the load by fixed weights",
    role="static",
    fixed={"reads": "load", "gaussian": False},
    variants=(
        Variant("gaussian", "Six lags and a Gaussian margin", {"gaussian": True}, role="static"),
        Variant("residual_quantile", "Last load and the quantile of its changes", {"reads": "last"},
                role="static"),
        Variant("linear_indicators", "Six lags of every indicator", {"reads": "all"}, role="static"),
    ),
)  # fmt: skip


def solve(task: Autoscale, case: Service, point: Point) -> Provision:
    """Fit to the past, and allocate quantiles."""
    gaussian = bool(point["gaussian"])
    return task.provision(case, fit(case, cast(Reads, point["reads"]), gaussian=gaussian))
