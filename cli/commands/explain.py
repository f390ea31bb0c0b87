"""`adabench explain`: one number of a run, traced back to its samples, its meter and its formula."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adabench.cli.selection import AsJson, Folder

if TYPE_CHECKING:
    from adabench.harness.explain.explain import Explanation
    from adabench.harness.explain.samples_and_meters import Samples

WIDTH = 96
MOST = 40
"""Matches that a terminal shows."""


def command(
    folder: Folder,
    number: Annotated[
        str | None,
        typer.Argument(help="summary/paging/lru/faults, gap/paging/mark0, claim/mor-5, 0.783."),
    ] = None,
    every: Annotated[bool, typer.Option("--list", help="List every number by name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Trace a number of a report back to its samples, meter, formula and interval."""
    from adabench.harness.explain.lookup import explain_number, list_numbers

    if every or number is None:
        rows = [match.to_json() for match in list_numbers(folder)]
        print(json.dumps(rows) if as_json else "\n".join(map(_line, rows)))
        return
    answer = explain_number(folder, number)
    if isinstance(answer, list):
        rows = [match.to_json() for match in answer]
        print(json.dumps({"matches": rows}) if as_json else matches(rows))
    else:
        print(json.dumps(answer.to_json()) if as_json else page(answer))


def page(answer: "Explanation") -> str:
    """Write an explanation for a terminal."""
    ends = "" if answer.low is None else f"  [{answer.low:.6g}, {answer.high:.6g}]"
    value = "no number" if answer.value is None else f"{answer.value:.6g} {answer.unit}".rstrip()
    parts = [
        f"{answer.name} = {value}{ends}  n = {answer.n:,}",
        _block(answer.says),
        *(["Samples\n" + "\n".join(map(_samples, answer.samples))] if answer.samples else []),
        *(["Meter\n" + "\n".join(
            f"  {m.metric}{f' [{m.unit}]' if m.unit else ''}: {m.instrument}, {m.label}"
            for m in answer.meters)] if answer.meters else []),
        f"Formula ({answer.source})\n{_block(answer.formula)}\n{_block(answer.written)}",
        f"Interval\n{_block(answer.interval)}",
        *([f"Remark\n{_block(answer.remark)}"] if answer.remark else []),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _samples(own: "Samples") -> str:
    seeds = ", ".join(map(str, own.seeds)) or "none"
    line = (
        f"{own.of}: {own.records:,} records of {own.cells:,} configurations; seeds {seeds}; "
        f"{own.cases:,} cases a seed; {own.repeats:,} repeat{'s' * (own.repeats != 1)}"
    )
    if own.timed is not None:
        line += f"; {own.timed:,} timings, "
        line += (
            "and nobody watched whether any was disturbed"
            if own.disturbed is None
            else f"{own.disturbed:,} of them left out as disturbed"
        )
    if own.without_result:
        lost = ", ".join(f"{count:,} {status}" for status, count in own.without_result.items())
        line += f"; without a result: {lost}"
    return _block(line)


def _block(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def matches(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the numbers that match, one a line."""
    lines = [_line(item) for item in rows[:MOST]]
    if len(rows) > MOST:
        lines.append(f"and {len(rows) - MOST:,} more; --json gives all")
    return "\n".join(lines)


def _line(item: Mapping[str, Any]) -> str:
    value = "–" if item["value"] is None else f"{item['value']:.6g}"
    part = "" if item["part"] == "value" else f"  ({item['part']})"
    return f"{item['name']} = {value} {item['unit']}".rstrip() + part
