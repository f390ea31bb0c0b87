"""A path that a user may not look at, or that can be none, is refused with a sentence."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.sources.corpus import find_corpus
from adabench.workloads.shared.sources.data_spec import data_spec
from adabench.workloads.shared.sources.judge_spec import judge_spec
from adabench.workloads.shared.sources.model_folder import model_folder
from adabench.workloads.shared.sources.model_spec import model_spec

READERS = (data_spec, find_corpus, judge_spec, model_folder, model_spec)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_a_closed_folder_is_named(
    read: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> bool:  # what a folder without the right to search it does
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "is_file", closed)
    monkeypatch.setattr(Path, "is_dir", closed)
    with pytest.raises(SelectionError) as problem:
        read(f"{tmp_path}/mine.jsonl")
    assert f"{tmp_path}/mine.jsonl cannot be looked at: Permission denied" in problem.value.message
    assert problem.value.hint


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_what_is_too_long_for_a_path_is_refused_with_a_sentence(read: Callable[[str], Any]) -> None:
    with pytest.raises(SelectionError) as problem:
        read(f"./{'x' * 5000}.jsonl")
    assert problem.value.hint
