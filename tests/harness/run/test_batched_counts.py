"""A message whose cases are solved side by side: answers stand at their places, and errors are each case's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import SHARED_BATCH, Meter
from adabench.harness.contract.registry import find
from adabench.harness.errors import MissingAbility, SelectionError
from adabench.harness.run import counts_pass, run_request
from adabench.harness.run.counts_pass import MOST_CASES
from adabench.harness.run.measurement import MethodBench
from adabench.harness.run.method_process import MethodProcess
from adabench.harness.run.run_request import RunRequest
from adabench.harness.run.settings import Limits, Settings
from adabench.workloads.test_time.chain import task as chain


@dataclass
class Alone:
    """A substrate that counts steps."""

    meter: Meter = field(default_factory=Meter)


@dataclass
class Batched(Alone):
    """One that solves cases side by side, the last one first."""

    batched_sessions: int = 4
    batches_exactly: bool = False
    worth: int = 3
    seen: list[tuple[int, int]] = field(default_factory=list)

    def solve_batched(self, jobs: Sequence[Callable[[Any], None]], sessions: int) -> int:
        self.seen.append((len(jobs), sessions))
        for job in reversed(jobs):
            job(Alone())
        return self.worth


class Method:
    """Takes as many steps as the case says; some cases go wrong."""

    def solve(self, task: Alone, case: int, point: object) -> int:
        if case == 13:
            raise ZeroDivisionError("thirteen")
        if case == 99:
            raise MissingAbility("It lacks something.", "Give it.")
        task.meter["steps"] += case
        return 2 * case


def count(
    substrate: Any, *cases: Any, settings: Settings | None = None,
    process: MethodProcess | None = None, method: Any = None,
) -> tuple[dict[str, Any], MethodProcess]:  # fmt: skip
    """Return the answer to one message, and the process that gave it."""
    settings = settings or Settings()
    code: Any = SimpleNamespace(changes=list)
    channel: Any = None
    if process is None:
        bench = MethodBench(method or Method(), substrate, settings, [])
        process = MethodProcess(channel, substrate, "toy/method", settings, bench, code)
    process.cases = {place: (case, None) for place, case in enumerate(cases)}
    messages = [
        {"index": place, "case": None, "sizes": None, "files": 0} for place in range(len(cases))
    ]
    message = {
        "do": "count", "cases": messages, "descriptors": [], "name": "", "point": {"k": 1}, "count": [],
    }  # fmt: skip
    return process.answer(message), process


def test_answers_are_those_of_cases_one_after_the_other() -> None:
    cases = (3, 13, 5, 7)
    alone, _ = count(Alone(), *cases)
    found, _ = count(Batched(), *cases)
    assert [one.get("counts") for one in found["answers"]] == [
        {"steps": 3.0}, None, {"steps": 5.0}, {"steps": 7.0},
    ]  # fmt: skip
    assert [one.get("outcome") for one in found["answers"]] == [6, None, 10, 14]
    assert "thirteen" in found["answers"][1]["failed"]["note"]
    for one, other in zip(found["answers"], alone["answers"], strict=True):
        assert one.keys() == other.keys()
        assert {k: v for k, v in one.items() if k != "failed"} == {
            k: v for k, v in other.items() if k != "failed"
        }
    assert (alone["sessions"], found["sessions"]) == (1, 3)
    assert (alone["note"], found["note"]) == ("", SHARED_BATCH)


def test_nothing_stands_behind_a_case_that_lacks_an_ability() -> None:
    found, _ = count(Batched(), 3, 99, 5)
    assert len(found["answers"]) == 2
    assert found["answers"][1]["failed"]["status"] == "skipped"


def test_how_many_go_side_by_side_is_learnt_and_can_be_said() -> None:
    substrate = Batched(worth=2)
    _, process = count(substrate, 1)
    found, _ = count(substrate, 1, 2, 3, process=process)
    assert substrate.seen == [(1, 4), (3, 2)]
    assert found["note"] == SHARED_BATCH
    said = Batched(worth=2)
    _, process = count(said, 1, settings=Settings(sessions=7))
    count(said, 1, 2, process=process)
    assert said.seen == [(1, 7), (2, 7)]
    one = Batched()
    found, _ = count(one, 1, 2, settings=Settings(sessions=1))
    assert (one.seen, found["note"]) == ([], "")
    unable, _ = count(Alone(), 1, 2, settings=Settings(sessions=7))
    assert unable["sessions"] == 1


def test_a_case_alone_in_its_message_has_no_note() -> None:
    found, _ = count(Batched(), 5)
    assert found["note"] == ""


@pytest.mark.parametrize(
    ("sessions", "case_s", "limit", "size"),
    [
        (1, 0.0, None, MOST_CASES),
        (1, 0.1, None, 10),
        (1, 5.0, None, 1),
        (16, 5.0, None, 32),  # the same for every long case
        (16, 0.4, None, 32),
        (16, 5.0, 100.0, 20),  # as many as would end alone
        (16, 5.0, 4.0, 1),
        (64, 5.0, None, MOST_CASES),
    ],
)
def test_a_message_holds_two_rounds_of_sessions(
    sessions: int, case_s: float, limit: float | None, size: int
) -> None:
    opened: Any = SimpleNamespace(
        sessions=sessions, bench=SimpleNamespace(limits=Limits(timeout_s=limit))
    )
    assert counts_pass._message_size(opened, max(case_s, 1e-9)) == size


def test_a_real_method_counts_the_same_with_any_number_of_sessions() -> None:
    task = chain.load("embedded", 3, problems=9)
    cases = list(task.cases())
    answers = [
        count(
            task.substrate(), *cases,
            method=registry.load(find("chain/greedy")), settings=Settings(sessions=sessions),
        )[0]
        for sessions in (1, 4)
    ]  # fmt: skip
    assert [one["sessions"] for one in answers] == [1, 4]
    assert [one["note"] for one in answers] == ["", ""]
    (alone, found) = ([timeless(one) for one in every["answers"]] for every in answers)
    assert found == alone
    assert len(found) == 9


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    counts = {name: n for name, n in answer["counts"].items() if not name.endswith("_s")}
    return {**answer, "counts": counts}


def test_sessions_are_for_counts_alone(command: Callable[..., Any]) -> None:
    run_request.check_counts(RunRequest(counts=True, sessions=4), energy=False)
    with pytest.raises(SelectionError, match="--sessions"):
        run_request.check_counts(RunRequest(sessions=4), energy=False)
    done = command("run", "chain/greedy", "--sessions", 4)
    assert done.returncode == 2
    assert "Add --counts" in done.stderr
