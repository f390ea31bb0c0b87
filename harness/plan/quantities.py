"""The words that stand for times, shares, sizes and prices: `5m`, `1%`, `4GiB`, `in=0.15,out=0.6`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from adabench.harness.errors import SelectionError

TIMES = {"ms": 1e-3, "min": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0}
SIZES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "KB": 1e3, "MB": 1e6, "GB": 1e9}


@dataclass(frozen=True)
class Prices:
    """Money for a million tokens read, and written."""

    read: float
    written: float

    def per_thousand(self, read: float, written: float) -> float:
        """Return the money for a thousand questions, each of so many tokens read and written."""
        return (read * self.read + written * self.written) / 1000


def seconds(text: str) -> float:
    """Read a time such as `5m`, `90s`, `1.5h` or `300`.

    Raises:
        SelectionError: if it is not a positive time.
    """
    value = _quantity(text.strip(), TIMES)
    if not value > 0 or not math.isfinite(value):
        raise SelectionError(f"{text!r} is not a time.", "For example: 90s, 5m, 1h.")
    return value


def seconds_or_zero(text: str) -> float:
    """Read a time as `seconds` does; 0 is a time too.

    Raises:
        SelectionError: if it is not a time.
    """
    return 0.0 if _quantity(text.strip(), TIMES) == 0 else seconds(text)


def share(text: str) -> float:
    """Read a share: 1%, 0.5 %, 0.01.

    Raises:
        SelectionError: if it is none between 0 and 1.
    """
    value = _quantity(text.strip(), {"%": 0.01})
    if not 0 < value < 1:
        raise SelectionError(f"{text!r} is no precision.", "For example: --target-ci 1%")
    return value


def size_bytes(text: str) -> int:
    """Read a size such as `4GiB`, `512MiB` or `1e9`.

    Raises:
        SelectionError: if it is not a positive size.
    """
    size = _quantity(text, SIZES)
    if not size >= 1 or not math.isfinite(size):
        raise SelectionError(f"{text!r} is not a size.", "For example: 4GiB, 512MiB.")
    return int(size)


def read_prices(text: str) -> Prices:
    """Read `in=0.15,out=0.6`: money for a million tokens read and written.

    Raises:
        SelectionError: if it says something else.
    """
    try:
        found = {name: float(value) for name, value in (p.split("=") for p in text.split(","))}
        prices = Prices(found.pop("in"), found.pop("out"))
    except (ValueError, KeyError) as wrong:
        found, prices = {"": 0.0}, Prices(0.0, 0.0)
        raise SelectionError(f"{text!r} are no prices.", "Write in=0.15,out=0.6.") from wrong
    if found or not all(math.isfinite(p) and p >= 0 for p in (prices.read, prices.written)):
        raise SelectionError(f"{text!r} are no prices.", "Write in=0.15,out=0.6.")
    return prices


def _quantity(text: str, units: Mapping[str, float]) -> float:
    """Return the number in front of a unit, times the unit; NaN for a text that is none."""
    unit = next((name for name in units if text.endswith(name)), "")
    try:
        return float(text.removesuffix(unit)) * units.get(unit, 1.0)
    except ValueError:
        return math.nan
