"""The two real graphs: Debian's dependencies from the snapshot shipped here, WordNet's pointers.

WordNet is read from its package where that is installed (Debian: `wordnet-base`), or from
the folder that `ADABENCH_WORDNET` names. Nothing is fetched. A vertex is a synset, an edge a
pointer between two synsets in either direction.
"""

import lzma
import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from adabench.harness.errors import MissingExtra, SelectionError
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import (
    Sparse,
    from_edges,
    rows,
)

SNAPSHOT = Path(__file__).parents[1] / "data" / "graphs" / "debian.csr.xz"
PARTS = ("noun", "verb", "adj", "adv")
SYMBOLS = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}


def pack(graph: Sparse) -> bytes:
    """Return a graph's forward rows, gap by gap, compressed: the shipped form.

    Two little-endian int32 streams: how many larger neighbours each vertex has, and the
    gaps between them (the first counted from the vertex itself).
    """
    tails = np.repeat(np.arange(graph.vertices), np.diff(graph.starts))
    forward = graph.heads > tails
    tails, heads = tails[forward], graph.heads[forward]
    counts = np.bincount(tails, minlength=graph.vertices)
    before = np.concatenate(([0], heads[:-1]))
    first = np.concatenate(([True], tails[1:] != tails[:-1]))
    gaps = heads - np.where(first, tails, before)
    sizes = np.array([graph.vertices, len(gaps)])
    stream = np.concatenate((sizes, counts, gaps)).astype("<i4")
    # Byte planes side by side: small numbers leave three of four planes nearly empty.
    return lzma.compress(stream.view(np.uint8).reshape(-1, 4).T.tobytes(), preset=9)


def unpack(data: bytes) -> Sparse:
    """Return the graph that `pack` was given."""
    planes = np.frombuffer(lzma.decompress(data), np.uint8).reshape(4, -1)
    stream = np.ascontiguousarray(planes.T).view("<i4").ravel().astype(np.int64)
    vertices, edges = stream[:2]
    counts, gaps = stream[2 : 2 + vertices], stream[2 + vertices : 2 + vertices + edges]
    tails = np.repeat(np.arange(vertices), counts)
    total = np.cumsum(gaps)
    begins = np.cumsum(counts) - counts
    base = np.repeat(np.concatenate(([0], total))[begins], counts)
    return rows(tails, tails + total - base, int(vertices))


@lru_cache(maxsize=1)
def debian() -> Sparse:
    """Return the shipped snapshot; `make_debian_graph.py` says how it was made."""
    return unpack(SNAPSHOT.read_bytes())


def wordnet_folder() -> Path:
    """Return where WordNet's files are looked for."""
    return Path(os.environ.get("ADABENCH_WORDNET") or "/usr/share/wordnet")


def wordnet() -> Sparse:
    """Return WordNet's largest component.

    Raises:
        MissingExtra: if WordNet is not installed here.
        SelectionError: if its files are not what they should be.
    """
    folder = wordnet_folder()
    files = [folder / f"data.{part}" for part in PARTS]
    if not all(file.is_file() for file in files):
        raise MissingExtra(
            f"WordNet is not installed: {folder} has no data.noun, data.verb, data.adj, data.adv.",
            "Debian's package wordnet-base brings it; ADABENCH_WORDNET names another folder.",
        )
    return _read_wordnet(tuple(files))


@lru_cache(maxsize=1)
def _read_wordnet(files: tuple[Path, ...]) -> Sparse:
    number: dict[tuple[str, int], int] = {}
    pointers: list[tuple[tuple[str, int], tuple[str, int]]] = []
    for part, file in zip(PARTS, files, strict=True):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):  # the licence
                continue
            try:
                synset, targets = _synset(line, part)
            except (ValueError, IndexError, KeyError) as problem:
                raise SelectionError(
                    f"{file} is not a WordNet data file: {line[:40]!r}.", "Install wordnet-base."
                ) from problem
            number[synset] = len(number)
            pointers += [(synset, target) for target in targets]
    known = [(number[a], number[b]) for a, b in pointers if b in number]
    tails, heads = np.array(known, np.int64).T
    return from_edges(tails, heads, len(number))


def _synset(line: str, part: str) -> tuple[tuple[str, int], list[tuple[str, int]]]:
    """Read one line: offset, file, type, words (2 fields each), pointers (4 fields each)."""
    fields = line.partition(" | ")[0].split()
    at = 4 + 2 * int(fields[3], 16)
    found = fields[at + 1 : at + 1 + 4 * int(fields[at])]
    targets = [
        (SYMBOLS[kind], int(offset)) for offset, kind in zip(found[1::4], found[2::4], strict=True)
    ]
    return (part, int(fields[0])), targets
