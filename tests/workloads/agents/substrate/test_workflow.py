"""Workflows: which graphs are refused, what runs in a realised one, and which words its edges carry."""

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.action_steps import handed_over
from adabench.workloads.agents.substrate.serving.text_script import TextScript
from adabench.workloads.agents.substrate.shards import SUBJECTS, SharedTools, holder
from adabench.workloads.agents.substrate.workflow import (
    Operator,
    RealisedGraph,
    Template,
    chain,
    depth_and_width,
    edit_distance,
    execute,
    graph_figures,
)
from adabench.workloads.agents.teams.task import load
from adabench.workloads.shared.language_model.contract import CapabilityMissing

SOLVE, VOTE = Operator("solve", "chk"), Operator("vote")


def served(task, template):
    """Run a template on the first stream; return answers, scores and counts."""

    def agent(desk):
        branch = yield from execute(desk, template)
        if branch is not None:
            desk.offer(branch)

    (stream, *_) = task.cases()
    task.meter.clear()
    answers = task.serve(stream, agent)
    account = task.account(stream, answers)
    return answers, {**task.score(stream, answers), **task.meter}, account.served


@pytest.fixture(scope="module")
def plain():
    return load("embedded", 0, requests=12)


@pytest.fixture(scope="module")
def shards():
    return load("embedded", 0, requests=12, kinds="kb", desks=6, faults="none")


@pytest.mark.parametrize(
    ("nodes", "edges", "says"),
    [
        ((), (), "no operator"),
        ((SOLVE, VOTE), ((0, 2),), "leads from 0 to 2"),
        ((SOLVE, VOTE, VOTE), ((0, 1), (1, 2), (2, 1)), "a cycle"),
        ((SOLVE, VOTE), (), "no end"),
        ((VOTE,), (), "no end"),
        ((SOLVE, VOTE, VOTE), ((0, 1),), "no end"),
    ],
)
def test_a_graph_that_cannot_run_is_a_sentence(nodes, edges, says):
    with pytest.raises(SelectionError, match=says) as refused:
        Template(nodes, edges)
    assert refused.value.hint


def test_levels_follow_the_longest_way():
    template = Template((SOLVE, VOTE, SOLVE, VOTE), ((0, 1), (1, 3), (2, 3)))
    assert template.levels == ((0, 2), (1,), (3,))


def test_a_single_operator_is_an_episode(plain):
    answers, found, rows = served(plain, chain((SOLVE,)))
    assert all(answer[0] == words.CHECK for answer in answers)
    assert (found["nodes"], found["edges"], found["distinct_graphs"]) == (1, 0, 1)
    assert found["words"] == pytest.approx(sum(one.handled for one in rows) / len(rows))


def test_a_vote_reads_nothing_and_pays_each_episode(plain):
    drawn = Operator("solve", "chk", heat=1.0)
    three = Template((SOLVE, drawn, drawn, VOTE), ((0, 3), (1, 3), (2, 3)))
    _, one, _ = served(plain, chain((SOLVE,)))
    _, found, _ = served(plain, three)
    assert (found["depth"], found["width"], found["messages"]) == (2, 3, 0)
    assert 2 * one["words"] < found["words"] < 4 * one["words"]


def test_an_escalation_runs_where_the_critic_is_not_sure(plain):
    def checked(accept):
        other = Operator("escalate", "chk", heat=1.0, accept=accept)
        return served(plain, chain((SOLVE, Operator("verify"), other)))

    never, always = checked(0.0), checked(1.1)
    assert never[1]["nodes"] == 2 < always[1]["nodes"] == 3
    assert never[0] == served(plain, chain((SOLVE,)))[0] != always[0]
    *_, rows = served(
        plain, chain((Operator("solve", "dir"), Operator("verify"), Operator("escalate", "chk")))
    )
    assert {one.graph.nodes[2:] for one in rows} == {(), ("escalate chk",)}


def test_a_critic_of_another_policy_reads_what_it_judges(plain):
    _, own, _ = served(plain, chain((SOLVE, Operator("verify"))))
    _, other, rows = served(plain, chain((SOLVE, Operator("verify", policy="apo"))))
    assert own["messages"] == 0 < other["messages"] == 1
    carried = sum(words for one in rows for *_, words in one.graph.edges)
    assert other["prefilled"] * len(rows) >= carried
    assert other["message_words"] == pytest.approx(carried / len(rows))


def test_a_policy_that_is_not_there_is_a_sentence(plain):
    with pytest.raises(SelectionError, match="no policy 'ap0'"):
        served(plain, chain((Operator("solve", "chk", policy="ap0"),)))


def test_a_desk_answers_for_its_own_and_a_transcript_goes_on(shards):
    tour = chain((SOLVE, *(Operator("hand over", desk=desk % 6) for desk in range(1, 12))))
    alone, one, _ = served(shards, chain((SOLVE,)))
    answers, found, rows = served(shards, tour)
    assert one["accuracy"] < found["accuracy"]
    assert one["declared"] > 0.8
    assert found["messages"] == 11
    assert all(
        words >= 1 for row in rows for *_, words in row.graph.edges
    )  # at least the mode is handed on
    assert found["prefilled"] > found["message_words"]
    assert len(alone) == len(answers) == 12


def test_who_is_handed_several_transcripts_reads_all_and_goes_on_from_the_furthest(shards):
    ends = tuple(Operator("hand over", desk=desk) for desk in (1, 2, 3))
    star = Template((SOLVE, *ends, Operator("hand over", desk=4)),
                    ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)))  # fmt: skip
    _, found, rows = served(shards, star)
    assert found["messages"] == 6
    assert (found["depth"], found["width"]) == (3, 3)
    for row in rows:
        last = [words for _, to, words in row.graph.edges if to == 4]
        assert len(last) == 3


def test_a_transcript_ends_before_calls_that_were_down():
    def cut(text):
        return words.decode(handed_over(words.encode(text)))

    first = "act H1 K1 A7 B12 r5 = A3 B9 ;"
    assert cut(f"{first} H2 K1 A3 B9 r2 = down ; H2 K2 A3 B9 r2 = down ; ans fail ;") == first
    again = f"{first} H2 K1 A3 B9 r2 = down ; H2 K2 A3 B9 r2 = A1 B1 ; ans A1 B1 ;"
    assert cut(again) == again
    dead_end = f"{first} H2 K1 A3 B9 r2 = none ; ans fail ;"
    assert cut(dead_end) == dead_end
    assert cut("act H1 K1 A7 B12 r5 = down ; H1 K2 A7 B12 r5 = down ; ans fail ;") == "act"


def test_subjects_are_dealt_and_every_one_is_held_by_one_desk():
    class Answers:
        def call(self, tool, arguments, attempt=0):
            return (words.NONE,)

    for desks in (1, 6, 16, 40):
        tools = SharedTools(Answers(), desks)
        for subject in SUBJECTS:
            said = [
                tools.of("", desk).call(words.K1, (*words.encode("A7 B12"), subject))
                for desk in range(desks)
            ]
            assert said.count((words.NONE,)) == 1
            assert said[holder(subject, desks)] == (words.NONE,)
    broken = SharedTools(Answers(), 1, frozenset(("apo",)))
    for call in ((words.K1, words.encode("A7 B12")), (words.C1, words.encode("3 + 4"))):
        assert broken.of("apo", 0).call(*call) == (words.DOWN,)
        assert broken.of("", 0).call(*call) == (words.NONE,)


def test_a_text_models_episode_cannot_be_handed_over():
    with pytest.raises(CapabilityMissing, match="cannot be handed") as refused:
        TextScript.transcript(None, (1, 2))
    assert refused.value.hint


def test_figures_of_graphs_count_what_differs():
    one = RealisedGraph(("solve chk", "verify"), ((0, 1, 0),))
    other = RealisedGraph(("solve chk", "verify", "escalate chk"), ((0, 1, 0), (1, 2, 0)))
    again = RealisedGraph(("solve chk", "hand over at 1"), ((0, 1, 30),))
    assert edit_distance(one, one) == 0
    assert edit_distance(one, other) == edit_distance(other, one) == 2
    assert depth_and_width(other) == (3, 1)
    found = graph_figures([one, one, other, again])
    assert found["distinct_graphs"] == 3
    assert (found["messages"], found["message_words"]) == (0.25, 7.5)
    assert found["edit_distance"] == pytest.approx((2 * 2 + 2 * 4 + 6) * 2 / 12)
    assert graph_figures([]) == {}
