"""Scores and prices add up, books cannot be cooked, and the losing cases lose."""

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError, MissingExtra
from adabench.workloads.algorithms.shortest_paths.substrate import replay
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import (
    generate,
)
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import hook
from adabench.workloads.algorithms.shortest_paths.substrate.replay import (
    ShortestPaths,
    prepared_index,
)
from adabench.workloads.algorithms.shortest_paths.task import CARD, load
from adabench.workloads.algorithms.shortest_paths.truth.scoring import HORIZONS, seen_share

from .conftest import neighbours

POWER = {"vertices": 3000, "pairs": 1000, "graph": "power_2.5"}


def small(seed: int = 0, **conditions) -> ShortestPaths:
    return load("embedded", seed, **{**POWER, **conditions})


def test_values_are_declared_and_consistent(methods, run) -> None:
    declared = {metric.name for metric in CARD.metrics}
    for name in methods:
        task = load("embedded", 0, vertices=600, pairs=200)
        for case, found in zip(task.cases(), run(name, task), strict=True):
            assert set(found) <= declared
            assert found["pairs"] == len(case.pairs)
            assert found["edges"] * found["pairs"] == pytest.approx(found["edges_read"])
            once = found["prep_reads"] / found["pairs"]
            assert found["reads"] == pytest.approx(found["query_reads"] + once)
            for q in HORIZONS:
                spread = found["query_reads"] + found["prep_reads"] / q
                assert found[f"reads_at_{q}"] == pytest.approx(spread)
            assert found["exact"] <= found["within1"] <= found["within2"]
            assert 0 <= found["queried_share"] <= found["seen_share"] <= 1


def test_the_quality_is_one_less_the_relative_error(run) -> None:
    (found,) = run("landmarks", small(), landmarks=1)
    expected = 1 - found["mean_error"] / found["mean_length"]
    assert found["quality"] == pytest.approx(expected)
    assert found["mean_error"] > 0


def test_a_search_without_preparation_is_the_yardstick(run) -> None:
    (found,) = run("bibfs", small())
    assert found["relative_reads"] == 1
    assert found["quality"] == found["exact"] == 1


def test_full_indexes_and_sorted_rows_are_exact_too(run) -> None:
    for name, knobs in (("pll", {}), ("bibfs", {"rows": "hubs_first"}), ("hindsight", {})):
        for found in run(name, load("embedded", 1, vertices=600, pairs=300), **knobs):
            assert found["exact"] == 1, name


def test_the_ring_wins_on_power_laws_and_gains_nothing_on_controls(run) -> None:
    for family, gains in (("power_2.5", True), ("grid", False), ("geometric", False)):
        task = small(graph=family)
        (ring,), (plain,) = run("wormhole", task), run("bibfs", task)
        assert (ring["edges"] < plain["edges"] / 3) == gains
        if not gains:
            assert ring["edges"] > 0.9 * plain["edges"]
            assert ring["max_error"] > 2


def test_the_hostile_family_is_hostile(run) -> None:
    (found,) = run("wormhole", load("embedded", 0, graph="necklace"))
    assert found["within2"] < 0.9
    assert found["max_error"] > 20


def test_a_ring_of_arbitrary_vertices_errs_more(run) -> None:
    for seed in range(2):
        (ring,), (control,) = (run(name, small(seed)) for name in ("wormhole", "random_ring"))
        assert control["mean_error"] > 2 * ring["mean_error"]


def test_both_variants_answer_alike(run) -> None:
    (search,), (labels,) = (
        run("wormhole", small(), inside=inside) for inside in ("bibfs", "labels")
    )
    assert search["mean_error"] == labels["mean_error"]
    assert labels["edges"] < search["edges"]
    assert labels["prep_reads"] > search["prep_reads"]


def test_the_amortised_curves_cross(run) -> None:
    (search,), (ring,), (index,) = (run(n, small()) for n in ("bibfs", "wormhole", "pll"))
    assert search["reads_at_100"] < index["reads_at_100"]
    assert index["reads_at_1000000"] < search["reads_at_1000000"]
    assert ring["reads_at_10000"] < min(search["reads_at_10000"], index["reads_at_10000"])


def test_hindsight_pays_less_than_any_setting_that_is_as_good(run) -> None:
    task = small()
    (best,) = run("hindsight", task)
    (plain,) = run("bibfs", task)
    assert best["exact"] == 1
    assert best["edges"] < plain["edges"]
    (looser,) = run("hindsight", task, error=1)
    assert looser["max_error"] <= 1
    assert looser["edges"] < best["edges"]


def test_hindsight_does_not_win_by_luck(methods, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given the distances of other pairs, what it thinks good is not: the gain is knowledge.
    task = small()
    (case,) = task.cases()
    oracle = methods["hindsight"]
    point = oracle.CARD.defaults
    state = oracle.prepare(task, point, 0)
    known = task.truth(case)
    shuffled = np.random.default_rng(0).permutation(known)
    monkeypatch.setattr(ShortestPaths, "truth", lambda task, case: shuffled)
    task.meter.clear()
    fooled = task.score(case, oracle.solve(state, case, point))
    assert fooled["exact"] < 0.9


def test_more_vertices_than_asked_for_are_not_labelled(methods) -> None:
    with pytest.raises(MissingExtra, match="full index of 2,9"):
        methods["pll"].prepare(small(), {"largest": 1000}, 0)


def test_compiling_is_not_preparing() -> None:
    (case,) = small().cases()
    seen = []

    def builder(graph, space, coin, size):
        seen.append((len(graph.starts) - 1, size))
        return (np.zeros(10, np.int32),)

    found = prepared_index(case, builder, (lambda vertices: vertices // 2,))
    assert seen[0] == (4, 2)
    assert set(seen[1:]) == {(case.graph.vertices, case.graph.vertices // 2)}
    assert len(seen) <= 1 + replay.REPEATS
    assert found.cost.size_bytes == 40


def test_seen_is_what_opened_rows_hold() -> None:
    graph = generate("power_2.5", 300, 0)
    queried = np.zeros(graph.vertices, np.uint8)
    queried[[3, 8]] = 1
    seen = {3, 8, *neighbours(graph, 3), *neighbours(graph, 8)}
    assert seen_share(graph, queried) == len(seen) / graph.vertices


@hook
def answer_two(graph, index, space, inner, epoch, s, t):
    return 2


@hook
def no_answer(graph, index, space, inner, epoch, s, t):
    return -1


def test_answers_below_the_distance_are_counted_and_none_is_refused() -> None:
    task = small(pairs=50)
    (case,) = task.cases()
    found = task.score(case, task.ask(case, answer_two))
    assert found["below"] > 0
    assert found["below_allowed"] == 0
    task.meter.clear()
    with pytest.raises(MethodContractError, match="no answer from"):
        task.score(case, task.ask(case, no_answer))


def test_books_cannot_be_cooked(methods) -> None:
    task = small(pairs=50)
    (case,) = task.cases()
    given = methods["bibfs"].as_given
    answers = task.ask(case, given)
    task.meter["edges_read"] = 1.0
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        task.score(case, answers)
    task.meter.clear()
    task.ask(case, answer_two)
    with pytest.raises(MethodContractError, match="several ways"):
        task.score(case, task.ask(case, given))
    with pytest.raises(MethodContractError, match="not compiled"):
        task.ask(case, lambda *_: 0)
