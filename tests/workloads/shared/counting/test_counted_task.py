"""The protocol of counted tasks, on a toy one."""

import pickle

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.counting.counted_task import Transcript
from tests.workloads.shared.counting.shelves import WORLDS, Shelf, Shelves, guesses, shelves


def test_what_was_counted_is_scored() -> None:
    task = shelves()
    case, _ = task.cases()
    answer = task.look(case, 8, 1)
    assert answer.counts.tolist() == [3, 1]
    assert dict(task.meter) == {"boxes": 2.0}
    assert task.account(case, answer) == 2.0
    assert task.score(case, answer) == {"opt": 3.0, "left": 6.0}


def test_another_answer_is_refused() -> None:
    task = shelves()
    first, second = task.cases()
    answer = task.look(first, 8)
    task.look(second, 8)
    with pytest.raises(MethodContractError, match="another shelf"):
        task.account(second, answer)
    answer.counts[0] = 1
    with pytest.raises(MethodContractError, match="another shelf"):
        task.account(first, answer)


def test_a_better_try_is_refused_and_the_same_again_is_not() -> None:
    task = shelves()
    case, _ = task.cases()
    task.look(case, 8)
    assert task.account(case, task.look(case, 8)) == 3.0
    with pytest.raises(MethodContractError, match="looks twice"):
        task.account(case, task.look(case, 1))


def test_a_meter_that_was_written_is_refused() -> None:
    task = shelves()
    case, _ = task.cases()
    answer = task.look(case, 8)
    task.meter["boxes"] = 0.0
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        task.account(case, answer)


def test_a_copy_of_a_case_is_none() -> None:
    with pytest.raises(MethodContractError, match="That shelf is not a case"):
        shelves().look(Shelf(1.0, 8), 8)


def test_a_method_s_process_gets_one_case_after_the_other_and_no_score() -> None:
    whole = shelves()
    given = pickle.loads(pickle.dumps(whole.substrate()))
    assert [one.boxes for one in given.training()] == [4, 4]
    with pytest.raises(MethodContractError, match="test cases are not here"):
        given.cases()
    for case in whole.cases():
        world = pickle.loads(pickle.dumps(whole.environment(case)))
        assert world.prize == -1
        given.enter(world.shelf, world)
        answer = given.look(world.shelf, 8)
        assert answer.counts.tolist() == [8]
        with pytest.raises(MethodContractError, match="not known here"):
            given.score(world.shelf, answer)
    with pytest.raises(MethodContractError, match="not a case"):
        given.look(whole.cases()[0], 8)


def test_an_oracle_is_told_the_truth() -> None:
    task = shelves()
    assert [task.oracle_environment(case) for case in task.cases()] == list(WORLDS)


def test_the_truth_about_a_case_is_found_once_and_told_to_oracles_alone() -> None:
    found: list[float] = []

    def truth(shelf: Shelf) -> int:
        found.append(shelf.instance)
        return shelf.boxes

    task = guesses(truth)
    first, second = task.cases()
    assert (task.truth(second), found) == (9, [2.0])
    told = pickle.loads(pickle.dumps((first, task.oracle_environment(first))))
    given = pickle.loads(pickle.dumps(task.substrate()))
    given.enter(*told)
    assert [given.truth(told[0]) for _ in range(2)] == [8, 8]
    assert found == [2.0, 1.0]
    assert task.judge(first, given.account(told[0], given.guess(told[0], 7))) == {"off": -1.0}
    given.enter(first, task.environment(first))
    with pytest.raises(MethodContractError, match="Prizes are not known in the process"):
        given.truth(first)


def test_runs_that_legitimately_differ_are_no_second_try() -> None:
    class Restless(Shelves):
        laps_differ = True

    task = Restless(WORLDS)
    case, _ = task.cases()
    task.look(case, 8)
    assert task.account(case, task.look(case, 1)) == 1.0


def test_what_has_cases_is_not_stored() -> None:
    with pytest.raises(TypeError, match="Shelves is not stored"):
        pickle.dumps(shelves())


def test_nothing_on_the_task_holds_a_world_or_says_who_listens() -> None:
    transcript = Transcript()
    plain, heard = shelves(), shelves(transcript=transcript)
    for task in (plain, heard):
        assert sorted(vars(task)) == ["_ledger", "examples", "known", "meter"]
        assert "prize" not in repr(vars(task))
        assert task.transcript is None
    case = heard.cases()[0]
    heard.look(case, 8)
    assert transcript.runs == {1.0: 1}
    assert np.array_equal(transcript.heard[1.0], [0, 1, 2])


def test_a_task_says_all_that_the_protocol_asks() -> None:
    class Half(Shelves):
        pass

    assert Half(WORLDS).cases()
    assert not Shelves.__abstractmethods__
