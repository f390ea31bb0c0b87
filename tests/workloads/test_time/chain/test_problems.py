"""The format `splits`: traces are right, splits are disjoint, grading is strict."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.workloads.shared.language_model.vocabulary import EOS, STEP_END, decode, encode, steps
from adabench.workloads.test_time.chain.substrate.problems import (
    FACTOR,
    LONGEST,
    Problem,
    answer,
    draw,
    room,
    split_of,
    stream,
)
from adabench.workloads.test_time.chain.truth import worked_solutions
from adabench.workloads.test_time.chain.truth.worked_solutions import Answers, apply, trace, truth

SPLITS = ("train", "prm", "calibration", "dev", "test")


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_a_known_problem_reads_as_documented(monkeypatch):
    monkeypatch.setattr(worked_solutions, "DIRECT", 1.0)
    problem = Problem(47, (("+", 38), ("*", 12), ("-", 9)))
    assert decode(problem.prompt) == "<bos> 4 7 + 3 8 * 1 2 - 0 9 >"
    assert truth(problem) == 11
    written = trace(problem, generator())
    assert decode(written) == "4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 2 0 ; 2 0 - 0 9 = 1 1 ; <eos>"


@given(st.integers(0, 10_000), st.integers(1, LONGEST))
def test_every_trace_ends_in_the_truth_and_fits_its_room(seed, length):
    problem = draw(generator(seed), length)
    written = trace(problem, generator(seed + 1))
    assert answer(written) == truth(problem)
    assert len(written) <= room(problem.prompt)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 2 0 ;", ""),
        ("4 7 + 3 8 = 8 6 ; 8 6 * 1 2 = 3 2 ;", "arithmetic"),
        ("4 7 + 3 8 = 8 5 ; 8 5 * 0 2 = 7 0 ;", "slip"),
        ("4 7 + 3 8 = 8 6 ; 8 6 * 1 2 = 2 0 ;", "luck"),
        ("4 7 + 3 8 = 8 5 ; 8 5 * 1 2 =", "malformed"),
    ],
)
def test_an_answer_is_told_by_its_kind(written: str, kind: str) -> None:
    grader = Answers((Problem(47, (("+", 38), ("*", 12))),))
    assert grader.kind(0, (*encode(written), EOS)) == kind


def test_a_split_product_takes_three_steps_and_another_path_each_time():
    problem = Problem(85, (("*", 12),))
    paths = {trace(problem, generator(seed)) for seed in range(60)}
    lengths = {len(steps(path[:-1])) for path in paths}
    assert lengths == {1, 3}
    assert len(paths) > 6
    assert {answer(path) for path in paths} == {20}


def test_splits_share_no_problem():
    """Two streams of 400 of the 21,600 problems of one operation would have seven in common."""
    drawn = {
        split: {(p.first, p.operations) for p in islice(stream(split, 0, (1,)), 400)}
        for split in SPLITS
    }
    for one in SPLITS:
        for other in SPLITS:
            if one != other:
                assert not drawn[one] & drawn[other]


def test_the_same_seed_in_two_splits_draws_from_different_streams():
    firsts = {split: next(stream(split, 3, (4,))) for split in SPLITS}
    assert len(set(firsts.values())) == len(SPLITS)
    assert all(split_of(problem) == split for split, problem in firsts.items())


def test_factors_and_terms_stay_in_their_ranges():
    problems = list(islice(stream("train", 1, range(1, 9)), 500))
    for problem in problems:
        for sign, number in problem.operations:
            assert 2 <= number <= FACTOR if sign == "*" else 1 <= number <= 99


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<eos>",
        "4 7 + 3 8 = 8 5 ;",
        "4 7 + 3 8 = 8 5 <eos>",
        "4 7 + 3 8 = 8 5 ; 8 5 <eos>",
        "4 7 + 3 8 : 8 5 ; <eos>",
        "4 7 + 3 8 = 8 a ; <eos>",
        "4 7 / 3 8 = 8 5 ; <eos>",
        "47 + 3 8 = 8 5 ; 1 <eos>",
        "4 7 + 3 8 = 8 5 ; ; <eos>",
    ],
)
def test_malformed_completions_have_no_answer(text):
    assert answer(encode(text)) is None


def test_an_answer_is_what_the_last_step_states_right_or_wrong():
    assert answer(encode("1 1 + 1 1 = 9 9 ; <eos>")) == 99


def test_arithmetic_is_modulo_100():
    assert (apply(60, "+", 60), apply(3, "-", 5), apply(50, "*", 3)) == (20, 98, 50)


def test_steps_splits_after_every_end_and_keeps_the_rest():
    ids = encode("1 1 + 1 1 = 2 2 ; 2 2 <eos>")
    assert [part[-1] for part in steps(ids)] == [STEP_END, EOS]
    assert sum(steps(ids), ()) == ids
