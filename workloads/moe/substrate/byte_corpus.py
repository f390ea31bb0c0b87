"""Texts of four domains as bytes: prose and code that come with Python, generated records and generated sums.

    windows = passages("code", "test", 32, 96, seed)        [32, 97], bytes; the last one of each comes after its 96

Each domain is split by document: 80 % `train`, 10 % `calibration` (router statistics, pruning scores), 10 % `test`. Topics of the
manual repeat paragraphs of others, so that a longer line which is trained on is taken out of the two other splits.
"""

import hashlib
import json
import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.counting.random_streams import child

Domain = Literal["prose", "code", "table", "math"]
Split = Literal["train", "calibration", "test"]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
DOMAINS: tuple[Domain, ...] = ("prose", "code", "table", "math")
SPLITS: tuple[Split, ...] = ("train", "calibration", "test")
PACKED = Path(__file__).parents[1] / "data" / "byte_corpus.xz"
DOCUMENTS, LINES = 150, 90
"""Of a generated domain, and lines of a document."""
TENTHS: dict[Split, range] = {"train": range(8), "calibration": range(8, 9), "test": range(9, 10)}
NAMES = ("ann", "bob", "eve", "joe", "kim", "lee", "pat", "sue")
LONG = 40
"""Bytes of a line that two documents do not share by chance."""
_SPLIT, _GENERATED, _DRAWN = 1, 2, 3


def passages(domain: Domain, split: Split, count: int, length: int, *seeds: int) -> Ints:
    """Draw passages of a split, [count, length + 1]; none overlaps another.

    Raises:
        SelectionError: for a domain that there is not, or more text than a split has.
    """
    if domain not in DOMAINS:
        raise SelectionError(f"{domain!r} is no domain.", f"There are {', '.join(DOMAINS)}.")
    text = split_text(domain, split)
    places = (len(text) - 1) // length
    if count > places:
        raise SelectionError(
            f"{count} passages of {length} bytes were asked for, and the {split} texts of {domain} have {places}.",
            "Ask for fewer cases.",
        )
    random = np.random.default_rng(
        child(seeds[0] if seeds else 0, _DRAWN, domain, split, *seeds[1:])
    )
    starts = random.permutation(places)[:count] * length
    found: Ints = text[starts[:, None] + np.arange(length + 1)].astype(np.int64)
    return found


@cache
def split_text(domain: Domain, split: Split) -> Bytes:
    """Return the documents of a split, joined, as bytes."""
    lines = _lines(domain, split)
    if split != "train":
        known = set(_lines(domain, "train"))
        lines = [line for line in lines if len(line) <= LONG or line not in known]
    return np.frombuffer(b"\n".join(lines), np.uint8)


def _lines(domain: Domain, split: Split) -> list[bytes]:
    documents = [text for _, text in sorted(_documents(domain))]
    order = np.random.default_rng(child(0, _SPLIT, domain)).permutation(len(documents))
    chosen = [documents[i] for place, i in enumerate(order) if place % 10 in TENTHS[split]]
    return "\n".join(chosen).encode().split(b"\n")


@cache
def digest() -> str:
    """Return the SHA-256 of all splits of all domains."""
    found = hashlib.sha256()
    for domain in DOMAINS:
        for split in SPLITS:
            found.update(split_text(domain, split).tobytes())
    return found.hexdigest()


def _documents(domain: Domain) -> list[tuple[str, str]]:
    if domain in ("prose", "code"):
        return [(name, text) for name, text in _packed()[domain]]
    lines = _records if domain == "table" else _sums
    return [
        (f"{i:03d}", "\n".join(lines(np.random.default_rng(child(i, _GENERATED, domain)))))
        for i in range(DOCUMENTS)
    ]


@cache
def _packed() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = json.loads(lzma.decompress(PACKED.read_bytes()))
    return found


def _records(random: np.random.Generator) -> Iterator[str]:
    """Yield records whose fields follow from each other: the total is quantity times price."""
    for number in range(LINES):
        name = NAMES[random.integers(len(NAMES))]
        quantity, price = int(random.integers(1, 10)), int(random.integers(10, 100))
        yield f"id={number:02d},name={name},qty={quantity},price={price},total={quantity * price}"


def _sums(random: np.random.Generator) -> Iterator[str]:
    """Yield sums and differences of one to three digits."""
    for _ in range(LINES):
        a, b = (int(random.integers(10 ** int(random.integers(1, 4)))) for _ in range(2))
        sign = "+-"[int(random.integers(2))]
        yield f"{a} {sign} {b} = {a + b if sign == '+' else a - b}"
