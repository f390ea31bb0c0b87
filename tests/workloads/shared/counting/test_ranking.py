"""The AUC against every pair counted."""

import math

import numpy as np

from adabench.workloads.shared.counting.ranking import auc


def test_an_auc_is_the_share_of_pairs_that_are_ranked_rightly() -> None:
    generator = np.random.default_rng(1)
    scores, right = generator.integers(0, 9, 60), generator.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[right] for b in scores[~right]]
    assert auc(scores, right) == float(np.mean(pairs))


def test_nothing_is_ranked_where_all_are_of_one_kind() -> None:
    assert math.isnan(auc([1, 2], [True, True]))
    assert math.isnan(auc([1, 2], [False, False]))
