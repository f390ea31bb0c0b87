"""Writes numbers as a reader wants them: few digits, a prefix instead of zeros, thousands apart.

Everything is stored in SI units and full precision; this is the only place where digits are dropped.
"""

import math

SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "J": ((1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ")),
    "W": ((1e3, "kW"), (1.0, "W"), (1e-3, "mW")),
    "gCO2e": (
        (1e3, "kg CO2e"),
        (1.0, "g CO2e"),
        (1e-3, "mg CO2e"),
        (1e-6, "µg CO2e"),
        (1e-9, "ng CO2e"),
    ),
    "bytes": ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
}
"""By unit: how many of it make one of what is shown, the largest first."""

SUFFIXES = {"_s": "s", "_j": "J", "_w": "W", "_bytes": "bytes"}
CONTINUOUS = frozenset({"", "1", "ratio", "fraction", "share", "probability", "bits", "nats"})
HUGE = ((1e15, "P"), (1e12, "T"), (1e9, "G"))


def unit_of(name: str) -> str:
    """Return the SI unit that the end of a metric's name declares, or an empty string."""
    return next((unit for end, unit in SUFFIXES.items() if name.endswith(end)), "")


def quantity(value: float | None, unit: str = "", digits: int = 3) -> str:
    """Return `value` with `digits` significant digits, or a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    divisor, suffix = _scale(value, unit)
    number = _number(value / divisor, _decimals(value / divisor, digits), suffix or unit)
    return f"{number} {suffix}".rstrip()


def interval(
    low: float | None, high: float | None, like: float, unit: str = "", digits: int = 3
) -> str:
    """Return `[low, high]` in the prefix and with the decimals of the estimate `like`.

    An interval that is not there gives an empty string.
    """
    if low is None or high is None:
        return ""
    divisor, suffix = _scale(like, unit)
    widest = max(abs(like), abs(low), abs(high)) / divisor
    places = _decimals(like / divisor if like else widest, digits)
    ends = [_number(end / divisor, places, suffix or unit) for end in (low, high)]
    text = ", ".join(ends)
    # A comma between numbers that hold commas would be read as one more digit group.
    return f"[{text if text.count(',') == 1 else '; '.join(ends)}]"


def _scale(value: float, unit: str) -> tuple[float, str]:
    """Return the divisor and the suffix under which `value` is between 1 and 1000."""
    size = abs(value)
    steps = SCALES.get("bytes" if unit == "B" else unit)
    if steps is None:
        return next(((step, name) for step, name in HUGE if size >= step), (1.0, ""))
    if size == 0:
        return next((step, name) for step, name in steps if step == 1.0)
    # 0.9995 rounds to 1.00 of the larger unit, not to 1000 of the smaller.
    return next(((step, name) for step, name in steps if size >= 0.9995 * step), steps[-1])


def _decimals(value: float, digits: int) -> int:
    """Return how many decimals leave `digits` significant digits."""
    if value == 0:
        return 0
    # Rounded first, since 0.9996 has as many digits before the point as 1.00.
    rounded = float(f"{abs(value):.{digits - 1}e}")
    return max(0, digits - 1 - math.floor(math.log10(rounded)))


def _number(value: float, places: int, unit: str) -> str:
    """Write a number: a whole count plainly, a tiny one in powers of ten."""
    if value == 0 or (value.is_integer() and unit not in CONTINUOUS and unit not in _SHOWN):
        return f"{value:,.0f}"
    if places > 6:
        return f"{value:.2e}"
    return f"{value:,.{places}f}"


_SHOWN = frozenset(name for steps in SCALES.values() for _, name in steps) - {"B"}
