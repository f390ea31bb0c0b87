"""A model without some of its layers: the same numbers as one that was built so, on shared weights."""

from fractions import Fraction

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.vocabulary import OWN_VOCABULARY, encode

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.workloads.shared.language_model.backends.packed_linear import pack
from adabench.workloads.shared.language_model.backends.thinned_model import (
    can_thin,
    gone_layers,
    thin,
    thinned,
)
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine
from benchmarks.llama_weights import to_llama

PROMPT = encode("<bos> 4 7 + 3 8 * 1 2 >")
SHAPE = Shape(layers=4, width=16, heads=2, hidden=24, context=64)


def engine(layers: int = 4) -> TransformersEngine:
    torch.manual_seed(0)
    shape = Shape(layers=layers, width=16, heads=2, hidden=24, context=64)
    return TransformersEngine(to_llama(LanguageModel(shape)), "whole", vocabulary=OWN_VOCABULARY)


def built(gone: set[int]) -> TransformersEngine:
    """An engine over a model of fewer layers, whose weights were copied there one by one."""
    whole = engine().model.state_dict()
    kept = [layer for layer in range(4) if layer not in gone]
    fewer = engine(len(kept))
    state = fewer.model.state_dict()
    for name in state:
        head, _, rest = name.partition("layers.")
        place, _, part = rest.partition(".")
        other = f"{head}layers.{kept[int(place)]}.{part}" if rest else name
        state[name] = whole[other]
    fewer.model.load_state_dict(state)
    return fewer


def greedy(one: TransformersEngine, words: int = 12) -> Seq:
    one.reset(Costs())
    root = one.open(PROMPT)
    one.decode([root], max_new=words, temperature=0.0)
    return root


@pytest.mark.parametrize("gone", [{1}, {0, 3}, {2, 3}])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ran_before", [False, True])
def test_it_writes_what_a_model_of_those_layers_writes(gone, packed, ran_before):
    whole, other = engine(), built(gone)
    if ran_before:  # transformers hangs its hooks on layers when they run first
        greedy(whole)
    if packed:
        pack(whole.model)
        pack(other.model)
    part = thinned(whole, gone)
    ours, theirs = greedy(part), greedy(other)
    assert ours.ids == theirs.ids
    assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-5)
    assert part.hidden(ours, 0) == pytest.approx(other.hidden(theirs, 0), abs=1e-5)
    assert dict(part.costs.meter) == dict(other.costs.meter)


def test_the_whole_model_stays_as_it_was_and_both_stand_on_the_same_weights():
    whole = engine()
    before = greedy(whole)
    part = thinned(whole, {1, 2})
    assert greedy(part).ids != before.ids
    after = greedy(whole)
    assert (after.ids, after.logprob) == (before.ids, before.logprob)
    assert whole.model.config.num_hidden_layers == 4
    own = {weight.data_ptr() for weight in whole.model.parameters()}
    assert {weight.data_ptr() for weight in part.model.parameters()} < own


def test_on_a_device_both_are_there_as_a_whole():
    whole = engine()
    whole.device = torch.device("meta")
    part = thinned(whole, {1})
    for one in (part, whole):
        one.reset(Costs())
        tensors = [*one.model.parameters(), *one.model.buffers()]
        assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_flops_are_those_of_the_layers_that_are_left():
    whole = engine()
    part = thinned(whole, {0})
    part.model.set_attn_implementation("eager")
    part.reset(Costs())
    with FlopCounterMode(display=False) as counter:
        root = part.open(PROMPT)
        part.decode([root], max_new=5, temperature=0.0)
    booked = part.costs.meter["flops"] + part.costs.meter["idle_flops"]
    assert booked == pytest.approx(counter.get_total_flops(), rel=0.01)
    assert part.row_flops == whole.row_flops * Fraction(3, 4)


def test_a_tenth_of_the_layers_goes_and_one_at_least_stays():
    assert gone_layers(30) == {27, 4, 9}
    for count in (2, 3, 16, 24, 48, 80):
        gone = gone_layers(count)
        assert len(gone) == max(1, round(count / 10))
        assert gone < set(range(count))
    assert gone_layers(1) == frozenset()


def test_what_has_no_layers_of_one_make_is_refused():
    single = engine(1)
    assert not can_thin(single)
    with pytest.raises(SelectionError, match="cannot be thinned"):
        thin(single)
    assert can_thin(engine())


def test_reading_forced_words_is_scoring_and_appending_at_once():
    one = engine()
    one.reset(Costs())
    root = one.open(PROMPT)
    words = encode("5 6 7 ; 1")
    appended, read, short = one.fork(root, 3)
    (scores,) = one.score([root], [words])
    one.append([appended], [words])
    before = one.costs.meter["prefilled"]
    found, other = one.read([read, short], [words, words[:2]])
    assert one.costs.meter["prefilled"] == before + 7
    assert found.logprobs == pytest.approx(scores)
    assert other.logprobs == pytest.approx(scores[:2])
    assert all(best >= own for own, best in zip(found.logprobs, found.best, strict=True))
    one.decode([appended, read], max_new=4, temperature=0.0)
    assert read.ids == appended.ids
    likeliest = root.cache.logits.double().log_softmax(-1).max()
    assert found.best[0] == pytest.approx(float(likeliest))
