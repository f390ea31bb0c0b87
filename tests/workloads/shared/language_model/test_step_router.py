"""A router: its head as torch computes it, what it sees, and where it sees nothing."""

import numpy as np
import pytest
import torch

from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import FEATURES, Head, Judge
from adabench.workloads.shared.language_model.step_router import (
    HIDDEN,
    MARKS,
    RouterHead,
    StepRouter,
    inputs,
    rows_of,
    sight,
)
from adabench.workloads.shared.language_model.vocabulary import encode

TINY = Shape(layers=1, width=16, heads=2, hidden=32)
PROMPT = encode("<bos> 4 7 + 3 8 * 1 2 >")
STEPS = encode("4 7 + 3 8 = 8 5 ; 8 5 * 1 2 = 2 0 ;")


def reader() -> Judge:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        trunk = LanguageModel(TINY).eval().requires_grad_(False)
        return Judge(NativeEngine(trunk, "trunk", role="judge"), Head(TINY.width).eval())


def head() -> RouterHead:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return RouterHead(TINY.width).eval().requires_grad_(False)


def sequence(words: int) -> Seq:
    return Seq([*PROMPT, *STEPS[:words]], len(PROMPT), 0)


def test_the_compiled_head_is_the_trained_one() -> None:
    router, own = StepRouter(reader(), head(), "router"), reader()
    for words, authors in ((9, ()), (18, (True,))):
        costs = Costs()
        router.reset(costs)
        own.reset(Costs())
        seq = sequence(words)
        (chance,) = router.advantages([seq], [authors])
        row = sight(own.read(seq), authors)
        assert chance == pytest.approx(float(torch.sigmoid(head()(rows_of([row])))[0]), abs=1e-5)
        assert costs.meter["judged"] == len(seq.ids)
        assert costs.meter["flops"] > 2 * HIDDEN * inputs(TINY.width)


def test_it_sees_this_step_the_one_before_and_who_wrote_the_others() -> None:
    own, width = reader(), TINY.width + FEATURES
    own.reset(Costs())
    one, two = sequence(9), sequence(18)
    first = sight(own.read(one), ())
    assert not first[width:].any(), "before the first step there is nothing"
    second = sight(own.read(two), (True,))
    assert np.array_equal(second[width : 2 * width], first[:width])
    assert list(second[-MARKS:]) == [1, 1, 0, 0]
    assert list(sight(own.read(two), (True, False))[-MARKS:]) == [0, 0.5, 0, 0]


def test_a_step_without_an_end_is_handed_over() -> None:
    router = StepRouter(reader(), head(), "router")
    router.reset(Costs())
    assert router.advantages([sequence(5)], [()]) == [1.0]


def test_what_was_read_of_a_parent_is_not_read_again() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        policy = NativeEngine(LanguageModel(TINY).eval().requires_grad_(False), "policy")
    router, costs = StepRouter(reader(), head(), "router"), Costs()
    policy.reset(Costs())
    router.reset(costs)
    root = policy.open(PROMPT)
    policy.append([root], [STEPS[:9]])
    router.advantages([root], [()])
    before = costs.meter["judged"]
    (child,) = policy.fork(root, 1)
    router.follow(root, [child])
    policy.append([child], [STEPS[9:]])
    router.advantages([child], [(False,)])
    assert costs.meter["judged"] - before == 9
