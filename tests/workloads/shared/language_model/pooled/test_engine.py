"""Tree attention over one pool: the same words as the native engine, each position stored once."""

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel  # torch counts no fused one on a CPU
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.shared.language_model.contract import STEP, Costs
from adabench.workloads.shared.language_model.model import BigramShape, LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.shared.language_model.pooled.reward_model import StateJudge
from adabench.workloads.shared.language_model.pooled.sampling import Pace, draw_words
from adabench.workloads.shared.language_model.random_draws import draw
from adabench.workloads.shared.language_model.vocabulary import EOS, STEP_END, encode
from tests.workloads.shared.language_model.engine_promises import (
    OTHER,
    PROMPT,
    SHAPE,
    WordByWordPromises,
    random_model,
)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return random_model()


def engine(model: LanguageModel, budget: int | None = None, **given) -> PooledEngine:
    return PooledEngine(model, "pooled", Costs(budget=budget), **given)


def grown(own: PooledEngine | NativeEngine) -> list[tuple[int, ...]]:
    """A tree with forks in mid-flight, an unequal batch, closed branches and forced words."""
    roots = [own.open(PROMPT, 5), own.open(OTHER, 6)]
    leaves = [leaf for root in roots for leaf in own.fork(root, 5)]
    own.decode(leaves, stop=STEP, max_new=7)
    going = [leaf for leaf in leaves if not leaf.finished]
    for leaf in going[::3]:
        own.close(leaf)
    going = [leaf for i, leaf in enumerate(going) if i % 3]
    own.append(going[:2], [encode("1 2 ;"), encode("9")])
    grandchildren = [child for leaf in going for child in own.fork(leaf, 2)]
    own.decode(grandchildren, max_new=9, temperature=0.7, top_p=0.9)
    return [tuple(leaf.ids) for leaf in [*leaves, *grandchildren]]


def test_with_a_second_table_the_words_are_those_of_the_native_engine() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        made = LanguageModel(BigramShape(layers=2, width=32, heads=4, hidden=48, context=96))
        with torch.no_grad():
            made.embedding.weight *= 20
            made.previous.weight *= 20  # else hardly anything would hang on it
    made = made.eval().requires_grad_(False)
    ours, native = grown(engine(made)), grown(NativeEngine(made, "native", Costs()))
    assert ours == native
    with torch.no_grad():
        made.previous.weight.zero_()
    assert grown(engine(made)) != ours


def test_the_words_are_those_of_the_native_engine(model: LanguageModel) -> None:
    ours, native = engine(model), NativeEngine(model, "native", Costs())
    assert grown(ours) == grown(native)
    for name in ("generated", "prefilled", "serial_steps", "calls"):
        assert ours.costs.meter[name] == native.costs.meter[name], name


def test_a_decoding_step_reads_the_living_positions_and_no_others(model: LanguageModel) -> None:
    """Pruning must shrink what attention runs over, or a pruned search would not be faster."""

    def columns(kept: int) -> float:
        own = engine(model)
        leaves = own.fork(own.open(PROMPT, 1), 32)
        own.decode(leaves, stop=frozenset(), max_new=6)
        leaves = [leaf for leaf in leaves if not leaf.finished]
        for leaf in leaves[kept:]:
            own.close(leaf)
        children = [child for leaf in leaves[:kept] for child in own.fork(leaf, 16 // kept)]
        own.costs.meter.clear()
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            own.decode(children, stop=frozenset(), max_new=1)
        ran = counter.get_total_flops()
        counted = own.costs.meter["flops"] + own.costs.meter["idle_flops"]
        assert counted == pytest.approx(ran, rel=1e-12)
        return ran

    assert columns(1) < columns(4) < columns(16)


def test_counted_and_idle_operations_are_what_torch_sees(model: LanguageModel) -> None:
    own = engine(model)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        grown(own)
    counted = own.costs.meter["flops"] + own.costs.meter["idle_flops"]
    assert counted == counter.get_total_flops()
    assert own.costs.meter["idle_flops"] > 0
    native = NativeEngine(model, "native", Costs())
    grown(native)
    assert own.costs.meter["flops"] == native.costs.meter["flops"]


def test_packing_moves_positions_and_changes_no_word(model: LanguageModel) -> None:
    plain, packed = engine(model), engine(model)

    def compacted(more: int) -> None:
        packed.pool._compact()
        if packed.pool.used + more > packed.pool.states.shape[0]:
            packed.pool._enlarge(packed.pool.used + more)

    packed.pool.pack = compacted  # type: ignore[method-assign]
    assert grown(plain) == grown(packed)


def test_a_pace_ends_steps_and_completions_and_pays_for_every_word(model: LanguageModel) -> None:
    own = engine(model, pace=Pace(words=4, steps=3))
    leaves = own.fork(own.open(PROMPT, 3), 4)
    own.decode(leaves, stop=STEP, max_new=4)
    assert [len(leaf.completion) for leaf in leaves] == [4] * 4
    assert all(leaf.ids[-1] == STEP_END for leaf in leaves)
    own.decode(leaves, max_new=40)
    for leaf in leaves:
        ends = [i + 1 for i, word in enumerate(leaf.completion) if word in (STEP_END, EOS)]
        assert ends == [4, 8, 12, 13]
    assert all(leaf.finished for leaf in leaves)
    assert sum(len(leaf.completion) for leaf in leaves) == own.costs.meter["generated"]
    assert all(leaf.logprob < 0 for leaf in leaves)


@pytest.mark.parametrize("top_p", [1.0, 0.8])
@pytest.mark.parametrize("temperature", [0.0, 0.6, 1.0])
def test_draws_on_the_device_are_the_draws_on_the_host(temperature: float, top_p: float) -> None:
    generator = torch.Generator().manual_seed(4)
    logits = 3 * torch.randn(200, 50, generator=generator)
    numbers = torch.rand(200, generator=generator, dtype=torch.float64).tolist()
    words, chances = draw_words(logits, numbers, temperature, top_p, [-1] * 200)
    wanted, expected = draw(logits.numpy(), numbers, temperature, top_p)
    assert words == wanted
    np.testing.assert_allclose(chances, expected, atol=1e-12)


def test_no_words_at_all_are_refused(model: LanguageModel) -> None:
    with pytest.raises(ValueError, match="at least one word"):
        engine(model).open(())


def test_a_judge_reads_every_word_once(model: LanguageModel) -> None:
    own = engine(model, pace=Pace(words=4, steps=3))
    trunk = engine(model, role="judge")
    judge = StateJudge(trunk, torch.ones(SHAPE.width) / SHAPE.width**0.5)
    root = own.open(PROMPT, 3)
    assert judge.scores([root]) == [()]
    leaves = own.fork(root, 6)
    judge.follow(root, leaves)
    own.decode(leaves, stop=STEP, max_new=4)
    first = judge.scores(leaves)
    stepped = [leaf.ids[-1] == STEP_END or leaf.finished for leaf in leaves]
    assert [len(scores) for scores in first] == [int(one) for one in stepped]
    words = len(PROMPT) + sum(len(leaf.completion) - leaf.finished for leaf in leaves)
    assert trunk.costs.meter["judged"] == words
    assert len({score for scores in first for score in scores}) > 1
    children = own.fork(next(leaf for leaf in leaves if not leaf.finished), 2)
    judge.follow(next(leaf for leaf in leaves if not leaf.finished), children)
    own.decode(children, stop=STEP, max_new=4)
    judge.scores(children)
    more = sum(len(child.completion) - 4 - child.finished for child in children)
    assert trunk.costs.meter["judged"] == words + more


class TestPooled(WordByWordPromises):
    def engine(self, model: LanguageModel, budget: int | None = None) -> PooledEngine:
        return engine(model, budget)
