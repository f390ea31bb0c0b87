"""The gate's verdicts, and how often they are wrong: on noise as CI machines have it."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from adabench.harness.compare.margins import Margin
from adabench.harness.compare.pair_verdicts import Question
from adabench.harness.compare.pairing import MetricPairs
from adabench.harness.compare.units import repeats_itself, rounds_of
from adabench.harness.contract.record import Cell
from adabench.harness.gate.judge import (
    Rule,
    counts,
    exit_code,
    judge,
    missing_metrics,
    verdict_without_values,
)
from adabench.harness.gate.rounds import FIRST, LOOKS, STRIDE

RULE = Rule(looks=LOOKS, stride=STRIDE)
LATENCY = Margin(0.03, True)
POINT = Margin(0.01, False)
FORKS, CASES = 2, 4


def cell(name: str = "m") -> Cell:
    return Cell("task", name, {}, {}, "embedded", 0)


def grid(rounds: int = FIRST, forks: int = FORKS, cases: int = CASES) -> tuple[np.ndarray, ...]:
    """Seeds, cases and blocks of interleaved rounds."""
    block = np.arange(rounds)[:, None] * STRIDE + np.arange(forks)
    block = np.repeat(block.ravel(), cases)
    return np.zeros(len(block), np.intp), np.tile(np.arange(cases), rounds * forks), block


def timings(
    rng: np.random.Generator, slower: float = 1.0, rounds: int = FIRST, forks: int = FORKS
) -> tuple[np.ndarray, np.ndarray]:
    """Two runs as a shared CI machine gives them.

    Log-normal noise of 3 %, a drift that both share, a process's own luck (t with 3 degrees of
    freedom, scale 1 %), and spikes of exponential size in one of 33 measurements.
    """
    shape = (rounds, forks, CASES)
    drift = np.cumsum(rng.normal(0, 0.03, rounds * forks)).reshape(rounds, forks, 1)

    def arm() -> np.ndarray:
        luck = 0.01 * rng.standard_t(3, (rounds, 1, 1))
        spikes = (rng.random(shape) < 0.03) * rng.exponential(1.0, shape)
        return np.exp(drift + luck + rng.normal(0, 0.03, shape) + spikes)

    return arm().ravel(), arm().ravel() * slower


def timing(
    rng: np.random.Generator, slower: float = 1.0, name: str = "m", rounds: int = FIRST,
    forks: int = FORKS, metric: str = "latency_s",
) -> Question:  # fmt: skip
    a, b = timings(rng, slower, rounds, forks)
    pairs = MetricPairs(cell(name), metric, a, b, *grid(rounds, forks))
    return Question(pairs, "timing", "lower", LATENCY)


def answers(rng: np.random.Generator, n: int = 200, lost: float = 0.0, name: str = "m") -> Question:
    """Right or wrong answers of a method that is not deterministic: 5 % flip either way."""
    hard = rng.random(n) < 0.4
    a = (hard ^ (rng.random(n) < 0.05)).astype(float)
    b = (hard ^ (rng.random(n) < 0.05)).astype(float)
    b[rng.random(n) < lost] = 0.0
    zeros = np.zeros(n, np.intp)
    return Question(
        MetricPairs(cell(name), "accuracy", a, b, zeros, np.arange(n), zeros),
        "quality",
        "higher",
        POINT,
    )


def world(rng: np.random.Generator, cells: int = 50) -> Iterator[Question]:
    for index in range(cells):
        yield timing(rng, name=f"m{index}")
        yield timing(rng, name=f"m{index}", metric="energy_j")
        yield answers(rng, name=f"m{index}")


def alarms(gates: int, cells: int) -> int:
    rng = np.random.default_rng(6)
    return sum(exit_code(judge(list(world(rng, cells)), RULE)) == 1 for _ in range(gates))


def test_of_200_gates_of_equal_code_at_most_two_raise_an_alarm() -> None:
    assert alarms(200, 10) <= 2


@pytest.mark.slow
def test_of_200_gates_of_50_cells_of_equal_code_at_most_two_raise_an_alarm() -> None:
    found = alarms(200, 50)
    print(f"{found} of 200 gates of 150 metrics raised a false alarm")
    assert found <= 2


def test_without_holm_the_same_gates_cry_wolf() -> None:
    """The bar can fail: each metric alone at the same level alarms in most gates."""
    rng = np.random.default_rng(6)
    loud = Rule(alpha=0.2, stride=STRIDE)
    found = 0
    for _ in range(4):
        singly = [judge([question], loud)[0] for question in world(rng)]
        found += exit_code(singly) == 1
    assert found >= 3


def test_five_per_cent_is_found_among_ten_cells() -> None:
    """In 14 rounds of 12 measurements a case: 2 s a round and cell, so 28 s a cell."""
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(40):
        slow = timing(rng, 1.05, "slow", rounds=14, forks=12)
        rest = [timing(rng, name=f"m{index}", rounds=14, forks=12) for index in range(9)]
        verdicts = judge([slow, *rest], RULE)
        found += verdicts[0].verdict == "worse"
        assert all(row.verdict != "worse" for row in verdicts[1:])
    assert found >= 32


def test_two_points_of_accuracy_are_found() -> None:
    rng = np.random.default_rng(8)
    found = 0
    for _ in range(20):
        n = 1500
        a = (rng.random(n) < 0.7).astype(float)
        b = a.copy()
        b[rng.choice(np.flatnonzero(a == 1), n // 50, replace=False)] = 0.0
        zeros = np.zeros(n, np.intp)
        pairs = MetricPairs(cell(), "accuracy", a, b, zeros, np.arange(n), zeros)
        others = [answers(rng, name=f"m{i}") for i in range(19)]
        lost = Question(pairs, "quality", "higher", POINT)
        row = judge([lost, *others], RULE)[0]
        assert row.effect == pytest.approx(-0.02)
        found += row.verdict == "worse"
    assert found >= 16


def test_equal_values_are_the_same_without_a_test() -> None:
    a = np.arange(1.0, 65.0)
    [row] = judge(
        [Question(MetricPairs(cell(), "tokens", a, a, *grid()), "count", "lower", LATENCY)], RULE
    )
    assert (row.verdict, row.evidence, row.p_worse) == ("same", "equal", None)


@pytest.mark.parametrize(
    ("factor", "margin", "better", "word"),
    [
        (1.001, 0.0, "lower", "worse"),
        (1.001, 0.01, "lower", "same"),
        (0.98, 0.01, "lower", "better"),
        (0.98, 0.01, "higher", "worse"),
        (1.02, 0.01, "higher", "better"),
    ],
)
def test_a_count_that_repeats_itself_is_a_fact(
    factor: float, margin: float, better: str, word: str
) -> None:
    seed, case, block = grid()
    a = 1000.0 * (1 + case)
    pairs = MetricPairs(cell(), "tokens", a, a * factor, seed, case, block)
    [row] = judge([Question(pairs, "count", better, Margin(margin, True))], RULE)  # type: ignore[arg-type]
    assert (row.verdict, row.evidence) == (word, "exact")
    assert row.effect == pytest.approx(factor - 1)
    assert "4 of 4 cases" in row.note


def test_a_count_that_varies_is_tested() -> None:
    rng = np.random.default_rng(0)
    seed, case, block = grid()
    a, b = (rng.poisson(1000, len(seed)).astype(float) for _ in range(2))
    pairs = MetricPairs(cell(), "tokens", a, b, seed, case, block)
    assert not repeats_itself(pairs)
    [row] = judge([Question(pairs, "count", "lower", Margin(0.0, True))], RULE)
    assert (row.verdict, row.evidence) == ("ambiguous", "cases")


def test_repeats_of_the_same_cases_are_no_further_evidence() -> None:
    rng = np.random.default_rng(1)
    once = answers(rng, 60, lost=0.1)
    again = [np.tile(x, 50) for x in (once.pairs.a, once.pairs.b, once.pairs.seed, once.pairs.case)]
    many = MetricPairs(cell(), "accuracy", *again, np.repeat(np.arange(50), 60))
    [one], [fifty] = (judge([Question(p, "quality", "higher", POINT)], RULE)
                      for p in (once.pairs, many))  # fmt: skip
    assert one.p_worse == pytest.approx(fifty.p_worse)
    assert one.units == fifty.units == 60


def test_a_round_is_one_unit_however_much_is_measured_in_it() -> None:
    rng = np.random.default_rng(2)
    luck = rng.normal(0, 0.05, FIRST)
    seed, case, block = grid(forks=20)
    noise = np.exp(luck[block // STRIDE] + rng.normal(0, 0.001, len(block)))
    pairs = MetricPairs(cell(), "latency_s", np.ones(len(block)), noise, seed, case, block)
    assert rounds_of(pairs, STRIDE) == pytest.approx(luck, abs=0.002)
    [row] = judge([Question(pairs, "timing", "lower", LATENCY)], RULE)
    assert row.units == FIRST
    assert row.verdict == "ambiguous"  # 640 pairs with so little noise would call it certain


def test_a_regression_of_one_case_is_not_outvoted_by_the_others() -> None:
    seed, case, block = grid()
    rng = np.random.default_rng(3)
    b = np.exp(rng.normal(0, 0.002, len(block))) * np.where(case == 0, 1.4, 1.0)
    pairs = MetricPairs(cell(), "latency_s", np.ones(len(block)), b, seed, case, block)
    assert judge([Question(pairs, "timing", "lower", LATENCY)], RULE)[0].verdict == "worse"


def stored(slower: float, seed: int = 4) -> Question:
    rng = np.random.default_rng(seed)
    shape = (3, 2, 5)
    seeds, blocks, cases = (axis.ravel() for axis in np.indices(shape))
    a, b = (np.exp(rng.normal(0, 0.01, math.prod(shape))) for _ in range(2))
    pairs = MetricPairs(cell(), "latency_s", a, b * slower, seeds, cases, blocks)
    return Question(pairs, "timing", "lower", LATENCY)


def test_two_processes_may_differ_by_the_allowance() -> None:
    rule = Rule(stride=None)
    [row] = judge([stored(1.2)], rule)
    assert (row.verdict, row.evidence) == ("ambiguous", "processes")
    assert "--rev" in row.note
    assert judge([stored(1.6)], rule)[0].verdict == "worse"
    assert judge([stored(1.0)], rule)[0].verdict == "same"


def test_too_few_units_give_no_verdict() -> None:
    rng = np.random.default_rng(5)
    [row] = judge([timing(rng, 3.0, rounds=3)], RULE)
    assert row.verdict == "ambiguous"
    assert "at least" in row.note


def test_a_margin_is_what_sameness_has_to_show() -> None:
    rng = np.random.default_rng(9)
    seed, case, block = grid()
    b = np.exp(rng.normal(0, 0.004, len(block)))
    pairs = MetricPairs(cell(), "latency_s", np.ones(len(block)), b, seed, case, block)
    words = [judge([Question(pairs, "timing", "lower", Margin(m, True))], RULE)[0].verdict
             for m in (0.03, 0.0001)]  # fmt: skip
    assert words == ["same", "ambiguous"]


def test_of_changes_by_the_margin_few_pass_as_same() -> None:
    rng = np.random.default_rng(10)
    rule = Rule(stride=STRIDE)
    passed = sum(judge([timing(rng, 1.03)], rule)[0].verdict == "same" for _ in range(400))
    assert passed <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["same", "better"], 0),
        (["same", "ambiguous"], 5),
        (["ambiguous", "invalid"], 3),
        (["invalid", "worse", "ambiguous"], 1),
        ([], 3),
    ],
)
def test_exit_codes(words: list[str], code: int) -> None:
    rows = [verdict_without_values(cell(), "", word) for word in words]  # type: ignore[arg-type]
    assert exit_code(rows) == code
    assert sum(counts(rows).values()) == len(words)


def test_what_a_busy_machine_spoilt_fails_nothing_unless_it_is_required() -> None:
    rng = np.random.default_rng(12)
    spoilt = judge([Question(timing(rng).pairs, "timing", "lower", LATENCY, "disturbed")], RULE)
    valid = [replace(row, verdict="same") for row in judge([timing(rng)], RULE)]
    same = verdict_without_values(cell(), "", "same")
    assert {row.verdict for row in spoilt} == {"invalid"}
    assert exit_code([same, *spoilt]) == 0
    assert exit_code([same, *spoilt], ["latency_s"]) == 3
    assert exit_code([same, *spoilt], ["latency"]) == 3
    assert exit_code([same, *spoilt], ["energy_j"]) == 3, "nothing of it was measured"
    assert exit_code(spoilt) == 3, "nothing at all was measured"
    assert exit_code([same, *spoilt[1:], *valid], ["latency"]) == 0
    assert missing_metrics([same, *spoilt, *valid], ["latency", "energy_j"]) == ["energy_j"]
    assert exit_code([*spoilt, verdict_without_values(cell(), "", "worse")]) == 1


def test_the_looks_spend_what_there_is_and_no_more() -> None:
    for looks in (1, 2, LOOKS):
        levels = [Rule(looks=looks, look=look).level(0.01) for look in range(1, looks + 1)]
        assert sum(levels) == pytest.approx(0.01)
        assert min(levels) > 0
        assert max(levels) == levels[0]


def test_a_later_look_is_stricter_than_the_first() -> None:
    """Eight rounds, +5 %, t = 4.1: twice 0.0022 of "no change"."""
    scatter = 0.0341 * np.array([-1.5, -1.0, -0.5, -0.2, 0.2, 0.5, 1.0, 1.5])
    zeros = np.zeros(8, np.intp)
    pairs = MetricPairs(cell(), "latency_s", np.ones(8), np.exp(0.05 + scatter), zeros, zeros,
                   np.arange(8) * STRIDE)  # fmt: skip
    asked = [Question(pairs, "timing", "lower", LATENCY)]
    first, last = (judge(asked, Rule(looks=LOOKS, look=k, stride=STRIDE))[0] for k in (1, LOOKS))
    assert first.p_worse == last.p_worse == pytest.approx(0.0044, abs=0.0005)
    assert (first.verdict, last.verdict) == ("worse", "ambiguous")


def test_what_is_invalid_takes_no_power_from_the_rest() -> None:
    rng = np.random.default_rng(11)
    slow = timing(rng, 1.08)
    spoilt = Question(timing(rng).pairs, "timing", "lower", LATENCY, "no meter")
    alone, among = judge([slow], RULE)[0], judge([slow, *[spoilt] * 99], RULE)
    assert among[0].p_worse == alone.p_worse
    assert {row.verdict for row in among[1:]} == {"invalid"}
    assert among[1].note == "no meter"
