"""The suite: what is held out is a combination of known words, and no task is another one's twin."""

from itertools import product

import numpy as np

from adabench.workloads.moe.adapters.substrate import instructed_tasks as suite

PARTS = (suite.training_tasks(), suite.held_out_tasks(), suite.dev_tasks())


ALL = [suite.Combination(*words) for words in product(range(4), range(2), range(4), range(2))]


def test_the_split_has_48_12_and_4_tasks() -> None:
    assert [len(part) for part in PARTS] == [48, 12, 4]
    assert {task for part in PARTS for task in part} == set(ALL)


def test_every_word_of_a_held_out_task_occurs_in_training() -> None:
    taught = {word for task in suite.training_tasks() for word in task.words}
    for task in (*suite.held_out_tasks(), *suite.dev_tasks()):
        assert set(task.words) <= taught


def test_maps_of_a_held_out_task_never_meet_in_training() -> None:
    together = {(task.pre, task.post) for task in suite.training_tasks()}
    assert not {(task.pre, task.post) for task in suite.held_out_tasks()} & together


def test_no_two_tasks_are_one_function() -> None:
    assert len({task.table.tobytes() for task in ALL}) == len(ALL) == 64


def test_the_first_map_alone_is_the_identity_and_is_never_held_out() -> None:
    for side in suite.permutations():
        assert {tuple(sorted(one)) for one in side.tolist()} == {tuple(range(7))}
        assert [one == list(range(7)) for one in side.tolist()] == [True, False, False, False]
        assert len(set(map(tuple, side.tolist()))) == 4
    assert all(task.pre and task.post for task in suite.held_out_tasks())


def test_the_base_never_meets_a_word_of_instructions() -> None:
    plain = suite.draw_plain(np.random.default_rng(0), 500)
    assert plain.tokens.max() < suite.FIRST_WORD


def test_answers_are_those_of_the_sentence_in_the_docstring() -> None:
    tasks, rng = suite.held_out_tasks(), np.random.default_rng(1)
    batch = suite.draw(rng, tasks, rng.integers(len(tasks), size=20))
    pre, post = suite.permutations()
    for row, place in enumerate(batch.tasks):
        task, values = tasks[place], batch.tokens[row, suite.WORDS :]
        assert tuple(batch.tokens[row, : suite.WORDS]) == task.words
        for k in range(1, len(values)):
            now, before = pre[task.pre][values[k]], pre[task.pre][values[k - 1]]
            a, b = (now, before) if task.order == 0 else (before, now)
            answer = post[task.post][(a + 2 * b) % 7] + 7 * task.notation
            assert batch.answers[row, k - 1] == answer


def test_hidden_tasks_have_no_words() -> None:
    rng = np.random.default_rng(2)
    batch = suite.draw(rng, suite.training_tasks(), np.arange(48), "hidden")
    assert set(batch.tokens[:, : suite.WORDS].ravel()) == {suite.PLAIN}


def test_no_test_is_an_example() -> None:
    for place, task in enumerate(suite.held_out_tasks()):
        shown, tests = suite.examples_and_tests(np.random.default_rng(place), task, 400, 4000)
        rows = [set(map(tuple, one.tokens.tolist())) for one in (shown, tests)]
        assert not rows[0] & rows[1]
        assert len(shown.tokens) == 400
        assert tests.tokens.shape[1] == suite.WORDS + suite.LENGTH
