"""A response model finds what responses say, and adaptive testing asks what tells most."""

from dataclasses import replace

import numpy as np
import pytest

from adabench.workloads.test_time.substrate.configurations import (
    WEIGHTS,
    Configuration,
    ResponseTable,
    choose,
    chosen_by_weights,
    neighbour_means,
)
from adabench.workloads.test_time.substrate.item_response import (
    FARTHEST,
    Floats,
    ability,
    examine,
    fit,
    most_informative,
    response,
)

ABILITIES = np.array([-1.2, 0.0, 1.2])


def world(questions: int = 1500) -> tuple[Floats, Floats, Floats]:
    """Embeddings, difficulties that are linear in them, and answers: an exercise in arithmetic alone."""
    generator = np.random.default_rng(0)
    states = generator.normal(3.0, 2.0, (questions, 4))
    difficulty = (states[:, 0] - 3.0) / 2.0
    chances = response(np.full(questions, 2.0), difficulty, ABILITIES)
    return states, difficulty, (generator.random(chances.shape) < chances).astype(np.float64)


def test_difficulties_and_the_order_of_abilities_are_found_again() -> None:
    states, difficulty, right = world()
    model = fit(states, right)
    assert np.corrcoef(model.items(states)[1], difficulty)[0, 1] > 0.97
    assert list(np.argsort(model.abilities)) == [0, 1, 2]
    assert np.abs(model.chances(states).mean(axis=0) - right.mean(axis=0)).max() < 0.02


def test_abilities_are_standardised_and_discriminations_positive() -> None:
    states, _, right = world(300)
    model = fit(states, right)
    assert model.abilities.mean() == pytest.approx(0.0, abs=1e-9)
    assert model.abilities.std() == pytest.approx(1.0)
    assert (model.items(states)[0] > 0).all()


def test_a_fit_is_the_same_whenever_it_is_made() -> None:
    states, _, right = world(100)
    assert np.array_equal(fit(states, right).chances(states), fit(states, right).chances(states))


def test_an_ability_is_found_by_likelihood_and_has_an_end() -> None:
    generator = np.random.default_rng(1)
    sharpness, difficulty = np.full(4000, 1.5), generator.normal(size=4000)
    chances = response(sharpness, difficulty, np.array([0.7]))[:, 0]
    right = (generator.random(4000) < chances).astype(np.float64)
    assert ability(sharpness, difficulty, right) == pytest.approx(0.7, abs=0.1)
    assert ability(sharpness, difficulty, np.ones(4000)) == FARTHEST
    assert ability(sharpness, difficulty, np.zeros(4000)) == -FARTHEST


def test_the_most_informative_question_is_sharp_and_as_hard_as_the_ability() -> None:
    sharpness, difficulty = np.array([1.0, 1.0, 3.0, 3.0]), np.array([0.0, 2.0, 0.0, 2.0])
    assert most_informative(sharpness, difficulty, 0.0, []) == 2
    assert most_informative(sharpness, difficulty, 2.0, []) == 3
    assert most_informative(sharpness, difficulty, 0.0, [2]) == 0


def test_no_question_is_asked_twice_and_an_order_is_followed() -> None:
    generator = np.random.default_rng(2)
    items = np.ones(30), generator.normal(size=30)
    asked: list[int] = []

    def ask(row: int) -> float:
        asked.append(row)
        return float(row % 2)

    examine(items, ask, 12)
    assert len(set(asked)) == len(asked) == 12
    asked.clear()
    examine(items, ask, 5, order=[9, 3, 4, 1, 7, 0])
    assert asked == [9, 3, 4, 1, 7]


def test_informative_questions_tell_an_ability_better_than_random_ones() -> None:
    generator = np.random.default_rng(3)
    items = np.full(400, 2.0), generator.normal(0.0, 2.0, 400)
    chances = response(*items, np.array([0.5]))[:, 0]
    errors: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(20):
        right = generator.random(400) < chances
        for is_adaptive in (True, False):
            order = None if is_adaptive else [int(row) for row in generator.permutation(400)]
            found = examine(items, lambda row, answers=right: float(answers[row]), 40, order)
            errors[is_adaptive].append(abs(found - 0.5))
    assert np.mean(errors[True]) < 0.8 * np.mean(errors[False])


def test_both_rules_go_from_the_cheapest_to_the_ablest() -> None:
    chances, prices = np.array([[0.5, 0.7, 0.9]]), np.array([0.01, 0.1, 1.0])
    for rule in ("linear", "chebyshev"):
        routes = chosen_by_weights(chances, prices, rule)[:, 0]
        assert routes[0] == 0
        assert routes[-1] == 2
        assert (np.diff(routes) >= 0).all()
        assert len(routes) == len(WEIGHTS)
    with pytest.raises(ValueError, match="linear or chebyshev"):
        choose(chances, prices, 0.5, "cubic")


def test_chebyshev_reaches_what_lies_below_the_convex_front() -> None:
    chances, prices = np.array([[0.0, 0.4, 1.0]]), np.array([0.0, 0.5, 1.0])
    assert 1 not in chosen_by_weights(chances, prices, "linear")
    assert 1 in chosen_by_weights(chances, prices, "chebyshev")


def test_neighbours_are_the_nearest_after_standardising() -> None:
    known = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1000.0], [1.0, 1000.0]])
    right = np.array([[1.0], [0.0], [0.0], [0.0]])
    assert neighbour_means(known, right, np.array([[0.1, 100.0]]), 1) == [[1.0]]
    assert neighbour_means(known, right, np.array([[0.1, 100.0]]), 9) == [[0.25]]


def test_a_state_counts_by_its_place_along_the_axes_of_a_table_or_as_it_is() -> None:
    numbers, states = np.ones((2, 1)), np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 5.0]], np.float32)
    one = (Configuration("one@1", "policy", 1),)
    table = ResponseTable(one, numbers, numbers[:, 0], numbers, numbers, numbers)
    assert table.menu.embedding(states).tolist() == [2.0, 2.0, 4.0]
    axes = np.array([[1.0], [0.0], [-1.0]])
    assert replace(table, axes=axes).menu.embedding(states).tolist() == [-2.0]
    assert replace(table, axes=axes).without_fifth(0).menu.axes is axes


def test_five_splits_leave_out_every_question_once() -> None:
    numbers = np.arange(23.0)
    table = ResponseTable(
        (Configuration("one@1", "policy", 1),), numbers[:, None], numbers,
        numbers[:, None], numbers[:, None], numbers[:, None] + 1.0,
    )  # fmt: skip
    left_out = [set(numbers) - set(table.without_fifth(k).levels) for k in range(5)]
    assert sorted(number for part in left_out for number in part) == list(numbers)
    assert table.without_fifth(7).levels.tolist() == table.without_fifth(2).levels.tolist()
