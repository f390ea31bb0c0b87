"""Racing on simulated worlds: right as often as promised, and cheaper than sampling uniformly.

Worlds are of item-response kind: right or wrong with the probability of a logistic curve in
ability less difficulty, difficulties shared, so that methods pair; costs lognormal around a
level that grows with ability, and dearer on difficult cases. The truth is the full grid's.
"""

import math

import numpy as np
import pytest

from adabench.harness.race.race import Race, Rule, Standing
from adabench.harness.race.sequential_tests import above, bets
from adabench.harness.stats.intervals import FloatArray, IntArray

World = tuple[FloatArray, FloatArray]


def world(points: int, cases: int, seed: int) -> World:
    """Right or wrong, and costs: (points, cases) each."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0, math.log(30), points)
    ability = -1.0 + 2.5 * level / math.log(30) + rng.normal(0, 0.5, points)
    difficulty = rng.normal(0, 1, cases)
    chance = 1 / (1 + np.exp(-1.5 * (ability[:, None] - difficulty)))
    quality = (rng.random((points, cases)) < chance).astype(float)
    noise = rng.normal(size=(points, cases))
    return quality, np.exp(level[:, None] + 0.3 * difficulty + 0.2 * noise)


def graded(points: int, cases: int, seed: int) -> World:
    """The same with skewed losses and costs of heavier tails."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(0, math.log(30), points)
    ability = 0.2 + 0.5 * level / math.log(30) + rng.normal(0, 0.08, points)
    difficulty = rng.normal(0, 1, cases)
    noise = rng.normal(size=(2, points, cases))
    quality = -np.exp(-2 * ability[:, None] + 0.8 * difficulty + 0.6 * noise[0])
    return quality, np.exp(level[:, None] + 0.5 * difficulty + 0.5 * noise[1])


def raced(
    world: World, rule: Rule, *, coarse: bool = True, uniform: bool = False
) -> tuple[Standing, float, IntArray]:
    """Race to the end; return who stands where, the cost-weighted share of the grid, and n."""
    quality, cost = world
    race = Race(rule, quality.shape[1], coarse, len(quality))
    n = np.full(len(quality), race.looks[0])
    while True:
        race.see(quality, cost, n)
        height = np.array([row[:k].mean() for row, k in zip(quality, n, strict=True)])
        standing = race.standing(height)
        if standing.certified:
            price = cost.mean(axis=1)
            return standing, float(price @ n / (price.sum() * quality.shape[1])), n
        more = race.wanted(standing, n)
        assert (more > n).any()
        n = np.full(len(n), more.max()) if uniform else more


def is_right(world: World, standing: Standing, epsilon: float) -> bool:
    """Hold a standing against the full grid."""
    quality, cost = (values.mean(axis=1) for values in world)
    beats = (quality[:, None] > quality + epsilon) & (cost[:, None] <= cost)
    covers = (quality[:, None] >= quality - epsilon) & (cost[:, None] <= cost * (1 + 2 * epsilon))
    covered = covers[standing.on].any(axis=0)
    return not beats[:, standing.on].any() and bool(covered[standing.off].all())


def shares(points: int, cases: int, epsilon: float, worlds: int) -> tuple[int, float, float]:
    """Return how many worlds were right, and the mean shares of racing and of uniform sampling."""
    rule, right, cheap, dear = Rule(epsilon), 0, [], []
    for seed in range(worlds):
        one = world(points, cases, seed)
        standing, share, _ = raced(one, rule)
        right += is_right(one, standing, epsilon)
        cheap.append(share)
        dear.append(raced(one, rule, uniform=True)[1])
    return right, float(np.mean(cheap)), float(np.mean(dear))


def test_racing_is_right_and_cheaper_than_uniform_sampling() -> None:
    right, racing, uniform = shares(12, 1000, 0.03, 12)
    assert right >= 11
    assert racing < 0.6
    assert racing < 0.75 * uniform


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "cases", "epsilon", "most"),
    [(12, 1000, 0.03, 0.58), (24, 1000, 0.03, 0.62), (47, 5000, 0.02, 0.5)],
)
def test_the_promised_shares(points: int, cases: int, epsilon: float, most: float) -> None:
    """Forty worlds each; `most` is what an earlier simulation of ours promised."""
    right, racing, uniform = shares(points, cases, epsilon, 40)
    print(f"K={points} N={cases}: right {right}/40, racing {racing:.3f}, uniform {uniform:.3f}")
    assert right >= 38
    assert racing <= most
    assert racing < uniform


def test_graded_scores_are_raced_by_studentised_means() -> None:
    rule = Rule(0.03)
    outcomes = []
    for seed in range(20):
        one = graded(8, 400, seed)
        standing, share, _ = raced(one, rule, coarse=False)
        outcomes.append((is_right(one, standing, 0.03), share))
    assert sum(right for right, _ in outcomes) >= 18
    assert np.mean([share for _, share in outcomes]) < 0.9


def test_a_smaller_confidence_is_cheaper() -> None:
    one = world(12, 1000, 3)
    assert raced(one, Rule(0.03, confidence=0.5))[1] < raced(one, Rule(0.03, confidence=0.999))[1]


def test_of_equal_costs_only_the_best_is_on_the_front() -> None:
    rng = np.random.default_rng(0)
    quality = (rng.random((3, 800)) < np.array([[0.9], [0.5], [0.6]])).astype(float)
    standing, share, _ = raced((quality, np.full((3, 800), 100.0)), Rule(0.02))
    assert standing.on.tolist() == [True, False, False]
    assert standing.witness.tolist()[1:] in ([0, 0], [2, 0])
    assert share < 0.5


def test_equal_points_end_and_one_of_them_stays() -> None:
    quality = np.tile(np.random.default_rng(1).random((1, 60)) < 0.5, (3, 1)).astype(float)
    standing, _, _ = raced((quality, np.ones((3, 60))), Rule())
    assert standing.on.any()
    assert (standing.on | standing.off).all()


@pytest.mark.parametrize("cases", [1, 2, 3, 5])
def test_a_tiny_grid_is_run_whole_and_then_exact(cases: int) -> None:
    quality = np.array([[0.0], [1.0], [0.5]]) * np.ones((3, cases))
    cost = np.array([[1.0], [2.0], [3.0]]) * np.ones((3, cases))
    standing, _, _ = raced((quality, cost), Rule(), coarse=False)
    assert standing.on.tolist() == [True, True, False]


def test_a_partner_is_sampled_too_even_when_its_own_place_is_known() -> None:
    race = Race(Rule(), 1000, coarse=True, points=2)
    known = Standing(np.array([True, False]), np.zeros(2, bool), np.full(2, -1), ((1, 0),))
    assert race.wanted(known, np.array([100, 200])).tolist()[0] > 100
    assert race.wanted(known, np.array([100, 200])).tolist()[1] == 200


def test_what_is_certain_is_a_function_of_what_was_seen() -> None:
    quality, cost = world(10, 600, 5)
    n = np.random.default_rng(2).integers(200, 600, 10)
    at_once = Race(Rule(), 600, coarse=True, points=10)
    at_once.see(quality, cost, n)
    in_steps = Race(Rule(), 600, coarse=True, points=10)
    for part in (0.1, 0.35, 0.36, 0.8, 1.0):
        in_steps.see(quality, cost, (n * part).astype(np.intp))
    for name, found in at_once.certain.items():
        assert (found == in_steps.certain[name]).all(), name
    assert any(found.any() for found in at_once.certain.values())


def test_what_was_not_seen_is_not_read() -> None:
    quality, cost = world(6, 400, 7)
    n = np.array([50, 100, 150, 200, 250, 300])
    hidden = np.arange(400) >= n[:, None]
    race, other = (Race(Rule(), 400, coarse=True, points=6) for _ in range(2))
    race.see(quality, cost, n)
    other.see(np.where(hidden, 1 - quality, quality), np.where(hidden, 9 * cost, cost), n)
    assert all((race.certain[name] == other.certain[name]).all() for name in race.certain)


def test_a_failed_point_is_in_nobodys_way() -> None:
    quality = np.array([[1.0], [0.2], [0.5]]) * np.ones((3, 40))
    cost = np.array([[1.0], [1.0], [2.0]]) * np.ones((3, 40))
    race = Race(Rule(), 40, coarse=False, points=3)
    race.see(quality, cost, np.array([0, 40, 40]))
    standing = race.standing(quality.mean(axis=1), np.array([False, True, True]))
    assert standing.on.tolist() == [False, True, True]


def wrong_claims(need: float, epsilon: float = 0.05, worlds: int = 600) -> float:
    """How often a bet claims "above -epsilon" of a mean difference that is just at -epsilon."""
    rng = np.random.default_rng(11)
    cases, pairs = 400, np.arange(worlds)
    differences = np.zeros((worlds, cases))
    differences[:, :40], differences[:, 40:60] = -1.0, 1.0  # mean -0.05, mostly ties
    made = bets(worlds, epsilon, cases, need)
    made.add(pairs, rng.permuted(differences, axis=1))
    return float(made.won[:, 0, 0].mean())


def test_bets_are_wrong_as_rarely_as_they_say_looking_always() -> None:
    """Planted fault: asking for less wealth than 1 / alpha is seen."""
    allowed = 0.1 + 3 * math.sqrt(0.1 * 0.9 / 600)
    assert wrong_claims(math.log(10)) <= allowed
    assert wrong_claims(math.log(2)) > allowed


def test_bets_find_out_before_the_grid_is_run() -> None:
    rng = np.random.default_rng(12)
    differences = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.7, 0.2], size=(50, 2000))
    made = bets(50, 0.02, 2000, math.log(1000))
    made.add(np.arange(50), differences[:, :1000])
    assert made.won[:, 0].all()
    assert not made.won[:, 1].any()


def test_a_constant_is_believed_of_costs_only_and_a_run_of_ties_of_nobody() -> None:
    constant = np.array([[1.0] * 20, [2.0] * 20])
    assert not above(constant, 100, 1e-4).any()
    assert above(constant, 100, 1e-4, constants=True)[1, 0]
    assert not above(constant, 100, 1e-4, constants=True, strictly=True)[0, 0]
    alike = np.tile(np.random.default_rng(0).random(20), (2, 1))
    assert not above(alike, 100, 1e-4, shift=-0.02)[0, 1]
    assert above(alike, 20, 1e-4)[0, 1]  # the whole grid: exact


def test_studentised_means_are_wrong_as_rarely_as_they_say() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(1000):
        values = np.stack([np.zeros(200), rng.normal(0, 1, 200)])
        values[1] -= values[1].mean() - 1e-6  # the truth: row 1 is above by next to nothing
        wrong += any(above(values[:, :t], 200, 0.01)[0, 1] for t in (8, 20, 60, 150))
    assert wrong <= 1000 * 4 * 0.01
