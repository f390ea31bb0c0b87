"""Modes of A2FM's traces: they follow the size, and overlap."""

from collections import Counter
from itertools import islice

from adabench.workloads.agents.lookup.training.trace_mixture import (
    by_family,
    by_size,
    routed_prompts,
    routed_traces,
)
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.truth.problems import SIZES


def test_shares_are_whole_for_every_kind():
    for family, sizes in SIZES.items():
        for size in sizes:
            for routing in (by_family, by_size):
                assert abs(sum(share for _, share in routing(family, size)) - 1) < 1e-9


def test_longer_sums_are_less_often_answered_at_once_and_easy_ones_come_in_dear_modes_too():
    at_once = [dict(by_size("arith", size))[words.DIRECT] for size in (1, 2, 3, 4)]
    assert at_once == sorted(at_once, reverse=True)
    assert at_once[0] > 5 * at_once[1]
    easy = dict(by_size("arith", 1))
    assert easy[words.CHAIN] == easy[words.DIRECT] > easy[words.ACT] > 0


def test_routed_traces_have_the_three_modes_of_the_paper():
    for trace in islice(routed_traces(0), 100):
        assert trace.words[0] in (words.DIRECT, words.CHAIN, words.ACT)
        assert trace.weights[0] == 1


def test_prompts_have_their_mode_alone_and_sums_are_half_of_them():
    found = list(islice(routed_prompts(0), 400))
    assert all(len(one.words) == 1 and one.weights == [1.0] for one in found)
    sums = Counter(
        one.prompt[2] < words.FIRST_RELATION and one.prompt[2] >= words.ZERO for one in found
    )
    assert 160 < sums[True] < 240
