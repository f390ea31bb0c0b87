"""The calibration of the distance at which last steps are told apart."""

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.workloads.shared.language_model.vocabulary import encode
from adabench.workloads.test_time.chain.substrate.order_problems import LONGEST, questions
from adabench.workloads.test_time.chain.substrate.trained_models import engine
from adabench.workloads.test_time.chain.training import cluster_cut
from adabench.workloads.test_time.chain.training.cluster_cut import _kind, _separation

STEP = "69 * 15 = 65 : 9 17 ? ;"
TEXTS = (STEP, STEP, STEP.replace("65", "66"), "69 * 17 = 9 : 9 ? 15 ;")


def unit(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)


DEPTH = (unit(0, 2, 20, 90), [encode(text) for text in TEXTS])


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (STEP, "same"),
        (STEP.replace("65", "66"), "result"),
        (STEP.replace("15", "17"), "other"),
        ("69 * 9 = 39 : ? 17 15 ;", "other"),
        ("65 * 17 = 38 : 9 ? ? ;", "other"),
        (STEP.replace("69", "68"), ""),
        (STEP.replace("9 17 ?", "? 17 ?"), ""),
        ("69 * 15 = 66 : 9 ? 17 ;", ""),
    ],
)
def test_how_steps_differ(other: str, kind: str) -> None:
    assert _kind(encode(STEP), encode(other)) == kind
    assert _kind(encode(other), encode(STEP)) == kind


def test_separation_counts_pairs_of_one_depth() -> None:
    tight, apt, loose = (_separation(cut, [DEPTH]) for cut in (1e-6, 0.01, 2.0))
    assert (tight.same, tight.result, tight.other) == (0.0, 0.0, 1.0)
    assert (apt.same, apt.result, apt.other) == (1.0, 0.0, 1.0)
    assert (loose.same, loose.result, loose.other) == (1.0, 1.0, 0.0)


def test_the_middle_of_the_cuts_that_separate_best_is_taken(monkeypatch) -> None:
    """Equal steps lie up to 1 - cos 10 deg = 0.0152 apart; others 0.295, the mean of 40 and of 50 deg."""
    depth = (unit(0, 10, 50), [encode(text) for text in (STEP, STEP, TEXTS[3])])
    monkeypatch.setattr(cluster_cut, "_grown", lambda policy, problem, index: [DEPTH, depth])
    monkeypatch.setattr(cluster_cut, "GRID", (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3))
    chosen, *rest = cluster_cut.calibrate(engine("lm-s-orders-s0"), questions("dev", 5, 1))
    assert (chosen.cut, chosen.same, chosen.other) == (0.1, 1.0, 1.0)
    assert [row.cut for row in rest] == [0.01, 0.02, 0.05, 0.15, 0.2, 0.3]
    assert rest[0].same == 0.5
    assert rest[-1].other < 1.0


def test_the_default_cut_of_a_search_tells_the_policys_steps_apart() -> None:
    """On 24 questions all cuts from 0.015 to 0.1 do."""
    policy, cut = engine("lm-s-orders-s0"), registry.find("chain/ets").card.defaults["cut"]
    asked = questions("dev", 5, 2, (0, 7))
    depths = [d for i, one in enumerate(asked) for d in cluster_cut._grown(policy, one, i)]
    assert len(depths) == len(asked) * LONGEST
    depths.append((unit(0, 1), [encode(text) for text in TEXTS[1:3]]))  # such pairs are rare
    found = _separation(float(cut), depths)
    assert (found.same, found.other) == (1.0, 1.0)
    assert _separation(0.3, depths).other < 0.9
    assert _separation(0.001, depths).same < 1.0
