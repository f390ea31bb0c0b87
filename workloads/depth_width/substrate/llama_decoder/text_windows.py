"""A corpus as windows of token ids: what `pretrained` reads.

**Splits** go by whole texts: every fifth text is held out and scored, the others are for fitting.
Brown's 15 genres stand in order, so both have all of them. A text is cut into windows of `TOKENS` + 1
ids; what is left over at its end is dropped. Reading a million words takes a tokenizer half a
minute, so the ids are kept in the cache folder, by the digests of the text and of the tokenizer.
"""

import hashlib
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

import numpy as np

from adabench.harness.errors import SelectionError
from adabench.harness.files import whole_file
from adabench.harness.provenance.source_digests import short
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.shared.sources.corpus import Corpus
from adabench.workloads.shared.training.checkpoints import code_digest

TOKENS = 256
"""Positions of a window that are scored."""
HELD_OUT_EVERY = 5

Encode = Callable[[str], Sequence[int]]
Split = Literal["fit", "held-out"]


def read_windows(corpus: Corpus, split: Split, encode: Encode, tokenizer: str) -> Ints:
    """Return all windows of a split, read once and kept in the cache.

    `tokenizer` is a digest of what encodes.

    Raises:
        EnvironmentProblem: for a corpus that cannot be read.
        SelectionError: for one with no window in it.
    """
    rules = short(code_digest(sys.modules[__name__]), 8)
    words = f"{corpus.digest} {tokenizer} {rules}"
    key = hashlib.sha256(words.encode()).hexdigest()[:16]
    path = default_folder() / "data" / f"windows-{split}-{key}.npy"
    if path.is_file():
        found: Ints = np.load(path)
        return found
    made = windows(corpus.texts(), split, encode)
    with suppress(OSError):  # a cache that cannot be written is no reason to stop
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_file.sweep(path.parent)
        with whole_file.open_whole(path) as file:
            np.save(file, made)
    return made


def windows(every: Sequence[str], split: Split, encode: Encode) -> Ints:
    """Return all windows of a split, [windows, TOKENS + 1], in the order of the texts.

    Raises:
        SelectionError: if the texts are too short for one.
    """
    chosen = [
        text
        for index, text in enumerate(every)
        if (index % HELD_OUT_EVERY == 0) == (split == "held-out")
    ]
    rows = [np.empty((0, TOKENS + 1), np.int64)]
    for text in chosen:
        ids = np.asarray(encode(text), np.int64)
        whole = len(ids) // (TOKENS + 1)
        rows.append(ids[: whole * (TOKENS + 1)].reshape(whole, TOKENS + 1))
    found = np.concatenate(rows)
    if not len(found):
        raise SelectionError(
            f"The text has no window of {TOKENS} words in its {split} part.",
            "Name a longer text: five times as many words at least, and better a thousand times.",
        )
    return found
