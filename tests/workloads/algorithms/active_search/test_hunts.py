"""Hunts: thresholds' difficulty, models and posteriors, worst cases, and a user's table."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.algorithms.active_search.methods.uniform import Uniform
from adabench.workloads.algorithms.active_search.substrate import (
    thresholds,
    twenty_questions,
    worst_case_hypothesis,
)
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    HYPOTHESIS_PROBLEMS,
    generate_hypotheses,
    generate_jokes,
)
from adabench.workloads.algorithms.active_search.substrate.bandits import Board
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import (
    hardness,
    hypothesis_draws,
    information_gain,
    play_instances,
    run,
)
from adabench.workloads.algorithms.active_search.task import CARD, load
from adabench.workloads.algorithms.active_search.training import train_hypothesis


def solved(z: int, margins: np.ndarray) -> float:
    """C of a threshold by a general solver of its definition."""
    n = len(margins)
    spans = [range(z, other) for other in range(z + 1, n + 1)]
    spans += [range(other, z) for other in range(z)]

    def slack(x):
        return [
            x[n] * sum(margins[i] for i in span) ** 2 - sum(1 / x[i] for i in span)
            for span in spans
        ]

    found = minimize(
        lambda x: x[n],
        np.append(np.full(n, 1 / n), 40 / margins.min() ** 2),
        bounds=[(1e-5, 1)] * n + [(0, None)],
        constraints=[
            {"type": "ineq", "fun": slack},
            {"type": "eq", "fun": lambda x: x[:n].sum() - 1},
        ],
        method="SLSQP",
        options={"maxiter": 800, "ftol": 1e-10},
    )
    return float(found.fun)


@pytest.mark.parametrize(("seed", "z"), [(0, 3), (1, 0), (2, 5), (3, 2)])
def test_the_difficulty_of_a_threshold_is_that_of_a_general_solver(seed: int, z: int) -> None:
    margins = np.random.default_rng(seed).uniform(0.2, 0.9, 6)
    found = thresholds.side(margins[z:]) + thresholds.side(margins[:z][::-1].copy())
    assert found == pytest.approx(solved(z, margins), rel=2e-3)


def test_thresholds_scale_and_reach_their_class() -> None:
    z, shapes = thresholds.starts(np.random.default_rng(0), 50)
    small = 0.05 * shapes / shapes.max()
    ratio = thresholds.difficulty(z, small) / thresholds.difficulty(z, 2 * small)
    assert ratio == pytest.approx(np.full(50, 4.0))
    for hard in thresholds.CLASSES:
        margins = thresholds.on_boundary(z, shapes, np.full(50, hard))
        assert thresholds.difficulty(z, margins) == pytest.approx(np.full(50, hard), rel=1e-3)
        assert margins.max() <= thresholds.MOST


def test_hardness_is_the_closed_form_where_there_is_one() -> None:
    # Two hypotheses that differ at one question alone: all queries go there.
    model = np.array([[0.2, 0.5], [0.8, 0.5]])
    apart = 0.2 * math.log(0.2 / 0.8) + 0.8 * math.log(0.8 / 0.2)
    assert hardness(model) == pytest.approx([1 / apart, 1 / apart], rel=1e-6)
    # A question for each other object, all alike: C is their number over one divergence.
    model = np.where(np.eye(4), 0.8, 0.2)
    model = np.concatenate([np.full((1, 4), 0.2), model])
    apart = 0.2 * math.log(0.2 / 0.8) + 0.8 * math.log(0.8 / 0.2)
    assert hardness(model)[0] == pytest.approx(4 / apart, rel=0.03)


class Keeper(Uniform):
    def __init__(self) -> None:
        super().__init__(10)
        self.boards: list[Board] = []

    def choose(self, board: Board):
        self.boards.append(board)
        return super().choose(board)


def test_belief_is_the_posterior_of_the_answers() -> None:
    one, keeper = generate_hypotheses("questions", 12, 40, 0, None), Keeper()
    every = np.arange(40)
    played = run(keeper, one.model, one.truth, one.chances, one.drawn, every, every)
    assert played.answers == 40 * 12
    last = keeper.boards[-1]
    yes, no = last.sums, last.counts - last.sums
    fits = yes @ np.log(one.model.T) + no @ np.log1p(-one.model.T)
    belief = np.exp(fits - fits.max(axis=1, keepdims=True))
    assert last.belief == pytest.approx(belief / belief.sum(axis=1, keepdims=True), abs=1e-4)


def test_the_most_telling_query_halves_equally_noisy_hypotheses() -> None:
    model = thresholds.model()
    belief = np.full((1, len(model)), 1 / len(model), np.float32)
    board = Board(np.zeros((1, 20), np.int64), np.zeros((1, 20)), np.zeros((1, 20), np.float32), 0,
                  20, model, belief)  # fmt: skip
    assert information_gain(board)[0].argmax() in (9, 10)


@pytest.mark.parametrize("problem", HYPOTHESIS_PROBLEMS)
def test_hunts_are_pure_functions_of_their_seed(problem) -> None:
    one, same, other = (generate_hypotheses(problem, 20, 64, seed, None) for seed in (3, 3, 4))
    assert one.case == same.case
    assert one.case.instance != other.case.instance
    assert np.array_equal(one.chances, same.chances)


def test_no_table_of_a_run_is_one_of_the_trainings(monkeypatch) -> None:
    # How hard objects are orders them, and says nothing of which table they are of.
    monkeypatch.setattr(train_hypothesis, "hardness", lambda model: np.arange(len(model)))
    runs = {
        generate_hypotheses("questions", 20, 16, seed, None).model.tobytes() for seed in range(5)
    }
    assert not runs & {pack.model.tobytes() for pack in train_hypothesis.question_particles(0)}


def values(method, task, **knobs):
    case = task.cases()[-1]
    task.meter.clear()
    answer = method.solve(task, case, {**method.CARD.defaults, **knobs})
    return {**task.meter, **task.score(case, answer)}


def test_a_hunt_is_scored_by_average_and_worst(methods) -> None:
    declared = {metric.name for metric in CARD.metrics}
    for problem in HYPOTHESIS_PROBLEMS:
        for name in ("uniform", "soft_gbs", "uncertainty", "learned_policy", "random_arm"):
            seen = values(methods[name], load("embedded", 0, family=problem, episodes=128))
            assert set(seen) <= declared
            assert seen["queries"] == 20
            worst = [seen["worst_loss"]] if problem == "questions" else [seen["loss_4"]]
            assert worst[0] > seen["loss"]


def test_jokes_are_a_table_of_their_own_that_every_hunter_plays(methods) -> None:
    one, same, other = (generate_jokes(20, 64, seed) for seed in (3, 3, 4))
    assert one.case == same.case
    assert not np.array_equal(one.model, other.model)
    assert one.model.shape == (twenty_questions.JOKES, twenty_questions.USERS)
    assert one.case.group == "jokes"
    assert one.case.instance != generate_hypotheses("questions", 20, 64, 3, one.model).case.instance
    assert 0.4 < one.model.mean() < 0.7
    # A user differs less from joke to joke than jokes of 20 Questions do from question to question.
    assert (
        one.model.std(axis=0).mean()
        < generate_hypotheses("questions", 20, 64, 3, None).model.std(axis=0).mean()
    )
    for name in ("soft_gbs", "learned_policy"):
        seen = values(methods[name], load("embedded", 0, family="jokes", episodes=400))
        assert seen["queries"] == 20
        assert 2 / twenty_questions.JOKES < seen["success"] < 0.7
        assert seen["worst_loss"] > seen["loss"]


def test_the_control_of_a_hunt_is_solved_by_halving(methods) -> None:
    for problem in HYPOTHESIS_PROBLEMS:
        task = load("embedded", 0, family=problem, episodes=400)
        case = task.cases()[0]
        assert case.group == "clear"
        answer = methods["soft_gbs"].solve(task, case, methods["soft_gbs"].CARD.defaults)
        seen = task.score(case, answer)
        assert seen["success"] > 0.9
        assert "worst_loss" not in seen


def test_what_is_for_arms_alone_says_so(methods) -> None:
    task = load("embedded", 0, family="questions", episodes=32)
    for name in ("lucb", "successive_halving", "minimax", "specialist"):
        assert methods[name].CARD.conditions == {"family": "suite"}
        with pytest.raises(SelectionError, match="for arms"):
            values(methods[name], task)


class HasAHole:
    """Good, but one object it never looks for: when that leads, it asks the same again."""

    def choose(self, board: Board):
        told = np.round(information_gain(board), 5).argmax(axis=1)
        return np.where(board.belief.argmax(axis=1) == 17, 0, told)


def test_the_hardest_object_is_found_on_episodes_that_no_search_saw(monkeypatch) -> None:
    one = generate_hypotheses("questions", 20, 3000, 0, None)
    seed, seen = np.random.SeedSequence(5), []
    plain = worst_case_hypothesis.hypothesis_draws

    def spied(own, *rest):
        seen.append(plain(own, *rest))
        return seen[-1]

    monkeypatch.setattr(worst_case_hypothesis, "hypothesis_draws", spied)
    found = worst_case_hypothesis.search_hypotheses(HasAHole(), one, seed, 1.0, None)
    fair = worst_case_hypothesis.search_hypotheses(Uniform(10), one, seed, 1.0, None)
    assert (
        found.losses[worst_case_hypothesis.WORST]
        > found.losses[worst_case_hypothesis.AVERAGE] + 0.2
    )
    assert fair.losses[worst_case_hypothesis.WORST] > fair.losses[worst_case_hypothesis.AVERAGE]
    assert len(seen) == 4
    final = seen[1].noise[:, 0]
    assert not np.isin(final, seen[0].noise).all()
    assert not np.isin(final, one.drawn.noise).all()


def test_the_worst_threshold_is_worse_than_random_ones() -> None:
    from adabench.workloads.algorithms.active_search.methods.soft_gbs import SoftSearch

    one = generate_hypotheses("thresholds", 20, 2048, 0, None)
    found = worst_case_hypothesis.search_hypotheses(
        SoftSearch(), one, np.random.SeedSequence(1), 1.0, None
    )
    z, shapes = thresholds.starts(np.random.default_rng(2), 30)
    margins = thresholds.on_boundary(z, shapes, np.full(30, thresholds.CLASSES[2]))
    drawn = hypothesis_draws(np.random.SeedSequence(3), 200, 20, one.model)
    usual = play_instances(SoftSearch(), one.model, z, thresholds.truth(z, margins), drawn)
    assert found.losses[2] > 1 - usual.right.mean() + 0.02
    assert [found.losses[k] for k in range(5)] == sorted(found.losses[k] for k in range(5))


@pytest.mark.parametrize("arms", [-1, 60, 0.5])
def test_a_query_that_does_not_exist_is_refused(arms) -> None:
    class Always:
        def choose(self, board):
            return np.full(len(board.counts), arms)

    one = generate_hypotheses("questions", 3, 5, 0, None)
    every = np.arange(5)
    with pytest.raises(MethodContractError, match="named"):
        run(Always(), one.model, one.truth, one.chances, one.drawn, every, every)


HOSTILE = {
    "empty": (b"", "0 objects"),
    "one row": (b"0.1,0.9\n", "1 objects"),
    "blank": (b"\n\n  \n", "0 objects"),
    "words": (b"yes,no\n0.1,0.2\n", "not numbers"),
    "a hole": (b"0.1,,0.3\n0.1,0.2,0.3\n", "not numbers"),
    "nan": (b"nan,0.3\n0.1,0.2\n", "outside 0 to 1"),
    "percent": (b"10,90\n20,30\n", "outside 0 to 1"),
    "negative": (b"-0.1,0.3\n0.1,0.2\n", "outside 0 to 1"),
    "ragged": (b"0.1,0.3\n0.1\n", "1 to 2 columns"),
    "alike": (b"0.1,0.3\n0.1,0.3\n", "answer alike"),
    "binary": (b"\xff\xfe\x00\x01\n\x80,1\n", "not numbers"),
    "one long line": (b"0.5," * 100_000, "longer than"),
    "many columns": (b",".join([b"0.5"] * 1001) + b"\n" + b",".join([b"0.4"] * 1001), "columns"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_table_is_refused_in_a_sentence(name: str, tmp_path) -> None:
    text, says = HOSTILE[name]
    path = tmp_path / "answers.csv"
    path.write_bytes(text)
    with pytest.raises(SelectionError, match=says):
        load("embedded", 0, matrix=str(path))
    assert [*tmp_path.iterdir()] == [path]


def test_ten_million_rows_are_refused_before_they_are_read(tmp_path) -> None:
    path = tmp_path / "answers.csv"
    with path.open("wb") as file:
        for _ in range(100):
            file.write(b"0.5\n" * 100_000)
    with pytest.raises(SelectionError, match="more than 2,000 objects"):
        twenty_questions.read_matrix(str(path))
    with pytest.raises(SelectionError, match="no file"):
        twenty_questions.read_matrix(str(tmp_path / "nowhere.csv"))


def test_a_users_table_is_hunted_in(methods, tmp_path) -> None:
    path = tmp_path / "answers.csv"
    rows = np.where(np.eye(8), 1.0, 0.0)
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    task = load("embedded", 0, matrix=str(path), episodes=200)
    for name in ("soft_gbs", "learned_policy"):
        seen = values(methods[name], task)
        assert seen["success"] > 0.8
    assert task.cases()[0].group == "matrix"
