"""Arrays that stay as they are, and numbers by content."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays, content_number


@dataclass(frozen=True)
class Row(FrozenArrays):
    name: str
    values: NDArray[np.int64]


def test_what_was_pickled_cannot_be_written() -> None:
    row = pickle.loads(pickle.dumps(Row("a", np.arange(3))))
    assert (row.name, row.values.tolist()) == ("a", [0, 1, 2])
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        row.values.setflags(write=True)


def test_a_number_is_that_of_the_content() -> None:
    numbers = np.arange(6).reshape(2, 3)
    parts = (b"x", numbers)
    assert content_number(*parts) == content_number(b"x" + numbers.tobytes())
    assert content_number(*parts) == content_number(b"x", numbers[:, ::-1][:, ::-1])
    assert content_number(*parts) != content_number(b"x", numbers.T)
    assert 0 <= content_number() < 2**52
