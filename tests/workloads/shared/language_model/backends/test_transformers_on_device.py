"""The transformers backend on a CUDA device: the words, the costs and the cache of the processor's."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from adabench.workloads.shared.language_model.contract import Chunk, Costs

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
PROMPT = (1, 5, 9, 13, 7, 4)
NEAR = 1e-3
"""Between log-probabilities in float32 by kernels of two devices."""


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


@pytest.fixture
def engines(model: Any) -> list[TransformersEngine]:
    """The same weights on the processor and on the device."""
    found = [
        TransformersEngine(copy.deepcopy(model), "llama", vocabulary="v", device=torch.device(name))
        for name in ("cpu", "cuda:0")
    ]
    for engine in found:
        engine.reset(Costs())
    return found


def test_weights_move_to_the_device_when_a_case_begins(engines: list[TransformersEngine]) -> None:
    assert [engine.model.device.type for engine in engines] == ["cpu", "cuda"]


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_words_costs_and_cache_are_those_of_the_processor(
    engines: list[TransformersEngine], temperature: float
) -> None:
    def decoded(engine: TransformersEngine) -> tuple[list[Chunk], dict[str, int], int]:
        leaves = engine.fork(engine.open(PROMPT, 7), 3)
        engine.append(leaves[:1], [[11, 12]])
        chunks = engine.decode(leaves, max_new=12, temperature=temperature)
        return chunks, dict(engine.costs.meter), engine.held().tokens

    (words, costs, held), (there, costs_there, held_there) = map(decoded, engines)
    assert [chunk.ids for chunk in there] == [chunk.ids for chunk in words]
    for one, other in zip(words, there, strict=True):
        assert other.logprobs == pytest.approx(one.logprobs, abs=NEAR)
    times = {name for name in costs if name.endswith(("_s", "_bytes"))}
    assert {**costs_there, **dict.fromkeys(times)} == {**costs, **dict.fromkeys(times)}
    assert held_there == held


@pytest.mark.parametrize(
    "read",
    [
        lambda engine, root: engine.score([root], [[3, 8]])[0],
        lambda engine, root: engine.hidden(root, 2).ravel().tolist(),
    ],
    ids=["score", "hidden"],
)
def test_scores_and_states_are_those_of_the_processor(
    engines: list[TransformersEngine], read: Callable[..., list[float]]
) -> None:
    here, there = (read(engine, engine.open(PROMPT, 7)) for engine in engines)
    assert there == pytest.approx(here, abs=NEAR)


def test_words_have_times_of_their_own(engines: list[TransformersEngine]) -> None:
    engine = engines[1]
    engine.decode([engine.open(PROMPT, 7)], max_new=4, temperature=0.0)
    first, last = engine.costs.first_s, engine.costs.last_s
    assert first is not None
    assert last is not None
    assert 0 < first <= last
