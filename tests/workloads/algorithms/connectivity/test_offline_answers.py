"""The right answers, and every method's, against brute force."""

import numpy as np
import pytest

from adabench.workloads.algorithms.connectivity.substrate.update_streams import FAMILIES, generate
from adabench.workloads.algorithms.connectivity.truth.hindsight import advise, hindsight
from adabench.workloads.algorithms.connectivity.truth.scoring import scored_task

EXACT = ("bfs_query", "learned_lifetimes", "lookahead", "offline", "predicted_updates", "rebuild")
EXACT += ("shuffled_predictions", "spanning_forest", "unshifted")


def agree(run, made, seeds: range) -> int:
    """Compare all methods with brute force on small random streams; return how many queries."""
    queries = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 9))
        stream = made.stream_of(made.random_changes(rng, n, int(rng.integers(1, 33))), n, seed)
        seen = hindsight(stream)
        assert seen.answers.tolist() == made.brute_force(stream), seed
        noise = float(rng.choice([0, 1, 4, 30]))
        task = scored_task((advise(seen, noise),))
        for name in EXACT:
            (values,) = run(name, task)
            assert values["exactness"] == 1, (name, seed)
        (values,) = run("predicted_updates", task, backstop="on", shift="none")
        assert values["exactness"] == 1, seed
        queries += stream.horizon
    return queries


def test_every_method_agrees_with_brute_force(run, made) -> None:
    assert agree(run, made, range(250)) > 2500


@pytest.mark.slow
def test_every_method_agrees_with_brute_force_in_ten_thousand_streams(run, made) -> None:
    assert agree(run, made, range(10_000)) > 100_000


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [2, 3, 5, 40])
def test_the_truth_of_a_family_is_brute_force_s(family: str, n: int, made) -> None:
    stream = generate(family, n, 20, n)
    assert hindsight(stream).answers.tolist() == made.brute_force(stream)


def test_both_answers_are_common() -> None:
    for family in FAMILIES:
        share = hindsight(generate(family, 300, 20, 0)).answers.mean()
        assert 0.005 < share < 0.995, family
