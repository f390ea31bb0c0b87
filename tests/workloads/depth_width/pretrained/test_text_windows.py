"""A corpus as windows of ids: splits by whole texts, read once."""

from pathlib import Path

import numpy as np
import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.substrate.llama_decoder.text_windows import (
    TOKENS,
    read_windows,
    windows,
)
from adabench.workloads.shared.sources.corpus import find_corpus


def test_splits_share_no_text():
    every = [f"{index} " * 600 for index in range(10)]
    encode = lambda text: [int(word) for word in text.split()]
    held = windows(every, "held-out", encode)
    fit = windows(every, "fit", encode)
    assert held.shape == (2 * 2, TOKENS + 1)
    assert set(np.unique(held)) == {0, 5}
    assert not set(np.unique(held)) & set(np.unique(fit))


def test_windows_are_read_once_for_a_text_and_a_tokenizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "text.txt"
    path.write_text("word\n" * 3000)
    asked: list[str] = []

    def encode(text: str) -> list[int]:
        asked.append(text)
        return [len(word) for word in text.split()]

    corpus = find_corpus(str(path))
    first, again = (read_windows(corpus, "fit", encode, "one") for _ in range(2))
    assert np.array_equal(first, again)
    assert len(asked) == 4  # of five pieces the first is held out
    read_windows(corpus, "fit", encode, "another tokenizer")
    assert len(asked) == 8
    path.write_text("other\n" * 3000)
    assert read_windows(corpus, "fit", encode, "one").max() == 5
    assert len(list((tmp_path / "cache" / "data").glob("*.npy"))) == 3


def test_a_text_without_a_window_is_refused():
    with pytest.raises(SelectionError, match="no window of 256 words in its held-out part"):
        windows(["a b c"] * 5, "held-out", lambda text: [1, 2, 3])
