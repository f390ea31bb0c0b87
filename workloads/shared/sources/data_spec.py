"""Which questions: the words that `--data` takes, read and refused early.

    arithmetic                                  sums in words, generated
    gsm8k                                       1,319 word problems, from a Python package
    gsm_symbolic                                word problems with other names and numbers each, from another one
    FILE.jsonl                                  an object a line: question, answer, level if it has one
    hf:NAME:SPLIT, hf:NAME:CONFIG:SPLIT         a data set of the hub, or a folder that holds one
    bank:FOLDER                                 questions with what a model wrote to them (`adabench bank`)
    bank:smollm2                                such a bank that ships, by its name

Reading a spec opens nothing. Who opens it knows the answers, and is therefore not here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.sources.named_path import is_file, is_folder

Kind = Literal["arithmetic", "gsm8k", "gsm_symbolic", "file", "hub", "bank"]
PLAIN: tuple[Kind, ...] = ("arithmetic", "gsm8k", "gsm_symbolic")
"""Specs of one word."""
GENERATED: tuple[Kind, ...] = ("arithmetic", "gsm_symbolic")
"""Without an end."""
ENDING = ".jsonl"
BANK = "bank:"
FORMS = "arithmetic, gsm8k, gsm_symbolic, FILE.jsonl, hf:NAME:SPLIT or bank:FOLDER"


@dataclass(frozen=True)
class DataSpec:
    """A set of questions as it was named."""

    kind: Kind
    name: str = ""
    """Of a file or a bank its path; of a set of the hub its name, or a folder."""
    split: str = ""
    config: str = ""
    """Of a set of the hub that has several."""

    @property
    def path(self) -> Path:
        """Return where the file or the bank lies."""
        return Path(self.name).expanduser()

    def __str__(self) -> str:
        """Return the words that it was read from."""
        if self.kind == "file":
            return self.name
        if self.kind == "bank":
            return f"{BANK}{self.name}"
        if self.kind == "hub":
            return ":".join(("hf", *filter(None, (self.name, self.config, self.split))))
        return self.kind


def data_spec(text: str) -> DataSpec:
    """Read the words that name a set of questions.

    Raises:
        SelectionError: if they follow no form that there is, or name a file that is not there.
    """
    if text in PLAIN:
        return DataSpec(text)
    if text.startswith("hf:"):
        return _hub(text)
    if text.startswith(BANK):
        return DataSpec("bank", text.removeprefix(BANK))
    if text and is_folder(Path(text).expanduser()):
        raise SelectionError(
            f"{text} is a folder, and questions stand in a file.",
            "Name the file in it; a data set of the hub that lies there is hf:FOLDER:SPLIT.",
        )
    if text.endswith(ENDING):
        return _file(text)
    if is_file(Path(text).expanduser()):
        raise SelectionError(
            f"{text} is no file of questions: its name does not end in {ENDING}.",
            'Write one object a line, {"question": ..., "answer": ...}, into a file FILE.jsonl.',
        )
    near = nearest(text.partition(":")[0], (*PLAIN, "hf", "bank"))
    raise SelectionError(f"{text!r} names no questions: it is none of {FORMS}.", near)


def _file(text: str) -> DataSpec:
    spec = DataSpec("file", text)
    if not is_file(spec.path):
        raise SelectionError(f"There is no file {text}.", "Correct the path that --data names.")
    return spec


def _hub(text: str) -> DataSpec:
    name, *rest = text.removeprefix("hf:").split(":")
    if not name or len(rest) not in (1, 2) or not all(rest):
        raise SelectionError(
            f"{text!r} does not say which part of which data set to read.",
            "Write hf:NAME:SPLIT, such as hf:openai/gsm8k:main:test (with its configuration).",
        )
    return DataSpec("hub", name, rest[-1], rest[0] if len(rest) == 2 else "")
