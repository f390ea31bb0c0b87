"""Cases on their way: the same on the other side, large ones in a file that is shared and not copied."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from adabench.harness.run.case_data import LARGE_BYTES, CaseData, pickled_case, unpickled_case
from adabench.profilers import memory

MIB = 1024 * 1024


@contextmanager
def sent(case: Any) -> Iterator[CaseData]:
    """Pickle a case, and close its file in the end."""
    data = pickled_case(case)
    yield data
    if data.file is not None:
        os.close(data.file)


def received(data: CaseData) -> Any:
    """Unpickle it as the process of a method does."""
    return unpickled_case(data.message(), None if data.file is None else os.dup(data.file))


def test_a_small_case_is_a_message() -> None:
    with sent((1, "one", np.arange(8))) as data:
        assert data.file is None
        number, word, values = received(data)
    assert (number, word) == (1, "one")
    assert values.tolist() == list(range(8))


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no files in memory")
def test_a_large_case_is_the_same_on_the_other_side() -> None:
    values = np.arange(30_001, dtype=np.float32)
    fixed = np.arange(7)
    fixed.flags.writeable = False
    case = {"values": values, "again": values, "turned": np.ones((90, 70), order="F"), "fixed": fixed,
            "part": values[::2], "none": np.zeros(0), "word": "one", "bytes": b"x" * 70_000}  # fmt: skip
    with sent(case) as data:
        assert data.data is None
        found = received(data)
    assert found.keys() == case.keys()
    for name, value in case.items():
        assert np.array_equal(found[name], value)
        assert type(found[name]) is type(value)
    assert found["values"] is found["again"]
    assert found["turned"].flags.f_contiguous
    assert found["values"].flags.writeable
    assert not found["fixed"].flags.writeable
    assert all(array.ctypes.data % 64 == 0 for array in (found["values"], found["turned"]))


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no files in memory")
def test_what_one_process_writes_no_other_sees() -> None:
    with sent(np.zeros(LARGE_BYTES)) as data:
        one, other = received(data), received(data)
        one += 1
        assert one.sum() == LARGE_BYTES
        assert not other.any()
        assert not received(data).any()


@pytest.mark.skipif(memory.absence() is not None, reason="the kernel does not tell of memory")
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no files in memory")
def test_a_large_case_is_not_copied() -> None:
    with sent(np.ones(8 * MIB)) as data:
        before = _private_bytes()
        found = [received(data) for _ in range(4)]
        assert sum(float(one.sum()) for one in found) == 4 * 8 * MIB
        assert _private_bytes() - before < 16 * MIB  # a copy has 64 MiB


def _private_bytes() -> int:
    lines = memory.STATUS.read_text().splitlines()
    [line] = [line for line in lines if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024
