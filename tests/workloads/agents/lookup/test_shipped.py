"""What is shipped: cards that say how it was made and that its gates are passed, and a policy that can do it."""

import json
import math
from dataclasses import asdict

import pytest

from adabench.harness.contract import registry
from adabench.workloads.agents.lookup.task import load, missing_abilities
from adabench.workloads.agents.substrate.action_steps import stated
from adabench.workloads.agents.substrate.action_words import IDS
from adabench.workloads.agents.substrate.agent_session import AgentSession
from adabench.workloads.agents.substrate.policies import FOLDER
from adabench.workloads.agents.substrate.policy_recipes import recipes
from adabench.workloads.shared.training.recipe_card import misses

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
    assert misses(card["dev"], recipes()[name].gates) == []


def test_the_calls_of_bavts_claim_are_those_of_its_theorem():
    """24 calls are enough for nine in ten where steps do as well as the cards of the value heads say."""
    needed, miss = 5, math.log(10)  # four hops and an answer; ln(1 / 0.1)
    heads = [name for name in SHIPPED if name.startswith("agent-value")]
    for name in heads:
        chance = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["dev"][
            "step_chance"
        ]
        assert (needed + math.sqrt(2 * needed * miss) + 2 * miss) / chance <= 24
    assert heads


def test_every_training_has_all_that_goes_on_from_it():
    assert missing_abilities({}) == {}
    trainings = {name.removeprefix("agent-s") for name in SHIPPED if name.startswith("agent-s")}
    assert len(trainings) >= 3
    for ending in trainings:
        assert {f"agent-{role}-s{ending}" for role in ("value", "plan", "apo", "flat")} <= set(
            SHIPPED
        )


def test_a2fm_writes_its_mode_itself_and_it_is_the_one_that_the_kind_needs():
    for kind, mode in (("arith1", "dir"), ("arith4", "cot"), ("kb3", "act")):
        where = load("embedded", 1, questions=6, kinds=kind)
        for case in where.cases():
            where.meter.clear()
            best = method("a2fm").solve(where, case, {})
            assert where.meter["injected_forced"] == 0
            assert where.score(case, best)[f"{mode}_share"] == 1


def begun(where, case, begin):
    """Return a greedy episode of a policy that chooses its mode, and what it cost."""
    where.meter.clear()
    with where.session(case, "apo") as session:
        seq = begin(session)
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    costs = {name: value for name, value in where.meter.items() if not name.endswith("_s")}
    return session.best, costs


def test_a_mode_that_is_drawn_by_itself_is_the_one_that_would_be_written_and_costs_nothing():
    where = load("embedded", 1, questions=8)
    for case in where.cases():
        whole = begun(where, case, AgentSession.begin)
        assert begun(where, case, AgentSession.begin_by_itself) == whole


@pytest.mark.parametrize("mode", ["dir", "cot", "act"])
def test_another_cases_mode_costs_the_word_that_was_drawn_and_no_more(monkeypatch, mode):
    own_mode = AgentSession.own_mode

    def others_mode(session, seq):
        own_mode(session, seq)
        return IDS[mode]

    monkeypatch.setattr(AgentSession, "own_mode", others_mode)
    where = load("embedded", 1, questions=8)
    changed = 0
    for case in where.cases():
        forced, costs = begun(where, case, lambda session: session.begin(mode))
        found, spent = begun(where, case, AgentSession.begin_by_itself)
        assert found == forced
        assert spent["generated"] == costs["generated"] + 1
        changed += spent["bill"] == costs["bill"] + 1
    assert changed


def test_a_die_has_the_shares_of_the_policy_and_forces_its_mode():
    where = load("embedded", 1, questions=6)
    shares = where.mode_shares("apo")
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    mode_of = method("random_mode").mode_of
    modes = [mode_of((i + 0.5) / 1000, shares) for i in range(1000)]
    for mode, share in shares.items():
        assert modes.count(mode) / 1000 == pytest.approx(share, abs=0.002)
    for case in where.cases():
        where.meter.clear()
        method("random_mode").solve(where, case, {"weights": "apo"})
        assert where.meter["injected_forced"] == 1


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
