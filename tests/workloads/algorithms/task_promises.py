"""What each of these tasks promises. A room's test class inherits it and names what is its own.

The tables of a class fill the arguments of the tests that it inherits (`pytest_generate_tests` in conftest.py).
"""

import copy
import importlib
import importlib.util
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.protocols import case_environment
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.counting import method_trials
from tests.workloads.planted_module import load_module

Conditions = Mapping[str, Any]
Row = tuple[Any, ...]
PLANTED = Card(title="planted", adapts="it cheats", paper="none")
"""The card of a planted method that has none."""


class TaskPromises:
    """A task with cases, its methods in processes of their own, and what its conditions may be."""

    name: ClassVar[str]
    small: ClassVar[Conditions] = {}
    """Conditions beside those of a check."""
    alone: ClassVar[Sequence[Conditions]] = ({},)
    """Conditions under which its substrate is looked at."""
    counted: ClassVar[Sequence[tuple[Sequence[str], Conditions]]]
    """Methods whose counts of processes are compared with those of this one, and conditions."""

    def load(self, seed: int = 0, **conditions: Any) -> Any:
        module = registry.load(registry.find(self.name))
        return module.load("embedded", seed, **module.CHECK_CONDITIONS | self.small | conditions)

    def test_a_task_with_cases_is_never_stored(self) -> None:
        with pytest.raises(TypeError, match="not stored"):
            pickle.dumps(self.load())

    def test_what_arrives_cannot_be_written(self) -> None:
        for case in self.load().cases():
            for array in _arrays(pickle.loads(pickle.dumps(case, protocol=5))):
                with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
                    array.setflags(write=True)

    def test_its_substrate_lives_alone(self, lives_alone: Callable[..., None]) -> None:
        for conditions in self.alone:
            lives_alone(self.name, **conditions)

    def test_counts_are_those_of_one_process(
        self, agrees_with_processes: Callable[..., None]
    ) -> None:
        for methods, conditions in self.counted:
            agrees_with_processes(self.name, methods, **conditions)


class CountedPromises(TaskPromises):
    """A task whose engine runs what methods order: planted methods are caught, and truth stays away."""

    small: ClassVar[Conditions]
    """With these there is one case."""
    online: ClassVar[str]
    """A method that is told nothing."""
    oracle: ClassVar[str]
    refuses_oracle: ClassVar[str]
    """What a method hears that asks for what oracles are told."""
    hidden: ClassVar[Sequence[str]] = ("cases", "score")
    """What it refuses to say in the process of a method."""
    caught: ClassVar[Sequence[Row]]
    """A planted method, and what is said of it."""
    caught_by_trials: ClassVar[Sequence[Row]]
    """The same where its source is not read."""
    forbidden: ClassVar[Sequence[str]]
    """Lines that the source of a method may not have."""

    @property
    def conformance(self) -> Any:
        return importlib.import_module(f"adabench.workloads.algorithms.{self.name}.conformance")

    def said_of(self, planted: str) -> str:
        room = Path(str(sys.modules[type(self).__module__].__file__)).parent
        method = load_module(room / f"planted/{planted}.py")
        card = getattr(method, "CARD", PLANTED)
        return " ".join(registry.load(registry.find(self.name)).check(method, card))

    def test_a_wrong_method_is_caught(self, caught: Row) -> None:
        name, words = caught
        assert words in self.said_of(name)

    def test_the_source_is_not_the_only_guard(
        self, caught_by_trials: Row, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name, words = caught_by_trials
        for place in (method_trials, self.conformance):
            monkeypatch.setattr(place, "source_problems", lambda *_: iter(()), raising=False)
        assert words in self.said_of(name)

    def test_the_source_may_not_say(self, forbidden: str) -> None:
        assert list(self.conformance.RULES.problems(forbidden))

    def test_an_answer_of_ones_own_is_refused(self) -> None:
        task, other = self.load(), self.load()
        (case,) = other.cases()
        answer = self.answer(self.online, other, case)
        with pytest.raises(MethodContractError, match="not the task's own"):
            task.score(task.cases()[0], answer)
        with pytest.raises(MethodContractError, match="not a case of this task"):
            self.answer(self.online, task, copy.copy(case))

    def test_a_case_is_run_once_it_was_entered_and_scored_where_the_truth_is(self) -> None:
        task = self.load()
        (case,) = task.cases()
        alone, there = pickle.loads(pickle.dumps((task.substrate(), case)))
        if "cases" in self.hidden:
            with pytest.raises(MethodContractError, match="test cases are not here"):
                alone.cases()
        with pytest.raises(MethodContractError, match="not a case of this task"):
            self.answer(self.online, alone, there)
        alone, there = self.entered(task, case, case_environment(task, case, oracle=False))
        answer = self.answer(self.online, alone, there)
        if "score" in self.hidden:
            with pytest.raises(MethodContractError, match="not known"):
                alone.score(there, answer)
        judged = counts_of(task.judge(case, alone.account(there, answer)))
        assert judged == counts_of(task.score(case, self.answer(self.online, task, case)))

    def test_the_truth_is_told_to_oracles_alone(self) -> None:
        task = self.load()
        (case,) = task.cases()
        with pytest.raises(MethodContractError, match=self.refuses_oracle):
            self.answer(
                self.oracle, *self.entered(task, case, case_environment(task, case, oracle=False))
            )
        alone, there = self.entered(task, case, case_environment(task, case, oracle=True))
        answer = self.answer(self.oracle, alone, there)
        judged = counts_of(task.judge(case, alone.account(there, answer)))
        assert judged == counts_of(task.score(case, self.answer(self.oracle, task, case)))

    def answer(self, name: str, task: Any, case: Any) -> Any:
        """Return what a method of the task answers at its defaults."""
        method = registry.load(registry.find(f"{self.name}/{name}"))
        point = method.CARD.defaults
        state = method.prepare(task, point, 0) if hasattr(method, "prepare") else task
        return method.solve(state, case, point)

    def entered(self, task: Any, case: Any, environment: Any) -> tuple[Any, Any]:
        """Return a substrate, and a case that was entered into it, as both come out of bytes."""
        alone = pickle.loads(pickle.dumps(task.substrate()))
        there, environment = pickle.loads(pickle.dumps((case, environment)))
        alone.enter(there, environment)
        return alone, there


def counts_of(values: Mapping[str, float]) -> dict[str, float]:
    """Return values without those of clocks."""
    return {name: value for name, value in values.items() if not name.endswith("_s")}


def _arrays(value: Any) -> list[Any]:
    """Return the arrays in a case and in the tuples and records that it consists of."""
    if isinstance(value, np.ndarray):
        return [value]
    parts = value if isinstance(value, tuple | list) else getattr(value, "__dict__", {}).values()
    return [array for part in parts for array in _arrays(part)]
