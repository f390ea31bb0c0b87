"""What is shipped: cards that say how it was made and that its gates are passed, and a policy that can do it."""

import json
from dataclasses import asdict

import pytest

from adabench.harness.contract import registry
from adabench.workloads.agents.lookup.task import load
from adabench.workloads.agents.substrate.action_steps import stated
from adabench.workloads.agents.substrate.policies import FOLDER
from adabench.workloads.agents.substrate.policy_gates import GATES, VALUE_GATES, misses
from adabench.workloads.agents.substrate.policy_recipes import recipes

SHIPPED = sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def method(name):
    return registry.load(registry.find(f"lookup/{name}"))


def played(name, **conditions):
    """Return how many answers of a method are right, and how many declare failure, of ten."""
    where = load("embedded", 3, questions=10, **conditions)
    point = {knob.name: knob.default for knob in method(name).CARD.knobs}
    found = [where.score(case, method(name).solve(where, case, point)) for case in where.cases()]
    return sum(one["accuracy"] for one in found), sum(one["declared"] for one in found)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_says_its_recipe_and_its_gates_are_passed(name):
    card = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    plan = json.loads(json.dumps(asdict(recipes()[name])))
    assert card.items() >= plan.items()
    assert card["source"]
    gates = VALUE_GATES if name.startswith("agent-value") else GATES
    assert misses(card["dev"], gates) == []


def test_what_is_shipped_is_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 5_000_000


def test_tools_are_what_answers_questions_of_facts():
    clean = {"kinds": "kb3", "ambiguity": 0.0, "faults": "none"}
    assert played("direct", **clean) == (0, 0)
    assert played("cot", **clean) == (0, 0)
    assert played("act", **clean)[0] >= 9


def test_a_chain_is_what_answers_long_sums():
    assert played("cot", kinds="arith4")[0] >= 9
    assert played("direct", kinds="arith4")[0] <= 5


def test_a_wrong_row_is_not_told_by_its_look():
    """With two rows at every hop a single episode is seldom right, and eight find more."""
    doubled = {"kinds": "kb3", "ambiguity": 1.0, "faults": "none"}
    assert played("act", **doubled)[0] <= 5


def test_a_pool_of_episodes_never_pays_for_more_calls_than_it_has():
    where = load("embedded", 5, questions=4, kinds="kb4", delay=2)
    for name in ("parallel_vote", "parallel_judged", "bavt", "random_node"):
        point = {knob.name: knob.default for knob in method(name).CARD.knobs} | {"B": 7}
        for case in where.cases():
            where.meter.clear()
            best = method(name).solve(where, case, point)
            assert 0 < where.meter["tool_calls"] <= 7
            assert stated(best) is None or where.score(case, best)["malformed"] == 0
