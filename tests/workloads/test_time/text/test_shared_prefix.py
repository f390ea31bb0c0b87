"""The prefix is read once and shared; words, counts and probabilities are those of the engine alone."""

import math

import pytest

from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs
from adabench.workloads.shared.sources.model_source import open_model
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.text.substrate.likelihood import LikelihoodJudge
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix

SHARED, REST = "Step 1: 3 + 4 = 7.\nAnswer: 7\n\n", "Step 1: 2 + 5"


@pytest.fixture(scope="module")
def engine(llama_folder):
    return open_model(model_spec(f"hf:{llama_folder}")).engine


@pytest.fixture
def prompt(codec) -> tuple[int, ...]:
    return codec.encode(SHARED) + codec.encode(REST)


def drawn(engine, prompt):
    costs = Costs()
    engine.reset(costs)
    leaves = engine.fork(engine.open(prompt, 5), 3)
    engine.decode(leaves, max_new=12)
    return leaves, costs.meter


def test_words_are_those_that_the_engine_draws_alone(engine, codec, prompt):
    alone, _ = drawn(engine, prompt)
    shared, meter = drawn(SharedPrefix(engine, [codec.encode(SHARED)]), prompt)
    assert [leaf.completion for leaf in shared] == [leaf.completion for leaf in alone]
    assert [leaf.start for leaf in shared] == [len(prompt)] * 3
    assert meter["cached"] == len(codec.encode(SHARED))
    assert meter["prefilled"] == len(prompt) - meter["cached"]


def test_no_case_pays_for_the_prefix_and_every_case_holds_it(engine, codec, prompt):
    shared = SharedPrefix(engine, [codec.encode(SHARED)])
    _, first = drawn(shared, prompt)
    held = shared.held().tokens
    _, second = drawn(shared, prompt)
    assert first == second
    _, alone = drawn(engine, prompt)
    assert 0 < second["flops"] < alone["flops"]
    assert second["generated"] == alone["generated"]
    assert held == shared.held().tokens > len(codec.encode(SHARED))


def test_a_prompt_that_begins_otherwise_is_read_whole(engine, codec):
    shared = SharedPrefix(engine, [codec.encode(SHARED)])
    costs = Costs()
    shared.reset(costs)
    for words in (codec.encode(REST), codec.encode(SHARED)):
        shared.open(words)
    assert costs.meter["cached"] == 0
    assert costs.meter["prefilled"] == len(codec.encode(REST)) + len(codec.encode(SHARED))


def test_the_longest_prefix_is_taken(engine, codec, prompt):
    long, short = codec.encode(SHARED), codec.encode(SHARED)[:3]
    shared = SharedPrefix(engine, [short, long])
    costs = Costs()
    shared.reset(costs)
    shared.open(prompt)
    assert costs.meter["cached"] == len(long)


def test_likelihood_is_the_mean_log_probability_of_each_step(engine, codec, prompt):
    policy, marks = SharedPrefix(engine, [codec.encode(SHARED)]), codec.stops("\n")
    judge = LikelihoodJudge(policy, marks)
    policy.reset(Costs())
    leaves = policy.fork(policy.open(prompt, 5), 8)
    chunks = policy.decode(leaves, max_new=60)
    for leaf, chunk, scores in zip(leaves, chunks, judge.scores(leaves), strict=True):
        ends = [i + 1 for i, word in enumerate(chunk.ids) if word in marks]
        assert len(scores) == len(ends) + leaf.finished
        for a, b, score in zip([0, *ends], ends, scores, strict=False):
            assert score == pytest.approx(math.exp(sum(chunk.logprobs[a:b]) / (b - a)))
        if leaf.finished:
            assert scores[-1] == pytest.approx(math.exp(leaf.logprob / len(chunk.ids)))
    assert any(leaf.finished for leaf in leaves)
    assert any(len(scores) > 1 for scores in judge.scores(leaves))


def test_likelihood_follows_forks_and_leaves_out_forced_words(engine, codec, prompt):
    policy, mark = SharedPrefix(engine, []), min(codec.stops("\n"))
    judge = LikelihoodJudge(policy, frozenset({mark}))
    policy.reset(Costs())
    (leaf,) = policy.fork(policy.open(prompt, 6), 1)
    chunk = policy.decode([leaf], max_new=1)[0]
    policy.append([leaf], [[mark]])
    (child,) = policy.fork(leaf, 1)
    assert judge.scores([leaf]) == judge.scores([child])
    assert judge.scores([leaf]) == [(pytest.approx(math.exp(chunk.logprobs[0])),)]


def test_likelihood_needs_log_probabilities(engine, codec):
    policy = SharedPrefix(engine, [])
    policy.caps = engine.caps - {"logprobs"}
    with pytest.raises(CapabilityMissing, match="logprobs"):
        LikelihoodJudge(policy, frozenset({1})).scores([])
