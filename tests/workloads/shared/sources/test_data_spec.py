"""Questions and judges are named in few words; what names none is refused before anything is opened."""

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.sources.data_spec import DataSpec, data_spec
from adabench.workloads.shared.sources.judge_spec import JudgeSpec, check_pair, judge_spec
from adabench.workloads.shared.sources.model_spec import model_spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("arithmetic", DataSpec("arithmetic")),
        ("gsm8k", DataSpec("gsm8k")),
        ("gsm_symbolic", DataSpec("gsm_symbolic")),
        ("hf:openai/gsm8k:test", DataSpec("hub", "openai/gsm8k", "test")),
        ("hf:openai/gsm8k:main:test", DataSpec("hub", "openai/gsm8k", "test", "main")),
    ],
)
def test_data_are_read_and_written_alike(text: str, spec: DataSpec) -> None:
    assert data_spec(text) == spec
    assert str(spec) == text


def test_a_file_is_named_by_its_path(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text("{}")
    assert data_spec(str(path)) == DataSpec("file", str(path))
    assert str(data_spec(str(path))) == str(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arithmetics", "arithmetic"),
        ("gsm8", "gsm8k"),
        ("kaggle:x", "names no questions"),
        ("hf:openai/gsm8k", "hf:NAME:SPLIT"),
        ("hf::test", "hf:NAME:SPLIT"),
        ("hf:a:b:c:d", "hf:NAME:SPLIT"),
        ("missing.jsonl", "no file missing.jsonl"),
        ("", "names no questions"),
    ],
)
def test_what_names_no_data_is_refused_with_a_remedy(text: str, words: str) -> None:
    with pytest.raises(SelectionError) as problem:
        data_spec(text)
    assert words in f"{problem.value} {problem.value.hint}"
    assert problem.value.hint


def test_a_file_of_another_ending_is_told_what_to_be(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,b")
    with pytest.raises(SelectionError, match=r"does not end in \.jsonl"):
        data_spec(str(path))


@pytest.mark.parametrize(
    "text", ["likelihood", "trained", "none", "hf:owner/reward", "hf:./reward"]
)
def test_judges_are_read_and_written_alike(text: str) -> None:
    assert str(judge_spec(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("liklihood", "likelihood"),
        ("hf:", "names no judge"),
        ("openai:http://127.0.0.1:1/v1#m", "cannot judge"),
        ("", "names no judge"),
    ],
)
def test_what_names_no_judge_is_refused_with_a_remedy(text: str, words: str) -> None:
    with pytest.raises(SelectionError) as problem:
        judge_spec(text)
    assert words in f"{problem.value} {problem.value.hint}"
    assert problem.value.hint


def test_a_judge_of_states_is_refused_where_no_states_are_shown() -> None:
    server = model_spec("openai:http://127.0.0.1:8000/v1#m")
    with pytest.raises(SelectionError, match="shows none") as problem:
        check_pair(server, JudgeSpec("trained"))
    assert "openai:http://127.0.0.1:8000/v1#m" in str(problem.value)
    check_pair(server, JudgeSpec("likelihood"))
    check_pair(model_spec("smollm2"), JudgeSpec("trained"))
