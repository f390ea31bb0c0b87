"""`adabench explain`: one number of a run, taken back to its samples, its meter and its formula."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.cli import session
from adabench.harness.errors import SelectionError
from adabench.harness.explain import explain, named_numbers
from adabench.harness.explain.explain import Explanation
from adabench.harness.explain.samples_and_meters import Samples
from adabench.harness.store import table

WIDTH = 96
MOST = 40
"""Matches that a terminal shows."""


def explained(folder: Path, wanted: str) -> tuple[list[Explanation], list[dict[str, Any]]]:
    """Return the explanation of a number, or the matches where a value fits several.

    Raises:
        SelectionError: if no number has this name or value.
    """
    findings = session.read(folder)
    if not named_numbers.is_value(wanted):
        found = named_numbers.named(findings, wanted)
        return [explain.explain(findings, table.read(folder), found)], []
    matches = named_numbers.valued(findings, wanted)
    if not matches:
        raise SelectionError(
            f"No number of {folder} is printed as {wanted}.", "Fewer digits match more; --list."
        )
    if len({number.name for number, _ in matches}) == 1:
        return [explain.explain(findings, table.read(folder), matches[0][0])], []
    return [], [_match(number, part) for number, part in matches]


def listed(folder: Path) -> list[dict[str, Any]]:
    """Return every number of a run by name."""
    return [
        _match(number, "value") for number in named_numbers.numbers(session.read(folder)).values()
    ]


def _match(number: named_numbers.Number, part: str) -> dict[str, Any]:
    return {
        "name": number.name, "part": part, "value": number.value, "low": number.low,
        "high": number.high, "unit": number.unit,
    }  # fmt: skip


def page(told: Explanation) -> str:
    """Write an explanation for a terminal."""
    ends = "" if told.low is None else f"  [{told.low:.6g}, {told.high:.6g}]"
    value = "no number" if told.value is None else f"{told.value:.6g} {told.unit}".rstrip()
    parts = [
        f"{told.name} = {value}{ends}  n = {told.n:,}",
        _block(told.says),
        *(["Samples\n" + "\n".join(map(_samples, told.samples))] if told.samples else []),
        *(["Meter\n" + "\n".join(
            f"  {m.metric}{f' [{m.unit}]' if m.unit else ''}: {m.instrument}, {m.label}"
            for m in told.meters)] if told.meters else []),
        f"Formula ({told.source})\n{_block(told.formula)}\n{_block(told.written)}",
        f"Interval\n{_block(told.interval)}",
        *([f"Remark\n{_block(told.remark)}"] if told.remark else []),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _samples(own: Samples) -> str:
    seeds = ", ".join(map(str, own.seeds)) or "none"
    line = (
        f"{own.of}: {own.records:,} records of {own.cells:,} cells; seeds {seeds}; "
        f"{own.cases:,} cases a seed; {own.repeats:,} repeat{'s' * (own.repeats != 1)}"
    )
    if own.timed is not None:
        line += f"; {own.timed:,} timings, {own.disturbed or 0:,} of them left out as disturbed"
    if own.without_result:
        lost = ", ".join(f"{count:,} {status}" for status, count in own.without_result.items())
        line += f"; without a result: {lost}"
    return _block(line)


def _block(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def every(found: Sequence[Mapping[str, Any]]) -> str:
    """Write all numbers, one a line."""
    return "\n".join(_line(item) for item in found)


def matches(found: Sequence[Mapping[str, Any]]) -> str:
    """Write the numbers that match, one a line."""
    lines = [_line(item) for item in found[:MOST]]
    if len(found) > MOST:
        lines.append(f"and {len(found) - MOST:,} more; --json gives all")
    return "\n".join(lines)


def _line(item: Mapping[str, Any]) -> str:
    value = "–" if item["value"] is None else f"{item['value']:.6g}"
    part = "" if item["part"] == "value" else f"  ({item['part']})"
    return f"{item['name']} = {value} {item['unit']}".rstrip() + part
