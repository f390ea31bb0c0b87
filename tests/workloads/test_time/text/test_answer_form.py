"""Graders: votes and grades read a completion alike, by number, letter, text, formula or a file; prompts of a file."""

import importlib.util
import json
import os
import pickle
from pathlib import Path

import pytest

from adabench.harness.errors import MissingExtra, SelectionError
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.sources.data_spec import data_spec
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.substrate import answer_form as forms
from adabench.workloads.test_time.text.substrate.answer_form import answer_form
from adabench.workloads.test_time.text.substrate.completions import CompletionReader
from adabench.workloads.test_time.text.substrate.prompt_file import prompt_file
from adabench.workloads.test_time.text.substrate.prompts import PromptStyle
from adabench.workloads.test_time.text.truth.grading import Answers, gold
from adabench.workloads.test_time.text.truth.question_rows import rows

END = "</s>"


def grader(word: str, answer: str) -> tuple[CompletionReader, Answers]:
    form = answer_form(word)
    reader = CompletionReader(TextPieces(), form.rules, (END,), form)
    return reader, Answers(reader, (gold(answer, form),))


@pytest.mark.parametrize(
    ("word", "answer", "right", "wrong"),
    [
        ("number", "so 1 * 7\n#### 7", ("Answer: x = 7", "it is 7", "\\boxed{7.0}"), ("Answer: 8", "no")),
        ("choice", "B", ("Answer: (B) a plum", "The correct answer is **B**.", "B) a plum", " B"),
         ("Answer: A", "A plum it is", "Because", "Answer: plum")),
        ("text", "The Eiffel Tower!", ("Answer: eiffel  tower", "Eiffel-Tower\n\nIt is", "the Eiffel tower."),
         ("Answer: tower", "Step 1: look\nStep 2: see")),
        ("auto", "Paris", ("Answer: paris.", "#### Paris"), ("Paris", "Answer: Rome")),
    ],
)  # fmt: skip
def test_a_completion_is_read_alike_for_votes_and_grades(word, answer, right, wrong) -> None:
    reader, answers = grader(word, answer)
    votes = {reader(reader.codec.encode(one + END)) for one in right}
    assert len(votes) == 1
    assert None not in votes
    for one in right:
        assert answers.is_right(0, reader.codec.encode(one + END)), one
    for one in wrong:
        words = reader.codec.encode(one + END)
        assert not answers.is_right(0, words), one
        assert reader(words) not in votes, one


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Step 1: 7 + 4 = 11\nStep 2: 11 + 3 = 14\nAnswer: 14", ""),
        ("Step 1: 7 + 4 = 12\nStep 2: 12 + 3 = 15\nAnswer: 15", "arithmetic"),
        ("Step 1: 7 + 4 = 11\nAnswer: 11", "slip"),
        ("Step 1: 7 + 4 = 10\nStep 2: 10 + 3 = 14\nAnswer: 14", "luck"),
        ("2 * 3 + 8 = 14\nAnswer: 14", ""),
        ("20 - 9 + 3=14\nAnswer: 14", ""),
        ("who knows", "malformed"),
    ],
)
def test_an_answer_is_told_by_its_kind(said: str, kind: str) -> None:
    reader, answers = grader("auto", "14")
    assert answers.kind(0, reader.codec.encode(said + END)) == kind


def test_formulas_are_votes_by_what_they_say():
    pytest.importorskip("math_verify", reason="math-verify is not installed")
    reader, answers = grader("math-verify", "\\frac{x}{2}")
    for one in ("Answer: x/2", "\\boxed{\\frac{x}{2}}"):
        assert answers.is_right(0, reader.codec.encode(one + END))
    assert not answers.is_right(0, reader.codec.encode("Answer: x/3" + END))
    assert grader("math-verify", "0.5")[1].is_right(
        0, reader.codec.encode("Answer: \\frac{1}{2}" + END)
    )


def test_a_file_grades_and_may_read_votes(tmp_path, monkeypatch):
    path = tmp_path / "own.py"
    path.write_text(
        "def right(text, answer):\n    return answer in text\n"
        "def read(text):\n    return text.rpartition('=')[2] or None\n"
    )
    reader, answers = grader(f"{path}:right", "7 {a}")
    reader = pickle.loads(pickle.dumps(reader))
    assert reader(reader.codec.encode("a=b=c" + END)) == "c"
    assert answers.is_right(0, reader.codec.encode("so 7 {a}." + END))
    assert not answers.is_right(0, reader.codec.encode("so 7" + END))
    path.write_text(
        "from __future__ import annotations\nimport dataclasses\n"
        "@dataclasses.dataclass\nclass Mark:\n    right: bool\n"
        "def right(text, answer):\n    return Mark(True).right\n"
    )
    os.utime(path, ns=(1, 1))
    assert answers.is_right(0, reader.codec.encode("so 7" + END))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def right(text, answer): raise KeyError('x')", "right of .* failed on .*KeyError"),
        ("def right(text, answer): return None", "returned None"),
        ("def right(text, answer): return 'yes'", "returned 'yes'"),
    ],
)
def test_a_grader_that_fails_ends_the_run_with_a_sentence(tmp_path, source: str, says: str) -> None:
    path = tmp_path / f"g{abs(hash(source))}.py"
    path.write_text(source)
    reader, answers = grader(f"{path}:right", "7")
    with pytest.raises(SelectionError, match=says) as problem:
        answers.is_right(0, reader.codec.encode("7" + END))
    assert problem.value.ends_run
    assert problem.value.hint


def test_a_grader_that_is_not_there_is_refused(tmp_path, monkeypatch):
    (tmp_path / "g.py").write_text("import no_such_module\n")
    (tmp_path / "h.py").write_text("right = 3\n")
    for word, says in (
        ("numbr", "names no grader"), (f"{tmp_path}/none.py:right", "There is no file"),
        (f"{tmp_path}/g.py:right", "cannot be imported"), (f"{tmp_path}/h.py:right", "no function"),
    ):  # fmt: skip
        with pytest.raises(SelectionError, match=says):
            answer_form(word)
    monkeypatch.setattr(forms, "VERIFIER", "no_such_verifier")
    assert importlib.util.find_spec("no_such_verifier") is None
    with pytest.raises(MissingExtra, match="not installed"):
        answer_form("math-verify")
    with pytest.raises(SelectionError, match="is no number"):
        gold("Paris", answer_form("number"))


def test_options_of_a_row_stand_behind_letters(tmp_path):
    path = tmp_path / "c.jsonl"
    given = [
        {"question": "Fruit?", "options": ["a stone", "a plum"], "answer": "B"},
        {"question": "Fruit?", "choices": ["a stone", "a plum"], "answer": 1},
        {"question": "Fruit?", "choices": {"A": "a stone", "B": "a plum"}, "answer": "a plum"},
        {"question": "Fruit?", "choices": {"text": ["a stone", "a plum"], "label": ["1", "2"]}, "answer": "2"},
        {"question": "Fruit?", "options": ["a stone", "a plum"], "answer": "C"},
        {"question": "Fruit?", "answer": "A"},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    spec, choice = data_spec(str(path)), answer_form("choice")
    for seed in range(4):
        (row,) = rows(spec, seed, 1, form=choice)
        assert (row.question, row.answer) == ("Fruit?\nA) a stone\nB) a plum", "B")
    with pytest.raises(SelectionError, match="line 5: the answer 'C' is none of its options"):
        rows(spec, 4, 1, form=choice)
    with pytest.raises(SelectionError, match="line 6 has no options"):
        rows(spec, 5, 1, form=choice)
    with pytest.raises(SelectionError, match="has options") as problem:
        rows(spec, 0, 1)
    assert "grader=choice" in problem.value.hint
    assert rows(spec, 0, 1, form=answer_form("text"))[0].answer == "B"


def test_no_method_gets_the_answers(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('{"question": "q", "answer": "needle"}\n')
    task = text.load("embedded", 0, model="builtin", data=str(path), problems=1, grader="text")
    assert task.grader.golds == ("needle",)
    assert b"needle" not in pickle.dumps((task.substrate(), task.questions))
    assert task.domain.answer.form == answer_form("text")


@pytest.mark.parametrize(
    ("before", "ends"),
    [
        ("Q: 1\nA: 1\n\nQ: ", ("\nQ:",)), ("### Task:\n", ("\n### Task:",)), ("", ()),
        ("Solve it.\n\n", ()),
    ],
)  # fmt: skip
def test_a_prompt_of_a_file_ends_where_it_begins_another_problem(tmp_path, before, ends) -> None:
    path = tmp_path / "p.txt"
    path.write_text(f"{before}{{question}}\nA:\n")
    style = PromptStyle(TextPieces(), True, file=prompt_file(str(path)))
    assert style.codec.decode(style.prompt("2 + 2", ())) == f"{before}2 + 2\nA:"
    assert style.ends == ends
    assert style.behind == "\nA:"
    assert style.before == before


def test_a_task_asks_by_a_prompt_of_a_file(tmp_path):
    (tmp_path / "p.txt").write_text("Q: {question}\nA:\n")
    given = {"model": "builtin", "prompt": str(tmp_path / "p.txt")}
    task = text.load("embedded", 0, **given, level="plus-1+digit-2")
    for question in task.questions:
        asked = task.domain.codec.decode(question.prompt)
        assert asked.startswith("Q: ")
        assert asked.endswith("\nA:")
        assert question.bare == ()
    assert "watch" in text.missing_abilities(given)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"What?", "has no places for a question"), (b"{question}{question}", "has 2 places"),
        (b"\xff{question}", "no text in UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_prompt_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "p.txt").write_bytes(data)
    with pytest.raises(SelectionError, match=says):
        prompt_file(str(tmp_path / "p.txt"))
    with pytest.raises(SelectionError, match="cannot be read"):
        prompt_file(str(tmp_path))
