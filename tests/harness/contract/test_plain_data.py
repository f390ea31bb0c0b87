"""What may cross between processes, and what may not."""

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from adabench.harness.contract.plain_data import PlainDataError, decode, encode

READS = (
    "workloads/agents",
    "workloads/algorithms",
    "workloads/depth_width",
    "workloads/moe",
    "workloads/test_time",
)
"""For tests/suite/dependencies.py: recipes and outcomes of all tasks are imported by name."""


class Kind(Enum):
    NONE = "none"


class Pair(NamedTuple):
    first: int
    second: Any


@dataclass(frozen=True)
class Tally:
    faults: Any
    kind: Kind = Kind.NONE
    derived: int = field(init=False, default=3)


SCHEMA = (Kind, Pair, Tally)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back(value: Any) -> None:
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)


@given(
    arrays.arrays(
        arrays.boolean_dtypes()
        | arrays.integer_dtypes()
        | arrays.floating_dtypes()
        | arrays.complex_number_dtypes()
        | arrays.unicode_string_dtypes(),
        arrays.array_shapes(min_dims=0, min_side=0),
    )
)
def test_arrays_come_back_to_the_bit(value: np.ndarray[Any, Any]) -> None:
    found = decode(encode(value))
    assert (found.dtype, found.shape, found.tobytes()) == (
        value.dtype, value.shape, value.tobytes())  # fmt: skip


def test_views_scalars_tensors_and_objects_come_back() -> None:
    view = np.arange(12).reshape(3, 4)[:, ::2]
    value = {"view": view, "scalar": np.float32(0.1), "tensor": torch.arange(3.0), "nan": math.nan,
             "tally": Tally(np.ones(2)), "pair": Pair(1, Kind.NONE)}  # fmt: skip
    found = decode(encode(value, SCHEMA), SCHEMA)
    assert (found["view"] == view).all()
    assert (found["scalar"], type(found["scalar"])) == (np.float32(0.1), np.float32)
    assert torch.equal(found["tensor"], torch.arange(3.0))
    assert math.isnan(found["nan"])
    assert (found["tally"].faults == 1).all()
    assert found["pair"] == Pair(1, Kind.NONE)
    found["view"][0] = 7  # what comes may be worked with


class Late(float):
    """A number that is worked out when somebody looks."""


class Sub(np.ndarray[Any, Any]):
    pass


@pytest.mark.parametrize(
    "value",
    [
        print, object(), Late(1.0), np.zeros(2).view(Sub), np.array([print]), {1, 2},
        Tally(print), Pair(1, print), [[lambda: 0]], torch.nn.Parameter(torch.ones(1)),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(PlainDataError, match=r"the answer\['x'\].*is not plain data"):
        encode({"x": value}, SCHEMA)


def test_a_class_outside_the_schema_is_refused_on_both_sides() -> None:
    with pytest.raises(PlainDataError, match="Tally, which is not plain data"):
        encode(Tally(1))
    with pytest.raises(PlainDataError):
        decode(encode(Tally(1), SCHEMA))


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(PlainDataError, match="nested too deeply"):
        encode(value)


@given(st.binary())
def test_bytes_that_hold_nothing_plain_are_refused(data: bytes) -> None:
    with pytest.raises(PlainDataError):
        decode(data)


@given(st.data())
def test_damaged_bytes_are_refused_or_decode_to_something_plain(data: Any) -> None:
    whole = bytearray(encode({"a": [np.arange(3), b"xyz", (1, "two")], "t": Tally(1)}, SCHEMA))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        decode(bytes(whole), SCHEMA)
    except PlainDataError:
        return
