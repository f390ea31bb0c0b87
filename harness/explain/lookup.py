"""Finds the numbers of a run folder by name or by value, and explains one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adabench.harness.analysis.load_run import load_run
from adabench.harness.errors import SelectionError
from adabench.harness.explain import explain, named_numbers
from adabench.harness.explain.explain import Explanation
from adabench.harness.store import table


@dataclass(frozen=True)
class NumberMatch:
    """A number of a run, or an end of its interval, that fits what was looked for."""

    number: named_numbers.Number
    part: str
    """`value`, `low` or `high`."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        number = self.number
        return {
            "name": number.name, "part": self.part, "value": number.value, "low": number.low,
            "high": number.high, "unit": number.unit,
        }  # fmt: skip


def list_numbers(folder: Path) -> list[NumberMatch]:
    """Return every number of a run.

    Raises:
        StoreError: if the folder is not a run.
    """
    return [
        NumberMatch(number, "value") for number in named_numbers.numbers(load_run(folder)).values()
    ]  # fmt: skip


def explain_number(folder: Path, text: str) -> Explanation | list[NumberMatch]:
    """Explain the number of this name or value; return the matches where a value fits several.

    Raises:
        SelectionError: if no number has this name or value.
        StoreError: if the folder is not a run.
    """
    findings = load_run(folder)
    if not named_numbers.is_value(text):
        name = named_numbers.parse_number_name(findings, text)
        return explain.explain(findings, table.read(folder), name)
    matches = named_numbers.numbers_with_values(findings, text)
    if not matches:
        raise SelectionError(
            f"No number of {folder} is printed as {text}.", "Fewer digits match more; --list."
        )
    if len({number.name for number, _ in matches}) == 1:
        return explain.explain(findings, table.read(folder), matches[0][0])
    return [NumberMatch(number, part) for number, part in matches]
