"""Intervals over few seeds: what they hold, and that a further seed does not widen them.

    python benchmarks/few_seeds.py [--worlds 1000]

From two to four seeds are drawn with their cases, from five on seeds alone are the units
(`harness/stats/intervals.py`). Worlds are nested: the first k seeds of each are those of its first
k - 1 and one more. A row is a sort of data, the number of cases a seed, and the effect of the seed
as a multiple of the cases' noise; a figure is the share of worlds whose 95 % interval of the mean
held the truth, or the mean width, over 2, 3, 4, 5, 6 and 8 seeds.

`docs/log/statistics.md` has what was measured.
"""

import argparse
import sys

import numpy as np
import numpy.typing as npt

from adabench.harness.stats.intervals import Replicate, bootstrap, means

SEEDS = (2, 3, 4, 5, 6, 8)
CASES = (1, 4, 12)
EFFECTS = (0.0, 0.5, 1.0)
KINDS = ("normal", "exponential")
SEED = 5


def worlds(
    kind: str, count: int, cases: int, effect: float
) -> tuple[npt.NDArray[np.float64], float]:
    """Return values (world, seed, case) of the most seeds, and the true mean."""
    generator = np.random.default_rng(SEED)
    draw = generator.standard_normal if kind == "normal" else generator.standard_exponential
    truth = 0.0 if kind == "normal" else 1.0
    values = draw((count, SEEDS[-1], cases))
    return values + effect * (draw((count, SEEDS[-1], 1)) - truth), truth


def row(kind: str, count: int, cases: int, effect: float) -> list[tuple[float, float]]:
    """Return coverage and mean width by the number of seeds."""
    values, truth = worlds(kind, count, cases, effect)
    found = []
    for seeds in SEEDS:
        places = [Replicate(seed, "", case) for seed in range(seeds) for case in range(cases)]
        covered = width = 0.0
        for world in values[:, :seeds]:
            _, low, high = bootstrap(places, means(world.reshape(-1, 1)))[0]
            assert low is not None
            assert high is not None
            covered += low <= truth <= high
            width += high - low
        found.append((covered / count, width / count))
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worlds", type=int, default=1000)
    options = parser.parse_args()
    for kind in KINDS:
        for cases in CASES:
            for effect in EFFECTS:
                found = row(kind, options.worlds, cases, effect)
                covered = " ".join(f"{share:.3f}" for share, _ in found)
                widths = " ".join(f"{width:.2f}" for _, width in found)
                print(f"    {kind:<12}{cases:>3} {effect:>4g}     {covered}   {widths}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
