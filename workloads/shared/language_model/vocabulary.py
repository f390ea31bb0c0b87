"""Holds one word-level vocabulary for every small language model of the test-time family.

    encode("4 7 + 3 8 >") -> (6, 9, 102, 5, 10, 107)

Chain problems write numbers as two digit words, other layouts whole numbers: `0`..`99` are words. The tail holds words for later variants.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WORDS: tuple[str, ...] = (
    *("<pad>", "<bos>", "<eos>"),
    *(str(number) for number in range(100)),
    *("+", "-", "*", "/", "=", ":", ";", "?", ">", "CD", "CH", "KB"),
    *"abcdefghijklmnopqrst",
    *("back", "spawn", "join", "retry", "ans", "call", "<summary>"),
    *(f"<think{n}>" for n in range(1, 9)),
    *(f"score{n}" for n in range(10)),
    *(f"<effort{n}>" for n in range(1, 7)),
    *("<sys1>", "<sys2>", "<inst>", "<reas>", "<agnt>", "<cot>", "<pal>", "<tora>"),
    *(f"<spare{n}>" for n in range(18)),
)
VOCABULARY = len(WORDS)
IDS = {word: index for index, word in enumerate(WORDS)}
PAD, BOS, EOS = (IDS[word] for word in ("<pad>", "<bos>", "<eos>"))
STEP_END, PROMPT_END = IDS[";"], IDS[">"]


def vocabulary_digest(words: Iterable[str]) -> str:
    """Return a short hex digest of an ordered list of words; equal ids mean equal words.

    Of a tokenizer: `tokenizer.convert_ids_to_tokens(range(len(tokenizer)))`.
    """
    digest = hashlib.blake2b(digest_size=8)
    for word in words:
        spelled = word.encode("utf-8", "surrogatepass")
        digest.update(len(spelled).to_bytes(4, "big") + spelled)
    return digest.hexdigest()


OWN_VOCABULARY = vocabulary_digest(WORDS)
"""Of the words above."""


def encode(text: str) -> tuple[int, ...]:
    """Return the ids of words that are separated by blanks.

    Raises:
        KeyError: for a word outside the vocabulary.
    """
    return tuple(IDS[word] for word in text.split())


def decode(ids: Iterable[int]) -> str:
    """Return the words of ids, separated by blanks."""
    return " ".join(WORDS[index] for index in ids)


def steps(ids: Sequence[int]) -> list[tuple[int, ...]]:
    """Split ids after every `;`; a rest without one is the last part."""
    found: list[tuple[int, ...]] = []
    start = 0
    for index, word in enumerate(ids):
        if word == STEP_END:
            found.append(tuple(ids[start : index + 1]))
            start = index + 1
    return [*found, tuple(ids[start:])] if start < len(ids) else found


@dataclass(frozen=True)
class WordCodec:
    """The words above as a codec (`domain.py`)."""

    vocabulary: str = OWN_VOCABULARY

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of words that are separated by blanks.

        Raises:
            KeyError: for a word outside the vocabulary.
        """
        return encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words of ids, separated by blanks."""
        return decode(ids)
