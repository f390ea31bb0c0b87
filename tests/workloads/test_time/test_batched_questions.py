"""Questions that share batches: words, counts and ledger are those of each question alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import account, enter_case, most_sessions
from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.lookup import task as lookup
from adabench.workloads.shared.language_model.batched.native_batches import NativeBatches
from adabench.workloads.test_time.chain import task as chain

SEED = 7001
Found = list[tuple[Any, Mapping[str, float]]]


@dataclass
class Subject:
    """A task with its questions."""

    task: Any
    substrate: Any
    questions: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.questions = list(self.task.cases())

    def solver(self, address: str, point: Mapping[str, Any]) -> Callable[[Any, int], Any]:
        """Return what solves one question with a substrate, as a method's process does."""
        entry = registry.find(address)
        method = registry.load(entry)
        full = {knob.name: knob.default for knob in entry.card.knobs} | dict(point)
        state = method.prepare(self.substrate, full, 0) if hasattr(method, "prepare") else None

        def solve(own: Any, place: int) -> Any:
            question = self.questions[place]
            known = hasattr(self.task, "environment")
            enter_case(own, question, self.task.environment(question) if known else None)
            own.meter.clear()
            answer = method.solve(own if state is None else state, question, full)
            return account(own, question, answer), counts(own)

        return solve

    def alone(self, solve: Callable[[Any, int], Any], many: int) -> Found:
        return [solve(self.substrate, place) for place in range(many)]

    def together(self, solve: Callable[[Any, int], Any], many: int, sessions: int) -> Found:
        found: Found = [(None, {})] * many

        def job(place: int, own: Any) -> None:
            found[place] = solve(own, place)

        self.substrate.solve_batched([partial(job, place) for place in range(many)], sessions)
        return found


def counts(task: Any) -> dict[str, float]:
    """Return what a task counted, but for what a clock says."""
    return {name: value for name, value in task.meter.items() if not name.endswith("_s")}


@pytest.fixture(scope="module")
def of_chain() -> Subject:
    task = chain.load("embedded", SEED, problems=64)
    return Subject(task, task.substrate())


@pytest.fixture(scope="module")
def of_lookup() -> Subject:
    task = lookup.load("embedded", SEED, questions=16)
    return Subject(task, task.substrate())


@pytest.mark.parametrize("sessions", [1, 7, 16, 64])
def test_any_number_of_questions_in_a_batch_gives_the_same(
    of_chain: Subject, sessions: int
) -> None:
    solve = of_chain.solver("chain/sample", {})
    assert of_chain.together(solve, 64, sessions) == of_chain.alone(solve, 64)


@pytest.mark.parametrize(
    ("method", "point"),
    [
        ("beam", {"N": 4}),  # a judge
        ("arbitrage", {}),  # draft, target and a router
        ("revisions", {}),  # attempts that are read again
        ("radar", {}),  # a state that holds the task; two policies
    ],
)
def test_every_kind_of_method_gives_the_same(
    of_chain: Subject, method: str, point: dict[str, Any]
) -> None:
    solve = of_chain.solver(f"chain/{method}", point)
    assert of_chain.together(solve, 6, 5) == of_chain.alone(solve, 6)


def test_modes_give_the_same() -> None:
    """Words that may be drawn, and how sure of them."""
    task = chain.load("embedded", SEED, problems=6, format="splits", trainings=1)
    subject = Subject(task, task.substrate())
    solve = subject.solver("chain/sys2", {})
    assert subject.together(solve, 6, 5) == subject.alone(solve, 6)


@pytest.mark.parametrize("method", ["act", "bavt", "best_mode"])
def test_agents_call_their_own_tools(of_lookup: Subject, method: str) -> None:
    found = registry.find(f"lookup/{method}")
    subject = of_lookup
    if found.card.role == "oracle":
        subject = Subject(of_lookup.task, of_lookup.task.oracle_substrate())
    solve = subject.solver(f"lookup/{method}", {})
    assert subject.together(solve, 8, 7) == subject.alone(solve, 8)


def test_a_budget_ends_each_question_where_it_does_alone() -> None:
    task = chain.load("embedded", SEED, problems=8, budget=500)
    subject = Subject(task, task.substrate())
    solve = subject.solver("chain/adaptive_consistency", {"N": 8})
    alone = subject.alone(solve, 8)
    assert {found["spent"] for _, found in alone} == {0.0, 1.0}
    assert subject.together(solve, 8, 8) == alone


def test_models_are_called_less_often(of_chain: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    decode = NativeBatches.decode

    def noted(batches: NativeBatches, wanted: Any) -> Any:
        sizes.append(len(wanted))
        return decode(batches, wanted)

    monkeypatch.setattr(NativeBatches, "decode", noted)
    of_chain.together(of_chain.solver("chain/greedy", {}), 16, 8)
    assert sizes == [8, 8]


def test_a_question_that_fails_fails_alone(of_chain: Subject) -> None:
    method = registry.load(registry.find("chain/greedy"))
    found: dict[int, Any] = {}

    def job(place: int, own: Any) -> None:
        question = of_chain.questions[place]
        own.meter.clear()
        try:
            if place == 3:
                with own.session(question) as session:
                    session.decode([session.open()], max_new=2)
                    raise ZeroDivisionError
            answer = method.solve(own, question, {})
            if place == 5:
                answer = (*answer, 1)  # words that nobody decoded
            found[place] = own.account(question, answer), counts(own)
        except (ZeroDivisionError, MethodContractError) as problem:
            found[place] = type(problem)

    of_chain.substrate.solve_batched([partial(job, place) for place in range(9)], 4)
    assert (found.pop(3), found.pop(5)) == (ZeroDivisionError, MethodContractError)
    alone = of_chain.alone(of_chain.solver("chain/greedy", {}), 9)
    assert found == {place: alone[place] for place in (0, 1, 2, 4, 6, 7, 8)}


def test_a_question_cannot_hand_in_what_another_wrote(of_chain: Subject) -> None:
    method = registry.load(registry.find("chain/greedy"))
    answers: list[Any] = []

    def job(place: int, own: Any) -> None:
        own.meter.clear()
        answers.append(method.solve(own, of_chain.questions[place], {}))
        if place == 1:
            with pytest.raises(MethodContractError):
                own.account(of_chain.questions[0], answers[0])

    of_chain.substrate.solve_batched([partial(job, place) for place in range(2)], 2)
    assert len(answers) == 2


def test_how_many_are_worth_it_follows_from_what_was_seen(of_chain: Subject) -> None:
    """Wide calls, and many calls, gain nothing on the native engine."""
    task = of_chain.substrate
    assert most_sessions(task) == 8
    for method, point, sessions in (
        ("greedy", {}, 8), ("majority", {"N": 16}, 1), ("majority", {"N": 4}, 1), ("arbitrage", {}, 1),
    ):  # fmt: skip
        solve = of_chain.solver(f"chain/{method}", point)
        job = partial(lambda place, own, solve: solve(own, place), solve=solve)
        assert task.solve_batched([partial(job, 0)], 8) == sessions, method


def test_a_substrate_without_batches_solves_one_at_a_time() -> None:
    assert most_sessions(object()) == 1
