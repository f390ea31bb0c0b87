"""The pair of the chain as its methods meet it: ends of their dials, conditions, and what is noted."""

from collections.abc import Mapping
from types import ModuleType

import pytest

from adabench.harness.contract.card import Scalar
from adabench.harness.store import used_artefacts
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.test_time.chain import task as chain
from adabench.workloads.test_time.chain.methods import drop
from adabench.workloads.test_time.methods import (
    arbitrage,
    arbitrage_oracle,
    greedy,
    random_escalation,
    rsd,
    target_only,
)
from adabench.workloads.test_time.substrate.question_task import GradedTask


@pytest.fixture(scope="module")
def loaded() -> GradedTask:
    return chain.load("embedded", 0, problems=4, large="1,3,5,7", trainings=1)


def answers(
    loaded: GradedTask, method: ModuleType, point: Mapping[str, Scalar]
) -> tuple[list[tuple[int, ...]], dict[str, float]]:
    loaded.meter.clear()
    found = [
        loaded.account(question, method.solve(loaded, question, point))
        for question in loaded.cases()
    ]
    return found, dict(loaded.meter)


NEVER = (
    (arbitrage, {"tau": 1.1}),
    (rsd, {"tau": 0.0}),
    (drop, {"fall": 1.0}),
    (random_escalation, {"rate": 0.0}),
    (arbitrage_oracle, {"least": 1.0}),
)
ALWAYS = (
    (arbitrage, {"tau": 0.0}),
    (rsd, {"tau": 1.1}),
    (random_escalation, {"rate": 1.0}),
    (arbitrage_oracle, {"least": -1.0}),
)


def name_of(value: object) -> str:
    """Return a method's bare name as the name of its test."""
    return getattr(value, "__name__", "point").rpartition(".")[2]


@pytest.mark.parametrize(("method", "point"), NEVER, ids=name_of)
def test_at_one_end_of_its_dial_a_method_is_the_draft_alone(loaded, method, point) -> None:
    found, meter = answers(loaded, method, point)
    assert found == answers(loaded, greedy, {})[0]
    assert meter["target_share"] == 0


@pytest.mark.parametrize(("method", "point"), ALWAYS, ids=name_of)
def test_at_the_other_end_it_is_the_target_alone(loaded, method, point) -> None:
    assert answers(loaded, method, point)[0] == answers(loaded, target_only, {})[0]


def test_only_the_oracle_runs_the_target_where_its_step_is_not_taken(loaded) -> None:
    for method, point in ((arbitrage, {"tau": 0.7}), (rsd, {"tau": 0.25}), (drop, {"fall": 0.1})):
        found, meter = answers(loaded, method, point)
        words = sum(len(answer) for answer in found)
        assert 0 < meter["generated_target"] <= words
        assert meter["generated_policy"] - meter["discarded"] == words - meter["generated_target"]
    found, meter = answers(loaded, arbitrage_oracle, {"least": 1.0})
    assert meter["generated_target"] > 0 == meter["target_share"]


def test_a_route_does_not_depend_on_the_grader(loaded) -> None:
    """What a method's process is given has no questions and no grader, and answers the same."""
    blind = loaded.substrate()
    for question in loaded.cases():
        assert arbitrage.solve(blind, question, {"tau": 0.7}) == arbitrage.solve(
            loaded, question, {"tau": 0.7}
        )


def test_all_four_files_of_a_pair_are_noted_and_no_other_session_notes_them(loaded) -> None:
    question = next(loaded.cases())
    for method, count in ((greedy, 2), (target_only, 4)):
        used_artefacts.forget()
        method.solve(loaded, question, {})
        assert len(used_artefacts.digests()) == count
    used_artefacts.forget()


@pytest.mark.parametrize("conditions", [{"format": "splits", "trainings": 1}, {"policy": "lm-x"}])
def test_a_policy_that_is_the_draft_of_none_says_so(conditions) -> None:
    other = chain.load("embedded", 0, problems=1, **conditions)
    with pytest.raises(CapabilityMissing, match="is the draft of no other policy"):
        arbitrage.solve(other, next(other.cases()), {"tau": 0.5})
