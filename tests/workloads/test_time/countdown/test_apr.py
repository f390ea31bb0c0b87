"""APR: what a parent may spawn, what children read and return, traces of threads, and what is counted."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from adabench.harness.contract.card import Point
from adabench.harness.contract.protocols import Meter
from adabench.workloads.shared.language_model.contract import Seq, mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS, encode
from adabench.workloads.test_time.countdown.methods import apr, serial_pass, serial_search
from adabench.workloads.test_time.countdown.substrate import number_problems as form
from adabench.workloads.test_time.countdown.substrate import thread_trees as threads
from adabench.workloads.test_time.countdown.task import load
from adabench.workloads.test_time.countdown.training import thread_traces
from adabench.workloads.test_time.substrate.question_task import GradedTask

PROMPT = encode("<bos> CD 3 7 5 ? 22 >")
FIRST, SECOND = encode("3 + 5 = 8 : 8 7 ;"), encode("3 * 5 = 15 : 15 7 ;")
FOUND = (*SECOND, *encode("15 + 7 = 22 ;"))
OWN: Point = {"recipe": "threads-rl", "widths": "own"}


class Script:
    """A writer whose sequences write, one after another, the texts that their prompts have."""

    def __init__(self, texts: dict[tuple[int, ...], list[str]]) -> None:
        self._texts = texts
        self.prompts: list[tuple[int, ...]] = []

    def spawn(self, parent: Seq, prompts: Sequence[Sequence[int]]) -> list[Seq]:
        """Open children, and remember what they read."""
        del parent
        self.prompts += [tuple(prompt) for prompt in prompts]
        return [Seq(list(prompt), len(prompt), 2) for prompt in prompts]

    def append(
        self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]], *, as_: Any = "forced"
    ) -> None:
        """Put words onto sequences."""
        del as_
        for seq, part in zip(seqs, parts, strict=True):
            seq.ids += part

    def decode(self, seqs: Sequence[Seq], *, max_new: Any, **_: Any) -> None:
        """Write the next text of each sequence, up to its room."""
        for seq, room in zip(seqs, max_new, strict=True):
            seq.ids += encode(self._texts[tuple(seq.ids[: seq.start])].pop(0))[:room]


def parent() -> Seq:
    """Return a parent that has written nothing."""
    return Seq(list(PROMPT), len(PROMPT), 1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (SECOND + encode("join"), "without a `spawn`"),
        (encode("spawn join"), "without a message"),
        (encode("spawn 3 5 = 8 ; join"), "is no step"),
        ((*encode("spawn"), *FIRST * 7, *encode("join")), "7 children at a cap of 6"),
        ((*encode("spawn"), *FIRST, *encode("join join")), "without a `spawn`"),
        ((*encode("spawn"), *FIRST), "without a `spawn`"),
    ],
)
def test_what_threads_cannot_begin_with_is_refused(words: tuple[int, ...], says: str) -> None:
    with pytest.raises(threads.SpawnError, match=says):
        threads.messages(words)


def test_messages_are_those_of_the_latest_spawn() -> None:
    words = (*encode("spawn"), *FIRST, *encode("join spawn"), *SECOND, *FIRST, *encode("join"))
    assert threads.messages(words) == [SECOND, FIRST]


def test_a_child_reads_its_message_alone_and_what_it_returns_answers() -> None:
    first, second = ((*PROMPT, form.CALL, *one) for one in (FIRST, SECOND))
    spawned = "3 - 3 = 0 ; back spawn 3 + 5 = 8 : 8 7 ; 3 * 5 = 15 : 15 7 ; join"
    writer = Script(
        {
            tuple(PROMPT): [spawned, "<eos>"],
            first: ["8 + 7 = 15 ; back join <eos>"],
            second: ["15 + 7 = 22 ; join 3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ; <eos>"],
        }
    )
    (tree,) = threads.grow(writer, [parent()])
    assert writer.prompts == [first, second]
    assert tree.parent.completion == (*encode(spawned), *FOUND, EOS)
    assert [(len(read), len(words)) for read, words in tree.rows][:2] == [
        (len(PROMPT), len(encode(spawned))),
        (len(PROMPT) + len(encode(spawned)) + len(FOUND), 1),
    ]
    assert [words for _, words in tree.rows[2:]] == [one.completion for one in tree.children]


def test_a_child_that_was_cut_returns_nothing_and_two_returns_are_apart() -> None:
    seq = Seq(list(FOUND), 0, 1)
    assert threads.returned(seq) == ()
    child = (*PROMPT, form.CALL, *SECOND)
    text = "15 + 7 = 22 ; join 3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ;"
    spawned = "spawn 3 * 5 = 15 : 15 7 ; 3 * 5 = 15 : 15 7 ; 3 * 5 = 15 : 15 7 ; join"
    whole = f"{text} <eos>"
    writer = Script({tuple(PROMPT): [spawned, "<eos>"], child: [whole, text, whole]})
    (tree,) = threads.grow(writer, [parent()])
    back = (form.BACK,)
    assert tree.parent.completion == (*encode(spawned), *FOUND, *back, *FOUND, EOS)


def test_what_does_not_fit_into_the_parent_is_not_put_onto_it() -> None:
    child = (*PROMPT, form.CALL, *SECOND)
    spawned = " ".join(["spawn", *["3 * 5 = 15 : 15 7 ;"] * 6, "join"])
    whole = "join 3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ; <eos>"
    writer = Script({tuple(PROMPT): [spawned, "<eos>"], child: [whole] * 6})
    (tree,) = threads.grow(writer, [parent()])
    assert len(tree.parent.ids) <= threads.THREAD
    assert tree.parent.completion.count(form.BACK) == 1


def test_traces_of_threads_fit_and_children_return_what_arrived() -> None:
    kinds = Counter[str]()
    for read, words in thread_traces.thread_rows(5, (3, 4), 600):
        assert len(read) + len(words) <= threads.THREAD
        if form.CALL in read:
            target = read[read.index(IDS["?"]) + 1] - form.ZERO
            before, returned = (
                words[: words.index(form.JOIN)],
                words[words.index(form.JOIN) + 1 : -1],
            )
            kinds["found" if returned else "nothing"] += 1
            assert (before[-1] != form.BACK) == bool(returned)
            assert not returned or form.read_attempt(returned)[-1].result == target
        elif words[-1] == form.JOIN:
            kinds["parent"] += 1
            assert 1 <= len(threads.messages(words)) <= threads.MOST_CHILDREN
        else:
            assert words[-1] == EOS
    assert min(kinds.values()) > 60


def test_serial_traces_fill_the_thread_and_no_more() -> None:
    rows = thread_traces.serial_rows(5, (3, 4), 300)
    lengths = Counter((len(read), len(read) + len(words)) for read, words in rows)
    assert max(length for _, length in lengths) <= threads.THREAD
    for numbers in (3, 4):
        longest = max(length for read, length in lengths if read == len(PROMPT) + numbers - 3)
        attempt = sum(3 + left + 4 for left in range(1, numbers)) - 2 + len(("back",))
        assert longest + attempt > threads.THREAD


def test_a_child_that_writes_beyond_its_cap_is_cut_there_and_returns_nothing() -> None:
    child = (*PROMPT, form.CALL, *SECOND)
    endless = " ".join(["15 + 7 = 22 ; back"] * 20)
    writer = Script({tuple(PROMPT): ["spawn 3 * 5 = 15 : 15 7 ; join", "<eos>"], child: [endless]})
    (tree,) = threads.grow(writer, [parent()])
    assert [len(one.ids) for one in tree.children] == [threads.THREAD]
    assert tree.parent.completion[-2:] == (form.JOIN, EOS)


def test_a_parent_whose_join_closes_nothing_ends_there_without_children() -> None:
    writer = Script({tuple(PROMPT): ["3 + 5 = 8 : 8 7 ; join", "<eos>"]})
    (tree,) = threads.grow(writer, [parent()])
    assert (tree.children, tree.widths, writer.prompts) == ([], [], [])
    assert "without a `spawn`" in tree.refusal
    assert tree.parent.completion == (*FIRST, form.JOIN)


def paid_for(task: GradedTask, question: Question, point: Point) -> tuple[Meter, tuple[int, ...]]:
    """Solve a question, and return what was counted and the answer."""
    task.meter.clear()
    answer = apr.solve(task, question, point)
    assert task.account(question, answer) == answer
    return task.meter, answer


def test_every_child_is_paid_for_and_counted() -> None:
    task = load("embedded", 3, problems=16)
    widths = set()
    for question in task.cases():
        paid, answer = paid_for(task, question, OWN)
        children, joined = paid["children"], paid["injected_child"]
        widths.add(children)
        assert (children > 0) <= (form.SPAWN in answer)
        assert paid["serial_steps"] <= 3 * threads.THREAD
        read = paid["prefilled"] - len(question.prompt) - joined - paid["injected_forced"]
        assert (read > 0) == (children > 0)  # what is stored already is not read again
        assert paid["generated"] + joined + paid["injected_forced"] - len(answer) >= 2 * children
    assert len(widths) > 1


def test_widths_that_are_prescribed_are_written_and_coins_are_those_of_the_policys_card() -> None:
    task = load("embedded", 3, problems=16)
    made = dict.fromkeys(("own", "coins", "most"), 0.0)
    for widths in made:
        for question in task.cases():
            paid, _ = paid_for(task, question, {**OWN, "widths": widths})
            made[widths] += paid["children"]
    assert made["most"] > made["own"] > 0
    assert made["coins"] > 0
    shares = threads.shares_of(task, "threads-rl")
    assert (len(shares), shares[0]) == (threads.MOST_CHILDREN + 1, 0)
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert shares != threads.shares_of(load("embedded", 4), "threads-rl")
    keys = [Seq([0] * 9, 8, mix(key)) for key in range(4000)]
    found = Counter(apr.coin(seq, shares) for seq in keys)
    for width, share in enumerate(shares):
        assert found[width] / len(keys) == pytest.approx(share, abs=0.03)


def test_a_budget_that_ends_within_a_child_ends_the_question() -> None:
    whole, cut = (load("embedded", 3, problems=16, budget=most) for most in (0, 75))
    within = 0
    for question in cut.cases():
        free, long = paid_for(whole, question, OWN)
        unpaid = free["generated"] > 75
        paid, short = paid_for(cut, question, OWN)
        assert (paid["spent"], paid["generated"] <= 75) == (unpaid, True)
        assert long[: len(short)] == short
        within += bool(paid["children"] and unpaid and short[-1] == form.JOIN)
    assert within > 3


def test_searches_in_one_thread_fill_it_and_their_oracle_is_no_worse_than_their_vote() -> None:
    task = load("embedded", 3, problems=16)
    point: Point = {"N": 4, "recipe": "serial-rl"}
    right = {"vote": 0, "pass": 0}
    for question in task.cases():
        vote, best = (
            method.solve(task, question, point) for method in (serial_search, serial_pass)
        )
        for name, answer in (("vote", vote), ("pass", best)):
            assert len(question.prompt) + len(answer) <= threads.THREAD
            right[name] += task.credit(question, answer)
    assert right["pass"] >= right["vote"] > 0
