"""Models opened by name, on disk: engine, codec and profile; or refused before weights are read."""

import json
import shutil
from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError
from adabench.workloads.shared.language_model import smollm2
from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.sources.model_source import check_model, open_model
from adabench.workloads.shared.sources.model_spec import ModelSpec, model_spec

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")


@pytest.fixture
def folder(llama_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llama_folder, tmp_path / "llama"))


def spec(folder: Path) -> ModelSpec:
    return model_spec(f"hf:{folder}")


def test_a_folder_becomes_an_engine_that_stops_at_steps(llama_folder):
    model = open_model(spec(llama_folder))
    engine, codec = model.engine, model.codec
    assert engine.vocabulary == codec.vocabulary == model.profile.digest
    engine.reset(Costs())
    leaves = engine.fork(engine.open(codec.encode("Step 1: 3 + 4"), 1), 8)
    stops = codec.stops("\n")
    chunks = engine.decode(leaves, stop=stops, max_new=100)
    stopped = [chunk for chunk in chunks if chunk.finish == "stop" and chunk.ids[-1] in stops]
    assert stopped
    assert all(codec.decode(chunk.ids[:-1]).count("\n") == 0 for chunk in stopped)


def test_the_profile_is_what_is_there_and_what_was_tried(llama_folder):
    profile = open_model(spec(llama_folder), dtype="bfloat16", probed=True).profile
    real = transformers.AutoModelForCausalLM.from_pretrained(llama_folder)
    assert profile.kind == "LlamaForCausalLM"
    assert profile.parameters == sum(weight.numel() for weight in real.parameters())
    assert profile.weights_bytes == 2 * profile.parameters
    assert (profile.context, profile.device, profile.dtype) == (256, "cpu", "bfloat16")
    able = {ability.name for ability in profile.abilities if ability.able}
    assert able == {"fork", "held", "logprobs", "score", "hidden", "limits", "allow", "watch"}
    assert all(ability.how for ability in profile.abilities)


def test_no_weight_is_read_before_the_checks_are_through(folder, monkeypatch):
    def read(*_: object, **__: object) -> None:
        raise AssertionError("weights were read")

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", read)
    check_model(spec(folder))
    with pytest.raises(SelectionError, match="is no number format"):
        open_model(spec(folder), dtype="int3")
    monkeypatch.setattr(
        "adabench.workloads.shared.language_model.backends.model_memory.free_bytes", lambda _: 1000
    )
    with pytest.raises(SelectionError, match=r"needs about .* on cpu"):
        open_model(spec(folder))


def rewrite(folder: Path, **more: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


def test_other_kinds_of_models_are_refused_by_name(folder):
    rewrite(folder, model_type="t5")
    with pytest.raises(SelectionError, match="finds no causal language model"):
        check_model(spec(folder))
    rewrite(folder, model_type="no-such-kind")
    with pytest.raises(SelectionError, match="no-such-kind"):
        check_model(spec(folder))
    transformers.MambaConfig(
        vocab_size=300, hidden_size=16, state_size=4, num_hidden_layers=1
    ).save_pretrained(folder)
    with pytest.raises(EnvironmentProblem, match="MambaForCausalLM has layers that are not"):
        check_model(spec(folder))


def test_a_tokenizer_with_more_words_than_the_model_is_refused(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<more{number}>" for number in range(100)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(SelectionError, match="its model only 300"):
        open_model(spec(folder))


def test_smollm2_is_checked_without_being_converted(monkeypatch):
    monkeypatch.setattr(smollm2, "is_converted", lambda: False)
    monkeypatch.setattr(smollm2, "converted", None)  # a conversion would fail
    monkeypatch.setattr(smollm2, "package_folder", lambda: None)
    check_model(model_spec("smollm2"))
    monkeypatch.undo()
    monkeypatch.setattr(smollm2, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(MissingExtra, match="no_such_package_of_weights is not installed"):
        check_model(model_spec("smollm2"))


@pytest.mark.parametrize("word", ["builtin", "likelihood", "trained"])
def test_words_that_depend_on_a_task_name_no_model(word):
    with pytest.raises(SelectionError, match="depends on the task"):
        open_model(model_spec(word))


def test_a_server_takes_no_device():
    one = model_spec("openai:http://127.0.0.1:9/v1#x")
    for how in ({"device": "cpu"}, {"dtype": "float32"}):
        with pytest.raises(SelectionError, match="A server decides for itself"):
            open_model(one, **how)
        with pytest.raises(SelectionError, match="A server decides for itself"):
            check_model(one, **how)
