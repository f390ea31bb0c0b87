"""Tables in Markdown, and numbers and texts as their cells."""

from collections.abc import Sequence

from adabench.reports import number_format


def cell(text: str) -> str:
    """Return text that a cell of a Markdown table can hold."""
    return text.replace("|", "\\|").replace("\n", " ")


def number(value: float | None, low: float | None, high: float | None, unit: str = "") -> str:
    """Return an estimate with its interval, if that has a width."""
    if value is None:
        return "–"
    text = number_format.quantity(value, unit)
    ends = "" if low == high else number_format.interval(low, high, value, unit)
    return f"{text} {ends}".rstrip()


def value(value: object) -> str:
    """Return a knob's value in words."""
    return "on" if value is True else "off" if value is False else f"{value}" or "none"


def table(head: Sequence[str], lines: Sequence[str]) -> str:
    """Return a table in Markdown."""
    if not lines:
        return "Nothing was recorded."
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines])
