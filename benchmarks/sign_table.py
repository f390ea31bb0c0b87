"""Where test-time compute beats a larger model at matched FLOPs: the sign table of compute-optimal scaling.

    adabench run chain/compute_optimal --alone --sweep N=4,16,64 --out RUN
    adabench run chain/greedy --sweep policy=lm-s,lm-l --out RUN
    .venv/bin/python benchmarks/sign_table.py RUN RUN

A model of M times the parameters takes M times the FLOPs in pretraining and in inference. At equal sums the
small one may spend M + 3 (M - 1) / R times the FLOPs of its own greedy answer, R being words of inference
over words of pretraining (arXiv 2408.03314). For each group of questions and each R the widest search that
this affords is taken: its accuracy less that of the large model's greedy answer, twice, with the estimate
of difficulty in the bill and without it, as in the paper. `-` where not even the narrowest is affordable.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adabench.harness.analysis.operating_points import OperatingPoint, collapse
from adabench.harness.store import run_folder
from adabench.harness.store.table import read
from adabench.workloads.test_time.chain.recipes import recipes

RATIOS = (0.16, 0.79, 22.0)
PAIRS = (("k0", "k1"), ("k2", "k3"), ("k4", "k5"), ("k6", "k7"))


def allowed(r: float) -> float:
    """Return how many times the FLOPs of one answer the small model may spend."""
    shapes = [recipes()[f"{name}-orders-s0"].shape.parameters for name in ("lm-l", "lm-s")]
    size = round(shapes[0] / shapes[1])
    return size + 3 * (size - 1) / r


def of(dots: Sequence[OperatingPoint], method: str, **where: object) -> list[OperatingPoint]:
    """Return the operating points of a method on questions of all kinds."""
    wanted = {"large": "0..7", **where}
    return [
        dot for dot in dots if dot.method == method
        and all({**dot.conditions, **dot.point}.get(name) == value for name, value in wanted.items())
    ]  # fmt: skip


def mean(dot: OperatingPoint, groups: Sequence[str], name: str) -> float:
    """Return a mean over the cases of some groups; what was not recorded is none."""
    return float(np.nan_to_num(dot.of_groups(groups).column(name)).mean())


def cell(dots: Sequence[OperatingPoint], groups: Sequence[str], r: float, less: str) -> str:
    """Return the gain over the large model in points, with the N that gives it."""
    [small], [large] = of(dots, "greedy", policy="lm-s"), of(dots, "greedy", policy="lm-l")
    most = allowed(r) * mean(small, groups, "flops_counted")
    affordable = [
        (mean(dot, groups, "flops_counted"), dot)
        for dot in of(dots, "compute_optimal", policy="lm-s")
        if mean(dot, groups, "flops_counted") - (mean(dot, groups, less) if less else 0) <= most
    ]
    if not affordable:
        return "-"
    _, best = max(affordable, key=lambda pair: pair[0])
    gain = mean(best, groups, "accuracy") - mean(large, groups, "accuracy")
    return f"{100 * gain:+.1f} (N {best.point['N']})"


def main() -> None:
    """Print both tables."""
    dots = [
        dot
        for folder in map(Path, sys.argv[1:])
        for dot in collapse(read(folder, run_folder.digest(folder)))
    ]
    for title, less in (("estimate in the bill", ""), ("left out", "difficulty_flops")):
        print(f"| {title} | " + " | ".join(f"R = {r:g}" for r in RATIOS) + " |")
        print("|---" * (1 + len(RATIOS)) + "|")
        for groups in PAIRS:
            row = " | ".join(cell(dots, groups, r, less) for r in RATIOS)
            print(f"| {', '.join(groups)} | {row} |")


if __name__ == "__main__":
    main()
