"""A bank: what a model wrote to some questions, drawn once and kept, so that selection rules see the same samples.

    folder/bank.json          what it is of: model, judge, temperature, room, how answers are read
    folder/questions.jsonl    a question a line, with its answer and its prompt; methods do not open it
    folder/samples.jsonl      a question a line: what reading its prompt cost, and its completions

A line is whole or it does not count, so drawing may stop anywhere and go on later (`BankWriter`). Later lines of
a question add samples to it. The words of a completion are the texts of the model's own tokens.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.files.whole_file import write_whole

FORMAT = "adabench bank 1"
HEADER, QUESTIONS, SAMPLES = "bank.json", "questions.jsonl", "samples.jsonl"
Key = tuple[int, int]
"""Of a question: the seed that asked it, and its place there."""


@dataclass(frozen=True)
class BankHeader:
    """What a bank is of; banks are merged, and go on, only with what has the same."""

    model: str
    judge: str
    data: str
    level: str
    chat: str
    temperature: float
    room: int
    step_room: int
    deepest: int
    rules: tuple[str, ...]
    ends: tuple[str, ...]
    sees_flops: bool
    """Whether the work of the model is counted; a server's is not seen."""
    grader: str = "auto"
    prompt: str = ""
    """A file of it; nothing where questions were put as their data are by default."""
    weights: str = ""
    """The digest of the model's weights; nothing of a server's."""
    format: str = FORMAT


@dataclass(frozen=True)
class BankedSample:
    """A completion: the text of each word, and what it cost."""

    words: tuple[str, ...]
    logprobs: tuple[float, ...]
    """At temperature 1; none where the model does not show them."""
    entropies: tuple[float, ...]
    """In nats, before each word; likewise."""
    scores: tuple[float, ...]
    """The judge's, one for each step and one for stopping; none without a judge."""
    ended: bool
    """Whether the model ended it, or a text that ends completions was met."""
    generated: int
    flops: int
    judged: int
    """Tokens that the judge read."""
    judge_flops: int


@dataclass(frozen=True)
class BankedQuestion:
    """What was drawn for a question."""

    prompt: str
    prefilled: int
    cached: int
    flops: int
    """Of reading the prompt."""
    greedy: BankedSample
    samples: tuple[BankedSample, ...]


@dataclass(frozen=True)
class SampleBank:
    """A bank that was read."""

    header: BankHeader
    questions: Mapping[Key, BankedQuestion] = field(repr=False)
    digest: str
    """Of its samples, their order left out."""


def read_header(folder: Path) -> BankHeader:
    """Return what a bank is of.

    Raises:
        SelectionError: if there is none, or it is of another format.
    """
    try:
        found = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        header = header_named(found)
    except (OSError, ValueError, AttributeError, TypeError) as problem:
        raise SelectionError(
            f"{folder} is no bank of samples: its {HEADER} is missing or says something else.",
            "Draw one: adabench bank --model SPEC --data FILE --out FOLDER.",
        ) from problem
    if header.format != FORMAT:
        raise SelectionError(
            f"{folder} is a bank of the format {header.format!r}; this version reads {FORMAT!r}.",
            "Draw it again with adabench bank.",
        )
    return header


def header_named(found: Mapping[str, Any]) -> BankHeader:
    """Return a header of what `asdict` made of it.

    Raises:
        TypeError: if it has other fields.
        AttributeError: if it is no mapping.
    """
    return BankHeader(**{name: _plain(value) for name, value in found.items()})


def read_bank(folder: Path) -> SampleBank:
    """Return a bank, without the answers of its questions.

    Raises:
        SelectionError: if there is none.
        StoreError: if a line other than the last is damaged.
    """
    header, questions = read_header(folder), dict[Key, BankedQuestion]()
    for row in _rows(folder / SAMPLES):
        key, drawn = (row["seed"], row["index"]), question_of(row)
        known = questions.get(key, replace(drawn, samples=()))
        questions[key] = replace(known, samples=(*known.samples, *drawn.samples))
    digest = hashlib.sha256(json.dumps(asdict(header), sort_keys=True).encode())
    for key in sorted(questions):
        digest.update(repr((key, questions[key])).encode())
    return SampleBank(header, questions, digest.hexdigest()[:32])


def question_lines(folder: Path) -> list[dict[str, Any]]:
    """Return the questions of a bank with their answers, in the order of seeds and places; for who grades.

    Raises:
        SelectionError: if there is no bank.
        StoreError: if a line other than the last is damaged.
    """
    read_header(folder)
    drawn = {(row["seed"], row["index"]) for row in _rows(folder / SAMPLES)}
    rows = {(row["seed"], row["index"]): row for row in _rows(folder / QUESTIONS)}
    return [rows[key] for key in sorted(drawn & rows.keys())]


class BankWriter:
    """Adds to a bank, line by line; a new folder is begun, an old one must be of the same."""

    def __init__(self, folder: Path, header: BankHeader) -> None:
        self.folder = folder
        if (folder / HEADER).exists():
            known = read_header(folder)
            if known != header:
                raise SelectionError(
                    f"{folder} holds samples of something else: {_difference(known, header)}.",
                    "Name another folder with --out, or ask for the same.",
                )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(header), indent=1) + "\n"
            write_whole(folder / HEADER, text.encode())
        for name in (QUESTIONS, SAMPLES):
            _drop_half_line(folder / name)
        self.bank = read_bank(folder)

    def add(self, key: Key, row: Mapping[str, Any], drawn: BankedQuestion) -> None:
        """Write a question with its answer (`row`), and the samples that it has not got yet."""
        seed, index = key
        place = {"seed": seed, "index": index}
        if key not in self.bank.questions:
            self._append(QUESTIONS, {**place, **row, "prompt": drawn.prompt})
        self._append(SAMPLES, {**place, **asdict(drawn)})

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def merge(folders: Iterable[Path], out: Path) -> SampleBank:
    """Write all samples of some banks of the same kind into a new one.

    Raises:
        SelectionError: if they are of different kinds, or hold other samples of one question.
    """
    banks = [(folder, read_bank(folder)) for folder in folders]
    if not banks:
        raise SelectionError("There is nothing to merge.", "Name two banks or more.")
    writer, written = BankWriter(out, banks[0][1].header), dict[Key, BankedQuestion]()
    for folder, bank in banks:
        if bank.header != writer.bank.header:
            raise SelectionError(
                f"{folder} is a bank of another kind: "
                f"{_difference(writer.bank.header, bank.header)}.",
                "Merge banks of one model, one temperature and one set of questions.",
            )
        rows = {(row["seed"], row["index"]): row for row in question_lines(folder)}
        for key, drawn in bank.questions.items():
            known = written.get(key)
            if known is not None:
                shared = min(len(known.samples), len(drawn.samples))
                same = known.prompt == drawn.prompt and _words(known, shared) == _words(
                    drawn, shared
                )
                if not same:
                    raise SelectionError(
                        f"{folder} has other samples of question {key[1]} of seed {key[0]}.",
                        "Draw one of the banks with another --seed.",
                    )
                drawn = replace(drawn, samples=drawn.samples[shared:])
                if not drawn.samples:
                    continue
            if known is None:
                writer.add(key, rows[key], drawn)
                written[key] = drawn
            else:
                writer._append(SAMPLES, {"seed": key[0], "index": key[1], **asdict(drawn)})
                written[key] = replace(known, samples=(*known.samples, *drawn.samples))
    return read_bank(out)


def _words(question: BankedQuestion, count: int) -> list[tuple[str, ...]]:
    """Return the words of samples: their log-probabilities may differ in the last bits with the batch."""
    return [sample.words for sample in question.samples[:count]]


def _difference(known: BankHeader, other: BankHeader) -> str:
    return ", ".join(
        f"{item.name} {getattr(known, item.name)!r} there and {getattr(other, item.name)!r} here"
        for item in fields(BankHeader)
        if getattr(known, item.name) != getattr(other, item.name)
    )


def question_of(row: Mapping[str, Any]) -> BankedQuestion:
    """Return what was drawn for a question, of what `asdict` made of it."""
    return BankedQuestion(
        row["prompt"], row["prefilled"], row["cached"], row["flops"],
        _sample(row["greedy"]), tuple(_sample(one) for one in row["samples"]),
    )  # fmt: skip


def _sample(found: Mapping[str, Any]) -> BankedSample:
    return BankedSample(**{name: _plain(value) for name, value in found.items()})


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; a last line that is not whole is being written, and left out.

    Raises:
        StoreError: if another one is damaged.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for number, line in enumerate(lines[:-1], 1):
        try:
            yield json.loads(line)
        except ValueError as problem:
            raise StoreError(
                f"{path}, line {number} is damaged.", "Delete the line, or draw the bank again."
            ) from problem


def _drop_half_line(path: Path) -> None:
    """Cut off a last line that an interrupted writer left."""
    if path.exists():
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            write_whole(path, whole)
