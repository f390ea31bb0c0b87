"""Attempts that read earlier ones: what they read, what they cost, and what is no attempt."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs, Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.vocabulary import EOS, IDS
from adabench.workloads.test_time.chain.methods import parallel_attempts, revision_oracle, revisions
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY, AttemptJudge
from adabench.workloads.test_time.chain.substrate.domain import MECHANICS, ORDERS
from adabench.workloads.test_time.chain.substrate.order_problems import stream
from adabench.workloads.test_time.chain.substrate.trained_models import engine, judge
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.truth.order_solutions import OrderAnswers
from adabench.workloads.test_time.methods import (
    best_strategy,
    compute_optimal,
    judged_vote,
    majority,
    random_strategy,
)
from adabench.workloads.test_time.substrate.attempt_chains import READ, sizes, write_chains
from adabench.workloads.test_time.substrate.question_task import GradedTask, QuestionTask
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.strategies import (
    MECHANISMS,
    Plan,
    StrategyTable,
    estimated_ease,
)
from adabench.workloads.test_time.substrate.strategy_fit import spent

MARK = IDS["retry"]
LENGTH = 4
"""Factors of a question after five attempts at which a context still has room for another one."""
PROBLEMS = [next(stream("test", i, (LENGTH,), min(i, LENGTH))) for i in range(8)]
QUESTIONS = [Question(i, problem.prompt, "") for i, problem in enumerate(PROBLEMS)]
GRADER = OrderAnswers(tuple(PROBLEMS))
SHORT, LONG = QUESTIONS[1], Question(8, next(stream("test", 3)).prompt, "")


@pytest.fixture(scope="module")
def revising_task() -> GradedTask:
    """The task with a policy that was never trained to revise, and a judge: whatever it writes will do."""
    policy, scorer = engine("lm-s-orders-s0"), judge("judge-orders-s0")
    own = Models(
        policy, scorer, reviser=Models(policy, AttemptJudge(judge("judge-orders-s0"), RETRY))
    )
    return GradedTask(0, ORDERS, lambda: own, questions=tuple(QUESTIONS), grader=GRADER)


@pytest.fixture
def task(revising_task: GradedTask) -> GradedTask:
    revising_task.meter.clear()
    return revising_task


def blind(task: GradedTask, budget: int | None = None) -> QuestionTask:
    return QuestionTask(0, ORDERS, task.load_models, budget)


@given(
    st.lists(
        st.integers(9, 217).map(lambda n: tuple(3 + (i * n) % 10 for i in range(n))), max_size=6
    ),
    st.integers(7, 28),
)
def test_the_last_attempts_are_read_that_leave_room_for_another(attempts, length):
    prompt = tuple(range(length))
    before, question = RETRY.read(prompt, attempts)
    assert (*before[:1], *question) == prompt
    whole = [word for attempt in attempts for word in (*attempt, MARK)]
    rest, read = list(before[1:]), before + question
    assert rest == whole[len(whole) - len(rest) :]
    if rest:
        longest = max(len(attempt) for attempt in attempts[-rest.count(MARK) :]) + 1
        assert len(read) + longest + RETRY.spare <= RETRY.context
    dropped = len(attempts) - rest.count(MARK)
    if dropped:
        more = attempts[dropped - 1 :]
        longest = max(len(attempt) for attempt in more) + 1
        words = length + sum(len(attempt) + 1 for attempt in more)
        assert words + longest + RETRY.spare > RETRY.context


@given(st.integers(1, 300), st.floats(0, 1))
def test_chains_and_their_attempts_make_no_more_than_the_budget(count, ratio):
    chains, length = sizes(count, ratio)
    assert 1 <= chains * length <= count
    assert chains * length == count or count & (count - 1)
    assert sizes(count, 0.0) == (count, 1)


def test_the_ratio_runs_from_all_side_by_side_to_one_chain():
    assert [sizes(16, r) for r in (0, 0.25, 0.5, 0.75, 1)] == [
        (16, 1), (8, 2), (4, 4), (2, 8), (1, 16),
    ]  # fmt: skip


def test_an_attempt_reads_the_four_before_it_and_never_more_than_the_context_holds(task):
    seen: Counter[int] = Counter()
    for question in (SHORT, LONG):
        with task.session(question, revising=True) as session:
            chains = write_chains(session, 2, 7)
        for chain in chains:
            bodies = [seq.completion[: -1 if seq.finished else None] for seq in chain]
            for k, seq in enumerate(chain):
                before, asked = RETRY.read(question.prompt, bodies[max(0, k - READ) : k])
                read = tuple(seq.ids[: seq.start])
                assert read == before + asked
                assert len(seq.ids) <= RETRY.context
                assert MARK not in seq.completion
                seen[read.count(MARK)] += 1
    assert max(seen) == READ == 4
    assert min(k for k in seen if k) < READ, "seven factors leave room for few"


def test_a_further_attempt_is_an_answer_and_what_it_read_is_none(task):
    with task.session(SHORT, revising=True) as session:
        ((first, second),) = write_chains(session, 1, 2)
        session.offer(second.completion)
    assert task.account(SHORT, session.best) == second.completion
    with pytest.raises(MethodContractError):
        task.account(SHORT, tuple(second.ids[1:]))
    with pytest.raises(MethodContractError):
        task.account(SHORT, (*first.completion[:-1], MARK, *second.completion))


def forced(session):
    seq = session.open()
    session.append([seq], [(IDS["4"], IDS["2"])])
    return seq


def of_the_methods_own(session):
    seq = session.open(SHORT.prompt[:-1])
    session.decode([seq])
    return seq


@pytest.mark.parametrize("attempt", [forced, of_the_methods_own])
def test_only_attempts_that_were_drawn_for_the_question_are_revised(task, attempt):
    with (
        pytest.raises(MethodContractError, match="Only attempts can be revised"),
        task.session(SHORT, revising=True) as session,
    ):
        session.policy.resume([attempt(session)])


def test_attempts_of_another_session_and_none_at_all_are_refused(task):
    with task.session(SHORT, revising=True) as session:
        ((stale,),) = write_chains(session, 1, 1)
    for attempts in ([stale], []):
        with (
            pytest.raises(MethodContractError),
            task.session(LONG, revising=True) as session,
        ):
            session.policy.resume(attempts)


def test_what_was_drawn_behind_attempts_is_no_draft_of_a_first_attempt(task):
    with (
        pytest.raises(MethodContractError, match="no draft"),
        task.session(SHORT, revising=True) as session,
    ):
        ((first, second),) = write_chains(session, 1, 2)
        assert first.completion != second.completion
        session.append([session.open()], [second.completion], as_="draft")


def test_a_chain_is_the_same_whatever_stands_beside_it_and_no_two_attempts_draw_alike(task):
    found = {}
    for chains in (1, 3):
        with task.session(SHORT, revising=True) as session:
            found[chains] = write_chains(session, chains, 3)
    assert [s.ids for s in found[1][0]] == [s.ids for s in found[3][0]]
    assert len({seq.key for chain in found[3] for seq in chain}) == 9


def test_every_word_that_is_drawn_read_or_judged_is_on_the_meter(task):
    """What is held of a context's beginning is not read again; all else of it is, and the question."""
    for question, count in ((SHORT, 7), (LONG, 4)):
        task.meter.clear()
        with task.session(question, revising=True) as session:
            (chain,) = write_chains(session, 1, count)
            session.scores(chain)
        drawn = sum(len(seq.completion) for seq in chain)
        assert task.meter["generated"] == drawn
        asked = len(question.prompt) - 1
        held, read = [(question.prompt[0],)], len(question.prompt)
        for seq in chain[1:]:
            before = tuple(seq.ids[: seq.start - asked])
            shared = max(len(words) for words in held if before[: len(words)] == words)
            read += len(before) - shared + asked
            held.append(before)
        block = task.models.policy.blocks.block  # prompts are shared in whole blocks
        assert read - block * count <= task.meter["prefilled"] <= read + count
        ends = sum(seq.finished for seq in chain)
        assert task.meter["judged"] == drawn - ends + len(question.prompt)


def test_an_attempt_is_judged_as_if_it_were_the_only_one(task):
    with task.session(SHORT, revising=True) as session:
        (chain,) = write_chains(session, 1, 3)
        together = session.scores(chain)
    alone = judge("judge-orders-s0")
    alone.reset(Costs())
    prompt = list(SHORT.prompt)
    single = [Seq([*prompt, *seq.completion], len(prompt), 0) for seq in chain]
    assert together == alone.scores(single)


def test_a_judge_follows_the_forks_of_a_revision(task):
    counted = []
    for early in (False, True):
        task.meter.clear()
        with task.session(QUESTIONS[4], revising=True) as session:
            ((first,),) = write_chains(session, 1, 1)
            seq = session.policy.resume([first])
            session.step([seq])
            if early:
                session.scores([seq])
            children = session.fork(seq, 2)
            session.decode(children)
            scores = session.scores(children)
            session.close(children)
        counted.append((scores, task.meter["judged"]))
    (scores, twice), (again, once) = counted
    assert scores == again
    assert once < twice, "what was read of a parent is not read again"


def test_dropping_an_attempt_reads_the_others_anew(task):
    """Of two contexts that which begins otherwise costs all its attempts."""
    spent = []
    for drops in (False, True):
        task.meter.clear()
        with task.session(SHORT, revising=True) as session:
            (chain,) = write_chains(session, 1, 3)
            session.policy.resume(chain[1:] if drops else chain)
        spent.append(task.meter["prefilled"])
    assert spent[1] - spent[0] >= len(chain[1].completion)


def answers(task, method, **point):
    card = method.CARD
    at = {**card.defaults, **point}
    return [task.account(q, method.solve(task, q, at)) for q in QUESTIONS[:6]]


def test_at_a_ratio_of_nothing_revisions_are_attempts_side_by_side(task):
    for by in ("judge", "majority"):
        assert answers(task, revisions, N=4, ratio=0.0, by=by) == answers(
            task, parallel_attempts, N=4, by=by
        )


def test_attempts_side_by_side_are_the_landed_votes_with_the_same_models(task):
    assert answers(task, parallel_attempts, N=4) == answers(task, judged_vote, N=4)
    assert answers(task, parallel_attempts, N=4, by="majority") == answers(task, majority, N=4)


def test_the_last_attempt_is_answered_with_where_that_is_wanted(task):
    with task.session(SHORT, revising=True) as session:
        chains = write_chains(session, 2, 2)
    (_, answer, *_) = answers(task, revisions, N=4, ratio=0.5, by="last")
    assert answer == chains[0][-1].completion


@pytest.mark.parametrize("by", ["judge", "majority", "last"])
def test_no_answer_depends_on_the_grader(task, by):
    known = {"N": 4, "ratio": 1.0, "by": by}
    for question in QUESTIONS[:6]:
        assert revisions.solve(blind(task), question, known) == revisions.solve(
            task, question, known
        )


def test_the_oracle_returns_a_right_attempt_if_there_is_one_or_the_one_behind_it(task):
    lost = 0
    for question in QUESTIONS:
        with task.session(question, revising=True) as session:
            chains = write_chains(session, 2, 3)
        pairs = [(chain[i], chain[i + 1]) for chain in chains for i in range(2)]
        right = [pair for pair in pairs if task.credit(question, pair[0].completion)]
        chosen = right[0] if right else pairs[0]
        for place, returns in enumerate(("right", "next")):
            point = {"N": 4, "ratio": 0.5, "returns": returns}
            assert revision_oracle.solve(task, question, point) == chosen[place].completion
        lost += bool(right) and not task.credit(question, chosen[1].completion)
    assert lost


def test_when_the_budget_is_gone_an_attempt_that_had_ended_is_the_answer(task):
    small = GradedTask(0, ORDERS, task.load_models, 60, questions=tuple(QUESTIONS), grader=GRADER)
    answer = revisions.solve(small, SHORT, {"N": 16, "ratio": 1.0, "by": "judge"})
    assert small.account(SHORT, answer)[-1:] == (EOS,)
    assert small.meter["spent"] == 1
    assert small.meter["generated"] == 60


def test_a_policy_without_revisions_says_so(task):
    other = load("embedded", 0, problems=1, policy="lm-x")
    with pytest.raises(CapabilityMissing, match="no policy was trained on attempts"):
        revisions.solve(other, next(other.cases()), revisions.CARD.defaults)


def test_a_domain_that_does_not_say_how_attempts_are_read_refuses(task):
    mute = QuestionTask(0, replace(ORDERS, revisions=None), task.load_models)
    with (
        pytest.raises(CapabilityMissing, match="nothing says how earlier attempts"),
        mute.session(SHORT, revising=True) as session,
    ):
        write_chains(session, 1, 2)
    assert MECHANICS.revisions is None


def ratio_of(name: str) -> float:
    return {"side_by_side": 0.0, "chains_sqrt": 0.5, "one_chain": 1.0}[name]


@pytest.mark.parametrize("name", MECHANISMS["revisions"])
def test_a_strategy_of_the_mechanism_is_revisions_at_a_ratio(task, name):
    assert [spent(task, q, "revisions", name, 4)[0] for q in QUESTIONS[:4]] == [
        revisions.solve(task, q, {"N": 4, "ratio": ratio_of(name), "by": "judge"})
        for q in QUESTIONS[:4]
    ]


def planned(task: GradedTask, *names: str) -> GradedTask:
    """The task with a table that gives one strategy to each of five bins."""
    table = StrategyTable("judge", (0.8, 0.6, 0.4, 0.2), (4,), tuple((name,) for name in names))
    models = replace(task.models, plans={"revisions": lambda: Plan(table, table)})
    return GradedTask(0, ORDERS, lambda: models, questions=tuple(QUESTIONS), grader=GRADER)


def test_compute_optimal_scaling_takes_the_ratio_of_a_questions_bin(task):
    names = ("one_chain", "one_chain", "chains_sqrt", "side_by_side", "side_by_side")
    own = planned(task, *names)
    at = {"N": 4, "pilot": 4, "mechanism": "revisions"}
    taken = set()
    for question in QUESTIONS:
        own.meter.clear()
        answer = own.account(question, compute_optimal.solve(own, question, at))
        assert own.meter["difficulty_flops"] > 0
        fits = {name for name in names if spent(own, question, "revisions", name, 4)[0] == answer}
        with own.session(question, revising=True) as session:
            ease = estimated_ease(session, 4, "judge")
        chosen = own.plan("revisions").predicted.bin_of(ease)
        assert names[chosen] in fits
        taken.add(names[chosen])
    assert len(taken) > 1, "easy and hard questions are not alike"


def test_the_die_and_hindsight_take_sessions_of_the_policy_that_revises(task):
    own = planned(task, *["one_chain"] * 5)
    chain = {"N": 4, "ratio": 1.0, "by": "judge"}
    for question in QUESTIONS[:4]:
        known = revisions.solve(own, question, chain)
        at = {"N": 4, "mechanism": "revisions"}
        assert random_strategy.solve(own, question, at) == known
        at |= {"by": "bin", "pilot": 4}
        assert best_strategy.solve(own, question, at) == known
