"""Fit the cost model of `moe_layer` to iterations that ranks of this machine time: `python benchmarks/exchange_costs.py [--write]`.

Fitted at two ranks; how far it is off is said at two ranks, on iterations that were left out, and at four.
"""

import argparse
import json
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from adabench.workloads.moe.moe_layer.substrate.cost_model import (
    CostModel,
    IterationWork,
    iteration_work,
)
from adabench.workloads.moe.moe_layer.substrate.expert_shards import LayerShape, Setting
from adabench.workloads.moe.moe_layer.substrate.rank_group import Moment, Policy, run_stream
from adabench.workloads.moe.moe_layer.substrate.token_dispatch import Dispatch
from adabench.workloads.moe.moe_layer.substrate.token_streams import drawn_stream

FILE = Path(__file__).parents[1] / "workloads/moe/moe_layer/data/exchange_costs.json"
ITERATIONS = 24
Row = tuple[IterationWork, float]


def timed(ranks: int, experts: int, seed: int) -> list[Row]:
    """Return what iterations of every setting did, and the seconds that they took."""
    shape, found = LayerShape(ranks, experts), []
    stream = drawn_stream(seed, 0, ITERATIONS, ranks, experts)
    runs: list[tuple[Setting, Dispatch]] = [(one, "sparse") for one in shape.settings]
    if ranks == 2 and experts == 16:
        runs.append((Setting(1), "dense"))
    for setting, dispatch in runs:

        def took(
            moment: Moment, chosen: Setting, seconds: float, kind: Dispatch = dispatch
        ) -> None:
            work = iteration_work(shape, chosen, moment.capacity, moment.tokens, kind)
            found.append((work, seconds))

        run_stream(shape, stream, Policy(lambda _, one=setting: one, 2.0, dispatch, took))
    return found


def features(rows: list[Row]) -> NDArray[np.float64]:
    """Return the kinds of work, [n, 5]."""
    return np.array([(1, w.messages, w.sent_bytes, w.rows, w.products) for w, _ in rows], float)


def fit(rows: list[Row]) -> CostModel:
    """Return non-negative costs with the least squares of relative errors."""
    seconds = np.array([took for _, took in rows])
    work = features(rows) / seconds[:, None]
    scale = work.max(axis=0)
    return CostModel(*(nnls(work / scale, np.ones(len(rows)))[0] / scale))


def error(model: CostModel, rows: list[Row]) -> float:
    """Return the median relative error."""
    return float(np.median([abs(model.seconds(w) / took - 1) for w, took in rows]))


def main() -> None:
    """Time, fit, print, and write if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    model = fit(timed(2, 16, 0) + timed(2, 1, 1))
    said = {
        "costs": vars(model),
        "median_error": {
            "2 ranks": error(model, timed(2, 16, 2)),
            "4 ranks": error(model, timed(4, 16, 3) + timed(4, 2, 4)),
        },
        "machine": f"{platform.machine()}, {platform.system()}, gloo over 127.0.0.1",
    }
    print(json.dumps(said, indent=2))
    if write:
        FILE.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
