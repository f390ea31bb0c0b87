"""A bank in two small files that ship: the same samples as columns of numbers, compressed.

    place.json             a card; its `bank` says what it is of, how many questions, and the digest of the samples
    place.samples.xz       prompts, words and counts, without an answer
    place.questions.xz     the questions with their answers, a line each; methods do not open it

Log-probabilities and scores are in half precision, so that those of equal words are equal whatever batch drew
them. Entropies are left out: no rule reads them in a bank. All else is as it was drawn.
"""

import hashlib
import json
import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from adabench.harness.errors import StoreError
from adabench.workloads.shared.language_model.bank.sample_bank import (
    BankedQuestion,
    BankedSample,
    BankHeader,
    Key,
    SampleBank,
    header_named,
    question_lines,
    read_bank,
    read_header,
)

T = TypeVar("T")
CARD, SAMPLES, QUESTIONS = ".json", ".samples.xz", ".questions.xz"
DIGITS = 32
PRESET = 9 | lzma.PRESET_EXTREME
OF_SAMPLES = {
    "length": "<u2", "scored": "<u2", "ended": "u1", "generated": "<u2",
    "flops": "<u8", "judged": "<u4", "judge_flops": "<u8",
}  # fmt: skip
"""Columns with a number a completion; by their types on disk."""
OF_WORDS = {"word": "<u2", "logprob": "<f2", "score": "<f2"}
"""Columns with a number a word, or a score."""


def pack(folder: Path, place: Path) -> dict[str, Any]:
    """Write a bank as it ships, without its card; return what the card says of it.

    Raises:
        SelectionError: if there is no bank.
    """
    bank = read_bank(folder)
    lines = [json.dumps(line, ensure_ascii=False) for line in question_lines(folder)]
    content = _content(bank)
    _beside(place, SAMPLES).write_bytes(lzma.compress(content, preset=PRESET))
    text = "".join(f"{line}\n" for line in lines)
    _beside(place, QUESTIONS).write_bytes(lzma.compress(text.encode(), preset=PRESET))
    said = {"header": asdict(bank.header), "questions": len(bank.questions)}
    return {**said, "samples": len(_all(bank)) // len(lines) - 1, "digest": _digest(content)}


def is_packed(place: Path) -> bool:
    """Say whether a bank as it ships has this name."""
    return _beside(place, SAMPLES).is_file()


def packed_card(place: Path) -> dict[str, Any]:
    """Return what the card of a packed bank says of it.

    Raises:
        StoreError: if it is damaged.
    """
    path = _beside(place, CARD)

    def read() -> dict[str, Any]:
        said = json.loads(path.read_text(encoding="utf-8"))["bank"]
        return {**said, "header": header_named(said["header"])}

    return _whole(path, read)


def bank_header(place: Path) -> BankHeader:
    """Return what a bank is of, be it a folder or packed.

    Raises:
        SelectionError: if there is none, or it is of another format.
        StoreError: if it is damaged.
    """
    if not is_packed(place):
        return read_header(place)
    found: BankHeader = packed_card(place)["header"]
    return found


def open_bank(place: Path) -> SampleBank:
    """Return a bank without the answers of its questions, be it a folder or packed.

    Raises:
        SelectionError: if there is none.
        StoreError: if it is damaged, or is not what its card says.
    """
    if not is_packed(place):
        return read_bank(place)
    path, card = _beside(place, SAMPLES), packed_card(place)

    def read() -> SampleBank:
        content = lzma.decompress(path.read_bytes())
        if _digest(content) != card["digest"]:
            raise ValueError(path)
        return SampleBank(card["header"], _questions(content), card["digest"])

    return _whole(path, read)


def bank_lines(place: Path) -> list[dict[str, Any]]:
    """Return the questions of a bank with their answers, in the order of seeds and places; for who grades.

    Raises:
        SelectionError: if there is no bank.
        StoreError: if they are damaged.
    """
    if not is_packed(place):
        return question_lines(place)
    path = _beside(place, QUESTIONS)

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in lzma.decompress(path.read_bytes()).splitlines()]

    return _whole(path, read)


def _beside(place: Path, suffix: str) -> Path:
    return place.with_name(f"{place.name}{suffix}")


def _whole(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as problem:
        raise StoreError(
            f"{path} is damaged: a bank of samples cannot be read from it.",
            "Install adabench again, or take the file from its source.",
        ) from problem


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]


def _all(bank: SampleBank) -> list[BankedSample]:
    """Return all completions: of each question its samples, and behind them the greedy one."""
    rows = (bank.questions[key] for key in sorted(bank.questions))
    return list(chain.from_iterable((*row.samples, row.greedy) for row in rows))


def _content(bank: SampleBank) -> bytes:
    samples = _all(bank)
    spelled = sorted({word for sample in samples for word in sample.words})
    places = {word: place for place, word in enumerate(spelled)}
    questions = [
        (*key, row.prompt, row.prefilled, row.cached, row.flops, len(row.samples))
        for key, row in sorted(bank.questions.items())
    ]
    numbers: dict[str, list[Any]] = {
        name: [getattr(sample, name) for sample in samples]
        for name in OF_SAMPLES.keys() - {"length", "scored"}
    }
    numbers["length"] = [len(sample.words) for sample in samples]
    numbers["scored"] = [len(sample.scores) for sample in samples]
    numbers["word"] = [places[word] for sample in samples for word in sample.words]
    numbers["logprob"] = [number for sample in samples for number in sample.logprobs]
    numbers["score"] = [number for sample in samples for number in sample.scores]
    kinds = {**OF_SAMPLES, **OF_WORDS}
    columns = [np.asarray(numbers[name], kind) for name, kind in kinds.items()]
    head = {"words": spelled, "questions": questions, "lengths": [len(one) for one in columns]}
    said = json.dumps(head, ensure_ascii=False).encode()
    return b"\n".join((said, b"".join(map(_planes, columns))))


def _planes(column: Any) -> bytes:
    """Return the bytes of numbers, all first ones before all second ones: so they compress."""
    found: bytes = column.view(np.uint8).reshape(len(column), -1).T.tobytes()
    return found


def _columns(data: bytes, lengths: Sequence[int]) -> Iterator[tuple[str, list[Any]]]:
    begin = 0
    for (name, kind), length in zip({**OF_SAMPLES, **OF_WORDS}.items(), lengths, strict=True):
        width = np.dtype(kind).itemsize
        end = begin + length * width
        planes = np.frombuffer(data[begin:end], np.uint8).reshape(width, length)
        yield name, np.ascontiguousarray(planes.T).view(kind).ravel().tolist()
        begin = end


def _questions(content: bytes) -> dict[Key, BankedQuestion]:
    said, _, data = content.partition(b"\n")
    head = json.loads(said)
    samples = _samples(head["words"], dict(_columns(data, head["lengths"])))
    found = {}
    for seed, index, prompt, prefilled, cached, flops, count in head["questions"]:
        *own, greedy = (next(samples) for _ in range(count + 1))
        found[seed, index] = BankedQuestion(prompt, prefilled, cached, flops, greedy, tuple(own))
    return found


def _samples(spelled: Sequence[str], numbers: Mapping[str, list[Any]]) -> Iterator[BankedSample]:
    words = [spelled[place] for place in numbers["word"]]
    chances = numbers["logprob"]
    ends = pairwise(accumulate(numbers["length"], initial=0))
    scored = pairwise(accumulate(numbers["scored"], initial=0))
    rest = [numbers[name] for name in ("ended", "generated", "flops", "judged", "judge_flops")]
    for (a, b), (c, d), ended, *counts in zip(ends, scored, *rest, strict=True):
        yield BankedSample(
            tuple(words[a:b]), tuple(chances[a:b]), (), tuple(numbers["score"][c:d]),
            bool(ended), *counts,
        )  # fmt: skip
