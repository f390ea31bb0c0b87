"""What is read of records under load: the window, percentiles, goodput, and the comparison with greedy."""

from dataclasses import replace

import numpy as np
import pytest

from adabench.harness.analysis.serving import Objective, serving_points
from adabench.harness.contract.load import Load
from adabench.harness.contract.record import Cell, Record

CONDITIONS = {"model": "openai:http://x/v1#m", "concurrency": 2, "qps": 0.0}


def turn(method: str, latencies: list[float], users: int = 2, **values: float) -> list[Record]:
    """Return the records of a closed loop: who is free takes the next case."""
    cell = Cell("text", method, {}, {**CONDITIONS, "concurrency": users}, "embedded", 0)
    free, found = [1000.0] * users, []
    for case, latency in enumerate(latencies):
        place = free.index(min(free))
        seen = {
            "load_began_s": free[place], "load_latency_s": latency, "load_waited_s": 0.0,
            "generated": 10.0, "requests": 1.0, "accuracy": 1.0, **values,
        }  # fmt: skip
        free[place] += latency
        found.append(Record(cell, "solve", case, 0, "ok", seen))
    return found


def test_a_steady_turn_is_read_whole_and_by_little_s_law() -> None:
    (one,) = serving_points(turn("greedy", [0.5] * 64), Objective(1.0))
    assert (one.note, one.cases, one.concurrency) == ("", 64, 2)
    assert one.throughput_qps == pytest.approx(4.0, rel=0.05)
    assert one.tokens_per_s == pytest.approx(10 * one.throughput_qps)
    assert one.latency_s == (0.5, 0.5, 0.5)
    assert one.throughput_qps * one.latency_s.p50 == pytest.approx(one.concurrency, rel=0.05)
    assert (one.ttft_s, one.itl_s) == (None, None)
    assert (one.in_time, one.goodput_qps, one.right_qps) == (
        1.0,
        one.throughput_qps,
        one.throughput_qps,
    )


def test_what_comes_before_the_steady_state_does_not_count() -> None:
    slow, fast = [5.0] * 16, [0.5] * 112
    (one,) = serving_points(turn("greedy", slow + fast), Objective())
    assert one.note == ""
    assert one.cases == 112
    assert one.latency_s.p99 == 0.5
    assert (one.goodput_qps, one.in_time) == (None, None)


@pytest.mark.parametrize(
    ("latencies", "why"),
    [([0.5] * 9, "only 9 blocks"), ([0.1 * 1.03**i for i in range(64)], "drift|level")],
)
def test_a_turn_that_is_not_steady_counts_whole_and_says_so(
    latencies: list[float], why: str
) -> None:
    (one,) = serving_points(turn("greedy", latencies), Objective())
    assert one.cases == len(latencies)
    assert any(word in one.note for word in why.split("|"))
    assert one.latency_s == pytest.approx(np.percentile(latencies, (50, 90, 99)))


def test_goodput_stands_beside_that_of_greedy_under_the_same_load() -> None:
    records = [
        *turn("greedy", [0.5] * 64), *turn("majority", [1.0] * 64), *turn("greedy", [0.25] * 64, 1),
    ]  # fmt: skip
    found = {(p.method, p.concurrency): p for p in serving_points(records, Objective(0.75))}
    assert found["greedy", 2].beside_greedy == found["greedy", 1].beside_greedy == 1.0
    assert (found["majority", 2].beside_greedy, found["majority", 2].in_time) == (0.0, 0.0)
    found = {(p.method, p.concurrency): p for p in serving_points(records, Objective())}
    assert found["majority", 2].beside_greedy == pytest.approx(0.5, rel=0.05)


def test_failures_are_in_time_nowhere_and_first_words_count_from_the_arrival() -> None:
    own = turn("greedy", [0.5] * 60, load_ttft_s=0.1, load_waited_s=0.2, load_itl_s=0.01)
    lost = [replace(own[0], case=60 + i, status="error", values={}) for i in range(20)]
    (one,) = serving_points([*own, *lost], Objective(1.0, 0.35))
    assert (one.failed, one.in_time) == (20, 0.75)
    assert one.ttft_s == pytest.approx((0.3, 0.3, 0.3))
    assert one.itl_s == (0.01, 0.01, 0.01)
    (late,) = serving_points(own, Objective(None, 0.25))
    assert late.in_time == 0.0


def test_a_run_without_load_has_no_points() -> None:
    plain = [replace(r, cell=replace(r.cell, conditions={})) for r in turn("greedy", [1.0] * 4)]
    assert serving_points(plain, Objective()) == ()


def test_arrivals_follow_from_the_seed_and_come_at_their_rate() -> None:
    load = Load(qps=5.0)
    one = load.arrivals_s(2000, 0)
    assert one == load.arrivals_s(2000, 0) != load.arrivals_s(2000, 1)
    assert one[0] == 0.0
    gaps = np.diff(one)
    assert gaps.mean() == pytest.approx(0.2, rel=0.1)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.1), "of a Poisson process"
    assert Load(users=4).arrivals_s(9, 0) == []
    assert (Load(users=4).in_flight, load.in_flight) == (4, 64)


def test_a_run_that_was_taken_up_again_is_read_in_its_parts() -> None:
    first = turn("greedy", [0.5] * 32)
    later = [
        replace(r, case=32 + r.case, values={**r.values, "load_began_s": r.values["load_began_s"] + 3600})
        for r in turn("greedy", [0.5] * 32)
    ]  # fmt: skip
    (one,) = serving_points([*first, *later], Objective())
    assert (one.cases, one.throughput_qps) == (64, pytest.approx(4.0, rel=0.1))
