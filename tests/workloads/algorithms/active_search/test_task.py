"""The task's promises: families, gaps, worst cases on fresh episodes, the bound, fair training."""

import json
import math
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from safetensors.torch import load_file

from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.store import used_artefacts
from adabench.workloads.algorithms.active_search import checkpoints
from adabench.workloads.algorithms.active_search.methods import soft_gbs, uncertainty
from adabench.workloads.algorithms.active_search.recipes import Recipe, recipes
from adabench.workloads.algorithms.active_search.substrate import (
    trained_policies,
    worst_case_adversary,
    worst_case_bandit,
    worst_case_hypothesis,
)
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    CLASSES,
    FAMILIES,
    MIDDLE,
    generate,
)
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Board,
    draws,
    first_best,
    play,
)
from adabench.workloads.algorithms.active_search.substrate.complexity import (
    difficulty,
    on_boundary,
    shares,
)
from adabench.workloads.algorithms.active_search.substrate.policy_network import (
    Network,
    NetworkPolicy,
    features,
)
from adabench.workloads.algorithms.active_search.substrate.worst_case_bandit import shapes
from adabench.workloads.algorithms.active_search.task import CARD, load
from adabench.workloads.algorithms.active_search.training import train_bandit


def small(seed: int = 0, **conditions):
    return load("embedded", seed, **{"episodes": 128, **conditions})


def test_there_is_a_friendly_a_hostile_and_a_control_family() -> None:
    purposes = {family.purpose for family in FAMILIES.values()}
    assert purposes == {"friendly", "hostile", "control", "question"}


def test_instances_are_pure_functions_of_their_seed() -> None:
    for name in FAMILIES:
        one, same, other = (generate(name, 20, 64, seed) for seed in (3, 3, 4))
        assert one.case == same.case
        assert (one.drawn.noise == same.drawn.noise).all()
        assert one.case.instance != other.case.instance


def test_values_are_declared_finite_and_counted(values) -> None:
    declared = {metric.name for metric in CARD.metrics}
    for name in ("uniform", "lucb", "learned_policy", "specialist"):
        for group, seen in values(name, small()).items():
            assert set(seen) <= declared, group
            assert all(math.isfinite(value) for value in seen.values())
            assert seen["queries"] == 20
            assert seen["loss"] == pytest.approx(1 - seen["success"])


def test_the_easy_class_is_solved_by_uniform_and_the_hopeless_one_by_nobody(values) -> None:
    for name in ("uniform", "uncertainty", "learned_policy"):
        seen = values(name, load("embedded", 0, episodes=512, family="hopeless"))
        assert seen["hopeless"]["success"] < 0.2
    seen = values("uniform", load("embedded", 0, episodes=512, family="easy"))
    assert seen["easy"]["success"] > 0.98


def test_no_policy_is_above_the_limit_and_one_comes_near(values) -> None:
    shares_ = []
    for name in ("uniform", "uncertainty", "learned_policy", "specialist"):
        for group in ("leader", "hopeless"):
            task = load("embedded", 1, episodes=1024, family=group)
            seen = values(name, task)[group]
            assert seen["success"] <= seen["success_limit"] + 3 * seen["success_se"], name
            shares_.append(seen["success"] / seen["success_limit"])
    assert max(shares_) > 0.6


def test_the_gap_of_the_specialists_is_nothing(values) -> None:
    seen = values("specialist", small(family="classes"))["classes"]
    assert seen["worst_gap"] == 0
    assert [seen[f"gap_{k}"] for k in range(5)] == [0] * 5


def test_the_worst_case_is_no_easier_than_the_fixed_instance_of_its_class(values) -> None:
    for name in ("uniform", "random_arm"):
        worst = values(name, load("embedded", 2, family="retrained"))["retrained"]
        fixed = values(name, load("embedded", 2, family="leader"))["leader"]
        assert worst["loss"] > fixed["loss"] - 0.04


def test_worst_cases_have_the_difficulty_of_their_class_and_are_no_particles(methods) -> None:
    task = small(family="classes")
    (case,) = task.cases()
    answer = methods["uniform"].solve(task, case, methods["uniform"].CARD.defaults)
    for k, hard in enumerate(CLASSES):
        gaps = np.array([answer.worst[k]])
        assert difficulty(gaps)[0] == pytest.approx(hard)
        herd = train_bandit.Particles(CLASSES[[k]], np.zeros(1), np.random.default_rng(0))
        drawn = herd.gaps[10:]  # the first ten are the shapes that every search starts from
        assert not (np.abs(drawn - gaps) < 1e-12).all(axis=1).any()


def test_a_search_has_as_many_restarts_as_the_card_says() -> None:
    assert worst_case_bandit.STARTS >= 20
    assert worst_case_hypothesis.STARTS >= 20
    assert CARD.defaults["episodes"] >= 20_000


def test_the_task_is_neither_small_nor_solved() -> None:
    # Two arms and many queries would be solved by everybody.
    assert ARMS >= 10
    assert CARD.defaults["T"] <= 40


def test_soft_search_has_the_right_noise() -> None:
    counts, means = np.zeros((1, ARMS), np.int64), np.full((1, ARMS), -50.0)
    counts[0, :2], means[0, :2] = (4, 9), (0.6, 0.0)
    counts[0, 2:] = 1
    normals = np.random.default_rng(0).standard_normal((40_000, ARMS))
    mass = soft_gbs.masses(counts, means, normals)[0]
    sigmas = 0.6 / math.sqrt(1 / 4 + 1 / 9)
    assert mass[0] == pytest.approx(0.5 * (1 + math.erf(sigmas / math.sqrt(2))), abs=0.01)


def test_uncertainty_sampling_breaks_ties_at_random() -> None:
    b = 4000
    counts, coins = np.ones((b, ARMS), np.int64), np.random.default_rng(0).random((b, ARMS))
    board = Board(counts, np.zeros((b, ARMS)), coins.astype(np.float32), 10, 20)
    asked = np.bincount(uncertainty.Uncertainty().choose(board), minlength=ARMS) / b
    assert asked.min() > 0.06
    assert asked.max() < 0.14


def test_final_episodes_are_not_those_of_the_search(monkeypatch, values) -> None:
    seen = []
    plain = worst_case_adversary.search

    def spied(policy, hard, seed, *rest):
        seen.append(seed)
        return plain(policy, hard, seed, *rest)

    monkeypatch.setattr(worst_case_adversary, "search", spied)
    task = small(family="retrained")
    values("uniform", task)
    final = generate("retrained", 20, 128, 0).drawn.noise
    for child in seen[0].spawn(3):
        assert not np.isin(draws(child, 8, 20).noise[:, 0, 0], final[:, 0, 0]).any()


def test_no_policy_at_all_is_refused() -> None:
    task = small(family="easy")
    (case,) = task.cases()
    with pytest.raises(MethodContractError, match="No policy"):
        task.play(case)


def test_the_network_does_not_depend_on_the_numbering_nor_on_a_shift() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, (30, ARMS))
    sums = np.where(counts > 0, rng.standard_normal((30, ARMS)), 0.0)
    board = Board(counts, sums, rng.random((30, ARMS)), 11, 20)
    order = rng.permutation(ARMS)
    other = Board(counts[:, order], sums[:, order], board.coins[:, order], 11, 20)
    assert features(other) == pytest.approx(features(board)[:, order])
    shifted = Board(counts, sums + 40 * counts, board.coins, 11, 20)
    assert features(shifted) == pytest.approx(features(board), abs=1e-4)


def test_specialists_get_as_many_updates_as_the_robust_policy(monkeypatch) -> None:
    done: list[tuple[int, int]] = []

    def counted(network, source, updates, rate, seed, tick):
        done.append((0 if source is None else len(source.classes), updates))
        if source is not None:
            source.history.append(0.1)

    monkeypatch.setattr(train_bandit, "fit", counted)
    train_bandit.train_policies(CLASSES, 0, 3, 7, 1e-3, lambda: None)
    assert done == [(1, 3), *[(1, 7)] * 5, (5, 7), (0, 10)]


def test_offsets_move_the_drawing_away_from_the_hopeless_class() -> None:
    losses = np.array([0.0, 0.1, 0.55, 0.8, 0.87])
    shares_ = []
    for offsets in (np.zeros(5), losses - np.array([0, 0, 0.1, 0, 0])):
        crowd = train_bandit.Particles(CLASSES, offsets, np.random.default_rng(0))
        crowd.suffered = losses
        picked = np.concatenate([crowd.drawn() for _ in range(40)])
        shares_.append(np.bincount(picked // train_bandit.PARTICLES, minlength=5) / len(picked))
    assert shares_[0].argmax() == 4
    assert shares_[1].argmax() == MIDDLE


def test_particles_stay_on_their_boundary_and_are_refreshed() -> None:
    crowd = train_bandit.Particles(CLASSES[[1, 2]], np.zeros(2), np.random.default_rng(0))
    before = crowd.gaps.copy()
    train_bandit.fit(Network(), crowd, train_bandit.REFRESH_EVERY, 1e-3, 0, lambda: None)
    assert train_bandit.on_boundary(crowd.gaps, 1.0) == pytest.approx(
        crowd.gaps * np.sqrt(crowd.hard)[:, None], rel=1e-6
    )
    assert (before != crowd.gaps).any(axis=1).mean() > 0.2


def test_a_training_is_a_function_of_its_seed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(train_bandit, "measure_loss", lambda network, hard, seed: 0.1)
    plan = Recipe("policies-s0", 0, shared=1, own=1)
    cards = [checkpoints.follow(plan, lambda done, steps: None, tmp_path / x) for x in "ab"]
    assert cards[0] == cards[1]
    first, second = ((tmp_path / x / "policies-s0.safetensors").read_bytes() for x in "ab")
    assert first == second


def test_shipped_cards_are_of_these_sources_and_recipes() -> None:
    shipped = sorted(trained_policies.FOLDER.glob("*.json"))
    assert shipped
    for path in shipped:
        card = json.loads(path.read_text())
        plan = recipes()[card["name"]]
        assert {name: card[name] for name in asdict(plan)} == asdict(plan)
        assert checkpoints.source_digest(plan) in (card["source"], card.get("same_as"))
    assert sum(path.stat().st_size for path in trained_policies.FOLDER.iterdir()) < 3e6


@pytest.mark.slow
def test_a_shipped_checkpoint_is_trained_again_to_the_same_weights(tmp_path) -> None:
    checkpoints.train("policies-s0", folder=tmp_path)
    shipped = load_file(trained_policies.FOLDER / "policies-s0.safetensors")
    for key, value in load_file(tmp_path / "policies-s0.safetensors").items():
        assert value.float() == pytest.approx(shipped[key].float(), abs=0.05), key


class Oracle:
    """Knows the arms' places and asks by the optimal static allocation."""

    def __init__(self, gaps, orders) -> None:
        _, best, rest = shares(gaps)
        self.share = np.append(best, rest[0])[orders]

    def choose(self, board: Board):
        return first_best(self.share * (board.asked + 1) - board.counts, board.coins)


def test_a_specialist_of_a_small_class_approaches_the_oracle_static_allocation() -> None:
    gaps = on_boundary(shapes()[:1], float(CLASSES[1]))
    drawn = draws(np.random.SeedSequence(4), 2048, 20)
    static = 1 - play(Oracle(gaps, drawn.orders), gaps, drawn).right.mean()
    for specialist in trained_policies.shipped_policies("specialist-1"):
        assert 1 - play(specialist, gaps, drawn).right.mean() <= static + 0.05


def test_a_fresh_network_asks_at_random() -> None:
    played = play(
        NetworkPolicy(Network()), np.ones((1, 9)), draws(np.random.SeedSequence(0), 500, 20)
    )
    assert played.counts.mean(axis=0) == pytest.approx(np.full(ARMS, 2.0), abs=0.2)


def test_what_it_does_not_have_is_refused() -> None:
    with pytest.raises(SelectionError, match="no family"):
        load("embedded", 0, family="esay")
    with pytest.raises(SelectionError, match="no recipe"):
        checkpoints.recipe("policies")


def test_policies_that_are_not_shipped_are_read_from_the_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    shipped = len(trained_policies.shipped_policies("robust", "questions"))
    folder = tmp_path / "checkpoints" / "active_search"
    folder.mkdir(parents=True)
    name = "questions-s2.safetensors"
    shutil.copy(trained_policies.FOLDER / "questions-s0.safetensors", folder / name)
    try:
        assert len(trained_policies.shipped_policies("robust", "questions")) == shipped + 1
    finally:
        trained_policies.restore.cache_clear()


@pytest.mark.parametrize("family", ["classes", "retrained", "questions"])
def test_a_record_names_the_one_training_that_its_seed_picks(family: str) -> None:
    names = []
    for seed in (0, 1, 5):
        task = load("embedded", seed, episodes=64, family=family)
        used_artefacts.forget()
        case = task.cases()[0]
        task.play(case, *trained_policies.shipped_policies("robust", case.problem))
        names.append(list(used_artefacts.digests()))
    assert all(len(own) == 1 for own in names)
    if family != "questions":  # one of those is shipped
        assert names == [["policies-s0"], ["policies-s1"], ["policies-s0"]]
