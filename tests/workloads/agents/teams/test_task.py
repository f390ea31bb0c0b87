"""The task `teams`: streams, time that is counted, clients that go, changes in the middle, and what is refused."""

from itertools import repeat

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.team_streams import QUARTERS
from adabench.workloads.agents.teams.substrate.paths import PATHS, Path, answering
from adabench.workloads.agents.teams.task import RULES, load
from adabench.workloads.agents.truth.requests import read_kinds

CHK = Path("chk", "s", "none")


def served(task, paths=None):
    """Serve the first stream by paths; return answers, scores with counts, and the account."""
    (stream, *_) = task.cases()
    task.meter.clear()
    answers = task.serve(stream, answering(repeat(CHK) if paths is None else iter(paths)))
    account = task.account(stream, answers)
    return answers, {**task.score(stream, answers), **task.meter}, account


@pytest.fixture(scope="module")
def plain():
    return load("embedded", 0, requests=16)


def test_a_stream_is_the_same_whoever_asks_and_other_seeds_have_others(plain):
    again = load("embedded", 0, requests=16)
    assert plain.streams == again.streams != load("embedded", 1, requests=16).streams
    assert {stream.group for stream in load("embedded", 0, requests=4, kinds="kb,arith2").streams} == {
        "kb", "arith2",
    }  # fmt: skip
    assert served(plain)[0] == served(again)[0]


def test_words_and_time_are_counted_and_not_read_off_a_clock(plain):
    _, found, account = served(plain)
    assert found["words"] * 16 == sum(one.handled for one in account.served)
    assert found["span"] == found["wait"] == pytest.approx(found["words"])
    assert account.served == served(plain)[2].served
    assert [one.latency_s for one in account.served] == [
        float(one.handled) for one in account.served
    ]


def test_answers_do_not_hang_on_who_is_served_beside_them(plain):
    digests = set()
    for clients in (1, 4, 64):
        _, found, _ = served(load("embedded", 0, requests=16, clients=clients))
        digests.add(found["answers_digest"])
        assert found["cut"] == 0
    assert len(digests) == 1


def test_three_machines_do_more_than_one():
    crowd = load("embedded", 0, requests=24, clients=16)
    one = served(crowd, [Path("act", "s", "none")] * 24)[1]
    three = served(crowd, [Path("act", policy, "none") for policy in ("s", "apo", "flat")] * 8)[1]
    assert one["span"] == pytest.approx(one["words"])
    assert three["span"] < 0.7 * three["words"]
    assert three["wait"] < one["wait"]


def test_a_client_goes_at_its_deadline_and_has_no_answer():
    _, found, account = served(load("embedded", 0, requests=16, deadline=60))
    cut = [one for one in account.served if one.is_cut]
    assert 0 < found["cut"] == len(cut) / 16 < 1
    assert all(not one.offers and one.latency_s > 60 for one in cut)
    assert found["malformed"] == found["cut"]
    _, free, _ = served(load("embedded", 0, requests=16))
    assert found["words"] < free["words"]
    assert found["accuracy"] <= free["accuracy"]


def test_who_is_released_keeps_no_client_waiting(plain):
    (stream,) = plain.cases()

    def agent(desk):
        branch = desk.begin_at("act")
        yield desk.finish([branch])
        desk.offer(branch)
        desk.release()
        yield desk.check([branch])

    plain.meter.clear()
    answers = plain.serve(stream, agent)
    found = plain.score(stream, answers)
    assert found["judged"] == 1
    assert 0 < found["judge_precision"] <= 1
    assert plain.meter["judge_calls"] > 0
    late = load("embedded", 0, requests=16, deadline=1)
    (stream,) = late.cases()
    assert late.score(stream, late.serve(stream, agent))["cut"] == 1


def test_tools_of_a_policy_fail_from_the_middle_on():
    task = load("embedded", 0, requests=24, kinds="kb", change="outage", faults="none")
    _, found, account = served(task)
    for name in QUARTERS[2:]:
        assert found[f"accuracy_{name}"] == 0
    assert found["accuracy_first"] > 0.3
    late = account.answers[12:]
    assert all(words.encode("ans fail ;") == answer[-3:] for answer in late)
    _, other, _ = served(task, [Path("act", "apo", "none")] * 24)
    assert other["accuracy_last"] + other["accuracy_third"] > 0


def test_a_shift_has_sums_first_and_facts_behind_them():
    (stream,) = load("embedded", 0, requests=24, change="shift").cases()
    is_sum = [words.decode(prompt).split()[2].isdigit() for prompt in stream.prompts]
    assert is_sum == [True] * 12 + [False] * 12


def test_words_of_a_training_are_borne_by_the_next_stream(plain):
    plain.book_training(1600)
    assert served(plain)[1]["training_words"] == 100
    assert "training_words" not in served(plain)[1]


def test_a_utility_is_accuracy_less_words_at_their_price():
    _, found, _ = served(load("embedded", 0, requests=8, word_price=0.01))
    assert found["utility"] == pytest.approx(found["accuracy"] - 0.01 * found["words"])


def test_every_path_answers(plain):
    task = load("embedded", 0, requests=len(PATHS), kinds="arith1", faults="none")
    _, found, account = served(task, PATHS)
    assert all(one.offers for one in account.served)
    assert found["distinct_graphs"] >= 24
    assert found["accuracy"] > 0.7


def test_an_oracle_knows_how_often_paths_are_right_and_pays_for_one(plain):
    module = registry.load(registry.find("teams/best_path"))
    (stream,) = plain.cases()
    rights = module.right_by_path(plain, stream, 2)
    assert all(0 <= right <= 2 for own in rights for right in own.values())
    plain.meter.clear()
    answers = module.solve(plain, stream, {"draws": 2})
    found = plain.score(stream, answers)
    assert found["nodes"] == 1
    best = [max(own, key=own.__getitem__) for own in rights]
    assert answers == served(plain, best)[0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kinds": "kb9"}, "no kind of question"),
        ({"policy": "agent-x"}, "no policy"),
    ],
)
def test_conditions_that_name_nothing_are_sentences(given, says):
    with pytest.raises(SelectionError, match=says):
        load("embedded", 0, **given)
    assert len(read_kinds("all")["all"]) == 8


def test_answers_that_nobody_offered_are_refused(plain):
    (stream,) = plain.cases()
    answers, _, _ = served(plain)
    with pytest.raises(MethodContractError, match="not the answers"):
        plain.score(stream, answers[:-1])


@pytest.mark.parametrize(
    "body",
    [
        "from adabench.workloads.agents.truth.problems import draw_problem",
        "def solve(task, stream, point):\n    return task.credit(stream, 0, ())",
        "def solve(task, stream, point):\n    return stream.group",
        "def agent(desk):\n    desk._served.tools",
        "from adabench.workloads.agents.substrate.shards import SharedTools",
    ],
)
def test_what_would_tell_the_answer_is_refused(body):
    assert list(RULES.problems(body, "adabench.workloads.agents.teams.methods.planted"))
