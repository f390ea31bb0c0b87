"""The transformers backend: our weights exported, the same words, honest costs and cache."""

import copy
import gc

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.shared.language_model.contract import (
    STEP,
    CapabilityMissing,
    Costs,
    Seq,
    mix,
    require,
)
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native import decoder
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.random_draws import draw, uniform
from adabench.workloads.shared.language_model.vocabulary import EOS, OWN_VOCABULARY

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.workloads.shared.language_model.backends.causal_model import matrix_weights
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine
from benchmarks.llama_weights import to_llama
from tests.workloads.shared.language_model.engine_promises import (
    OTHER,
    PROMPT,
    WordByWordPromises,
    random_model,
)

NEAR = 1e-5
"""Draws closer than this to a boundary may fall on either side of it."""


@pytest.fixture(scope="module")
def ours() -> LanguageModel:
    return random_model()


@pytest.fixture(scope="module")
def llama(ours: LanguageModel):
    return to_llama(ours)


def engine(llama, budget: int | None = None) -> TransformersEngine:
    return TransformersEngine(llama, "llama", Costs(budget=budget), vocabulary=OWN_VOCABULARY)


def tiny(kind: str):
    torch.manual_seed(1)
    common = {"vocab_size": 60, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    sizes = {
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 64,
    }
    if kind == "gpt2":
        config = transformers.GPT2Config(n_embd=24, n_layer=2, n_head=4, n_positions=64, **common)
    elif kind == "mistral":
        config = transformers.MistralConfig(sliding_window=4, **sizes, **common)
    elif kind == "mixtral":
        config = transformers.MixtralConfig(
            num_local_experts=4, num_experts_per_tok=2, **sizes, **common
        )
    elif kind == "gemma2":  # caps its logits after the head, and slides in every other layer
        config = transformers.Gemma2Config(
            sliding_window=4, final_logit_softcapping=0.1, **sizes, **common
        )
    else:
        config = transformers.LlamaConfig(**sizes, **common)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def full(model, ids: list[int]) -> torch.Tensor:
    """Log-probabilities [T, V] by one pass without cache, mask or padding."""
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].double().log_softmax(-1)


def margin(model, seq: Seq, place: int, temperature: float, top_p: float) -> float:
    """Distance of the number drawn for a position from the nearest boundary between words."""
    with torch.no_grad():
        logits = model(torch.tensor([seq.ids[:place]])).logits[0, -1].double()
    chances, order = (logits / temperature).softmax(0).sort(descending=True, stable=True)
    before = chances.cumsum(0) - chances
    edge = float((before - top_p).abs().min()) if top_p < 1 else 1.0
    kept = torch.zeros_like(chances).scatter(0, order, chances * (before < top_p))
    sums = kept.cumsum(0) / kept.sum()
    return min(edge, float((sums - uniform(seq.key, place)).abs().min()))


def test_exported_logits_are_ours(ours, llama):
    ids = torch.randint(
        3, ours.shape.vocabulary, (3, 50), generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        assert (ours(ids) - llama(ids).logits).abs().max() < 1e-4
    assert matrix_weights(llama) == ours.shape.parameters


def test_exported_heads_and_halves_are_not_swapped(ours, llama):
    swapped = copy.deepcopy(llama)
    gate, up = (getattr(swapped.model.layers[0].mlp, f"{n}_proj") for n in ("gate", "up"))
    gate.weight, up.weight = up.weight, gate.weight
    ids = torch.randint(
        3, ours.shape.vocabulary, (1, 20), generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        assert (ours(ids) - swapped(ids).logits).abs().max() > 1e-3


def test_greedy_words_are_those_of_the_native_engine(ours, llama):
    words = []
    for one in (NativeEngine(ours, "ours"), engine(llama)):
        seqs = [one.open(PROMPT), one.open(OTHER)]
        one.decode(seqs, max_new=40, temperature=0.0)
        words.append([seq.ids for seq in seqs])
    assert words[0] == words[1]


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 1.0), (1.0, 0.8)])
def test_sampled_words_are_those_of_the_native_engine(ours, llama, temperature, top_p):
    runs = []
    for one in (NativeEngine(ours, "ours"), engine(llama)):
        leaves = [leaf for key in range(8) for leaf in one.fork(one.open(PROMPT, mix(7, key)), 4)]
        one.decode(leaves, stop=STEP, max_new=30, temperature=temperature, top_p=top_p)
        runs.append(leaves)
    same, drawn = 0, 0
    for native, theirs in zip(*runs, strict=True):
        differ = [i for i, (a, b) in enumerate(zip(native.ids, theirs.ids, strict=False)) if a != b]
        if differ:
            # The first difference must be a near-tie; what follows it is another text.
            assert margin(llama, theirs, differ[0], temperature, top_p) < NEAR
        else:
            same += 1
            assert native.logprob == pytest.approx(theirs.logprob, abs=1e-3)
        drawn += len(theirs.completion)
    assert same >= 30, "near-ties are rare: at most two of 32 sequences may meet one"
    assert drawn > 200


def test_numbers_are_those_of_the_decoder():
    for key, place in ((0, 0), (mix(3, 4), 17), ((1 << 64) - 1, 300)):
        assert uniform(key, place) == decoder.uniform(np.uint64(key), np.int64(place))


def test_draws_follow_the_distribution_and_its_nucleus():
    logits = np.log(np.array([[0.1, 0.6, 0.05, 0.25]], np.float32)).repeat(4, 0)
    numbers = [0.05, 0.3, 0.72, 0.9]
    words, chances = draw(logits, numbers, 1.0, 1.0)
    assert words == [0, 1, 2, 3]
    assert np.allclose(np.exp(chances), [0.1, 0.6, 0.05, 0.25])
    assert draw(logits, numbers, 1.0, 0.8)[0] == [1, 1, 3, 3]  # keeps 0.6 and 0.25
    assert draw(logits, numbers, 0.0, 1.0)[0] == [1] * 4
    assert draw(logits, [1 - 2**-53] * 4, 1.0, 0.5)[0] == [1] * 4


@pytest.mark.parametrize("kind", ["llama", "gpt2", "mistral", "gemma2", "mixtral"])
def test_ragged_batches_with_forks_equal_one_full_pass(kind):
    model = tiny(kind)
    one = engine(model)
    roots = [one.open([1, 9, 8, 7, 6, 5, 11], 1), one.open([1, 4], 2)]
    leaves = [leaf for root in roots for leaf in one.fork(root, 3)]
    one.append(leaves[:4], [[20, 21], [22], [23, 24, 25], []])
    one.decode(leaves, stop=frozenset({EOS, 30, 31, 32, 33, 34, 35, 36, 37}), max_new=9)
    alive = [leaf for leaf in leaves if not leaf.finished]
    chunks = one.decode(alive, max_new=5)
    for leaf, chunk in zip(alive, chunks, strict=True):
        logs = full(model, leaf.ids)
        begin = len(leaf.ids) - len(chunk.ids)
        want = [float(logs[begin - 1 + i, word]) for i, word in enumerate(chunk.ids)]
        assert chunk.logprobs == pytest.approx(want, abs=1e-4)
        if not leaf.finished:
            (scores,) = one.score([leaf], [[5, 6, 7]])
            logs = full(model, [*leaf.ids, 5, 6, 7])
            want = [float(logs[len(leaf.ids) - 1 + i, w]) for i, w in enumerate((5, 6, 7))]
            assert scores == pytest.approx(want, abs=1e-4)


def test_an_end_of_another_number_ends(llama):
    one = TransformersEngine(llama, "llama", vocabulary=OWN_VOCABULARY, ends=[50])
    leaves = one.fork(one.open(PROMPT, 5), 24)
    for leaf in leaves:
        one.append([leaf], [[7]])
    one.decode(leaves, max_new=60)
    assert any(leaf.finished for leaf in leaves)
    assert all((leaf.ids[-1] == 50) == leaf.finished for leaf in leaves)
    assert not any(50 in leaf.ids[:-1] for leaf in leaves)
    with pytest.raises(ValueError, match="has ended"):
        one.append([next(leaf for leaf in leaves if leaf.finished)], [[7]])


def test_costs_are_what_torch_counts(ours):
    eager = to_llama(ours)
    eager.set_attn_implementation("eager")  # torch counts no fused attention on a CPU
    one = engine(eager)
    with FlopCounterMode(display=False) as counter:
        roots = [one.open(PROMPT, 1), one.open(OTHER, 2)]
        leaves = [leaf for root in roots for leaf in one.fork(root, 3)]
        one.append(leaves[:2], [[7], [8, 9]])
        one.decode(leaves, stop=STEP, max_new=12)
        one.score(
            [leaf for leaf in leaves if not leaf.finished],
            [[5, 6]] * sum(not leaf.finished for leaf in leaves),
        )
    meter = one.costs.meter
    assert meter["flops"] + meter["idle_flops"] == counter.get_total_flops()
    assert meter["idle_flops"] > 0


def test_costs_are_those_of_the_native_engine(ours, llama):
    """One sequence to its end: as many heads as draws, and no padding."""
    meters = []
    for one in (NativeEngine(ours, "ours"), engine(llama)):
        for key in range(40):
            one.reset(Costs())
            seq = one.open(PROMPT, key)
            one.decode([seq], max_new=60)
            if seq.finished:
                break
        assert seq.finished
        meters.append(one.costs.meter)
    for name in ("flops", "generated", "prefilled", "serial_steps", "calls"):
        assert meters[0][name] == meters[1][name], name


def test_held_bytes_are_those_of_living_tensors(llama):
    """Pieces own just what they show: no row keeps a whole batch alive."""
    gc.collect()
    before = {id(x) for x in gc.get_objects() if issubclass(type(x), torch.Tensor)}
    one = engine(llama)
    leaves = one.fork(one.open(PROMPT, 1), 8)
    one.decode(leaves, stop=STEP, max_new=9)
    gc.collect()
    new = [x for x in gc.get_objects() if issubclass(type(x), torch.Tensor) and id(x) not in before]
    storages = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in new}
    assert sum(storages.values()) == one.held().memory_bytes


def test_what_a_call_copies_is_in_the_peak(llama):
    one = engine(llama)
    leaves = one.fork(one.open(PROMPT, 1), 8)
    one.decode(leaves, max_new=1)
    assert one.costs.meter["kv_peak"] >= 8 * len(PROMPT)


def test_what_it_cannot_do_it_says(llama):
    with pytest.raises(CapabilityMissing, match="exact: not supported on this backend"):
        require(engine(llama), "exact")


def test_recurrent_layers_are_refused_by_name():
    config = transformers.MambaConfig(
        vocab_size=60, hidden_size=16, state_size=4, num_hidden_layers=1
    )
    model = transformers.AutoModelForCausalLM.from_config(config)
    with pytest.raises(EnvironmentProblem, match="MambaForCausalLM has layers that are not att"):
        engine(model)


def test_a_row_pays_the_experts_that_it_meets():
    """As torch counts it, which counts no grouped product: so the experts run one by one."""
    model = tiny("mixtral")
    model.set_attn_implementation("eager")
    model.set_experts_implementation("eager")
    one = engine(model)
    with FlopCounterMode(display=False) as counter:
        roots = [one.open([1, 9, 8, 7, 6], 1), one.open([1, 4], 2)]
        one.decode([leaf for root in roots for leaf in one.fork(root, 3)], max_new=6)
    meter = one.costs.meter
    assert meter["flops"] + meter["idle_flops"] == counter.get_total_flops()


def test_experts_of_an_unknown_number_are_refused_by_name():
    model = tiny("mixtral")
    model.config.num_experts_per_tok = 0
    with pytest.raises(EnvironmentProblem, match="MixtralForCausalLM is a mixture of experts that"):
        engine(model)


def test_a_completion_ends_at_every_end_of_the_model():
    model = tiny("llama")
    model.generation_config.eos_token_id = list(range(10, 40))
    one = engine(model)
    leaves = one.fork(one.open([1, 4], 3), 16)
    chunks = one.decode(leaves, max_new=40)
    endings = {chunk.ids[-1] for chunk in chunks if chunk.finish == "stop"}
    assert len(endings) > 1
    assert endings <= set(range(10, 40))
    for leaf, chunk in zip(leaves, chunks, strict=True):
        assert leaf.finished == (chunk.finish == "stop")
        assert not set(chunk.ids[:-1]) & set(range(10, 40))
    (child,) = one.fork(next(leaf for leaf in leaves if leaf.finished), 1)
    assert child.finished


def test_a_model_without_an_end_goes_on_to_its_limit():
    model = tiny("llama")
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    one = engine(model)
    leaves = one.fork(one.open([1, 4], 3), 8)
    assert {len(chunk.ids) for chunk in one.decode(leaves, max_new=40)} == {40}


def test_greedy_words_are_those_of_generate():
    """A hundred prompts of different lengths, with weights that make logits differ."""
    model = tiny("llama")
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)
    drawn = torch.randint(3, 60, (100, 20), generator=torch.Generator().manual_seed(2)).tolist()
    prompts = [[1, *words[: 1 + place % 20]] for place, words in enumerate(drawn)]
    one = engine(model)
    seqs = [one.open(prompt, place) for place, prompt in enumerate(prompts)]
    one.decode(seqs, max_new=24, temperature=0.0)
    longest = max(map(len, prompts))
    padded = torch.tensor([[0] * (longest - len(ids)) + ids for ids in prompts])
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts])
    theirs = model.generate(padded, attention_mask=mask, max_new_tokens=24, do_sample=False)
    assert any(seq.finished for seq in seqs)
    for seq, row in zip(seqs, theirs[:, longest:].tolist(), strict=True):
        assert list(seq.completion) == row[: len(seq.completion)]
        assert set(row[len(seq.completion) :]) <= {0}


def test_a_context_that_is_too_short_is_a_sentence(llama):
    one = engine(llama)
    with pytest.raises(ValueError, match="exceed the context of 96"):
        one.open([1] * 97)
    with pytest.raises(ValueError, match="at least one word"):
        one.open([])
    seq = one.open(OTHER, 1)
    one.decode([seq], max_new=1000)
    assert len(seq.ids) <= 96


def test_draws_are_limited_masked_and_watched_as_natively(ours, llama):
    mask = np.zeros((6, ours.shape.vocabulary), np.bool_)
    mask[:, 5:40] = mask[0] = True
    found = []
    for one in (NativeEngine(ours, "ours"), engine(llama)):
        require(one, "limits", "allow", "watch")
        leaves = one.fork(one.open(PROMPT, 3), 6)
        found.append(one.decode(leaves, max_new=[0, 9, 3, 1, 9, 4], allow=mask, watch=5))
    for native, theirs, most in zip(*found, (0, 9, 3, 1, 9, 4), strict=True):
        assert theirs.ids == native.ids
        assert len(theirs.ids) <= most
        assert (theirs.finish == "length") == (len(theirs.ids) == most)
        assert theirs.logprobs == pytest.approx(native.logprobs, abs=1e-4)
        assert theirs.entropies == pytest.approx(native.entropies, abs=1e-4)
        assert theirs.confidences == pytest.approx(native.confidences, abs=1e-4)
    assert all(5 <= word < 40 for chunk in found[1][1:] for word in chunk.ids)


class TestTransformers(WordByWordPromises):
    def engine(self, model: LanguageModel, budget: int | None = None) -> TransformersEngine:
        return engine(to_llama(model), budget)
