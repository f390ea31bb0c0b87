"""What our 95 % intervals really hold: simulated worlds whose truth is known.

    python benchmarks/intervals.py [--worlds 2000] [--only WORD] [--out FILE]

Each row is a kind of interval on one sort of data; each figure the share of worlds whose interval
held the truth, at n = 10, 30 and 100 independent units. A row passes if all of its figures lie
in 0.93..0.97 (simulation error of 2,000 worlds: 0.005). Worlds without an interval are counted
apart, since they claim nothing; where most worlds get none, the kind is not offered at that size,
and what is held to 5 % is the share of *all* worlds with an interval that is wrong. How often
p-values err is in `harness/stats/paired.py`.

`docs/log/statistics.md` has what was measured.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats.mstats import median_cihs

from adabench.harness.analysis.oracle_gap import leads_of
from adabench.harness.analysis.realised_speedup import exponent
from adabench.harness.stats.front_bands import front_band
from adabench.harness.stats.intervals import Interval, Replicate, bootstrap, means, share
from adabench.harness.stats.paired import Clusters, difference, ratio
from adabench.harness.stats.trimmed_mean import center

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
Ends = tuple[float | None, float | None]
World = Callable[[np.random.Generator, int], tuple[Ends, float]]

SIZES = (10, 30, 100)
BAR = (0.93, 0.97)
RARE, FALSE = 0.5, 0.05
CORNERS = {"accuracy difference: +0, all", "accuracy difference: -0.1, all"}
"""Worlds whose truth is a point that yes-or-no outcomes of ten cases can hardly miss."""
SEED = 6

NOISE: dict[str, tuple[Draw, float, float]] = {  # draw, mean, median
    "normal": (lambda g, size: g.normal(size=size), 0.0, 0.0),
    "t(3)": (lambda g, size: g.standard_t(3, size=size), 0.0, 0.0),
    "exponential": (lambda g, size: g.exponential(size=size), 1.0, math.log(2)),
    "log-normal 0.5": (lambda g, size: g.lognormal(0, 0.5, size=size), math.exp(0.125), 1.0),
    "log-normal 1": (lambda g, size: g.lognormal(0, 1, size=size), math.exp(0.5), 1.0),
}
SHARES = np.linspace(0.05, 0.95, 19)
FRONTS = {
    "clear": np.array([0.3, 0.5, 0.6, 0.7, 0.8]),
    "near": np.array([0.3, 0.55, 0.5, 0.7, 0.68]),
    "tied": np.full(5, 0.5),
}
COSTS = np.arange(1.0, 6.0)


@dataclass(frozen=True)
class Row:
    """The coverage of one kind of interval on one sort of data, a figure for each size."""

    kind: str
    data: str
    covered: tuple[float, ...]
    none: tuple[float, ...]
    """Shares of worlds without an interval."""

    @property
    def holds(self) -> bool:
        """Whether every size has the coverage, or no interval in most worlds and hardly a false
        one.
        """
        both = zip(self.covered, self.none, strict=True)
        return all(
            (1 - share) * (1 - none) <= FALSE if none > RARE else BAR[0] <= share <= BAR[1]
            for share, none in both
        )

    @property
    def corner(self) -> bool:
        """Whether it is listed apart: see the docstring."""
        return f"{self.kind}: {self.data}" in CORNERS


def cases(n: int) -> list[Replicate]:
    """Return n cases of one seed."""
    return [Replicate(0, "", case) for case in range(n)]


def lone(n: int) -> Clusters:
    """Return n cases of one seed, measured once."""
    zero = np.zeros(n, np.intp)
    return Clusters(zero, np.arange(n), zero)


def series(generator: np.random.Generator, shape: tuple[int, ...], draw: Draw, rho: float) -> Array:
    """Return AR(1) noise along the last axis, started 50 steps early."""
    noise = draw(generator, (*shape[:-1], shape[-1] + 50))
    level, found = np.zeros(shape[:-1]), np.empty_like(noise)
    for step in range(noise.shape[-1]):
        level = rho * level + noise[..., step]
        found[..., step] = level
    return found[..., 50:]


def yes_no(generator: np.random.Generator, n: int, p: Array) -> Array:
    """Return (n, len(p)) outcomes of cases of unequal difficulty."""
    from scipy.special import ndtri

    hard = generator.normal(size=(n, 1))
    own = generator.normal(size=(n, len(p)))
    return np.asarray(math.sqrt(0.5) * (hard + own) < ndtri(p), np.float64)


def ends(interval: Interval) -> Ends:
    """Return the ends of an interval."""
    return interval.low, interval.high


def mean_of(data: str) -> World:
    """A mean over cases."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        draw, truth, _ = NOISE[data]
        return ends(bootstrap(cases(n), means(draw(generator, (n, 1))))[0]), truth

    return world


def rounds_of(data: str) -> World:
    """A gate's mean of rounds; "disturbed": one of twenty lies 10 to 40 % off, either way."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        draw, truth, _ = NOISE["normal" if data == "disturbed" else data]
        units = 0.012 * draw(generator, (n,))
        if data == "disturbed":
            off = generator.uniform(0.1, 0.4, n) * generator.choice([-1, 1], n)
            units = units + np.where(generator.permutation(n) < max(1, n // 20), off, 0.0)
        _, low, high = center(units)
        return (low, high), truth

    return world


def median_of(data: str) -> World:
    """A median, by scipy: the product itself needs none that is not measured (`stopping.py`)."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        draw, _, truth = NOISE[data]
        low, high = median_cihs(draw(generator, (n,)))
        return (float(low), float(high)), truth

    return world


def seeds_of(data: str, effect: float) -> World:
    """A mean over n seeds of four cases, with an effect of the seed."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        draw, truth, _ = NOISE[data]
        values = draw(generator, (n, 4)) + effect * (draw(generator, (n, 1)) - truth)
        places = [Replicate(seed, "", case) for seed in range(n) for case in range(4)]
        return ends(bootstrap(places, means(values.reshape(-1, 1)))[0]), truth

    return world


def ratio_of_means(data: str) -> World:
    """The logarithm of a ratio of two paired means; the pair shares half of its variance."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        draw, _, _ = NOISE[data]
        both = draw(generator, (n, 1)) + draw(generator, (n, 2))
        mean = means(both)

        def statistic(weights: Array) -> Array:
            found = mean(weights)
            return np.log(found[:, 1:] / found[:, :1])

        return ends(bootstrap(cases(n), statistic)[0]), 0.0

    return world


def geometric(data: str, sigma: float) -> World:
    """A geometric mean of paired ratios of 1.05 whose logarithms scatter by `sigma`."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        draw, center, _ = NOISE[data]
        a = np.exp(generator.normal(size=n))
        b = 1.05 * a * np.exp(sigma * (draw(generator, (n,)) - center))
        effect = ratio(a, b, lone(n))
        return (effect.low, effect.high), 1.05

    return world


def blocks(data: str, rho: float, each: int) -> World:
    """The same over n autocorrelated blocks of one case, or `each` blocks of n cases."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        shape = (n, each) if each else (1, n)
        noise = series(generator, shape, NOISE[data][0], rho)
        case, block = np.indices(noise.shape).reshape(2, -1)
        where = Clusters(np.zeros(case.size, np.intp), case, block)
        over = "case" if each else "series"
        effect = ratio(np.ones(case.size), np.exp(0.1 * noise.ravel()), where, over=over)
        return (effect.low, effect.high), 1.0

    return world


def accuracy(shift: float | None, least: float = 0.0) -> World:
    """A difference of two paired accuracies, the first between 0.05 and 0.95.

    Without a `shift` the second is drawn from the same range. `least` leaves out worlds that
    expect fewer discordant pairs.
    """

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        while True:
            p = float(generator.choice(SHARES))
            kept = float(generator.choice([0.0, 0.5, 0.9]))
            drawn = float(generator.choice(SHARES))
            other = drawn if shift is None else min(max(p + shift, 0.02), 0.98)
            unlike = (1 - kept) * (p * (1 - other) + other * (1 - p)) + kept * abs(p - other)
            if n * unlike >= least - 1e-6:
                break
        draw = generator.random(n)
        again = np.where(generator.random(n) < kept, draw, generator.random(n))
        a, b = (draw < p).astype(float), (again < other).astype(float)
        effect = difference(a, b, lone(n))
        return (effect.low, effect.high), other - p

    return world


def one_share(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
    """An accuracy between 0.05 and 0.95."""
    p = float(generator.choice(SHARES))
    return ends(share(int(generator.binomial(n, p)), n)), p


def dots(generator: np.random.Generator, n: int, quality: Array, discrete: bool) -> Array:
    """Return costs and qualities (n, 10) of five methods; hard cases cost more."""
    hard = generator.normal(size=(n, 1))
    spread = 0.5 * generator.normal(size=(n, 1)) + 0.3 * generator.normal(size=(n, 5))
    cost = COSTS * np.exp(spread - (0.25 + 0.09) / 2)
    scores = quality + 0.3 * hard + 0.2 * generator.normal(size=(n, 5))
    return np.hstack([cost, yes_no(generator, n, quality) if discrete else scores])


def band(front: str, discrete: bool) -> World:
    """The whole front of five inside its band: told as 0 inside (-1, 1) or outside (1, 1)."""

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        quality = FRONTS[front]
        both = dots(generator, n, quality, discrete)
        found = front_band(both[:, :5], both[:, 5:])
        edges = [*COSTS, *found.cost_low, *found.cost_high]
        for at in (edge * (1 + hair) for edge in edges for hair in (0.0, 1e-12)):
            reached = quality[at >= COSTS]
            true = reached.max() if len(reached) else -math.inf
            if not found.lower(at) - 1e-12 <= true <= found.upper(at) + 1e-12:
                return (1.0, 1.0), 0.0
        return (-1.0, 1.0), 0.0

    return world


def closed(discrete: bool) -> World:
    """The oracle gap closed by a method between three static settings, an oracle and a coin."""
    cost = [np.array(c) for c in ([1, 2, 4.0], [1.0, 2.0], [1.2, 2.2], [1.2, 2.2])]
    quality = [np.array(q) for q in ([0.45, 0.6, 0.7], [0.6, 0.85], [0.52, 0.72], [0.3, 0.4])]
    one = np.ones((1, 1))
    truth = leads_of([c[None] for c in cost], [q[None] for q in quality], 1e-9)(one)[0, 0]

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        costs, qualities = _costs_and_qualities(generator, n, cost, quality, discrete)
        return ends(bootstrap(cases(n), leads_of(costs, qualities, 1e-9), "bca")[0]), float(truth)

    return world


def sped_up(discrete: bool) -> World:
    """The realised speedup of a method with a work ratio of 0.55 against mixed static settings."""
    work = [np.array([1, 2, 4.0]), np.array([1.3])]
    quality = [np.array([0.45, 0.6, 0.7]), np.array([0.64])]
    spent = [work[0] ** 0.8, np.array([1.9])]
    sides = [[work[i][None], quality[i][None], spent[i][None]] for i in (0, 1)]
    truth = exponent(sides[0], sides[1], 1.0)(np.ones((1, 1)))[0, 1]

    def world(generator: np.random.Generator, n: int) -> tuple[Ends, float]:
        works, qualities = _costs_and_qualities(generator, n, work, quality, discrete)
        times, _ = _costs_and_qualities(generator, n, spent, quality, discrete)
        blind, own = ([works[i], qualities[i], times[i]] for i in (0, 1))
        return ends(bootstrap(cases(n), exponent(blind, own, 1.0), "bca")[1]), float(truth)

    return world


def _costs_and_qualities(
    generator: np.random.Generator, n: int, cost: list[Array], quality: list[Array], discrete: bool
) -> tuple[list[Array], list[Array]]:
    """Return costs and qualities around their means: cases share difficulty across methods."""
    hard = generator.normal(size=(n, 1))
    sizes = [len(c) for c in cost]
    costs = [c * np.exp(0.3 * (generator.normal(size=(n, len(c))) + hard) - 0.09) for c in cost]
    if discrete:
        together = yes_no(generator, n, np.concatenate(quality))
        return costs, np.split(together, np.cumsum(sizes)[:-1], axis=1)
    noise = [0.15 * generator.normal(size=(n, size)) + 0.3 * hard for size in sizes]
    return costs, [q + one for q, one in zip(quality, noise, strict=True)]


def worlds() -> Iterator[tuple[str, str, World]]:
    """Yield every kind of interval with each sort of data."""
    for data in NOISE:
        yield "mean", data, mean_of(data)
    for data in ("normal", "t(3)", "disturbed"):
        yield "mean of rounds", data, rounds_of(data)
    for data in ("normal", "t(3)", "exponential", "log-normal 1"):
        yield "median", data, median_of(data)
    yield "share", "0.05..0.95", one_share
    for data in ("exponential", "log-normal 0.5"):
        yield "ratio of paired means", data, ratio_of_means(data)
    for data, sigma in (("normal", 1.0), ("t(3)", 0.3), ("exponential", 0.3)):
        yield "geometric mean of ratios", data, geometric(data, sigma)
    yield "accuracy difference", "drawn", accuracy(None)
    for shift in (0.0, -0.1):
        yield "accuracy difference", f"{shift:+g}, all", accuracy(shift)
        yield "accuracy difference", f"{shift:+g}, 5 discordant", accuracy(shift, 5.0)
    for effect in (0.0, 0.5, 1.0):
        yield "mean over seeds", f"exponential, effect {effect:g}", seeds_of("exponential", effect)
    for data in ("normal", "t(3)"):
        yield "blocks in series", f"{data}, rho 0.6", blocks(data, 0.6, 0)
        yield "cases of 5 blocks", f"{data}, rho 0.6", blocks(data, 0.6, 5)
    for front in FRONTS:
        for name, discrete in (("continuous", False), ("yes-no", True)):
            yield "front band", f"{front}, {name}", band(front, discrete)
    for name, discrete in (("continuous", False), ("yes-no", True)):
        yield "oracle gap closed", name, closed(discrete)
        yield "realised speedup", name, sped_up(discrete)


def measure(kind: str, data: str, world: World, count: int, sizes: tuple[int, ...]) -> Row:
    """Draw `count` worlds of each size and count how many intervals hold the truth."""
    covered, none = [], []
    for n in sizes:
        generator = np.random.default_rng([SEED, n, *map(ord, kind + data)])
        hits = missing = 0
        for _ in range(count):
            (low, high), truth = world(generator, n)
            if low is None or high is None:
                missing += 1
            else:
                hits += low - 1e-12 <= truth <= high + 1e-12
        covered.append(hits / max(count - missing, 1))
        none.append(missing / count)
    return Row(kind, data, tuple(covered), tuple(none))


def line(row: Row) -> str:
    """Return a row of the table."""
    figures = "  ".join(f"{share:.3f}" for share in row.covered)
    without = "/".join(f"{share:.2f}" for share in row.none)
    note = f"  none {without}" if any(row.none) else ""
    mark = "corner" if row.corner else "" if row.holds else "*"
    return f"    {row.kind:<25} {row.data:<26} {figures}  {mark}{note}"


def main() -> int:
    """Print the table; 0 whatever it says (the starred rows are the finding)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--only", default="", help="rows whose kind or data hold this word")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    for kind, data, world in worlds():
        if options.only in f"{kind} {data}":
            rows.append(measure(kind, data, world, options.worlds, SIZES))
            print(line(rows[-1]), flush=True)
    if options.out:
        found = {"worlds": options.worlds, "rows": [asdict(row) for row in rows]}
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
