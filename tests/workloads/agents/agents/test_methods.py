"""The agents: what each of them asks for, and which ways to fake it are closed."""

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.workloads.agents.agents import task as agents
from adabench.workloads.agents.agents.substrate.search_tree import Node, back_up, uct
from adabench.workloads.agents.substrate.serving.agent_server import Served
from adabench.workloads.agents.substrate.serving.served_request import Offer
from adabench.workloads.agents.substrate.serving.stream_task import last_gain

REQUESTS = 12


@pytest.fixture(scope="module")
def where():
    task = agents.load("embedded", 1, requests=REQUESTS, kinds="kb3,arith3", ambiguity=0.6)
    task.warm()
    return task


@pytest.fixture(scope="module")
def figures(where):
    """Counts and scores of a method on a stream, by name, stream and knobs; each is served once."""
    known = {}

    def served(name, stream=0, **knobs):
        key = name, stream, tuple(sorted(knobs.items()))
        if key not in known:
            method = registry.load(registry.find(f"agents/{name}"))
            point = method.CARD.defaults | knobs
            case = where.streams[stream]
            where.meter.clear()
            answers = method.solve(where, case, point)
            known[key] = {**where.score(case, answers), **where.meter}
        return known[key]

    return served


def test_an_agent_calls_more_often_and_a_tree_many_times_as_often(figures):
    assert figures("direct")["llm_calls"] == figures("cot")["llm_calls"] == 1
    assert figures("react")["llm_calls"] >= 3
    assert figures("lats")["llm_calls"] >= 5 * figures("react")["llm_calls"]
    assert figures("cot").get("tool_calls", 0) == 0 < figures("react")["tool_calls"]


def test_tools_are_what_answers_facts_and_a_chain_what_answers_sums(figures):
    assert figures("direct")["accuracy"] == figures("cot")["accuracy"] == 0
    assert 0 < figures("react")["accuracy"] < 1
    assert figures("cot", 1)["accuracy"] >= 0.8 > figures("direct", 1)["accuracy"]


def test_react_without_a_cache_says_the_same_and_reads_more(figures):
    kept, anew = figures("react"), figures("react_nocache")
    assert kept["answers_digest"] == anew["answers_digest"] != figures("cot")["answers_digest"]
    assert kept["prefilled"] <= 0.6 * anew["prefilled"]
    for qps in (1.0, 16.0):
        assert figures("react", qps=qps)["answers_digest"] == kept["answers_digest"]


def test_a_limit_of_steps_ends_an_episode(figures):
    one = figures("react", steps=1)
    assert one["llm_calls"] == 1
    assert one["malformed"] >= 0.8
    few = [figures("react", steps=steps)["llm_calls"] for steps in (1, 2, 24)]
    assert few == sorted(few)


def test_reflexion_pays_for_its_critic_and_its_reflections(figures):
    none, some = figures("reflexion", reflections=0), figures("reflexion", reflections=2)
    assert none["accuracy"] == figures("react")["accuracy"]
    assert none["judge_calls"] > 0 == none["reflect_calls"]
    assert some["reflect_calls"] > 0
    assert some["words"] > none["words"] > figures("react")["words"]
    assert some["accuracy"] >= none["accuracy"]


def test_label_access_is_an_oracles_and_gains_more_by_sampling(figures):
    for name in ("reflexion_gated", "resample_gated"):
        card = registry.find(f"agents/{name}").card
        assert (card.role, card.wins_by_luck) == ("oracle", True)
        assert "label" in card.title
    assert registry.find("agents/reflexion").card.role == "adaptive"
    assert figures("reflexion_gated", reflections=4)["accuracy"] >= figures("react")["accuracy"]
    assert figures("resample_gated", n=5)["accuracy"] > figures("resample_gated", n=1)["accuracy"]


def test_self_consistency_stands_at_equal_words(figures):
    words = [figures("self_consistency", n=n)["words"] for n in (1, 2, 8)]
    assert words == sorted(words)
    assert words[0] <= figures("reflexion", reflections=4)["words"] <= words[-1]
    assert figures("self_consistency", 1, mode="cot", n=3)["accuracy"] >= 0.8


def test_a_retry_by_a_coin_asks_nobody(figures):
    assert figures("random_retries", rate=0.0)["llm_calls"] < figures("random_retries")["llm_calls"]
    assert figures("random_retries")["judge_calls"] == 0


def test_the_oracle_knows_which_design_is_right(figures, where):
    for stream in (0, 1):
        best = max(figures(name, stream)["accuracy"] for name in ("direct", "cot", "react"))
        assert figures("any_right", stream)["accuracy"] >= best
    luck = registry.load(registry.find("agents/any_right")).luck(where, where.streams)
    assert luck["by_chance"] >= 0
    assert 0 < luck["by_truth"] <= 1


def test_few_requests_have_no_percentiles_and_no_shares_of_time(figures, where):
    few = figures("react")
    assert few["request_s"] > 0
    for name in ("p95_s", "p95_over_p50", "idle_share", "achieved_qps", "gain_per_s"):
        assert name not in few
    many = agents.load("embedded", 1, requests=20, kinds="kb2", faults="none")
    method = registry.load(registry.find("agents/direct"))
    (case,) = many.cases()
    found = many.score(case, method.solve(many, case, {"qps": 16.0}))
    assert found["p50_s"] <= found["p95_s"] <= found["p99_s"]
    assert 0 <= found["idle_share"] < 1
    assert found["offered_qps"] == 16.0
    assert found["achieved_qps"] <= 20 / case.arrivals_s(16.0)[-1]


def chain(*visits_and_rewards):
    root = Node(None, visits=sum(visits for visits, _ in visits_and_rewards))
    root.children = [
        Node(None, root, visits=visits, reward=reward) for visits, reward in visits_and_rewards
    ]
    return root


def test_uct_weighs_what_was_gained_against_how_often_it_was_tried():
    root = chain((10, 6.0), (2, 1.0))
    assert uct(root.children, 0.0) is root.children[0]
    assert uct(root.children, 1.0) is root.children[1]
    back_up(root.children[1], 1.0)
    assert (root.visits, root.reward) == (13, 1.0)
    assert (root.children[1].visits, root.children[1].reward) == (3, 2.0)
    fresh = Node(None, root, value=0.9)
    assert uct([*root.children, fresh], 0.0) is fresh


def test_a_tree_without_its_statistics_is_another_tree(where, monkeypatch):
    """Rewards that are not backed up change which branches are gone on from."""
    case, method = where.streams[0], registry.load(registry.find("agents/lats"))
    point = method.CARD.defaults | {"accept": 1.1, "iterations": 3, "children": 3}

    def served():
        where.meter.clear()
        method.solve(where, case, point)
        return where.meter["llm_calls"]

    with_statistics = served()
    monkeypatch.setattr(
        "adabench.workloads.agents.agents.substrate.search_tree.back_up", lambda node, reward: None
    )
    assert served() != with_statistics


def test_what_the_last_trial_gained_is_counted_from_answers_and_times():
    good, bad = (1,), (0,)
    served = (
        Served((Offer(bad, 1.0), Offer(good, 3.0)), 0.0, 3.0),
        Served((Offer(good, 1.0),), 0.0, 1.0),
        Served((Offer(bad, 1.0), Offer(bad, 3.0)), 0.0, 3.0),
    )
    gain = last_gain(served, lambda index, words: words == good)
    assert gain == pytest.approx(100 / 3 / (4 / 3))
    assert last_gain(served[1:2], lambda index, words: True) is None


@pytest.mark.parametrize(
    "body",
    [
        "from adabench.workloads.agents.truth.problems import draw_problem",
        "from adabench.workloads.agents.substrate.worlds import World",
        "def solve(task, stream, point):\n    return task.credit(stream, 0, ())",
        "def solve(task, stream, point):\n    return stream.group",
        "def solve(task, stream, point):\n    return task._present",
        "def agent(desk):\n    desk._backing.branches",
        "from adabench.workloads.agents.agents.substrate.cached_branches import CachedBranches",
    ],
)
def test_what_would_tell_the_answer_is_refused(body):
    own = "adabench.workloads.agents.agents.methods.planted"
    assert list(agents.RULES.problems(body, own))


def test_conditions_that_name_nothing_are_sentences():
    assert agents.read_kinds("kb, arith2") == {"kb": ("kb", (2, 3, 4)), "arith2": ("arith", (2,))}
    for kinds in ("kb7", "", "facts"):
        with pytest.raises(SelectionError, match="no kind of question"):
            agents.load("embedded", 0, kinds=kinds)
    with pytest.raises(SelectionError, match="no policy"):
        agents.load("embedded", 0, policy="agent-x")
