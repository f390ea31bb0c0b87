"""Tools that really change a world, and their faults: what calls return, what stands there afterwards."""

import pytest

from adabench.workloads.agents.tools.substrate import tool_endpoint
from adabench.workloads.agents.tools.substrate.graph_catalogue import PAPER
from adabench.workloads.agents.tools.substrate.post_classifiers import Post, read_post
from adabench.workloads.agents.tools.substrate.tool_endpoint import (
    OFF,
    Fault,
    FaultSchedule,
    Result,
    Scene,
    ToolEndpoint,
    outages,
)

GRAPH = PAPER["support"]


def endpoint(faults=None, **scene):
    schedule = FaultSchedule(3, faults or {})
    return ToolEndpoint(GRAPH, Scene(500, schedule, **scene), deadline_s=0.0)


def test_calls_change_the_world_and_the_same_call_again_does_not():
    tools = endpoint()
    assert tools.call("lookup", 4711) == Result("ok", 500)
    assert [tools.call("stripe", 500) for _ in range(2)] == [Result("ok", 500)] * 2
    assert tools.close() == (("order", "lookup", 500), ("refund", "stripe", 500))


def test_providers_do_not_know_each_other():
    tools = endpoint()
    tools.call("stripe", 500)
    tools.call("razorpay", 500)
    assert tools.check(1) == (500, 500)


@pytest.mark.parametrize(
    ("fault", "statuses", "effects"),
    [
        (Fault("outage"), ["down"] * 3, 0),
        (Fault("timeout"), ["late"] * 3, 0),
        (Fault("lost", calls=1), ["late", "ok", "ok"], 1),
        (Fault("error", calls=1), ["err", "ok", "ok"], 1),
        (Fault("rate_limit", calls=2), ["err", "err", "ok"], 1),
        (Fault("recovering", calls=2), ["down", "down", "ok"], 1),
        (Fault("slow"), ["ok"] * 3, 1),
        (Fault("malformed"), ["ok"] * 3, 1),
        (Fault("wrong_data"), ["ok"] * 3, 1),
    ],
)
def test_what_a_fault_returns_and_leaves(fault, statuses, effects):
    tools = endpoint({"stripe": fault})
    results = [tools.call("stripe", 500) for _ in range(3)]
    assert [result.status for result in results] == statuses
    assert tools.check(1) == ((500 + OFF * (fault.kind == "wrong_data"),) if effects else ())
    assert (results[-1].value is None) == (fault.kind not in ("lost", "error", "rate_limit",
            "recovering", "slow", "wrong_data"))  # fmt: skip


def test_a_call_that_is_late_blocks_until_its_deadline(monkeypatch):
    slept = []
    monkeypatch.setattr(tool_endpoint.time, "sleep", slept.append)
    schedule = FaultSchedule(0, {"stripe": Fault("timeout"), "email": Fault("slow")})
    tools = ToolEndpoint(GRAPH, Scene(500, schedule), deadline_s=0.5)
    tools.call("stripe", 1)
    tools.call("email", 1)
    assert not tools.probe("stripe")
    assert slept == [0.5, 0.25, 0.5]


def test_an_outage_may_follow_another_tool_s_success():
    tools = endpoint(outages(email="stripe"))
    assert tools.probe("email")
    assert tools.down() == frozenset()
    tools.call("stripe", 500)
    assert tools.call("email", 500).status == "down"
    assert tools.down() == {"email"}


def test_intermittent_faults_come_as_often_as_planned():
    found = [
        FaultSchedule(seed, {"sms": Fault("intermittent", chance=0.3)}).fault("sms", 0, frozenset())
        for seed in range(300)
    ]
    assert 60 < sum(one is not None for one in found) < 120


def test_a_call_without_its_argument_fails():
    assert endpoint().call("stripe", None).status == "err"


def test_readers_of_posts_are_models_that_err_and_are_better_than_chance():
    posts = [Post(1000 + n, n % 2 == 0) for n in range(200)]
    for tool in ("text", "image", "history"):
        right = sum(read_post(tool, post) == post.is_harmful for post in posts) / len(posts)
        assert 0.7 < right < 0.99
    assert read_post("image", posts[0]) == read_post("image", Post(1000, True))
