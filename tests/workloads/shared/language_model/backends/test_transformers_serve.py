"""The completions engine against `transformers serve`, which takes the likeliest words unless told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs
from adabench.workloads.shared.sources.model_source import OpenedModel, open_model
from adabench.workloads.shared.sources.model_spec import model_spec
from tests.workloads.shared.language_model.backends.served_models import (
    needs_transformers_serve,
    transformers_serve,
)

pytestmark = needs_transformers_serve
TEXT = "Step 1: 1 + 1 ="


@pytest.fixture(scope="module")
def model(llama_folder: Path) -> Iterator[OpenedModel]:
    with transformers_serve(llama_folder) as spec:
        yield open_model(model_spec(spec))


def able(model: OpenedModel) -> set[str]:
    return {ability.name for ability in model.profile.abilities if ability.able}


def test_its_abilities_are_found(model):
    """On a busy machine transformers 5.25 joins the words of an answer, and then none has a time."""
    assert able(model) | {"word times"} == {
        "steps", "word times", "whole distribution", "samples", "seed",
    }  # fmt: skip
    assert model.engine.caps == {"strings"}


def test_greedy_text_is_that_of_generate(model, llama_folder):
    import transformers

    words = transformers.AutoTokenizer.from_pretrained(llama_folder)
    asked = words(TEXT, return_tensors="pt")
    policy = transformers.AutoModelForCausalLM.from_pretrained(llama_folder)
    drawn = policy.generate(**asked, max_new_tokens=8, do_sample=False)[
        0, asked.input_ids.shape[1] :
    ]

    engine, costs = model.engine, Costs()
    engine.reset(costs)
    seq = engine.open(model.codec.encode(TEXT), 1)
    engine.decode([seq], max_new=8, temperature=0.0)
    assert model.codec.decode(seq.completion) == words.decode(drawn, skip_special_tokens=True)
    assert costs.meter["generated"] == 8
    assert (costs.first_s is not None) == ("word times" in able(model))


def test_samples_differ_one_request_each(model):
    engine, costs = model.engine, Costs()
    engine.reset(costs)
    leaves = engine.fork(engine.open(model.codec.encode(TEXT), 1), 3)
    engine.decode(leaves, max_new=8, temperature=1.0)
    assert len({leaf.completion for leaf in leaves}) == 3
    assert costs.meter["requests"] == 3


def test_what_it_cannot_do_is_named(model):
    seq = model.engine.open(model.codec.encode(TEXT), 1)
    for call in (lambda: model.engine.score([seq], [(1,)]), model.engine.held):
        with pytest.raises(CapabilityMissing, match="not supported on this backend"):
            call()
