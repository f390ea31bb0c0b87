"""Sessions take turns: what they ask of a model is done together, and what one gets wrong stays its own."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.batched.batched_sessions import (
    BatchedSessions,
    current,
)


class Task:
    """Stands for a task and for its copies."""

    def __init__(self, number: int = -1) -> None:
        self.number = number
        self.found: list[object] = []


class Model:
    """Doubles numbers, and notes the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def double(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        if -1 in numbers:
            raise ValueError("a number below zero")
        return [2 * number for number in numbers]


def run(
    sessions: BatchedSessions, task: Task, many: int, jobs: Sequence[Callable[[Task], None]]
) -> list[Task]:
    copies = [Task(number) for number in range(many)]
    sessions.run(task, copies, jobs)
    assert not [t for t in threading.enumerate() if t.name.startswith("Thread-")]
    return copies


@pytest.mark.parametrize("many", [1, 3, 10])
def test_every_job_gets_its_own_replies_in_common_batches(many: int) -> None:
    sessions, model = BatchedSessions(), Model()
    found: dict[int, list[int]] = {}

    def job(number: int, own: Task) -> None:
        rounds = 1 + number % 3  # they end at different times
        found[number] = [sessions.call(model.double, 10 * number + i) for i in range(rounds)]

    run(sessions, Task(), many, [partial(job, number) for number in range(7)])
    assert found == {n: [2 * (10 * n + i) for i in range(1 + n % 3)] for n in range(7)}
    assert sum(map(len, model.batches)) == sessions.requests == 13
    assert sessions.calls == len(model.batches)
    assert max(map(len, model.batches)) == min(many, 7)


def test_batches_are_the_same_every_time() -> None:
    seen = []
    for _ in range(3):
        sessions, model = BatchedSessions(), Model()

        def job(number: int, own: Task, *, ask: Callable[[int], int]) -> None:
            for i in range(1 + number % 3):
                ask(10 * number + i)

        ask = partial(sessions.call, model.double)
        run(sessions, Task(), 3, [partial(job, number, ask=ask) for number in range(9)])
        seen.append(model.batches)
    assert seen[0] == seen[1] == seen[2]


def test_what_one_session_alone_asks_fails_there_and_the_others_go_on() -> None:
    sessions, model, other = BatchedSessions(), Model(), Model()
    failed, found = [], []

    def bad(own: Task) -> None:
        try:
            sessions.call(other.double, -1)
        except ValueError as problem:
            failed.append(str(problem))

    def good(number: int, own: Task) -> None:
        found.append(sessions.call(model.double, number))

    run(sessions, Task(), 4, [partial(good, 1), bad, partial(good, 2), partial(good, 3)])
    assert failed == ["a number below zero"]
    assert sorted(found) == [2, 4, 6]


def test_a_batch_of_several_that_fails_ends_all_sessions() -> None:
    """Whose fault it was is not known: the message is asked again in halves."""
    sessions, model = BatchedSessions(), Model()
    left: list[int] = []

    def job(number: int, own: Task) -> None:
        try:
            sessions.call(model.double, number)
        finally:
            left.append(number)

    with pytest.raises(ValueError, match="below zero"):
        run(sessions, Task(), 3, [partial(job, number) for number in (5, -1, 7, 8)])
    assert sorted(left) == [-1, 5, 7]


def test_what_a_job_raises_is_raised_when_all_have_ended() -> None:
    sessions, model = BatchedSessions(), Model()

    def job(number: int, own: Task) -> None:
        sessions.call(model.double, number)
        if number == 2:
            raise KeyError(number)

    with pytest.raises(KeyError):
        run(sessions, Task(), 2, [partial(job, number) for number in range(6)])


def test_others_go_on_while_one_waits_for_something_outside() -> None:
    sessions, model, begun = BatchedSessions(), Model(), threading.Event()
    order = []

    def waiting(own: Task) -> None:
        assert sessions.wait(lambda: begun.wait(20))
        order.append("outside")

    def working(own: Task) -> None:
        order.append(f"doubled to {sessions.call(model.double, 4)}")
        begun.set()

    run(sessions, Task(), 2, [waiting, working])
    assert order == ["doubled to 8", "outside"]


def test_requests_are_in_flight_at_once() -> None:
    """Each waits until the other was sent, which is never where one is sent after the other."""
    sessions, both = BatchedSessions(), threading.Barrier(2, timeout=20)
    run(sessions, Task(), 2, [lambda own: sessions.wait(lambda: both.wait() and None)] * 2)
    assert not both.broken


def test_what_fails_outside_fails_there() -> None:
    sessions, failed = BatchedSessions(), []

    def job(own: Task) -> None:
        try:
            sessions.wait(lambda: {}["nothing"])
        except KeyError as problem:
            failed.append(problem)

    run(sessions, Task(), 2, [job, job, job])
    assert len(failed) == 3


def test_a_state_that_holds_the_task_finds_the_copy_of_its_session() -> None:
    task, sessions, model = Task(), BatchedSessions(), Model()

    def job(own: Task) -> None:
        sessions.call(model.double, 1)
        assert current(task) is own
        assert current(own) is own

    copies = run(sessions, task, 3, [job] * 7)
    assert {copy.number for copy in copies} == {0, 1, 2}
    assert current(task) is task


def test_a_thread_of_the_methods_own_is_refused() -> None:
    """It would count where nobody reads."""
    task, sessions, model = Task(), BatchedSessions(), Model()
    refused = []

    def job(own: Task) -> None:
        with ThreadPoolExecutor(1) as pool:
            refused.append(pool.submit(current, task).exception())
            refused.append(pool.submit(sessions.call, model.double, 1).exception())

    run(sessions, task, 1, [job])
    assert [type(one) for one in refused] == [MethodContractError] * 2
    assert model.batches == []


def test_no_job_begins_before_it_is_due_and_none_waits_for_a_session_that_is_free() -> None:
    sessions, begun = BatchedSessions(), dict[int, float]()

    def job(number: int, own: Task) -> None:
        begun[number] = time.monotonic()

    due_s = [time.monotonic() + 0.01 * number for number in range(6)]
    copies = [Task(number) for number in range(3)]
    sessions.run(Task(), copies, [partial(job, number) for number in range(6)], due_s)
    assert sorted(begun) == list(range(6))
    assert all(begun[number] >= due_s[number] for number in begun)
