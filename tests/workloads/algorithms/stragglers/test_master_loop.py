"""The rounds by hand, the counts from outside, and what a scheme can and cannot do."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.methods.gradient_code import coded_scheme
from adabench.workloads.algorithms.stragglers.methods.multiplexed_gc import Multiplexed
from adabench.workloads.algorithms.stragglers.methods.sequential_gc import SelectiveRepeat
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    Profile,
    generate,
    make_profile,
)
from adabench.workloads.algorithms.stragglers.substrate.master_loop import (
    RoundLog,
    SimulatedWorkers,
    schedule,
)
from adabench.workloads.algorithms.stragglers.substrate.replay import Stragglers, least_time
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    IDLE,
    STOP,
    WAIT,
    Backups,
    Group,
    Layout,
    Orders,
    own_job,
)


def pattern(text: str) -> np.ndarray:
    """Rounds separated by blanks, a worker a character, x where late."""
    return np.array([[mark == "x" for mark in row] for row in text.split()])


def run(profile: Profile, scheme, **more):
    return schedule(profile, scheme, SimulatedWorkers(profile), **more)


@dataclass(frozen=True)
class Given:
    """A scheme of which everything can be planted."""

    layout: Layout
    delay: int = 0
    orders: object = None
    decision: object = WAIT

    def assign(self, view):
        return self.orders(view) if self.orders else Orders(*own_job(view))

    def decide(self, view, orders, late):
        return self.decision


WHOLE = Layout((Group(1.0, 4),))


def test_rounds_of_a_code_by_hand(of_pattern) -> None:
    # Alpha 0.01: n = 4, s = 1 makes a load of 1/2, 0.005 of time; s late end at 2 x 1.005.
    profile = of_pattern(pattern(".... x... xx.."), 3)
    books = run(profile, coded_scheme(4, 1, 1))
    assert books.duration == pytest.approx([1.005, 2.01, 4.005])
    assert (books.wait_outs, books.stopped, books.rounds, books.extra_rounds) == (1, 1, 3, 0)
    assert books.work == pytest.approx(3 * 4 * 0.5)
    assert books.results == 4 + 3 + 4
    assert books.delivered == 1
    # The strict rule waits at s late ones.
    strict = run(profile, coded_scheme(4, 1, 0))
    assert strict.duration == pytest.approx([1.005, 4.005, 4.005])


def test_selective_repetition_by_hand(of_pattern) -> None:
    # B = 1, W = 2, lambda = 3: s = ceil(3 / 2) = 2. Three late in round 0, so one part of job 0 is
    # repeated by worker 0 in round 1, whose part of job 1 is missing then, and s covers that.
    profile = of_pattern(pattern("xxx... ...... ...... ......"), 3)
    round_log = RoundLog()
    scheme = SelectiveRepeat(Layout((Group(1.0, 6, 2),)), 1, 2, 3, 2)
    books = run(profile, scheme, round_log=round_log)
    jobs = [np.frombuffer(own, np.int64)[:6].tolist() for own in round_log.orders]
    assert jobs == [[0] * 6, [0, 1, 1, 1, 1, 1], [2] * 6, [IDLE] * 6]
    assert (books.wait_outs, books.stopped, books.extra_rounds) == (0, 1, 0)
    assert books.duration[3] == 0


def test_an_extra_round_is_played_if_the_last_job_owes_a_part(of_pattern) -> None:
    profile = of_pattern(pattern("...... xxx... ......"), 2)
    books = run(profile, SelectiveRepeat(Layout((Group(1.0, 6, 2),)), 1, 2, 3, 2))
    assert books.extra_rounds == 1
    assert books.rounds == 3
    assert books.results == 6 + 3 + 1


def test_the_diagonal_of_the_multiplexed_scheme(of_pattern) -> None:
    # B = 1, W = 2: slots (D1 of job r) and (coded part of job r - 1, or its D1 part again).
    profile = of_pattern(pattern("x... .... .... ...."), 3)
    round_log, scheme = RoundLog(), Multiplexed(4, 1, 2, 1)
    books = run(profile, scheme, round_log=round_log)
    orders = [np.frombuffer(own, np.int64).reshape(2, 4, 2) for own in round_log.orders]
    assert orders[0][0].tolist() == [[0, IDLE]] * 4
    assert orders[1][0].tolist() == [[1, 0]] * 4
    assert orders[1][1].tolist() == [[0, 0], [1, 5], [2, 6], [3, 7]]  # worker 0 repeats its D1
    assert orders[2][1].tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert orders[3][0].tolist() == [[IDLE, 2]] * 4
    assert (books.rounds, books.extra_rounds, books.wait_outs) == (4, 1, 0)
    assert scheme.delay == 1


def test_a_late_worker_that_was_late_again_makes_the_multiplexed_scheme_wait(of_pattern) -> None:
    profile = of_pattern(pattern("x... x... .... ...."), 3)
    books = run(profile, Multiplexed(4, 1, 2, 1))
    assert books.wait_outs == 1
    assert books.duration[1] > 4


def test_backups_end_when_the_copy_or_the_late_one_is_there(of_pattern, methods) -> None:
    task = Stragglers((of_pattern(pattern("x... .... ...."), 3),))
    methods["backup_tasks"].solve(task, task.cases()[0], {})
    one = 1 + 0.01 / 4
    assert task.meter["time"] == pytest.approx(3 * one + 2 * one)  # 2 to notice, 1 to copy
    assert task.meter["copies"] == 1
    assert task.meter["work"] == pytest.approx(3.25)


def in_model(rng: np.random.Generator, n: int, rounds: int, b: int, w: int, most: int):
    """Draw a bursty pattern: late ones are added one by one while every window allows them."""
    late = np.zeros((rounds, n), np.bool_)
    for _ in range(3 * rounds):
        r, i = int(rng.integers(rounds)), int(rng.integers(n))
        before = late[r, i]
        late[r, i] = True
        windows = [late[a : a + w] for a in range(max(1, rounds - w + 1))]
        spans = all(np.ptp(np.flatnonzero(own[:, i])) < b for own in windows if own[:, i].any())
        if not spans or any(own.any(axis=0).sum() > most for own in windows):
            late[r, i] = before
    return late


def decode_bursts(patterns: int, seed: int, of_pattern) -> tuple[int, int]:
    """Run both schemes on patterns inside their model; return wait-outs and stopped rounds."""
    rng, waits, stopped = np.random.default_rng(seed), 0, 0
    for _ in range(patterns):
        n, jobs, b = int(rng.integers(4, 9)), 8, int(rng.integers(1, 4))
        most = int(rng.integers(1, n))
        w = int(rng.integers(b + 1, b + 4))
        multiplexed = Multiplexed(n, b, w, most)
        late = in_model(rng, n, jobs + multiplexed.delay, b, w, most)
        books = run(of_pattern(late, jobs, 1e-6), multiplexed)
        w = int(rng.integers(1, 3)) * b + 1
        s = -(-b * most // (w - 1 + b))
        late = in_model(rng, n, jobs + b, b, w, most)
        repeated = run(
            of_pattern(late, jobs, 1e-6),
            SelectiveRepeat(Layout((Group(1.0, n, s),)), b, w, most, s),
        )
        waits += books.wait_outs + repeated.wait_outs
        stopped += books.stopped + repeated.stopped
    return waits, stopped


def test_every_pattern_inside_the_model_decodes_without_waiting(of_pattern) -> None:
    waits, stopped = decode_bursts(120, 0, of_pattern)
    assert waits == 0
    assert stopped > 200


@pytest.mark.slow
def test_ten_thousand_patterns_inside_the_model_decode(of_pattern) -> None:
    assert decode_bursts(5_000, 1, of_pattern)[0] == 0


@dataclass(frozen=True)
class NeverWaits(Multiplexed):
    """Planted: goes on whatever the pattern."""

    def decide(self, view, orders, late):
        return STOP


def test_a_pattern_just_outside_the_model_fails_if_nobody_waits(of_pattern) -> None:
    # Worker 0 is late twice with B = 1; two workers where lambda = 1, both at their coded part.
    for late in ("x... x... .... ....", ".... xx.. .... ....", "xx.. xx.. .... ...."):
        profile = of_pattern(pattern(late), 3)
        with pytest.raises(MethodContractError, match="is due and cannot be decoded"):
            run(profile, NeverWaits(4, 1, 2, 1))
        assert run(profile, Multiplexed(4, 1, 2, 1)).wait_outs >= 1


def test_patterns_outside_the_models_never_pass_in_silence(of_pattern) -> None:
    rng, failed = np.random.default_rng(3), 0
    for _ in range(60):
        late = rng.random((12, 6)) < 0.3
        late[:, 5] = False
        profile = of_pattern(late, 8)
        assert run(profile, Multiplexed(6, 1, 3, 2)).delivered == 1
        try:
            books = run(profile, NeverWaits(6, 1, 3, 2))
            assert books.delivered == 1
        except MethodContractError:
            failed += 1
    assert failed > 50


def bad_orders(job, piece):
    return lambda view: Orders(np.array(job), np.array(piece))


def batched(view):
    """Do nothing for two rounds, then three jobs at once."""
    if view.round < 2:
        return Orders(np.full((4, 3), IDLE), np.full((4, 3), IDLE))
    return Orders(np.tile([0, 1, 2], (4, 1)), np.tile(np.arange(4)[:, None], 3))


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        (Given(WHOLE, orders=bad_orders([[0]] * 3, [[0]] * 3)), "not .n, slots. twice"),
        (Given(WHOLE, orders=bad_orders([[0.0]] * 4, [[0.0]] * 4)), "not made of integers"),
        (Given(WHOLE, orders=bad_orders([[0]] * 4, [[IDLE]] * 4)), "without a mini-task"),
        (Given(WHOLE, orders=bad_orders([[1]] * 4, [[0]] * 4)), "has not started or was due"),
        (Given(WHOLE, orders=bad_orders([[0]] * 4, [[4]] * 4)), "does not exist"),
        (Given(WHOLE, orders=bad_orders([[0]] * 4, [[-2]] * 4)), "does not exist"),
        (Given(WHOLE, orders=bad_orders([[0]] * 4, [[0]] * 4)), "cannot be decoded"),
        (Given(WHOLE, delay=2, orders=batched), "cannot be decoded|nobody starts"),
        (Given(WHOLE, decision="stop"), "returned 'stop'"),
        (Given(WHOLE, decision=STOP), "cannot be decoded"),
        (Given(WHOLE, decision=Backups([0], [1])), "A helper is late itself"),
        (Given(WHOLE, decision=Backups([1, 1], [0, 0])), "A helper is late itself"),
        (Given(WHOLE, decision=Backups([9], [0])), "A helper is late itself"),
        (Given(WHOLE, delay=4), "A delay of 4 rounds does not fit"),
        (Given(Layout((Group(0.5, 4),))), "shares come to 0.5"),
        (Given(Layout((Group(1.0, 4, 4),))), "or a code is none"),
    ],
)  # fmt: skip
def test_what_a_scheme_may_not_do(scheme, message: str, of_pattern) -> None:
    with pytest.raises(MethodContractError, match=message):
        run(of_pattern(pattern("x... x... x... .... ...."), 3), scheme)


def test_idle_rounds_cannot_be_used_to_do_many_jobs_at_once(of_pattern) -> None:
    def late_start(view):
        job, piece = np.full((4, 3), IDLE), np.full((4, 3), IDLE)
        job[0, 0], piece[0, 0] = 0, 0
        if view.round == 1:
            job[:, :2], piece[:, :2] = 0, np.arange(4)[:, None]
        return Orders(job, piece)

    scheme = Given(WHOLE, delay=1, orders=late_start)
    with pytest.raises(MethodContractError, match="nobody starts the job of the round"):
        run(of_pattern(pattern(".... .... .... ...."), 3), scheme)


def test_a_view_cannot_be_written_to(of_pattern) -> None:
    def tamper(view):
        view.done[:] = True
        return Orders(*own_job(view))

    with pytest.raises(ValueError, match="read-only"):
        run(of_pattern(pattern(".... ...."), 1), Given(WHOLE, orders=tamper))


def test_counts_are_those_of_a_count_from_outside() -> None:
    profile = generate("short", 32, 20, 40, 6.0, 1.0, 4)
    round_log, scheme = RoundLog(), Multiplexed(32, 2, 3, 6)
    books = run(profile, scheme, round_log=round_log)
    cost, time, work, done = scheme.layout.cost, 0.0, 0.0, set()
    for r, (orders, late, decided) in enumerate(
        zip(round_log.orders, round_log.late, round_log.decided, strict=True)
    ):
        job, piece = np.frombuffer(orders, np.int64).reshape(2, 32, -1)
        loads = np.array([sum(cost[p] for p in own if p != IDLE) for own in piece])
        took = profile.base[r] + 6.0 * loads
        assert (np.frombuffer(late, np.bool_) == (took > 2 * took.min())).all()
        stopped = "STOP" in decided
        time += 2 * took.min() if stopped else took.max()
        work += loads.sum()
        for i in range(32):
            if not (stopped and took[i] > 2 * took.min()):
                done |= {(j, p) for j, p in zip(job[i], piece[i], strict=True) if p != IDLE}
    assert books.time == pytest.approx(time)
    assert books.work == pytest.approx(work)
    for j in range(20):
        first = scheme.layout.first
        have = [sum(a <= p < b for k, p in done if k == j) for a, b in pairwise(first)]
        assert have[0] == 64
        assert min(have[1:]) >= 32 - 6


def test_the_least_time_is_below_every_scheme_and_close_to_the_oracle(values) -> None:
    profiles = tuple(generate(f, 24, 12, 40, 6.0, 1.0, 0) for f in ("short", "none"))
    task = Stragglers(profiles)
    for profile in profiles:
        seen = values("hindsight", task)[profile.case.group]
        assert least_time(profile) <= seen["time"] <= 1.15 * least_time(profile)


def test_the_least_time_by_hand() -> None:
    base = np.array([[1.0, 3.0], [2.0, 1.5], [9.0, 9.0]])
    profile = make_profile("given", np.ones((4, 2)), base, 2, 4.0, 1.0, 0)
    assert least_time(profile) == 1.0 + 1.5 + 4.0 * 2 / 2
