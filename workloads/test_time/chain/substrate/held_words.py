"""Draws that are held to some words: drawn like all others, and as dear."""

from collections.abc import Iterator, Sequence

import numpy as np

from adabench.workloads.shared.language_model.contract import Masks, Seq
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import VOCABULARY


def mask_of(words: Iterator[int] | frozenset[int]) -> Masks:
    """Return the mask [V] of some words."""
    mask = np.zeros(VOCABULARY, np.bool_)
    mask[list(words)] = True
    return mask


ONLY = np.eye(VOCABULARY, dtype=np.bool_)
"""Masks [V, V]: row w allows word w alone."""


def write(session: Session, seqs: Sequence[Seq], rows: Sequence[Sequence[int]]) -> None:
    """Let sequences draw just these words, as many for each."""
    for words in zip(*rows, strict=True):
        session.decode(seqs, max_new=1, temperature=0.0, allow=ONLY[list(words)])
