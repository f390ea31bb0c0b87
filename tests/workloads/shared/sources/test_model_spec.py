"""Models are named in few words, and what names none is refused before anything is loaded."""

from pathlib import Path

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.sources.judge_spec import judge_spec
from adabench.workloads.shared.sources.model_spec import ModelSpec, model_spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("builtin", ModelSpec("builtin")),
        ("smollm2", ModelSpec("smollm2")),
        ("hf:Qwen/Qwen2.5-0.5B", ModelSpec("hf", "Qwen/Qwen2.5-0.5B")),
        ("hf:./my-model", ModelSpec("hf", "./my-model")),
        (
            "openai:http://127.0.0.1:8000/v1#my-model",
            ModelSpec("openai", "my-model", "http://127.0.0.1:8000/v1"),
        ),
    ],
)
def test_a_spec_is_read_and_written_alike(text: str, spec: ModelSpec) -> None:
    assert model_spec(text) == spec
    assert str(spec) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smolm2", "smollm2"),
        ("hf:", "hf:NAME"),
        ("gguf:file", "names no model"),
        ("openai:127.0.0.1:8000#m", "no address"),
        ("openai:http://127.0.0.1:8000/v1", "which of the server's models"),
        ("", "names no model"),
        ("http://127.0.0.1:8000/v1", "Write openai:http://127.0.0.1:8000/v1#NAME"),
        ("http://127.0.0.1:8000/v1#m", "Write openai:http://127.0.0.1:8000/v1#m."),
    ],
)
def test_what_names_no_model_is_refused_with_a_remedy(text: str, words: str) -> None:
    with pytest.raises(SelectionError) as problem:
        model_spec(text)
    assert words in f"{problem.value.message} {problem.value.hint}"
    assert problem.value.hint


def test_a_folder_without_its_scheme_is_told_how_it_is_named(tmp_path: Path) -> None:
    for read in (model_spec, judge_spec):
        with pytest.raises(SelectionError) as problem:
            read(str(tmp_path))
        assert problem.value.hint == f"Write hf:{tmp_path}."
