"""What a value holds, to the bit: how answers, counts and cases are compared."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def fingerprint(value: Any, *, timed: bool = True) -> bytes:
    """Return what a value holds, to the bit; functions hold nothing.

    Times, which are in fields and items whose names end with `_s`, count only if `timed`.
    """
    if isinstance(value, np.ndarray):
        form = f"{value.dtype.str}{value.shape}"
        return form.encode() + np.ascontiguousarray(value).tobytes()
    if is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        value = [one for one in value.items() if timed or not str(one[0]).endswith("_s")]
    if isinstance(value, list | tuple):
        return b"(%s)" % b",".join(fingerprint(one, timed=timed) for one in value)
    return b"" if callable(value) else repr(value).encode()
