"""Banks on the disk: whole or nothing, joined where they are alike, and never with an answer in the engine's hands."""

from dataclasses import replace
from pathlib import Path

import pytest

from adabench.harness.errors import SelectionError, StoreError
from adabench.workloads.shared.language_model.bank.sample_bank import (
    HEADER,
    QUESTIONS,
    SAMPLES,
    BankedQuestion,
    BankedSample,
    BankHeader,
    BankWriter,
    merge,
    question_lines,
    read_bank,
    read_header,
)

HEAD = BankHeader("m", "likelihood", "mine.jsonl", "", "on", 0.7, 60, 20, 5, ("line",), (), True)
ROW = {"question": "1 + 1", "answer": "SECRET", "level": ""}


def sample(text: str) -> BankedSample:
    return BankedSample((text, "\n", "é"), (-0.5, -0.1, -2.0), (), (0.5,), True, 3, 70, 0, 0)


def question(index: int, count: int, first: int = 0) -> BankedQuestion:
    samples = tuple(sample(f"{index}.{i}") for i in range(first, first + count))
    return BankedQuestion(f"Problem: {index}", 9, 4, 50, sample("greedy"), samples)


def write_bank(folder: Path, *keys: tuple[int, int], header: BankHeader = HEAD) -> Path:
    writer = BankWriter(folder, header)
    for key in keys:
        writer.add(key, ROW, question(key[1], 2))
    return folder


def test_what_was_written_is_read_and_answers_stay_where_graders_look(tmp_path: Path) -> None:
    bank = read_bank(write_bank(tmp_path / "b", (0, 0), (0, 1)))
    assert bank.header == HEAD
    assert bank.questions == {(0, 0): question(0, 2), (0, 1): question(1, 2)}
    assert "SECRET" not in repr(bank.questions)
    assert "SECRET" not in (tmp_path / "b" / SAMPLES).read_text()
    assert [line["answer"] for line in question_lines(tmp_path / "b")] == ["SECRET"] * 2


def test_an_interrupted_line_does_not_count_and_drawing_goes_on(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "b", (0, 0), (0, 1))
    whole = read_bank(folder)
    for name in (SAMPLES, QUESTIONS):
        path = folder / name
        path.write_bytes(path.read_bytes()[:-5])
    assert read_bank(folder).questions.keys() == {(0, 0)}
    assert [line["index"] for line in question_lines(folder)] == [0]
    write_bank(folder, (0, 1))
    assert read_bank(folder) == whole


def test_a_question_without_its_answer_is_none(tmp_path: Path) -> None:
    """The answer is written first, so an end in between leaves nobody ungraded."""
    folder = write_bank(tmp_path / "b", (0, 0), (0, 1))
    lines = (folder / SAMPLES).read_bytes().splitlines(keepends=True)
    (folder / SAMPLES).write_bytes(lines[0])
    assert [line["index"] for line in question_lines(folder)] == [0]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "b", (0, 0), (0, 1))
    data = (folder / SAMPLES).read_bytes()
    (folder / SAMPLES).write_bytes(b"{" + data)
    with pytest.raises(StoreError, match="line 1 is damaged"):
        read_bank(folder)


def test_later_lines_add_samples(tmp_path: Path) -> None:
    writer = BankWriter(tmp_path / "b", HEAD)
    writer.add((0, 3), ROW, question(3, 2))
    later = BankWriter(tmp_path / "b", HEAD)
    later.add((0, 3), ROW, question(3, 1, first=2))
    assert read_bank(tmp_path / "b").questions[0, 3] == question(3, 3)
    assert len(question_lines(tmp_path / "b")) == 1


def test_a_folder_with_other_samples_is_refused(tmp_path: Path) -> None:
    write_bank(tmp_path / "b", (0, 0))
    with pytest.raises(SelectionError, match=r"temperature 0\.7 there and 1\.0 here"):
        BankWriter(tmp_path / "b", replace(HEAD, temperature=1.0))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "adabench bank 1"}'])
def test_what_is_no_bank_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / HEADER).write_text(text)
    with pytest.raises(SelectionError, match="is no bank of samples"):
        read_header(tmp_path)


def test_joined_banks_hold_all_and_their_digest_knows_no_order(tmp_path: Path) -> None:
    one, other = write_bank(tmp_path / "1", (0, 0), (0, 1)), write_bank(tmp_path / "2", (1, 0))
    longer = tmp_path / "3"
    BankWriter(longer, HEAD).add((0, 0), ROW, question(0, 4))
    ways = [
        merge(order, tmp_path / f"out{i}")
        for i, order in enumerate([(one, other, longer), (longer, other, one)])
    ]
    assert ways[0].digest == ways[1].digest
    assert ways[0].questions[0, 0] == question(0, 4)
    assert ways[0].questions.keys() == {(0, 0), (0, 1), (1, 0)}
    assert len(question_lines(tmp_path / "out0")) == 3


def test_banks_of_other_kinds_or_other_words_are_not_joined(tmp_path: Path) -> None:
    one = write_bank(tmp_path / "1", (0, 0))
    hot = write_bank(tmp_path / "2", (0, 0), header=replace(HEAD, temperature=1.0))
    with pytest.raises(SelectionError, match="is a bank of another kind: temperature"):
        merge([one, hot], tmp_path / "a")
    BankWriter(tmp_path / "3", HEAD).add((0, 0), ROW, question(7, 2))
    with pytest.raises(SelectionError, match="has other samples of question 0 of seed 0"):
        merge([one, tmp_path / "3"], tmp_path / "b")
