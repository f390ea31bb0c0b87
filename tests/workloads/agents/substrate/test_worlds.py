"""Worlds and questions: the same from every branch, never seen in training, as hard as they say."""

from itertools import pairwise

import pytest

from adabench.workloads.agents.substrate.action_words import MINUS, PLUS, TIMES
from adabench.workloads.agents.substrate.notation import number_words, words_of
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.worlds import (
    CLEAN,
    ENTITIES,
    HELD_OUT_BIGRAMS,
    Entity,
    World,
    WorldRules,
    is_held_out,
)
from adabench.workloads.agents.truth.problems import SIZES, draw_problem

EVERY = [(family, size) for family in SIZES for size in SIZES[family]]


def test_entities_of_scored_questions_are_a_quarter_and_none_of_trainings():
    assert 0.2 < len(ENTITIES["held-out"]) / 1600 < 0.3
    assert not set(ENTITIES["held-out"]) & set(ENTITIES["train"])


@pytest.mark.parametrize(("family", "size"), EVERY)
def test_a_question_is_the_same_for_its_seed_and_another_for_another(family, size):
    first, again = (draw_problem(family, size, 5, "held-out") for _ in range(2))
    assert (first.prompt, first.answer, first.world) == (again.prompt, again.answer, again.world)
    prompts = {draw_problem(family, size, seed, "held-out").prompt for seed in range(20)}
    assert len(prompts) > 15


def test_scored_questions_have_pairs_of_relations_that_no_training_has():
    for seed in range(60):
        for split in ("train", "held-out"):
            relations = draw_problem("kb", 3, seed, split).relations
            is_new = any(pair in HELD_OUT_BIGRAMS for pair in pairwise(relations))
            assert is_new == (split == "held-out")


def test_every_fact_of_a_scored_world_is_of_held_out_entities():
    for seed in range(30):
        problem = draw_problem("kb", 4, seed, "held-out")
        world, near = problem.world, set(problem.trail)
        for _ in range(3):
            near |= {one for e in near for r in range(12) for one in world.relation(e, r)}
        assert len(near) > 50
        assert all(is_held_out(entity) for entity in near)


def test_the_world_does_not_depend_on_who_looked_before():
    """Retries and branches look in any order."""
    problem = draw_problem("kb", 3, 9, "held-out")
    looks = [(Entity(*e), r) for e in ENTITIES["held-out"][:40] for r in range(12)]
    fresh = draw_problem("kb", 3, 9, "held-out").world
    there = {look: problem.world.relation(*look) for look in looks}
    assert {look: fresh.relation(*look) for look in reversed(looks)} == there


def test_the_true_path_leads_to_the_answer_and_its_type_is_in_the_prompt():
    for seed in range(40):
        problem = draw_problem("kb", 4, seed, "held-out")
        for here, relation, there in zip(
            problem.trail, problem.relations, problem.trail[1:], strict=False
        ):
            assert there in problem.world.relation(here, relation)
        assert problem.answer == words_of(problem.trail[-1])
        assert problem.type_word in problem.prompt


def test_numbers_are_never_typed():
    """The type of a number would tell it to who guesses."""
    for family in ("mix", "arith"):
        types = {draw_problem(family, 3, seed, "held-out").type_word for seed in range(20)}
        assert len(types) == 1


def test_sums_are_what_arithmetic_says():
    problem = draw_problem("arith", 4, 3, "held-out")
    value = problem.start
    for sign, number in problem.operations:
        sums = {PLUS: value + number, MINUS: value - number, TIMES: value * number}
        value = sums[sign] % 10
    assert problem.answer == number_words(value)


def shares(rules: WorldRules) -> tuple[float, float]:
    """Return how often a look-up off the true path finds nothing, and two rows where it finds some."""
    world = World(3, "held-out", rules, {})
    found = [world.relation(e, r) for e in ENTITIES["held-out"] for r in range(12)]
    known = [rows for rows in found if rows]
    return 1 - len(known) / len(found), sum(len(rows) == 2 for rows in known) / len(known)


def test_dead_ends_and_second_rows_come_as_often_as_the_rules_say():
    dead, double = shares(WorldRules())
    assert dead == pytest.approx(0.5, abs=0.03)
    assert double == pytest.approx(0.35, abs=0.03)
    assert shares(CLEAN)[1] == 0


def test_with_a_delay_no_wrong_row_is_a_dead_end_at_once():
    for seed in range(40):
        late = draw_problem("kb", 4, seed, "held-out", WorldRules(delay=2))
        for rows in late.world.path.values():
            for entity in rows:
                assert all(late.world.relation(entity, r) for r in range(12))
    soon = draw_problem("kb", 4, 1, "held-out").world
    ends = [soon.relation(e, r) for rows in soon.path.values() for e in rows for r in range(12)]
    assert () in ends


def test_clean_worlds_have_nothing_to_choose_on_the_way():
    for seed in range(20):
        assert draw_problem("kb", 4, seed, "held-out", CLEAN).ambiguous_hops == ()


def test_the_right_row_stands_first_as_often_as_second():
    firsts = []
    for seed in range(400):
        problem = draw_problem("kb", 2, seed, "held-out")
        for hop in problem.ambiguous_hops:
            here, relation = problem.trail[hop - 1], problem.relations[hop - 1]
            firsts.append(problem.world.path[here, relation][0] == problem.trail[hop])
    assert len(firsts) > 200
    assert 0.4 < sum(firsts) / len(firsts) < 0.6


def test_a_question_of_one_entity_or_too_many_is_refused():
    with pytest.raises(ValueError, match="not to be had"):
        Draws(0).distinct(ENTITIES["held-out"][:1], 3)
