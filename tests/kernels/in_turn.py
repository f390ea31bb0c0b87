"""Cases for Triton's interpreter, which takes a quarter of a second for each."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
import torch


def in_turn(types: Sequence[torch.dtype], *others: Iterable[Any]) -> list[Any]:
    """Return every combination with every type: with one type in turn by default, with the rest as slow."""
    cases = []
    for i, case in enumerate(itertools.product(*others)):
        for j, dtype in enumerate(types):
            turn = (i + i // len(types)) % len(
                types
            )  # sizes of a shape do not go with one type each
            marks = () if turn == j else (pytest.mark.slow,)
            name = "-".join(map(str, (*case, dtype)))
            cases.append(pytest.param(*case, dtype, marks=marks, id=name))
    return cases
