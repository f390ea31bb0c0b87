"""How a difficulty is fitted: to what, on which questions, and whether it is found again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.recipes import TRAININGS, recipes
from adabench.workloads.test_time.chain.substrate.problems import Problem, Split, stream
from adabench.workloads.test_time.chain.substrate.step_modes import score_name
from adabench.workloads.test_time.chain.substrate.trained_models import FOLDER, engine
from adabench.workloads.test_time.chain.training import train_scale_score as training

SMALL = replace(recipes()["scale-score-s0"], problems=60, steps=60)


@pytest.fixture
def splits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The splits that a training draws from, and fewer problems to report on."""
    drawn: list[str] = []

    def watched(split: Split, seed: int, lengths: Sequence[int]) -> Iterator[Problem]:
        drawn.append(split)
        return stream(split, seed, lengths)

    monkeypatch.setattr(training, "stream", watched)
    monkeypatch.setattr(training, "DEV_PROBLEMS", 20)
    return drawn


def test_a_score_learns_from_calibration_and_is_reported_on_dev(splits: list[str]) -> None:
    told: list[tuple[int, int]] = []
    lines, dev = training.train(SMALL, engine("lm-s-s0"), lambda *done: told.append(done))
    assert splits == ["calibration", "dev"]
    assert told[-1] == (60, 60)
    assert {key: tuple(line.shape) for key, line in lines.items()} == {"score": (2,), "rule": (2,)}
    assert lines["score"][1] > 0, "the less sure, the more often wrong"
    assert lines["rule"][1] > 0, "the larger the factor, the more often wrong"
    assert 0.5 < dev["rule_auc"] <= 1
    again, _ = training.train(SMALL, engine("lm-s-s0"), lambda *done: None)
    assert all(again[key].equal(line) for key, line in lines.items())


def test_a_line_is_found_again() -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(0, 3, 20_000)
    wrong = generator.random(20_000) < 1 / (1 + np.exp(4 - 2 * values))
    intercept, slope = training.fit(values, wrong.astype(np.float64))
    assert intercept == pytest.approx(-4, abs=0.2)
    assert slope == pytest.approx(2, abs=0.1)


def test_each_training_of_the_policy_has_a_score_of_its_own() -> None:
    known = recipes()
    for seed in TRAININGS:
        recipe = known[score_name(f"lm-s-s{seed}", 0)]
        assert recipe.policy == f"lm-s-s{seed}"
        assert recipe.seed == seed
    for other in ("lm-x-orders-s0", "lm-s-orders-s0"):
        assert score_name(other, 0) not in known


def test_run_seeds_take_the_scores_of_the_first_policy_in_turn() -> None:
    names = [score_name("lm-s-s0", seed) for seed in range(6)]
    assert names == [*(f"scale-score-s{seed}" for seed in TRAININGS), "scale-score-s0"]
    assert {recipes()[name].policy for name in names} == {"lm-s-s0"}


def test_a_score_is_written_with_its_card(tmp_path, splits, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "recipe", lambda name: replace(SMALL, problems=20))
    monkeypatch.setattr(checkpoints, "engine", lambda name, folder: engine(name))
    card = checkpoints.train("scale-score-s0", folder=tmp_path)
    assert card["dev"]["products"] > 0
    assert card["policy"] == "lm-s-s0"
    assert {path.name for path in tmp_path.iterdir()} == {
        "scale-score-s0.safetensors", "scale-score-s0.json",
    }  # fmt: skip
    shipped = FOLDER / "scale-score-s0.safetensors"
    assert shipped.stat().st_size < 1000
