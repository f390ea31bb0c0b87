"""Straggler models by brute force; the search on the probe against the engine itself."""

import numpy as np
import pytest

from adabench.workloads.algorithms.stragglers.methods.gradient_code import coded_scheme
from adabench.workloads.algorithms.stragglers.methods.multiplexed_gc import Multiplexed
from adabench.workloads.algorithms.stragglers.methods.sequential_gc import SelectiveRepeat
from adabench.workloads.algorithms.stragglers.substrate import parameter_search, straggler_patterns
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    EXTRA,
    FAMILIES,
    generate,
    make_profile,
)
from adabench.workloads.algorithms.stragglers.substrate.master_loop import (
    SimulatedWorkers,
    schedule,
)
from adabench.workloads.algorithms.stragglers.substrate.parameter_search import (
    multiplexed_load,
    repeats,
)
from adabench.workloads.algorithms.stragglers.substrate.scheme import Group, Layout
from adabench.workloads.algorithms.stragglers.substrate.straggler_patterns import (
    bursty,
    code_time,
    few_each,
    mean_time_multiplexed,
    mean_time_sequential,
)

FROM_ZERO = np.zeros(1, np.int64)
"""One window of the probe, from its first round on."""


def fits_by_hand(late: np.ndarray, r: int, b: int, w: int, most: int) -> bool:
    """The last window of the (B, W, lambda) model, said plainly, for who is late in round r."""
    window = range(max(0, r - w + 1), r + 1)
    rounds = {i: [q for q in window if late[q, i]] for i in range(late.shape[1])}
    distinct = sum(bool(own) for own in rounds.values())
    spans = all(own[-1] - own[0] < b for i, own in rounds.items() if own and late[r, i])
    return distinct <= most and spans


def test_the_bursty_model_is_what_its_words_say() -> None:
    rng, said = np.random.default_rng(0), []
    for _ in range(3000):
        n, rounds = int(rng.integers(2, 7)), int(rng.integers(1, 8))
        w = int(rng.integers(2, 6))
        b, most = int(rng.integers(1, w)), int(rng.integers(0, n + 1))
        late = rng.random((rounds, n)) < 0.25
        r = rounds - 1
        fits = bursty(late, r, late[r], b, w, most)
        assert fits == fits_by_hand(late, r, b, w, most)
        said.append(fits)
        s = int(rng.integers(0, n))
        assert few_each(late, r, late[r], w, s) == (late[max(0, r - w + 1) :].sum(1) <= s).all()
    assert 0.2 < np.mean(said) < 0.9


def test_rounds_that_have_not_been_are_not_read() -> None:
    late = np.ones((6, 4), np.bool_)
    late[:3] = False
    assert bursty(late, 3, np.array([True, False, False, False]), 1, 3, 1)


def engine_time(profile, scheme):
    return schedule(profile, scheme, SimulatedWorkers(profile)).time


@pytest.mark.parametrize("family", FAMILIES)
def test_the_search_simulates_what_the_engine_runs(family: str) -> None:
    n, jobs, alpha, mu = 48, 20, 6.0, 1.0
    for seed in range(2):
        profile = generate(family, n, jobs, 40, alpha, mu, seed)
        for s in (0, 1, 3, 6):
            scheme = coded_scheme(n, s, s)
            assert engine_time(profile, scheme) == pytest.approx(
                code_time(profile.base, jobs, s, alpha, mu), rel=1e-12
            )
        for b, w, most in ((1, 2, 3), (2, 3, 6), (1, 4, 4), (2, 5, 10), (3, 4, 6)):
            cost = multiplexed_load(n, b, w, most) / (w - 1 + b)
            took = np.zeros(1)
            table, costs = np.array([[b, w, most]]), np.array([cost])
            mean_time_multiplexed(
                profile.base, jobs, table, costs, alpha, mu, FROM_ZERO, np.inf, took
            )
            assert engine_time(profile, Multiplexed(n, b, w, most)) == pytest.approx(
                took[0], rel=1e-12
            )
        for b, x, most in ((1, 1, 3), (1, 2, 5), (2, 1, 6), (2, 2, 9), (3, 1, 6)):
            w = x * b + 1
            s = repeats(b, w, most)
            scheme = SelectiveRepeat(Layout((Group(1.0, n, s),)), b, w, most, s)
            took = np.zeros(1)
            table = np.array([[b, w, most, s]])
            mean_time_sequential(profile.base, jobs, table, alpha, mu, FROM_ZERO, took)
            assert engine_time(profile, scheme) == pytest.approx(took[0], rel=1e-12)


def test_what_is_chosen_is_the_fastest_of_all_candidates_on_the_probe() -> None:
    profile = generate("short", 24, 10, 10 + EXTRA, 6.0, 1.0, 0)
    s = parameter_search.best_code(profile.case)
    probe = profile.case.probe
    starts = parameter_search._windows(len(probe), 10, 0)[1]
    times = [sum(code_time(probe[a:], 10, own, 6.0, 1.0) for a in starts) for own in range(7)]
    assert times[s] == min(times)
    b, w, most = parameter_search.best_multiplexed(profile.case)
    assert 1 <= b < w
    assert 0 <= most <= 24


def test_parameters_depend_on_the_probe_and_on_nothing_that_is_scored() -> None:
    profile = generate("independent", 96, 10, 50, 6.0, 1.0, 0)
    other = make_profile("short", profile.case.probe, profile.base * 3, 10, 6.0, 1.0, 0)
    for choose in (
        parameter_search.best_code,
        parameter_search.best_sequential,
        parameter_search.best_multiplexed,
    ):
        assert choose(profile.case) == choose(other.case)
    calm = make_profile("short", np.ones((50, 96)), profile.base, 10, 6.0, 1.0, 0)
    assert parameter_search.best_code(calm.case) == 0 < parameter_search.best_code(profile.case)


def test_a_probe_that_is_shorter_than_the_run_still_gives_parameters() -> None:
    case = generate("short", 24, 60, 5, 6.0, 1.0, 0).case
    for choose in (parameter_search.best_sequential, parameter_search.best_multiplexed):
        b, w, _ = choose(case)
        assert b < w <= 6


def test_the_search_s_lists_say_what_the_schemes_rule_says() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, r, w = int(rng.integers(2, 30)), int(rng.integers(0, 20)), int(rng.integers(2, 18))
        b, most = int(rng.integers(1, w)), int(rng.integers(0, n + 1))
        late, now = rng.random((20, n)) < 0.1, rng.random(n) < 0.1
        rows = np.zeros((20, n), np.int64)
        for q in range(20):
            rows[q, : late[q].sum()] = np.flatnonzero(late[q])
        rows[r, : now.sum()] = np.flatnonzero(now)
        marks = np.zeros((2, n), np.int64)
        many = int(now.sum())
        listed = straggler_patterns._spread(rows, late.sum(axis=1), r, many, b, w, most, *marks)
        assert listed == straggler_patterns.bursty(late, r, now, b, w, most)


def test_the_search_tries_long_bursts() -> None:
    assert tuple(range(1, 13)) == parameter_search.BURSTS
    assert tuple(range(2, 18)) == parameter_search.WINDOW_LENGTHS
