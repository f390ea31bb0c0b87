"""What a method's process holds of this task, and that its counts are those of the task itself."""

import pickle

import pytest

pytest.importorskip("pyscipopt", reason="pip install 'adabench[milp]'")
pytest.importorskip("alns", reason="pip install 'adabench[milp]'")

from adabench.harness.contract import plain_data
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.mip.task import CHECK_CONDITIONS, OUTCOMES, load
from tests.workloads.algorithms.task_promises import TaskPromises


class TestMip(TaskPromises):
    name = "mip"
    counted = ((("highs", "balans", "best_arm"), {}),)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path_factory.getbasetemp() / "mip-cache"))


def test_a_method_gets_a_budget_and_no_instance(lives_alone) -> None:
    lives_alone("mip")
    task = load("embedded", 0, seconds=3.0, clock="cpu", pulls=2, size="tiny")
    apart = pickle.loads(pickle.dumps(task.substrate(), protocol=5))
    assert (apart.seconds, apart.clock, apart.pulls) == (3.0, "cpu", 2)
    assert apart.starts_cold


def test_a_search_becomes_plain_data_that_is_scored_elsewhere() -> None:
    task = load("embedded", 0, **CHECK_CONDITIONS)
    [program] = task.cases()
    apart = pickle.loads(pickle.dumps(task.substrate(), protocol=5))
    with pytest.raises(MethodContractError, match="not a case of this task"):
        apart.search(program)
    apart.enter(program, None)
    search = apart.search(program)
    search.scip()
    assert search._model is not None
    outcome = apart.account(program, search.end())
    with pytest.raises(MethodContractError, match="best values are not known"):
        apart.judge(program, outcome)
    sent = plain_data.decode(plain_data.encode(outcome, OUTCOMES), OUTCOMES)
    values = task.judge(program, sent)
    assert values["objective"] == search.dated[-1][1]
    assert values["seconds"] == CHECK_CONDITIONS["seconds"]


def test_the_budget_that_is_judged_is_the_tasks_own() -> None:
    task = load("embedded", 0, seconds=2.0, size="tiny", pulls=1)
    [program] = task.cases()
    apart = pickle.loads(pickle.dumps(task.substrate(), protocol=5))
    apart.enter(program, None)
    search = apart.search(program)
    search.budget_s = 100.0
    assert task.judge(program, apart.account(program, search.end()))["seconds"] == 2.0
