"""Files of weights that are broken, lack some, or are of a model that writes no text."""

import json
import shutil
from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.shared.sources.model_source import check_model
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.shared.sources.model_weights import read_weights

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")


@pytest.fixture
def folder(llama_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llama_folder, tmp_path / "model"))


def read(folder: Path) -> object:
    return read_weights("AutoModelForCausalLM", folder, None, "mine")


def test_a_whole_file_is_read(folder: Path):
    assert type(read(folder)).__name__ == "LlamaForCausalLM"


def test_a_file_that_was_cut_off_is_refused(folder: Path):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(EnvironmentProblem, match="mine cannot be loaded: ") as refused:
        read(folder)
    assert "download its folder again" in refused.value.hint


def test_weights_that_a_file_lacks_are_named_and_not_drawn(folder: Path):
    from safetensors.torch import load_file, save_file

    held = load_file(folder / "model.safetensors")
    del held["model.norm.weight"]
    save_file(held, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(EnvironmentProblem, match=r"lack 1 of .* \(model.norm.weight\)"):
        read(folder)


def test_an_encoder_is_no_model_that_writes(folder: Path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    asked = {"model_type": "bert", "intermediate_size": 16, "vocab_size": 300, **sizes}
    (folder / "config.json").write_text(json.dumps(asked))
    with pytest.raises(EnvironmentProblem, match="attends to words that come later"):
        check_model(model_spec(f"hf:{folder}"))
