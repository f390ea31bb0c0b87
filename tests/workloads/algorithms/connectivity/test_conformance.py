"""Planted wrong methods must be caught, each for what is wrong with it."""

import pickle

import pytest

from adabench.workloads.algorithms.connectivity import conformance
from adabench.workloads.algorithms.connectivity.substrate.lifting import LIFTED
from adabench.workloads.algorithms.connectivity.substrate.update_streams import generate
from adabench.workloads.algorithms.connectivity.truth.hindsight import advise, hindsight
from adabench.workloads.algorithms.connectivity.truth.scoring import scored_task
from adabench.workloads.shared.counting.counted_task import Transcript
from tests.workloads.algorithms.task_promises import CountedPromises

PACKAGE = "adabench.workloads.algorithms.connectivity"
SMALL = {"n": 50, "updates": "fifo"}


class TestConnectivity(CountedPromises):
    name = "connectivity"
    small = SMALL
    counted = tuple(
        (("predicted_updates", "learned_lifetimes", "offline"), {"noise": noise})
        for noise in (1.0, 100.0)
    )
    online, oracle, refuses_oracle = "spanning_forest", "offline", "asks for hints 'true'"
    caught = (
        ("no_repair", "queries wrongly"),
        ("compresses", "queries wrongly"),
        pytest.param(("rebuilds_all", "PU-1-bound fails"), marks=pytest.mark.slow),
        ("true_ends", "reaches for 'true'"),
        ("looks_ahead", "reaches for 'case.opens' on line 9"),
        ("knows_it", "reaches for 'hindsight' on line 19"),
        ("twice", "serves a case more than once"),
        ("writes_the_ledger", "reaches for 'ledger' on line 10"),
        ("ignores", "ignores its predictions"),
    )
    caught_by_trials = (
        ("true_ends", "told the true deletion times"),
        ("looks_ahead", "looks ahead"),
        ("knows_it", "look its answers up"),
        pytest.param(("writes_the_ledger", "steps on"), marks=pytest.mark.slow),
    )
    forbidden = (
        f"import {PACKAGE}.methods.rebuild",
        f"from {PACKAGE}.methods.offline import solve",
        f"from {PACKAGE}.truth.hindsight import advise",
        f"from {PACKAGE}.truth.offline_answers import connected",
        "from . import conformance",
        f"from {PACKAGE}.substrate.update_loop import run_once",
        "import gc",
        "case.left[0]",
        "case.query_left",
        "task.serve(case, update, query, notes, hints='true')",
        "getattr(task, name)",
    )

    def test_a_slope_is_measured_beside_the_method_and_judged_without_it(self) -> None:
        task = self.load(n=100, noise=100.0, updates="random")
        (case,) = task.cases()
        alone, there = self.entered(task, case, task.environment(case))
        answer = self.answer("predicted_updates", alone, there)
        counted = dict(alone.meter)
        outcome = alone.account(there, answer)
        assert sorted(outcome.unions) == [0.0, 1.0, 10.0]
        assert alone.meter == counted
        values = task.judge(case, outcome)
        assert "slope" in values
        assert values == task.score(case, self.answer("predicted_updates", task, case))

    def test_learned_lifetimes_come_of_the_beginnings_alone(self, methods) -> None:
        method, task = methods["learned_lifetimes"], self.load(3, n=100)
        alone = pickle.loads(pickle.dumps(task.substrate()))
        learned = method.pack(method.prepare(task, {}, 0))
        apart = method.pack(method.prepare(alone, {}, 0))
        assert learned.keys() == apart.keys() == {case.instance for case in task.cases()}
        assert all((learned[instance] == apart[instance]).all() for instance in learned)
        assert method.unpack(alone, {}, learned).task is alone


@pytest.fixture(autouse=True)
def _few_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "SIZES", ((40, 0),))
    monkeypatch.setattr(conformance, "CUTS", (0.5,))


def test_the_task_does_not_say_that_it_is_heard() -> None:
    advice = (advise(hindsight(generate("random", 40, 20, 0)), 3.0),)
    transcript = Transcript()
    plain, heard = scored_task(advice), scored_task(advice, transcript)
    assert sorted(vars(plain)) == sorted(vars(heard))
    case = plain.cases()[0]
    answers = [task.serve(case, *LIFTED) for task in (plain, heard)]
    assert len(transcript.heard[case.instance]) == case.horizon
    assert vars(answers[0]).keys() == vars(answers[1]).keys() == {"instance", "hints", "answers"}


def test_predictions_cannot_be_swapped() -> None:
    advice = advise(hindsight(generate("random", 40, 20, 0)), 3.0)
    with pytest.raises(TypeError):
        advice.hints["given"] = advice.hints["true"]
    with pytest.raises(ValueError, match="WRITEABLE"):
        advice.hints["given"].flags.writeable = True
