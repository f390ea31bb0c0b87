"""The calibration of the distance at which last steps are told apart."""

import numpy as np
import pytest

from adabench.workloads.shared.language_model.vocabulary import encode
from adabench.workloads.test_time.chain.training.cluster_cut import _kind, _separation


def unit(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        ("4 6 * 0 5 = 3 0 ;", "4 6 * 0 5 = 3 0 ;", "same"),
        ("4 6 * 0 5 = 3 0 ;", "4 6 * 0 5 = 4 0 ;", "result"),
        ("4 6 * 0 5 = 3 0 ;", "4 6 * 0 7 = 2 2 ;", "other"),
        ("4 6 + 0 5 = 5 1 ;", "4 6 - 0 5 = 4 1 ;", "other"),
        ("4 6 * 0 5 = 3 0 ;", "4 8 * 0 5 = 4 0 ;", ""),
    ],
)
def test_how_steps_differ(one: str, two: str, kind: str) -> None:
    assert _kind(encode(one), encode(two)) == kind


def test_separation_counts_pairs_of_one_depth() -> None:
    texts = ("4 6 * 0 5 = 3 0 ;", "4 6 * 0 5 = 3 0 ;", "4 6 * 0 5 = 4 0 ;", "4 6 * 0 7 = 2 2 ;")
    depth = (unit(0, 2, 20, 90), [encode(text) for text in texts])
    tight, apt, loose = (_separation(cut, [depth]) for cut in (1e-6, 0.01, 2.0))
    assert (tight.same, tight.result, tight.other) == (0.0, 0.0, 1.0)
    assert (apt.same, apt.result, apt.other) == (1.0, 0.0, 1.0)
    assert (loose.same, loose.result, loose.other) == (1.0, 1.0, 0.0)
