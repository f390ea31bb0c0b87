"""Folders of models: what is missing is said before anything large is read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.shared.sources.model_folder import fetch_weights, model_folder

hub = pytest.importorskip("huggingface_hub", reason="the extra `real` is not installed")


@pytest.fixture
def folder(llama_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(llama_folder, tmp_path / "llama"))


def test_a_whole_folder_is_taken_as_it_is(folder):
    assert model_folder(str(folder)) == folder
    fetch_weights(str(folder), folder)


def change(name: str, **more: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        found = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(found | more))

    return write


def without(*names: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return remove


def index(folder: Path) -> None:
    parts = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    text = json.dumps({"weight_map": parts})
    (folder / "model.safetensors.index.json").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (without("config.json"), "holds no model: it has no config.json", "save_pretrained"),
        (without("model.safetensors"), "holds no weights", "save_pretrained"),
        (without("tokenizer.json"), "holds no tokenizer", "tokenizer.save_pretrained"),
        (index, "lacks 2 of its weights' files: model-1.safetensors, model-2", "again"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read", "again"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no table of settings", "again"),
        (change("config.json", auto_map={"AutoModel": "x"}), "code of its own", "openai:"),
        (change("config.json", quantization_config={}), "are quantised", "openai:"),
    ],
)
def test_what_is_missing_is_one_sentence_with_a_remedy(folder, spoil, message, hint):
    spoil(folder)
    with pytest.raises(SelectionError, match=message) as caught:
        model_folder(str(folder))
    assert hint in caught.value.hint


def test_a_missing_folder_and_a_file_are_told_apart(tmp_path):
    with pytest.raises(SelectionError, match="There is no folder"):
        model_folder(str(tmp_path / "absent"))
    (tmp_path / "x.gguf").write_text("")
    with pytest.raises(SelectionError, match="not the folder of a model") as caught:
        model_folder(str(tmp_path / "x.gguf"))
    assert "openai:" in caught.value.hint


def answer(monkeypatch, problem: Exception | None, folder: Path | None = None) -> list[list[str]]:
    asked: list[list[str]] = []

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        if problem is not None:
            raise problem
        return str(folder)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    return asked


def refusal(kind: type[Exception]) -> Exception:
    problem = kind.__new__(kind)  # their constructors want an answer of the hub
    problem.args = ("no",)
    return problem


@pytest.mark.parametrize(
    ("kind", "raised", "message"),
    [
        (
            "LocalEntryNotFoundError",
            EnvironmentProblem,
            "owner/name is not in the hub's cache .*hub",
        ),
        ("GatedRepoError", EnvironmentProblem, "accepted its terms"),
        ("RepositoryNotFoundError", SelectionError, "The hub has no model owner/name"),
        ("HFValidationError", SelectionError, "neither a folder nor a name"),
    ],
)
def test_what_the_hub_says_is_a_sentence(monkeypatch, kind, raised, message):
    from huggingface_hub import errors

    answer(monkeypatch, refusal(getattr(errors, kind)))
    with pytest.raises(raised, match=message):
        model_folder("owner/name")


def test_weights_are_fetched_last(monkeypatch, folder):
    asked = answer(monkeypatch, None, folder)
    assert model_folder("owner/name") == folder
    assert not [pattern for pattern in asked[0] if "safetensors" in pattern or "bin" in pattern]
    fetch_weights("owner/name", folder)
    assert "*.safetensors" in asked[-1]
    assert len(asked) == 2
