"""Read a user's graph: an edge list, two vertex ids a line, plain or gzipped.

The form of SNAP's files: ids are integers of 0 or more, separated by blanks, tabs or a comma;
lines that begin with # or % are comments. Edges have no direction and no weight. Loops and
repeated edges are dropped and the largest connected component is kept. Anything else is an
error that names the line, never a guess.
"""

import codecs
import gzip
from pathlib import Path

import numpy as np

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import (
    Longs,
    Sparse,
    from_edges,
)

FORM = "Give two integer vertex ids (0 or more) a line; # or % begins a comment."
UNREADABLE = (OSError, EOFError, UnicodeDecodeError)
BLOCK_BYTES = 1 << 24


def read_graph(path: Path, known: tuple[str, ...]) -> Sparse:
    """Return the graph in an edge list; `known` are the names to suggest if there is no file.

    Raises:
        SelectionError: if there is no such file, or it is no edge list.
    """
    if not path.is_file():
        raise SelectionError(
            f"No graph is called {str(path)!r}, and there is no such file.",
            f"{nearest(str(path), known)} Or give a file with two vertex ids a line.",
        )
    ids = _ids(path)
    if not len(ids):
        raise SelectionError(f"{path} holds no edges.", FORM)
    names, numbers = np.unique(ids, return_inverse=True)
    numbers = numbers.reshape(-1, 2)
    try:
        return from_edges(numbers[:, 0], numbers[:, 1], len(names))
    except ValueError as problem:
        raise SelectionError(
            f"{path} holds loops only: {problem}.", "A distance needs two vertices and an edge."
        ) from problem


def _ids(path: Path) -> Longs:
    """Return (m, 2) ids as they are written."""
    blocks: list[Longs] = []
    line = 1
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rb") as file:
            while block := file.read(BLOCK_BYTES):
                block += file.readline()
                block = block.removeprefix(codecs.BOM_UTF8) if not blocks else block
                blocks.append(_edges(block, path, line))
                line += block.count(b"\n")
    except UNREADABLE as problem:
        raise SelectionError(f"{path} cannot be read: {problem}.", FORM) from problem
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), np.int64)


def _edges(block: bytes, path: Path, line: int) -> Longs:
    """Read some lines at once; where that fails, line by line, to name the one at fault."""
    plain = block.replace(b",", b" ").replace(b"\t", b" ").replace(b"\r", b"")
    if not set(plain) <= set(b"0123456789 \n"):
        return _carefully(plain, path, line)
    rows = plain.split(b"\n")
    full = [row for row in rows if row.strip()]
    if any(len(row.split()) != 2 for row in full):
        return _carefully(plain, path, line)
    try:
        return np.array(b" ".join(full).split(), dtype=np.int64).reshape(-1, 2)
    except (ValueError, OverflowError):
        return _carefully(plain, path, line)


def _carefully(block: bytes, path: Path, line: int) -> Longs:
    edges = []
    for at, row in enumerate(block.split(b"\n"), start=line):
        fields = row.split()
        if not fields or fields[0][:1] in (b"#", b"%"):
            continue
        if len(fields) != 2:
            raise SelectionError(f"Line {at} of {path} has {len(fields)} fields, not 2.", FORM)
        edges.append([_id(field, path, at) for field in fields])
    return np.array(edges, np.int64).reshape(-1, 2)


def _id(field: bytes, path: Path, line: int) -> int:
    text = field[:40].decode("utf-8", "replace")
    if field[:1] == b"-" and field[1:].isdigit():
        raise SelectionError(f"Line {line} of {path} has a negative id: {text}.", FORM)
    if not field.isdigit():
        raise SelectionError(f"Line {line} of {path} has an id that is no integer: {text!r}.", FORM)
    if len(field) > 18:
        raise SelectionError(f"Line {line} of {path} has an id beyond 10^18: {text}.", FORM)
    return int(field)
