"""The server: what is written does not depend on load, on the cache or on neighbours, and time is what passed."""

import math

import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.agents import task as agents
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.branches import CachedBranches
from adabench.workloads.agents.substrate.serving.desk import Stream, draw_gaps
from adabench.workloads.agents.substrate.serving.stream_clock import StreamClock
from adabench.workloads.agents.substrate.serving.stream_figures import digest, percentile

KINDS = "kb3,arith4"
REQUESTS = 8


@pytest.fixture(scope="module")
def where():
    """Questions for the policy that is shipped."""
    found = agents.load("embedded", 0, requests=REQUESTS, kinds=KINDS)
    found.warm()
    return found


def acted(desk):
    branch = desk.begin("act")
    yield desk.finish([branch])
    desk.offer(branch)


def sampled(desk):
    branches = desk.fork(desk.begin("act"), 3)
    yield desk.finish(branches, 1.0)
    desk.offer(branches[desk.request % 3])


def reasoned(desk):
    branch = desk.begin("cot")
    yield desk.finish([branch])
    desk.offer(branch)


def served(where, agent, load, kind=0):
    stream = where.streams[kind]
    where.meter.clear()
    answers = where.serve(stream, agent, load)
    return answers, dict(where.meter), where.account(stream, answers)


LOADS = {
    "one after another": Load(),
    "many at a time": Load(concurrency=5),
    "one a second": Load(qps=1.0),
    "sixteen a second": Load(qps=16.0),
    "all at once": Load(qps=1e6),
}


@pytest.mark.parametrize("agent", [acted, sampled])
def test_answers_do_not_depend_on_load_and_cache(where, agent):
    alone, _, _ = served(where, agent, Load())
    assert len(set(alone)) == REQUESTS
    for load in LOADS.values():
        found, counted, _ = served(where, agent, load)
        assert found == alone
        assert counted["llm_calls"] == served(where, agent, Load())[1]["llm_calls"]
    for load in (Load(reuse=False), Load(qps=16.0, reuse=False)):
        assert served(where, agent, load)[0] == alone


def test_a_cache_spares_an_agent_what_it_read_before_and_a_single_call_nothing(where):
    """The savings are those of words that the engine ran."""
    _, kept, _ = served(where, acted, Load())
    _, anew, _ = served(where, acted, Load(reuse=False))
    assert kept["context_words"] == anew["context_words"]
    assert anew["prefilled"] == anew["context_words"]
    assert kept["prefilled"] <= 0.6 * anew["prefilled"]
    assert kept["flops_counted"] < anew["flops_counted"]
    one, other = (served(where, reasoned, Load(reuse=reuse), 1)[1] for reuse in (True, False))
    assert one["prefilled"] == other["prefilled"]
    assert one["llm_calls"] == other["llm_calls"] == 1


def test_what_is_read_anew_really_runs(where, monkeypatch):
    runs = []
    read = CachedBranches._read
    monkeypatch.setattr(
        CachedBranches,
        "_read",
        lambda self, ids, key: runs.append(len(ids)) or read(self, ids, key),
    )
    _, counted, _ = served(where, acted, Load(reuse=False))
    assert len(runs) == REQUESTS * counted["llm_calls"]
    assert sum(runs) == pytest.approx(REQUESTS * counted["prefilled"])


def test_branches_of_one_request_run_in_one_batch(where, monkeypatch):
    sizes = []
    decode = CachedBranches.decode
    monkeypatch.setattr(
        CachedBranches, "decode",
        lambda self, seqs, *rest: sizes.append(len(seqs)) or decode(self, seqs, *rest),
    )  # fmt: skip
    served(where, sampled, Load())
    assert max(sizes) == 3
    sizes.clear()
    served(where, acted, Load(concurrency=REQUESTS))
    assert max(sizes) == REQUESTS


def test_calls_are_what_is_written_at_a_stretch(where):
    answers, counted, account = served(where, acted, Load())
    calls = sum(text.count(words.EQUALS) for text in answers)  # each `=` is a tool's
    assert counted["tool_calls"] == calls / REQUESTS
    assert counted["llm_calls"] == counted["tool_calls"] + 1
    assert counted["generated"] + counted["prefilled"] == counted["words"]
    assert all(one.latency_s > 0 and one.waited_s >= 0 for one in account.served)
    times = account.times
    assert 0 < times.prefill_s + times.decode_s <= times.busy_s <= times.wall_s


def test_a_gap_in_which_nobody_waits_is_on_the_clock_and_is_not_slept_through(where):
    _, _, account = served(where, acted, Load(qps=0.01))
    last = where.streams[0].arrivals_s(0.01)[-1]
    assert account.times.wall_s >= last > 60
    assert account.times.busy_s < account.times.wall_s / 2
    clock = StreamClock()
    clock.skip_to(50.0)
    clock.skip_to(10.0)
    assert clock.now() >= 50
    assert clock.skipped_s <= 50


def test_who_comes_while_others_are_served_waits_for_a_place(where, monkeypatch):
    monkeypatch.setattr(
        f"{CachedBranches.__module__.rpartition('.')[0]}.agent_server.MOST_AT_ONCE", 1
    )
    _, _, account = served(where, acted, Load(qps=1e6))
    waits = [one.waited_s for one in account.served]
    assert waits == sorted(waits)
    assert waits[-1] >= sum(one.latency_s - one.waited_s for one in account.served[:-1]) * 0.99


def test_arrivals_are_poissons():
    gaps = draw_gaps(3, 4000)
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(1.0, abs=0.06)
    assert sum(gap > 1 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.03)
    stream = Stream(0, ((1,),) * 3, "kb", (1.0, 2.0, 3.0))
    assert stream.arrivals_s(2.0) == (0.5, 1.5, 3.0)


def test_percentiles_and_digest():
    assert percentile([4.0, 1.0, 3.0, 2.0, 5.0], 0.5) == 3.0
    assert percentile([0.0, 10.0], 0.95) == pytest.approx(9.5)
    assert percentile([7.0], 0.99) == 7.0
    assert digest([(1, 2), (3,)]) != digest([(1,), (2, 3)])
    assert digest([(1, 2)]) == digest([(1, 2)]) < 2**48


def test_answers_that_nobody_offered_and_costs_that_nobody_made_are_refused(where):
    stream = where.streams[0]
    answers, _, _ = served(where, acted, Load())
    gold = words.encode("act ans") + where.graders[0].problems[0].answer + (words.END_STEP,)
    for forged in ((gold, *answers[1:]), answers[:-1], list(answers)):
        with pytest.raises(MethodContractError, match="not the answers"):
            where.score(stream, forged)
    where.meter["prefilled"] -= 1
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        where.score(stream, answers)


def test_an_agent_forces_no_words_and_reaches_no_other_request(where):
    def hinting(desk):
        with pytest.raises(MethodContractError, match="no"):
            desk.begin("act", [words.encode("R H1 w1")])
        yield from acted(desk)

    served(where, hinting, Load())
    branches = []

    def trespassing(desk):
        branches.append(desk.begin("act"))
        if desk.request:
            with pytest.raises(MethodContractError, match="another request"):
                desk.offer(branches[0])
        yield from acted(desk)

    served(where, trespassing, Load())


def test_what_methods_get_knows_no_world_and_serves_no_other_stream(where):
    bare = where.substrate()
    first, second = where.streams
    with pytest.raises(MethodContractError, match="not here"):
        bare.serve(first, acted)
    bare.enter(first, where.environment(first))
    with pytest.raises(MethodContractError, match="not here"):
        bare.serve(second, acted)
    assert not hasattr(bare, "graders")


def test_who_serves_a_stream_twice_pays_twice(where):
    stream = where.streams[0]
    _, once, _ = served(where, acted, Load())
    where.meter.clear()
    where.serve(stream, acted)
    answers = where.serve(stream, acted)
    where.account(stream, answers)
    for name, value in once.items():
        many = 1 if name in where.levels else 2
        assert where.meter[name] == pytest.approx(many * value)
